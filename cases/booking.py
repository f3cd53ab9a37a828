"""What the telephone system does: book a callback, move it, cancel it.

Locks in one order: the call, the number, the case, the slots. Then `cases.callbacks` does the same as for a nurse.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db import connection, transaction
from django.utils import timezone

from cases import callbacks, free_times
from cases.models import Case, IntakeCall, Slot, Status
from teleq.models import Queue

ADVISORY_CLASS = 2


class NotFree(Exception):
    """The time can't be booked: the queue is closed then, or every place is taken. Its text says which."""


@dataclass(frozen=True)
class Wanted:
    """A callback that a patient has asked for. Numbers are E.164, the time is aware."""

    queue: Queue
    call_id: str
    phone_number: str
    a_number: str | None
    personal_identity_number: str
    callback_at: datetime
    name: str = ""
    reason: str = ""


@transaction.atomic
def book(wanted: Wanted) -> tuple[Case, bool]:
    """Book it, and say whether that made a new case. Raises NotFree.

    A call that has booked already is answered with its case. A number that has an open case in the queue gets it moved,
    if both carry the same personnummer or neither carries any: a parent may call for two children.
    """
    call, first_time = IntakeCall.objects.get_or_create(
        care_provider_id=wanted.queue.care_provider_id, call_id=wanted.call_id
    )
    if not first_time and call.case:
        return call.case, False
    _lock_number(wanted)
    call.case = _open_case_of(wanted)
    made = call.case is None
    if call.case:
        move(call.case, wanted.callback_at)
    else:
        _take_place(wanted.queue, wanted.callback_at)
        call.case = callbacks.create(_new_case(wanted), by=None)
    call.save(update_fields=["case"])
    return call.case, made


@transaction.atomic
def move(case: Case, to: datetime) -> None:
    """Raises NotFree, and callbacks.NotPossible for a closed case."""
    case = _locked(case)
    if case.is_open and case.callback_at != to:
        _take_place(case.queue, to, moved=case)
    callbacks.move(case, to, by=None)


@transaction.atomic
def cancel(case: Case) -> None:
    case = _locked(case)
    if not case.is_open:
        return
    _lock_slots(case.queue, _slot_at(case.queue, case.callback_at))
    callbacks.close(case, Status.CANCELLED, by=None)


def _new_case(wanted: Wanted) -> Case:
    return Case(
        queue=wanted.queue,
        name=wanted.name,
        reason=wanted.reason,
        phone_number=wanted.phone_number,
        a_number=wanted.a_number,
        personal_identity_number=wanted.personal_identity_number,
        callback_at=wanted.callback_at,
    )


def _open_case_of(wanted: Wanted) -> Case | None:
    same = {name: getattr(wanted, name) for name in ("queue", "phone_number", "personal_identity_number")}
    return Case.objects.open().filter(**same).order_by("callback_at", "pk").select_for_update(no_key=True).first()


def _lock_number(wanted: Wanted) -> None:
    """Of two bookings of one number at the same time, the second sees the first one's case. Held till the commit."""
    with connection.cursor() as cursor:
        key = f"{wanted.queue.pk}:{wanted.phone_number}"
        cursor.execute("SELECT pg_advisory_xact_lock(%s, hashtext(%s))", [ADVISORY_CLASS, key])


def _locked(case: Case) -> Case:
    return Case.objects.select_related("queue").select_for_update(of=("self",), no_key=True).get(pk=case.pk)


def _take_place(queue: Queue, at: datetime, moved: Case | None = None) -> None:
    """Hold the slot till the commit, so that of two who want the last place the second finds it taken."""
    slot = _slot_at(queue, at)
    if slot is None:
        raise NotFree("Tiden går inte att boka: kön har inte telefontid då.")
    if slot != at:
        raise NotFree("Tiden går inte att boka: den är inte en av köns tider.")
    _lock_slots(queue, slot, moved and _slot_at(queue, moved.callback_at))
    there = Case.objects.open().filter(queue=queue, callback_at__gte=at, callback_at__lt=at + queue.slot_length)
    if there.exclude(pk=moved and moved.pk).count() >= queue.slot_capacity:
        raise NotFree("Tiden går inte att boka: alla platser är tagna.")


def _slot_at(queue: Queue, at: datetime) -> datetime | None:
    """The slot that the time falls in, or None where the queue is closed then."""
    day = timezone.localtime(at).date()
    return free_times.slot_at(queue, free_times.slots_of(queue, day, day), at)


def _lock_slots(queue: Queue, *slots: datetime | None) -> None:
    """In the order of time, as everyone else does."""
    starts = sorted({slot for slot in slots if slot})
    Slot.objects.bulk_create([Slot(queue=queue, starts_at=start) for start in starts], ignore_conflicts=True)
    list(Slot.objects.select_for_update().filter(queue=queue, starts_at__in=starts).order_by("starts_at"))
