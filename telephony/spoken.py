"""Times, days and digits as they are said: the words' keys, in order. Times are by the clock in Stockholm."""

from __future__ import annotations

from datetime import datetime

from django.utils import timezone


def clock(at: datetime) -> list[str]:
    """ "klockan tio trettio", "klockan tio noll fem", "klockan tio"."""
    local = timezone.localtime(at)
    minute = [f"minute_{local.minute}" if local.minute < 10 else f"number_{local.minute}"] if local.minute else []
    return ["at", f"number_{local.hour}", *minute]


def day(at: datetime, now: datetime) -> list[str]:
    """ "i dag", "i morgon"; else "torsdag den tjugosjätte november"."""
    local = timezone.localtime(at)
    away = (local.date() - timezone.localtime(now).date()).days
    if away in (0, 1):
        return ["today" if away == 0 else "tomorrow"]
    return [f"weekday_{local.weekday()}", "the", f"day_{local.day}", f"month_{local.month}"]


def time(at: datetime, now: datetime) -> list[str]:
    """A callback's time: of today its clock alone, of another day its day first."""
    is_today = timezone.localtime(at).date() == timezone.localtime(now).date()
    return clock(at) if is_today else [*day(at, now), *clock(at)]


def digits(text: str) -> list[str]:
    """One by one. What is no digit is left out."""
    return [f"number_{digit}" for digit in text if digit.isdigit() and digit.isascii()]
