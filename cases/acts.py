"""What the buttons of a case do: who has it, how the calls went, how it ended.

Each act is one transaction that leaves an event in the case's history. `seen` is the id of the case's latest act when
the page was made, None if the caller saw no page. Each raises NotPossible if somebody has acted on the case since, or
if it can't be done.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import Max

from cases import callbacks, holding
from cases.changing import NOBODY, act, cancel_waiting, locked_as_shown, require, set_columns, status_in_queue
from cases.models import Case, CaseEvent, Status
from sms.models import Kind
from teleq.clock import database_now
from teleq.models import User


class Interrupts(Exception):
    """A colleague works in the case at this moment, and whoever takes it over was not asked about that. Nothing was
    done."""


# Who has it ----------------------------------------------------------------------------------------------------------


def take(case: Case, *, by: User, seen: int | None = None) -> None:
    with locked_as_shown(case, seen, by) as locked:
        require(locked.is_open and locked.assignee is None, locked, by)
        act(locked, CaseEvent.Kind.TAKEN, by, assignee=by, taken_at=database_now(), status=Status.ONGOING)


def take_over(case: Case, *, by: User, seen: int | None = None, sure: bool = False) -> None:
    """Have the case that a colleague has. Raises Interrupts where they have it open or a call in it, unless `sure`.

    A call that was begun in it goes along: whoever has the case now says how it went.
    """
    with locked_as_shown(case, seen, by) as locked:
        require(is_anothers(locked, by), locked, by)
        if not sure and holding.is_at_work(locked):
            raise Interrupts
        act(locked, CaseEvent.Kind.TAKEN_OVER, by, assignee=by, taken_at=database_now())


def release(case: Case, *, by: User, seen: int | None = None) -> None:
    """Put the case back in the queue. A colleague's is taken over first; all of somebody's who is absent are released
    by `holding.release_all`."""
    with locked_as_shown(case, seen, by) as locked:
        require(locked.assignee == by, locked, by)
        act(locked, CaseEvent.Kind.RELEASED, by, status=status_in_queue(locked), **NOBODY)


def is_anothers(case: Case, by: User | None) -> bool:
    """Whether a colleague has the case: it is taken over before anything is done in it."""
    return by is not None and case.assignee_id not in (None, by.pk)


# The calls -----------------------------------------------------------------------------------------------------------


def record_attempt(case: Case, *, reached: bool, by: User, seen: int | None = None) -> None:
    """Count a call to the patient. Whoever reaches the patient has the case; else it is back in the queue."""
    with locked_as_shown(case, seen, by) as locked:
        require(locked.is_open and locked.assignee in (None, by), locked, by)
        attempts = (locked.attempts, locked.attempts + 1)
        kind = CaseEvent.Kind.REACHED if reached else CaseEvent.Kind.NO_ANSWER
        status = Status.ONGOING if reached else Status.NO_ANSWER
        who = {"assignee": by, "taken_at": locked.taken_at or database_now()} if reached else NOBODY
        act(locked, kind, by, told={"attempts": attempts}, attempts=attempts[1], status=status, **who)


def call_began(user: User) -> datetime | None:
    """Since when the user has the case that they took or called last, if they still have it: a call under way."""
    kinds = (CaseEvent.Kind.TAKEN, CaseEvent.Kind.TAKEN_OVER, CaseEvent.Kind.CALLED, CaseEvent.Kind.REACHED)
    mine = CaseEvent.objects.filter(case__assignee=user, case__status=Status.ONGOING, user=user, kind__in=kinds)
    latest: datetime | None = mine.aggregate(latest=Max("at"))["latest"]
    return latest


# How it ended --------------------------------------------------------------------------------------------------------


def close(case: Case, status: Status, *, by: User | None, seen: int | None = None) -> None:
    """Finish the case as Klart or Avbokat. Its automatic SMS that still wait are cancelled. What a nurse has sent
    stays."""
    with locked_as_shown(case, seen, by) as locked:
        require(locked.is_open and not is_anothers(locked, by), locked, by)
        # A booking gets one reminder, cancelled or not: counted up, so that a case that is opened again gets another.
        reminders = cancel_waiting(locked, kind=Kind.REMINDER)
        cancel_waiting(locked, kind__in=callbacks.AUTOMATIC)
        set_columns(locked, booking=locked.booking + reminders)
        act(locked, CaseEvent.Kind(status.value), by, status=status, call_began_at=None, **NOBODY)


def finish(case: Case, *, note: str, press: UUID | None, by: User, seen: int | None = None) -> None:
    """Close the case as Klart together with the note that was written, if any. Raises AnotherText; then nothing is
    done, neither of them."""
    with transaction.atomic():
        close(case, Status.DONE, by=by, seen=seen)
        if note:
            callbacks.add_note(case, note, by=by, press=press)


def reopen(case: Case, *, by: User, seen: int | None = None) -> None:
    with locked_as_shown(case, seen, by) as locked:
        require(not locked.is_open, locked, by)
        act(locked, CaseEvent.Kind.REOPENED, by, status=status_in_queue(locked), outcome="")
