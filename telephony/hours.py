"""When a number can be called. By the clock in Stockholm."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.utils import timezone

from cases import free_times
from telephony.models import PatientsNumber
from teleq.models import Queue

AHEAD = timedelta(days=366)
"""How far is looked for when a closed number opens."""


@dataclass(frozen=True)
class Closed:
    """That a number can't be called now, and when it can be again."""

    all_day: bool
    """Whether the day is a closed one or a public holiday; else it is the time of day or the weekday."""
    opens: datetime | date | None
    """A day where the number is open by night as well; None: not within a year."""


def closed(number: PatientsNumber, now: datetime) -> Closed | None:
    """None: the number is open.

    A number that leads straight to a queue has the queue's closed days. One without hours of its own is open on all
    others, by night as by day; public holidays close the one that has hours.
    """
    today = timezone.localdate(now)
    closed_days = _closed_days(number.queue, today) if number.queue else set[date]()
    hours = list(number.hours.all())
    if not hours:
        return Closed(True, _next_day(today, closed_days)) if today in closed_days else None
    open_hours = free_times.open_in(hours, today, today + AHEAD, closed_days)
    opens = next((opens for opens, closes in open_hours if now < closes), None)
    if opens and opens <= now:
        return None
    return Closed(today in closed_days or today in free_times.public_holidays(today.year), opens)


def _closed_days(queue: Queue, first: date) -> set[date]:
    return set(queue.closed_days.filter(day__range=(first, first + AHEAD)).values_list("day", flat=True))


def _next_day(today: date, closed_days: Collection[date]) -> date | None:
    coming = (today + timedelta(days=number) for number in range(1, AHEAD.days))
    return next((day for day in coming if day not in closed_days), None)
