"""Tests in parallel: each process has a database of its own, which pytest-django sees to, and here its own broker.

Loaded before Django's settings are read.
"""

from __future__ import annotations

import os
from urllib.parse import urlsplit


def broker_of(process: str, redis_url: str) -> str:
    """Redis has sixteen databases: the process "gw0" gets number 1. Number 0 is for tests that run alone."""
    return urlsplit(redis_url)._replace(path=f"/{int(process.removeprefix('gw')) + 1}").geturl()


if process := os.environ.get("PYTEST_XDIST_WORKER"):
    os.environ["REDIS_URL"] = broker_of(process, os.environ["REDIS_URL"])
