"""Which times a queue can be booked at: its telephone hours cut into slots, less what is closed, past or full.

Hours are by the clock in Stockholm. Closed are the queue's own closed days, the public holidays (lag 1989:253 om
allmänna helgdagar) and the three eves that count as Sundays (semesterlagen 7 §): Midsummer, Christmas, New Year's.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache

import holidays
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from cases.models import Case, TelephoneHours, WeeklyHours
from teleq.clock import database_now
from teleq.models import Queue
from teleq.prepared import Prepared

DAY = timedelta(days=1)
NEAREST = 5
"""How many free times are offered instead of one that is taken."""
LOOK_BACK, LOOK_AHEAD = timedelta(days=7), timedelta(days=28)
"""How far from the wanted time they are looked for."""
LONGEST_AHEAD = timedelta(days=366)


def why_not(at: datetime, now: datetime) -> str | None:
    """Why no callback can be booked at this time, whoever books it; or None."""
    if at < now:
        return _("Tiden har redan passerat.")
    if at > now + LONGEST_AHEAD:
        return _("Tiden är mer än ett år bort.")
    return None


@dataclass(frozen=True)
class FreeTime:
    """A time that can be booked, in UTC, and how many can book it: none where it is full."""

    starts_at: datetime
    places: int


def between(queue: Queue, first: date, last: date) -> list[FreeTime]:
    """The free times of these days, the last one included. None that has begun, or is more than a year away."""
    slots = ahead(slots_of(queue, first, last), database_now())
    return [time for time in with_places(queue, slots) if time.places]


def ahead(slots: Iterable[datetime], now: datetime) -> list[datetime]:
    """Those of these slots that have not begun, and are not more than a year away."""
    return [slot for slot in slots if now < slot <= now + LONGEST_AHEAD]


def with_places(queue: Queue, slots: list[datetime], but_for: Case | None = None) -> list[FreeTime]:
    """These slots of the queue, in order, each with its free places: full ones too. One query.

    A case that is to be moved takes no place.
    """
    if not slots:
        return []
    booked = Case.objects.open().filter(
        queue=queue, callback_at__gte=slots[0], callback_at__lt=slots[-1] + queue.slot_length
    )
    booked = booked.exclude(pk=but_for.pk) if but_for else booked
    taken = Counter(slot_at(queue, slots, at) for at in booked.values_list("callback_at", flat=True))
    return [FreeTime(slot, max(0, queue.slot_capacity - taken[slot])) for slot in slots]


def nearest(queue: Queue, at: datetime) -> list[FreeTime]:
    """The free times closest to the one that was asked for, in order."""
    free = between(queue, _day(at - LOOK_BACK), _day(at + LOOK_AHEAD))
    return sorted(sorted(free, key=lambda time: abs(time.starts_at - at))[:NEAREST], key=lambda time: time.starts_at)


def slots_of(queue: Queue, first: date, last: date) -> list[datetime]:
    """When the queue's slots begin on these days, the last one included, in UTC and in order. None overlaps another."""
    slots: list[datetime] = []
    for opens, closes in open_between(queue, first, last):
        for start in _cut(opens, closes, queue.slot_length):
            if not slots or start >= slots[-1] + queue.slot_length:
                slots.append(start)
    return slots


@Prepared
def hours_of(queue: int) -> QuerySet[TelephoneHours]:
    """In the order of the day."""
    return TelephoneHours.objects.filter(queue=queue).order_by("opens")


def open_between(
    queue: Queue, first: date, last: date, hours: Collection[TelephoneHours] | None = None
) -> Iterator[tuple[datetime, datetime]]:
    """From when till when the queue is open on these days, the last one included, in UTC and by when it opens. With its
    `hours`, where they are read already."""
    hours = hours_of(queue=queue.pk) if hours is None else hours
    closed = set(queue.closed_days.filter(day__range=(first, last)).values_list("day", flat=True)) if hours else set()
    return open_in(hours, first, last, closed)


def open_in(
    hours: Collection[WeeklyHours], first: date, last: date, closed: Collection[date]
) -> Iterator[tuple[datetime, datetime]]:
    """From when till when it is open by these hours, which are in the order of the day: on the days from the first to
    the last, but for the closed ones and public holidays. In UTC and by when it opens."""
    for day in (first + DAY * number for number in range((last - first).days + 1)):
        if day in closed or day in public_holidays(day.year):
            continue
        for each in hours:
            if each.weekday == day.weekday():
                yield _at(day, each.opens), _at(day, each.closes)


def slot_at(queue: Queue, slots: list[datetime], at: datetime) -> datetime | None:
    """The one of these slots that a time falls in, or None. Nurses book to the minute, so it need not begin then."""
    place = bisect_right(slots, at) - 1
    return slots[place] if place >= 0 and at < slots[place] + queue.slot_length else None


def _at(day: date, clock: time) -> datetime:
    """In UTC, where an hour is never skipped or repeated: the night the clock is changed is shorter or longer."""
    return timezone.make_aware(datetime.combine(day, clock)).astimezone(UTC)


def _cut(start: datetime, end: datetime, length: timedelta) -> Iterator[datetime]:
    while start + length <= end:
        yield start
        start += length


@cache
def public_holidays(year: int) -> frozenset[date]:
    """The year's, with the three eves: no queue is open."""
    return frozenset(holidays.country_holidays("SE", years=year, categories=("public", "de_facto")))


def coming_holidays(first: date) -> list[tuple[date, str]]:
    """The public holidays of the year that begins on this day, with the three eves, by name in the user's language."""
    language = "en_US" if get_language() == "en" else "sv"
    years = (first.year, first.year + 1)
    known = holidays.country_holidays("SE", years=years, categories=("public", "de_facto"), language=language)
    return [(day, known[day]) for day in sorted(known) if first <= day < first + LONGEST_AHEAD]


def _day(at: datetime) -> date:
    return timezone.localtime(at).date()
