"""PostgreSQL's advisory locks: for what has no row to lock yet, or whose row's locks don't queue fairly.

They queue: whoever wants one alone waits for those who share it now, and not for those who come later. Each is held
till the transaction ends. To take one is a statement of its own, so that the next one sees what was committed during
the wait.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum

from django.db import connection

from teleq.database import array


class Lock(IntEnum):
    """What is locked. An older process may run beside a newer one: no number is given another meaning."""

    SETTINGS = 1
    """A queue's settings for text messages, by the queue's id: `teleq.models.OutgoingSmsQuerySet`."""
    BOOKING = 2
    """A telephone number in a queue: `intake.booking`."""
    GUESSES = 3
    """An account or an address that guesses come from: `access.limits`."""
    PROTECTION_MARKS = 4
    """Marks of protected personal data, by the care provider's id: `cases.protected`."""
    SENDING = 5
    """All sending, with the one key `EVERYTHING`: `sms.models.SendingStopQuerySet`."""
    MIGRATING = 6
    """Tables, functions and rights: `administration.database.migrating`, till its connection ends."""


EVERYTHING = 0
"""The key of what there is only one of."""


def share(lock: Lock, keys: Iterable[int]) -> None:
    """Take these locks together with others who share them, each after whoever has it alone."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock_shared(%s, key) FROM unnest(%s::int[]) AS key ORDER BY key",
            [lock, array(sorted(set(keys)))],
        )


def hold(lock: Lock, key: int | str) -> None:
    """Take this lock alone, after all who have it. Of a text its hash is the key."""
    function = "pg_advisory_xact_lock(%s, hashtext(%s))" if isinstance(key, str) else "pg_advisory_xact_lock(%s, %s)"
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {function}", [lock, key])
