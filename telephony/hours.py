"""When a number can be called, and whether a queue's day is full. By the clock in Stockholm."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from django.utils import timezone

from cases import free_times
from telephony.models import PatientsNumber
from teleq.models import Queue


def closed_because(number: PatientsNumber, now: datetime) -> str | None:
    """The sentence that says why the number is closed now, or None where it is open.

    A number that leads straight to a queue has the queue's closed days. One without hours of its own is open on all
    others, by night as by day; public holidays close the one that has hours.
    """
    local = timezone.localtime(now)
    if number.queue and number.queue.closed_days.filter(day=local.date()).exists():
        return "closed_day"
    hours = list(number.hours.all())
    if not hours:
        return None
    if local.date() in free_times.public_holidays(local.year):
        return "closed_day"
    is_open = any(each.weekday == local.weekday() and each.opens <= local.time() < each.closes for each in hours)
    return None if is_open else "closed"


def is_full_today(queue: Queue | None, free: Collection[datetime], now: datetime) -> bool:
    """Whether the queue has times left today and all of them are taken. `free` are its free times from now on."""
    today = timezone.localdate(now)
    if queue is None or any(timezone.localdate(at) == today for at in free):
        return False
    return bool(free_times.ahead(free_times.slots_of(queue, today, today), now))
