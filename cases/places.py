"""A queue's places: whoever books one of its times holds the time's slot, and then counts the cases that are there.

The telephone system and "Boka om" take a place; a nurse who writes a time to the minute is told and never refused
(docs/decisions/0007). Locks are taken in one order: cases, slots, the care provider's marks, messages.
"""

from __future__ import annotations

from datetime import datetime

from django.utils import timezone
from django.utils.translation import gettext_lazy

from cases import free_times
from cases.models import Case, Slot
from teleq.models import Queue

CLOSED_THEN = gettext_lazy("Tiden går inte att boka: kön har inte telefontid då.")
NO_SLOT = gettext_lazy("Tiden går inte att boka: den är inte en av köns tider.")
ALL_TAKEN = gettext_lazy("Tiden går inte att boka: alla platser är tagna.")


class NotFree(Exception):
    """The time can't be booked: the queue is closed then, or every place is taken. Its text says which."""


def take(queue: Queue, at: datetime, moved: Case | None = None) -> None:
    """Make sure that the time has a free place, and hold its slot till the commit. Raises NotFree.

    Of two who want the last place, the second waits for the slot and then finds it taken. A case that is moved, whose
    row the caller has locked, takes no place from itself.
    """
    slot = slot_at(queue, at)
    if slot is None:
        raise NotFree(CLOSED_THEN)
    if slot != at:
        raise NotFree(NO_SLOT)
    hold(queue, slot, slot_at(queue, moved.callback_at) if moved else None)
    if is_full(queue, slot, but_for=moved):
        raise NotFree(ALL_TAKEN)


def is_full(queue: Queue, slot: datetime, but_for: Case | None = None) -> bool:
    """Whether every place of the slot is taken, this case's own not counted."""
    there = Case.objects.open().filter(queue=queue, callback_at__gte=slot, callback_at__lt=slot + queue.slot_length)
    return there.exclude(pk=but_for.pk if but_for else 0).count() >= queue.slot_capacity


def slot_at(queue: Queue, at: datetime) -> datetime | None:
    """The slot that the time falls in, or None where the queue is closed then."""
    day = timezone.localtime(at).date()
    return free_times.slot_at(queue, free_times.slots_of(queue, day, day), at)


def hold(queue: Queue, *slots: datetime | None) -> None:
    """Lock the rows of these slots, making those that are missing. Always in the order of time, against deadlocks."""
    starts = sorted({slot for slot in slots if slot})
    Slot.objects.bulk_create([Slot(queue=queue, starts_at=start) for start in starts], ignore_conflicts=True)
    list(Slot.objects.select_for_update().filter(queue=queue, starts_at__in=starts).order_by("starts_at"))
