"""What the buttons of a case do: who has it, how the calls went, how it ended.

Each act is one transaction that leaves an event in the case's history. `seen` is the id of the case's latest act when
the page was made, None if the caller saw no page. Each raises NotPossible if somebody has acted on the case since, or
if it can't be done.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Max
from django.utils.translation import gettext_lazy

from cases import automatic_sms, callbacks, drafts, holding, retries
from cases.callbacks import NumberChanged
from cases.changing import (
    NOBODY,
    NOTHING,
    NotPossible,
    Told,
    act,
    locked_as_shown,
    require,
    require_as_shown,
    status_in_queue,
)
from cases.changing import locked as locked_case
from cases.models import Case, CaseEvent, NoAnswer, Status
from sms.models import Kind, Message, StandardText
from sms.states import HANDED_OVER
from teleq.clock import database_now
from teleq.models import Outcome, User
from teleq.phone_numbers import number_text


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


def call(case: Case, *, shown: str | None = None, by: User, seen: int | None = None) -> None:
    """Ring: take the case, and note that a call is under way. What dials does so when this has been done.

    Pressed again during the same call it changes nothing, and one dials again. `shown` is the number that the page
    showed, in E.164. Raises NumberChanged.
    """
    with locked_case(case) as row:
        if shown is not None and number_text(row.phone_number) != shown:
            raise NumberChanged
        if _is_calling(row, by):
            return
        require_as_shown(row, seen, by)
        require(row.is_open and row.assignee in (None, by), row, by)
        at = database_now()
        act(row, CaseEvent.Kind.CALLED, by, call_began_at=at, **_held_by(row, by, at))


def _is_calling(case: Case, by: User) -> bool:
    latest = case.events.latest_act()
    calling = latest is not None and latest.kind == CaseEvent.Kind.CALLED and latest.user_id == by.pk
    return calling and holding.has_call_under_way(case, database_now())


def _held_by(case: Case, by: User, at: datetime) -> dict[str, Any]:
    """Whoever calls or reaches the patient has the case, since then or since before."""
    return {"assignee": by, "taken_at": case.taken_at or at, "status": Status.ONGOING}


def call_off(case: Case, *, by: User, seen: int | None = None) -> None:
    """Ringde inte: Ring was pressed, and nobody called. Nothing is counted."""
    with locked_as_shown(case, seen, by) as row:
        require(row.call_began_at is not None and row.assignee in (None, by), row, by)
        act(row, CaseEvent.Kind.NOT_CALLED, by, call_began_at=None)


def record_attempt(  # noqa: PLR0913
    case: Case,
    *,
    reached: bool,
    by: User,
    seen: int | None = None,
    how: NoAnswer | None = None,
    next_at: datetime | None = None,
) -> StandardText | None:
    """Count a call to the patient. Whoever reaches the patient has the case; else it is back in the queue.

    Of a call that reached nobody: `how` it went, and when to try again, None to leave the case's time as it is. Returns
    the text that was filled in under Skicka SMS, if this was the last call planned.
    """
    with locked_as_shown(case, seen, by) as row:
        require(row.is_open and row.assignee in (None, by), row, by)
        if reached:
            told = {"attempts": (row.attempts, row.attempts + 1)}
            columns = _held_by(row, by, database_now()) | {"attempts": row.attempts + 1, "call_began_at": None}
            act(row, CaseEvent.Kind.REACHED, by, told=told, **columns)
            return None
        _not_reached(row, by, how, next_at)
        return _fill_in_last_text(row, by)


def _not_reached(case: Case, by: User, how: NoAnswer | None, next_at: datetime | None) -> None:
    told: dict[str, tuple[Any, Any]] = {"attempts": (case.attempts, case.attempts + 1)}
    columns: dict[str, Any] = NOBODY | {"status": Status.NO_ANSWER, "call_began_at": None}
    columns["attempts"] = case.attempts + 1
    moved = next_at is not None and next_at != case.callback_at
    if moved:
        told["callback_at"] = (case.callback_at, next_at)
        columns["callback_at"] = next_at
    if how == NoAnswer.WRONG_NUMBER:
        columns["wrong_number"] = True
    act(case, CaseEvent.Kind.NO_ANSWER, by, told=told, detail=how or "", **columns)
    if moved:
        callbacks.book_anew(case, confirmed=case.queue.confirm_retries)
    elif how == NoAnswer.WRONG_NUMBER:
        callbacks.cancel_automatic(case)


def _fill_in_last_text(case: Case, by: User) -> StandardText | None:
    text = retries.last_text(case) if retries.has_been_tried_enough(case) else None
    filled_in = text is not None and drafts.begin(drafts.Place(by, case), drafts.Field.SMS, text.text)
    return text if filled_in else None


def call_began(user: User) -> datetime | None:
    """Since when the user has the case that they took, called or reached last, if they still have it: a call under
    way."""
    kinds = (CaseEvent.Kind.TAKEN, CaseEvent.Kind.TAKEN_OVER, CaseEvent.Kind.CALLED, CaseEvent.Kind.REACHED)
    mine = CaseEvent.objects.filter(case__assignee=user, case__status=Status.ONGOING, user=user, kind__in=kinds)
    latest: datetime | None = mine.aggregate(latest=Max("at"))["latest"]
    return latest


# How it ended --------------------------------------------------------------------------------------------------------


def close(  # noqa: PLR0913
    case: Case,
    status: Status,
    *,
    by: User | None,
    seen: int | None = None,
    outcome: str = "",
    told: Told = NOTHING,
) -> None:
    """Finish the case as Klart, with its outcome, or as Avbokat. Its automatic SMS that still wait are cancelled.
    What a nurse has sent stays.

    Every outcome but Ej nådd says that the patient was reached: that call is counted, unless it has been already.
    """
    with locked_as_shown(case, seen, by) as row:
        require(row.is_open and not is_anothers(row, by), row, by)
        columns: dict[str, Any] = {"status": status, "outcome": outcome, "call_began_at": None, **NOBODY}
        changes = dict(told)
        if outcome not in ("", Outcome.NOT_REACHED) and not _reached_already(row):
            columns["attempts"] = row.attempts + 1
            changes["attempts"] = (row.attempts, row.attempts + 1)
        act(row, CaseEvent.Kind(status.value), by, told=changes, detail=outcome, **columns)
        callbacks.cancel_automatic(row)


def _reached_already(case: Case) -> bool:
    """Whether Fick svar was recorded of the call that ends now: nobody has called, or taken the case, since."""
    kinds = (CaseEvent.Kind.REACHED, CaseEvent.Kind.NO_ANSWER, CaseEvent.Kind.CALLED, CaseEvent.Kind.REOPENED)
    begins = (CaseEvent.Kind.TAKEN, CaseEvent.Kind.TAKEN_OVER)
    latest = case.events.filter(kind__in=kinds + begins, undone_by=None).order_by("-id").first()
    return latest is not None and latest.kind == CaseEvent.Kind.REACHED


def finish(  # noqa: PLR0913
    case: Case, *, outcome: Outcome, note: str, press: UUID | None, by: User, seen: int | None = None
) -> None:
    """Close the case as Klart together with the note that was written, if any. Raises AnotherText; then nothing is
    done, neither of them."""
    with transaction.atomic():
        close(case, Status.DONE, by=by, seen=seen, outcome=outcome)
        if note:
            callbacks.add_note(case, note, by=by, press=press)


def reopen(case: Case, *, by: User, seen: int | None = None) -> None:
    with locked_as_shown(case, seen, by) as row:
        require(not row.is_open, row, by)
        act(row, CaseEvent.Kind.REOPENED, by, status=status_in_queue(row), outcome="")


# Undo ----------------------------------------------------------------------------------------------------------------

UNDO_WITHIN = timedelta(minutes=10)
UNDOABLE = (
    *(CaseEvent.Kind.REACHED, CaseEvent.Kind.NO_ANSWER, CaseEvent.Kind.NOT_CALLED),
    *(CaseEvent.Kind.DONE, CaseEvent.Kind.CANCELLED),
)
"""The outcomes, which whoever recorded one can undo."""
HARMLESS = (CaseEvent.Kind.TAKEN, CaseEvent.Kind.RELEASED, CaseEvent.Kind.UNDONE, CaseEvent.Kind.DETAILS_CHANGED)
"""What they may have done themselves since: nothing of it is lost when the columns of the outcome are put back, save
who has the case."""
TOO_LATE = gettext_lazy(
    "Det går inte att ångra: ärendet har ändrats sedan dess, eller så har det gått mer än tio minuter."
)


def to_undo(events: Iterable[CaseEvent], user: User, at: datetime) -> CaseEvent | None:
    """The outcome that the user can undo: their latest, not undone, within ten minutes and with nothing done since that
    undoing it would take back too. `events` are the case's, the latest first."""
    undone: set[int | None] = set()
    for event in (event for event in events if event.at > at - UNDO_WITHIN):
        if event.user_id != user.pk:
            return None
        if event.kind == CaseEvent.Kind.UNDONE:
            undone.add(event.undoes_id)
        elif event.kind in UNDOABLE and event.pk not in undone:
            return event if event.before is not None else None
        elif event.kind not in HARMLESS and event.pk not in undone:
            return None
    return None


def undo(case: Case, *, by: User, seen: int | None = None) -> list[Kind]:
    """Put back what the case held before the user's latest outcome. Returns the kinds of SMS that have left since.

    A booking is never counted down: a time that is put back is a new booking, with a reminder of its own.
    """
    with locked_as_shown(case, seen, by) as row:
        event = to_undo(row.events.order_by("-id"), by, database_now())
        if event is None:
            raise NotPossible(TOO_LATE)
        stopped = automatic_sms.has_stopped_confirmation(row, since=event.at)
        before = _as_columns(event.before or {})
        rebooked = "callback_at" in before or stopped
        act(row, CaseEvent.Kind.UNDONE, by, undoes=event, **before)
        if rebooked:
            callbacks.book_anew(row, confirmed=stopped)
        if text := retries.last_text(row):
            drafts.discard_as(drafts.Place(by, row), drafts.Field.SMS, text.text)
        since = Message.objects.filter(case_message__case=row, created_at__gte=event.at, state__in=HANDED_OVER)
        return [Kind(kind) for kind in since.order_by("id").values_list("kind", flat=True).distinct()]


def _as_columns(before: Mapping[str, Any]) -> dict[str, Any]:
    """The columns that an event has kept, as the case holds them."""
    columns: dict[str, Any] = {}
    for name, kept in before.items():
        field = Case._meta.get_field(name)
        columns[getattr(field, "attname", name)] = field.to_python(kept)  # type: ignore[union-attr]
    return columns
