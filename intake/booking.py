"""What a telephone system does: book a callback, move it, cancel it.

It may move and cancel what it has booked itself, unless a nurse has the case at the moment.

Locks are taken in one order: the call, the number, the cases, the slots. Then `cases.callbacks` does the same as for a
nurse, what is known of the patient before the time (`cases.protected`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from django.db import transaction
from django.utils.crypto import salted_hmac

from cases import acts, callbacks, places
from cases.callbacks import comparable
from cases.changing import NOTHING, NotPossible, Told, hold
from cases.models import Case, CaseEvent, Priority, Status
from intake.models import IntakeCall
from teleq import locks
from teleq.database import insert_unless_there
from teleq.locks import Lock
from teleq.models import Queue

MADE_BY_STAFF = "Ärendet är inte bokat genom telefonsystemet. Det ändras av vårdenheten."
IN_WORK = "En medarbetare har ärendet just nu. Det ändras av vårdenheten."
QUEUE_CHANGED = "Ärendet har flyttats till en annan kö. Ingenting är ändrat."


class CallDiffers(Exception):
    """The call has booked already, and what it asked for then was something else. `differs` names the fields."""

    def __init__(self, differs: list[str]) -> None:
        super().__init__("Samtalet har redan bokat en återuppringning, med andra uppgifter.")
        self.differs = differs


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
    interpreter_language: str = ""
    speak_with: str = ""
    priority: Priority = Priority.NORMAL
    beside: bool = False
    """Whether it stands beside the callbacks that the number has in the queue: another child's. Else one is moved."""

    @property
    def words(self) -> dict[str, str]:
        """What the patient says beside their name, by the case's columns."""
        return {
            "reason": self.reason,
            "interpreter_language": self.interpreter_language,
            "speak_with": self.speak_with,
        }

    def digests(self) -> dict[str, str]:
        """A keyed digest (HMAC) of each field, by which the same request is known when it comes again.

        Keyed, as a telephone number is soon found from a plain digest of it.
        """
        fields = {
            "queue": self.queue.pk,
            "phone_number": self.phone_number,
            "a_number": self.a_number,
            "personal_identity_number": self.personal_identity_number,
            "callback_at": self.callback_at.astimezone(UTC),
            "priority": int(self.priority),
            "name": self.name,
            **self.words,
        }
        return {name: salted_hmac(f"{self.call_id} {name}", f"{value}").hexdigest() for name, value in fields.items()}


@transaction.atomic
def book(wanted: Wanted, *, confirmed: bool = True, told: Told = NOTHING) -> tuple[Case, bool]:
    """Book a callback. Returns its case, and whether that is new. Raises NotFree and CallDiffers.

    Where it is not to be `confirmed` by SMS now, the caller sees to that (`cases.automatic_sms.confirm`). What is
    `told` stands in the case's history.

    A call that has booked already gets its case once more, if it asks for the same: a telephone system repeats a
    request that it got no response to. A patient's open case in the queue that may be moved is moved.
    """
    digests = wanted.digests()
    key = {"care_provider_id": wanted.queue.care_provider_id, "call_id": wanted.call_id}
    call = IntakeCall(**key, asked=digests)
    if not insert_unless_there(call):
        call = IntakeCall.objects.get(**key)
    if call.case:
        if differs := [name for name, digest in digests.items() if call.asked.get(name, digest) != digest]:
            # In another queue, which the key may not open, nothing is told of what was asked for.
            raise CallDiffers(["queue"] if "queue" in differs else differs)
        return call.case, False
    _lock_number(wanted)
    call.case = None if wanted.beside else _case_to_move(wanted)
    made = call.case is None
    if call.case:
        _take_another_place(call.case, wanted.callback_at)
        callbacks.add_what_was_said(
            call.case, name=wanted.name, words=wanted.words, a_number=wanted.a_number, priority=wanted.priority
        )
        callbacks.move(call.case, wanted.callback_at, by=None, confirmed=confirmed, told=told)
    else:
        places.take(wanted.queue, wanted.callback_at)
        call.case = callbacks.create(_new_case(wanted), by=None, confirmed=confirmed, told=told)
    call.save(update_fields=["case"])
    return call.case, made


@transaction.atomic
def move(case: Case, to: datetime, told: Told = NOTHING) -> None:
    """Move a callback. Raises NotFree, and NotPossible for one that is closed or that only nurses may change."""
    case = _locked(case)
    _require_ours(case)
    _take_another_place(case, to)
    callbacks.move(case, to, by=None, told=told)


@transaction.atomic
def cancel(case: Case, told: Told = NOTHING) -> None:
    """Cancel a callback; one that is closed is left as it is. Raises NotPossible where only nurses may change it."""
    case = _locked(case)
    if not case.is_open:
        return
    _require_ours(case)
    places.hold(case.queue, places.slot_at(case.queue, case.callback_at))
    acts.close(case, Status.CANCELLED, by=None, told=told)


def _take_another_place(case: Case, to: datetime) -> None:
    """Take the place that a locked case is to be moved to. Raises NotFree."""
    if case.is_open and case.callback_at != to:
        places.take(case.queue, to, moved=case)


def _new_case(wanted: Wanted) -> Case:
    return Case(
        queue=wanted.queue,
        name=wanted.name,
        **wanted.words,
        phone_number=wanted.phone_number,
        a_number=wanted.a_number,
        personal_identity_number=wanted.personal_identity_number,
        callback_at=wanted.callback_at,
        priority=wanted.priority,
    )


def may_be_changed(case: Case) -> bool:
    """Whether the patient may move or cancel it now by telephone; asked of a case that isn't locked, it may change."""
    return case.is_open and not _why_not_ours(case)


def _require_ours(case: Case) -> None:
    if reason := _why_not_ours(case):
        raise NotPossible(reason)


def _why_not_ours(case: Case) -> str:
    """Why the telephone system may neither move nor cancel the case, which is locked; empty where it may.

    After a call that reached nobody, nobody has the case: it may be moved.
    """
    if not case.events.filter(kind=CaseEvent.Kind.CREATED, user=None).exists():
        return MADE_BY_STAFF
    return IN_WORK if case.assignee_id or case.call_began_at else ""


def _case_to_move(wanted: Wanted) -> Case | None:
    """The patient's own open case in the queue, if there is one that may be moved. Locks all that could be.

    A parent may call for two children: only the same personnummer, or none on either side, is the same patient.
    """
    same = {name: getattr(wanted, name) for name in ("queue", "phone_number", "personal_identity_number")}
    there = Case.objects.open().filter(**same).order_by("pk").select_for_update(of=("self",), no_key=True)
    ours = sorted((case for case in there if not _why_not_ours(case)), key=lambda case: (case.callback_at, case.pk))
    return next(iter(ours), None) if wanted.personal_identity_number else _by_name(ours, comparable(wanted.name))


def _by_name(cases: Iterable[Case], name: str) -> Case | None:
    """The first case with this name, else one without a name. Without a name: the first, if all have the same name."""
    by_name: dict[str, Case] = {}
    for case in cases:
        by_name.setdefault(comparable(case.name), case)
    if name in by_name:
        return by_name[name]
    if name:
        return by_name.get("")
    return next(iter(by_name.values())) if len(by_name) == 1 else None


def _lock_number(wanted: Wanted) -> None:
    """Of two bookings of one number at the same time, the second sees the first one's case. Held till the commit."""
    locks.hold(Lock.BOOKING, f"{wanted.queue.pk}:{wanted.phone_number}")


def _locked(case: Case) -> Case:
    """Raises NotPossible where a nurse has moved it meanwhile to another queue, which the key may not open."""
    hold(case)
    locked = Case.objects.select_related("queue").get(pk=case.pk)
    if locked.queue_id != case.queue_id:
        raise NotPossible(QUEUE_CHANGED)
    return locked
