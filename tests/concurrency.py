"""Real connections beside the test's own, and a way to see that one of them waits for a lock."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from django.db import connection


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


def wait_until_a_connection_waits_for_a_lock(seconds: float = 20) -> None:
    """Returns when PostgreSQL itself says so; fails when it never does."""
    query = (
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE datname = current_database() AND wait_event_type = 'Lock' AND pid <> pg_backend_pid()"
    )
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_stat_clear_snapshot()")
            cursor.execute(query)
            if cursor.fetchone()[0]:
                return
    raise AssertionError("no connection came to wait for a lock")
