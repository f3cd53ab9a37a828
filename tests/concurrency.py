"""Real connections beside the test's own, and ways to wait for what they do without guessing how long."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from django.db import connection, transaction
from django.db.models import QuerySet

from tests.database_roles import as_owner


def in_another_connection(act: Callable[[], Any]) -> Future[Any]:
    """Run in a thread, which gets a database connection of its own, closed when it is done."""

    def run() -> Any:
        try:
            return act()
        finally:
            connection.close()

    pool = ThreadPoolExecutor(max_workers=1)
    future = pool.submit(run)
    pool.shutdown(wait=False)
    return future


@contextmanager
def held(rows: QuerySet[Any]) -> Iterator[None]:
    """Locked by a connection of its own, so that whoever needs them waits."""
    locked, release = threading.Event(), threading.Event()

    def hold() -> None:
        with transaction.atomic():
            list(rows.select_for_update())
            locked.set()
            release.wait(60)

    holding = in_another_connection(hold)
    assert locked.wait(20)
    try:
        yield
    finally:
        release.set()
        holding.result(20)


def wait_until(condition: Callable[[], object], seconds: float = 30) -> None:
    """Returns when it is so; fails when it never is."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never came to be so"
        time.sleep(0.02)  # only not to keep the processor from those who are waited for


def wait_until_a_connection_waits_for_a_lock(how_many: int = 1) -> None:
    """Returns when PostgreSQL itself says so."""
    wait_until(lambda: _connections_that_wait_for_a_lock() >= how_many)


def _connections_that_wait_for_a_lock() -> int:
    with as_owner(), connection.cursor() as cursor:  # others don't see what a connection waits for
        cursor.execute("SELECT pg_stat_clear_snapshot()")
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE datname = current_database() AND wait_event_type = 'Lock' AND pid <> pg_backend_pid()"
        )
        count: int = cursor.fetchone()[0]
        return count
