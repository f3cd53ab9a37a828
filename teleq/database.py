"""The limits that PostgreSQL keeps to: how long it waits for a lock, and how long a statement may take."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from django.conf import settings
from django.db import DatabaseError, OperationalError, connection
from psycopg2.errors import LockNotAvailable


def waited_too_long(error: OperationalError) -> bool:
    """Whether somebody else has held a lock for longer than this process waits. The transaction is rolled back."""
    return isinstance(error.__cause__, LockNotAvailable)


@contextmanager
def limits(kind: str) -> Iterator[None]:
    """Within the block, this connection has the time limits of another kind of process (`DATABASE_LIMITS`)."""
    wanted = settings.DATABASE_LIMITS[kind]
    with connection.cursor() as cursor:
        for name, value in wanted.items():
            cursor.execute("SELECT set_config(%s, %s, false)", [name, value])
    try:
        yield
    finally:
        with suppress(DatabaseError), connection.cursor() as cursor:  # a connection that is lost has none to reset
            for name in wanted:
                cursor.execute(f"RESET {name}")
