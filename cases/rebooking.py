"""Boka om: a case is given another time, or goes to another queue of the same care provider.

What is shown are the queue's days, side by side, with all their times: the free ones to choose, the full ones as full.
A time that was shown as free is booked only while it is (`cases.places`). A time that is written to the minute may be
any, as for a new case: what is odd about it is told, and stops nobody.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cases import automatic_sms, callbacks, free_times, inbound, places, protected
from cases.changing import NOBODY, NotPossible, act, cancel_waiting, locked_as_shown, require, status_in_queue
from cases.changing import locked as locked_case
from cases.free_times import FreeTime
from cases.models import Case, CaseEvent
from sms.models import Refusal
from teleq.changes import Changes, to_make
from teleq.clock import database_now
from teleq.models import Queue, User

DAYS_SHOWN = 5
LOOKED_THROUGH = timedelta(days=62)
"""How far from the first day shown others are looked for, in both directions."""

FULL = gettext_lazy("Tiden är full.")
OUTSIDE = gettext_lazy("Tiden är utanför telefontiderna.")
CALL_UNDER_WAY = gettext_lazy("Ett samtal pågår i ärendet. Registrera först hur det gick.")


# What is shown -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Day:
    day: date
    times: list[FreeTime]


@dataclass(frozen=True)
class Days:
    """Some days on which the queue is open, and where the days before and after them begin, if there are any."""

    days: list[Day] = field(default_factory=list)
    earlier: date | None = None
    later: date | None = None


def days_from(case: Case, first: date, now: datetime) -> Days:
    """The first days from this one on that the case's queue is open. Three queries, however many are passed over."""
    queue, today = case.queue, timezone.localdate(now)
    first = min(max(first, today), timezone.localdate(now + free_times.LONGEST_AHEAD))
    slots = free_times.slots_of(queue, max(first - LOOKED_THROUGH, today), first + LOOKED_THROUGH)
    by_day: dict[date, list[datetime]] = defaultdict(list)
    for slot in free_times.ahead(slots, now):
        by_day[timezone.localdate(slot)].append(slot)
    before, after = [day for day in by_day if day < first], [day for day in by_day if day >= first]
    shown, rest = after[:DAYS_SHOWN], after[DAYS_SHOWN:]
    times = free_times.with_places(queue, [slot for day in shown for slot in by_day[day]], but_for=case)
    return Days(
        [Day(day, [time for time in times if timezone.localdate(time.starts_at) == day]) for day in shown],
        earlier=before[-DAYS_SHOWN:][0] if before else None,
        later=rest[0] if rest else None,
    )


def what_is_sent(case: Case, refusal: Refusal | None) -> str:
    """What the patient is told by SMS when the case gets another time, for whoever gives it one. Empty where the queue
    confirms no bookings. `refusal` is why an SMS to the number would be refused now."""
    outgoing_sms = case.queue.outgoing_sms_or_none
    if outgoing_sms is None or not outgoing_sms.confirmation_on:
        return ""
    if protected.is_protected(case):
        return _("Ingen bokningsbekräftelse skickas: patienten har skyddade personuppgifter.")
    if case.wrong_number:
        return _("Ingen bokningsbekräftelse skickas: numret var fel.")
    if refusal:
        return _("Ingen bokningsbekräftelse skickas: %(reason)s.") % {"reason": refusal.label.rstrip(".")}
    return _("En ny bokningsbekräftelse skickas.")


# Another time --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Rebooked:
    """What became of it."""

    moved: bool
    odd: str = ""
    """What is out of the ordinary with the time, in words."""


def to_time(case: Case, changed: Changes, *, by: User, as_free: bool) -> Rebooked:
    """Give the case the time that was chosen, if `changed` holds another than was shown.

    `as_free`: it was shown as free, and is taken only if it still is; else any time will do. Raises ChangedMeanwhile
    where somebody has moved the case since, NotPossible if it is closed, and `places.NotFree`.
    """
    with locked_case(case) as locked:
        made = to_make(locked, changed)
        if not made:
            return Rebooked(moved=False)
        _, to = made["callback_at"]
        if as_free and locked.is_open:
            places.take(locked.queue, to, moved=locked)
        callbacks.move(locked, to, by=by)
        return Rebooked(moved=True, odd=_what_is_odd(locked, to))


def _what_is_odd(case: Case, at: datetime) -> str:
    if not case.queue.telephone_hours.exists():
        return ""
    slot = places.slot_at(case.queue, at)
    if slot is None:
        return str(OUTSIDE)
    return str(FULL) if places.is_full(case.queue, slot, but_for=case) else ""


# Another queue -------------------------------------------------------------------------------------------------------


def to_queue(case: Case, queue: Queue, *, by: User, seen: int) -> int:
    """Move the case to another queue of its care provider, and say how many SMS that waited were cancelled.

    All that waits is the old queue's, in its name: automatic and written by hand. The booking is counted up, and is
    confirmed as the new queue does. Nobody has the case there. The answer on SMS belongs to the care provider and the
    number, and so do marks of protection: they count there as they did here. Replies that nobody has read go along.

    `seen` is the latest act that the page was shown with. Raises NotPossible.
    """
    with locked_as_shown(case, seen, by) as locked:
        require(locked.is_open and locked.assignee in (None, by), locked, by)
        if locked.call_began_at:
            raise NotPossible(CALL_UNDER_WAY)
        before = locked.queue
        if not Queue.objects.others_of_care_provider(before).filter(pk=queue.pk).exists():
            raise NotPossible(_("Välj en annan av vårdgivarens köer."))
        protected.hold_still([locked])
        cancelled = cancel_waiting(locked)
        inbound.follow(locked, queue)
        act(
            locked,
            CaseEvent.Kind.QUEUE_CHANGED,
            by,
            told={"queue": (str(before), str(queue))},
            queue=queue,
            status=status_in_queue(locked),
            booking=locked.booking + 1,
            booked_at=database_now(),
            **NOBODY,
        )
        automatic_sms.confirm(locked)
    return cancelled
