"""Times, days and digits as they are said: the words' keys, in order. Times are by the clock in Stockholm.

In Swedish, and in languages that aren't written here, a time is said by twenty-four hours, as it stands in an SMS:
"klockan fjorton trettio". In English by twelve, as people say it: "at two thirty in the afternoon".
"""

from __future__ import annotations

from datetime import date, datetime

from django.utils import timezone

from telephony.models.recording import Language


def time(at: datetime, now: datetime, language: str) -> list[str]:
    """A callback's time, as it is chosen: of today its clock alone, of another day its day first."""
    return [*_day(timezone.localdate(at), now), "at", *_clock(at, language)]


def about(at: datetime, now: datetime, language: str) -> list[str]:
    """A callback's time, as it is promised: "i morgon omkring klockan tio"."""
    return [*_day(timezone.localdate(at), now), "about", *_clock(at, language)]


def opening(at: datetime | date, now: datetime, language: str) -> list[str]:
    """When it opens: a time as it is chosen, or a day alone."""
    return time(at, now, language) if isinstance(at, datetime) else _day(at, now)


def _clock(at: datetime, language: str) -> list[str]:
    """ "tio trettio", "tio noll fem", "tio"; in English "ten thirty", "ten oh five", "ten o'clock", and which half of
    the day."""
    local = timezone.localtime(at)
    hour, minute = local.hour, local.minute
    minutes = [f"minute_{minute}" if minute < 10 else f"number_{minute}"] if minute else []
    if language != Language.ENGLISH:
        return [f"number_{hour}", *minutes]
    if (hour, minute) == (12, 0):
        return ["noon"]
    return [f"number_{hour % 12 or 12}", *(minutes or ["o_clock"]), _part_of_day(hour)]


def _part_of_day(hour: int) -> str:
    return "in_the_morning" if hour < 12 else "in_the_afternoon" if hour < 18 else "in_the_evening"


def _day(day: date, now: datetime) -> list[str]:
    """Nothing of today; "i morgon"; else "torsdag den tjugosjätte november"."""
    away = (day - timezone.localdate(now)).days
    if away in (0, 1):
        return ["tomorrow"] if away else []
    return [f"weekday_{day.weekday()}", "the", f"day_{day.day}", f"month_{day.month}"]


def digits(text: str) -> list[str]:
    """One by one. What is no digit is left out."""
    return [f"number_{digit}" for digit in text if digit.isdigit() and digit.isascii()]
