"""`manage.py migrate` by day: one at a time, never in the way for long, and never back.

Whoever wants a table for itself waits for those who use it, and all who come after wait behind. So a migration gives
up a lock after two seconds, which is less than a page waits (database/roles.sql), lets everybody by, and tries again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.core.management import CommandError
from django.db import OperationalError
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.loader import MigrationLoader

from teleq.database import waited_too_long
from teleq.locks import EVERYTHING, Lock

LOCK_TIMEOUT = "2s"
PAUSE = 5.0
"""Seconds between two tries."""
LOOKS_EACH = 0.2
"""Seconds: how often one `migrate` looks whether the other has ended."""

Say = Callable[[str], object]


@contextmanager
def alone(connection: BaseDatabaseWrapper, say: Say) -> Iterator[None]:
    """In the block no other `migrate` is at work on this database: the one that comes later waits.

    It is asked for again and again, and not waited for in PostgreSQL: an index that is made concurrently waits for
    every statement that has begun before, and so for one that waited for it. Whoever dies lets go with its connection.
    """
    key = [Lock.MIGRATING, EVERYTHING]
    waits = False
    while not _ask(connection, "SELECT pg_try_advisory_lock(%s, %s)", key):
        if not waits:
            say("Another migrate is at work. Waiting until it is done ...")
        waits = True
        time.sleep(LOOKS_EACH)
    try:
        yield
    finally:
        if connection.is_usable():
            _ask(connection, "SELECT pg_advisory_unlock(%s, %s)", key)


def _ask(connection: BaseDatabaseWrapper, query: str, values: list[int] | list[str]) -> object:
    with connection.cursor() as cursor:
        cursor.execute(query, values)
        [answer] = cursor.fetchone()
    return answer


def until_let_in(connection: BaseDatabaseWrapper, tries: int, act: Callable[[], object], say: Say) -> None:
    """Do this, and again when somebody had a lock for too long. Raises CommandError when that has been so each time."""
    before = str(_ask(connection, "SELECT current_setting('lock_timeout')", []))
    try:
        for left in reversed(range(tries)):
            try:
                _ask(connection, "SELECT set_config('lock_timeout', %s, false)", [LOCK_TIMEOUT])
                act()
                return
            except OperationalError as error:
                if not waited_too_long(error) or connection.in_atomic_block:
                    raise
                if not left:
                    raise CommandError(GIVEN_UP) from None
                say(f"A table was in use for {LOCK_TIMEOUT}; others are let by. Again in {PAUSE:.0f} s ({left} left).")
                time.sleep(PAUSE)
    finally:
        if connection.is_usable():
            _ask(connection, "SELECT set_config('lock_timeout', %s, false)", [before])


GIVEN_UP = (
    "A table that is to be changed has been in use each time: by a backup (pg_dump), or by a transaction that somebody"
    " has left open. Nothing of this migration is done, and teleQ goes on working. See who it is:"
    " SELECT pid, usename, application_name, xact_start, query FROM pg_stat_activity"
    " WHERE xact_start < now() - interval '1 minute'; and run migrate again when it has ended."
)


def is_of_a_later_release(connection: BaseDatabaseWrapper) -> bool:
    """Whether the database has all migrations that this release knows, and others of its apps.

    Then there is nothing to do: a release works with the database of the one after it, whose rights and functions are
    to stay.
    """
    loader = MigrationLoader(connection)
    known = loader.disk_migrations.keys()
    apps = {app for app, _ in known}
    missing = known - loader.applied_migrations.keys() - loader.replacements.keys()
    return not missing and any(each[0] in apps for each in loader.applied_migrations.keys() - known)
