"""What the buttons of a case do: who has it, how the calls went, how it ended.

Each act is one transaction that leaves an event in the case's history. `seen` is the id of the case's latest act when
the page was made, None if the caller saw no page. Each raises NotPossible if somebody has acted on the case since, or
if it can't be done.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Max

from cases import callbacks
from cases.changing import act, cancel_waiting, locked_as_shown, require, set_columns
from cases.models import Case, CaseEvent, Status
from sms.models import Kind
from teleq.clock import database_now
from teleq.models import User

NOBODY: dict[str, Any] = {"assignee": None, "taken_at": None}

# Who has it ----------------------------------------------------------------------------------------------------------


def take(case: Case, *, by: User, seen: int | None = None) -> None:
    with locked_as_shown(case, seen, by) as locked:
        require(locked.is_open and locked.assignee is None, locked, by)
        act(locked, CaseEvent.Kind.TAKEN, by, assignee=by, taken_at=database_now(), status=Status.ONGOING)


def release(case: Case, *, by: User, seen: int | None = None) -> None:
    """Put the case back in the queue. Anyone in the queue may: who has it may have gone home."""
    with locked_as_shown(case, seen, by) as locked:
        require(locked.status == Status.ONGOING, locked, by)
        act(locked, CaseEvent.Kind.RELEASED, by, status=status_in_queue(locked), **NOBODY)


def status_in_queue(case: Case) -> Status:
    """The status of an open case that nobody has."""
    return Status.NO_ANSWER if case.attempts else Status.WAITING


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
    """Since when the user has the case that they took or reached last, if they still have it: a call under way."""
    kinds = (CaseEvent.Kind.TAKEN, CaseEvent.Kind.REACHED)
    mine = CaseEvent.objects.filter(case__assignee=user, case__status=Status.ONGOING, user=user, kind__in=kinds)
    latest: datetime | None = mine.aggregate(latest=Max("at"))["latest"]
    return latest


# How it ended --------------------------------------------------------------------------------------------------------


def close(case: Case, status: Status, *, by: User | None, seen: int | None = None) -> None:
    """Finish the case as Klart or Avbokat. Its automatic SMS that still wait are cancelled. What a nurse has sent
    stays."""
    with locked_as_shown(case, seen, by) as locked:
        require(locked.is_open, locked, by)
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
