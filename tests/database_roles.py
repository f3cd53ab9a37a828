"""Which of the database's roles a test acts as, and how what it starts signs in. tests/conftest.py says why."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from urllib.parse import quote, urlencode, urlsplit

from django.db import DatabaseError, connection, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from administration.retention import remove_what_is_past_its_time
from local.servers import RETENTION, WEB


def take_on_the_products_role(connection: BaseDatabaseWrapper, **_: object) -> None:
    """With its time limits, save one: a test holds its transaction open however long it takes."""
    with connection.connection.cursor() as cursor:  # the driver's: it isn't among the queries that tests count
        cursor.execute(
            "SELECT set_config(split_part(setting, '=', 1), split_part(setting, '=', 2), false)"
            " FROM pg_db_role_setting, unnest(setconfig) AS setting"
            " WHERE setrole = %s::regrole AND setting ~ '^(lock|statement)_timeout='",
            [WEB],
        )
        cursor.execute(f"SET ROLE {WEB}")


@contextmanager
def acting_as(role: str) -> Iterator[None]:
    """In the block this connection has the rights of another role."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('role')")
        before = cursor.fetchone()[0]
        cursor.execute(f"SET ROLE {role}")
    try:
        yield
    finally:
        # Where the transaction is broken, rolling it back does the same.
        with suppress(DatabaseError), connection.cursor() as cursor:
            cursor.execute(f"SET ROLE {before}")


def as_owner() -> AbstractContextManager[None]:
    """For what a test does to the town that the product has no right to."""
    return acting_as("NONE")


@contextmanager
def past_the_triggers() -> Iterator[None]:
    """For rows that have come there as the test says they have. No role of the product can do so."""
    with transaction.atomic(), as_owner(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        yield
        cursor.execute("SET LOCAL session_replication_role = origin")


def a_night_goes_by() -> bool:
    """The nightly retention, by its own role. Whether nothing is left for it to do."""
    with acting_as(RETENTION):
        return remove_what_is_past_its_time()


def address_as(role: str, limits: str = "") -> str:
    """The tests' database, as one signs in with this role. `limits` are options to PostgreSQL, such as
    `-c lock_timeout=1min`, which count before the role's."""
    address = urlsplit(os.environ[f"DATABASE_URL_{role}"])  # from bin/test
    query = urlencode({"options": limits}, quote_via=quote) if limits else ""
    return address._replace(path=f"/{connection.settings_dict['NAME']}", query=query).geturl()
