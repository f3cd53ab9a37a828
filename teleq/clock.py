"""The clock that a process measures by. What decides is PostgreSQL's clock, `teleq.models.database_now`."""

from __future__ import annotations

import time


def elapsed() -> float:
    """Seconds on a monotonic clock that goes on while the process is stopped and, on Linux, the machine is suspended.

    Only the difference of two readings of one process says anything.
    """
    if hasattr(time, "CLOCK_BOOTTIME"):
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.monotonic()
