"""The two clocks: PostgreSQL's, which decides, and the one that a process measures its own waiting by."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from datetime import time as time_of_day

from django.db import connection
from django.utils import timezone

MINUTE = timedelta(minutes=1)


def elapsed() -> float:
    """Seconds on a monotonic clock that goes on while the process is stopped and, on Linux, the machine is suspended.

    Only the difference of two readings of one process says anything.
    """
    if hasattr(time, "CLOCK_BOOTTIME"):
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.monotonic()


def start_of_day(at: datetime, days: int = 0) -> datetime:
    """When that instant's day began in Stockholm, or one so many days later."""
    return timezone.make_aware(datetime.combine(timezone.localdate(at) + timedelta(days=days), time_of_day.min))


def database_now() -> datetime:
    """PostgreSQL's clock, read now. One clock decides for all web and worker machines; read it after taking locks."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        now: datetime = cursor.fetchone()[0]
        return now
