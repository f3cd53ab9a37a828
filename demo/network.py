"""Requests to teleQ over HTTP, as a provider makes them. For the demonstration's stand-ins."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlencode

from sms.http_client import NoResponse, exchange
from sms.providers.base import Request


class NotTold(Exception):
    """teleQ couldn't be reached, or would not hear of it."""


def post(url: str, form: Mapping[str, str], **headers: str) -> bytes:
    """Post a form to teleQ, and return what it responds. Raises NotTold."""
    headers = {"Content-Type": "application/x-www-form-urlencoded", **headers}
    response = exchange({url: Request("POST", url, headers, urlencode(form).encode())})[url]
    if isinstance(response, NoResponse):
        raise NotTold(response.reason)
    if response.status >= 400:
        raise NotTold(f"HTTP {response.status}")
    return response.body
