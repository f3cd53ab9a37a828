"""How a case is changed: under its row's lock, compared with what was shown, and with an event in its history.

Cases are locked before slots, the care provider's marks and messages.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Model
from phonenumber_field.phonenumber import PhoneNumber

from cases import history
from cases.models import Case, CaseEvent, Status
from sms import gateway
from sms.models import Message
from teleq.models import User
from teleq.phone_numbers import number_text

Told = Mapping[str, tuple[Any, Any]]
"""What an event's history tells of beside its kind: by name, from what to what."""
NOTHING: Told = {}
NOBODY: dict[str, Any] = {"assignee": None, "taken_at": None}
"""The columns of a case that nobody has."""


class NotPossible(Exception):
    """The case is not in a state where this can be done. The text is for the person who tried."""


@contextmanager
def locked(case: Case) -> Iterator[Case]:
    """The case as it stands, kept as it is for others until the block ends. One transaction."""
    with transaction.atomic():
        hold(case)
        yield Case.objects.select_related("queue__outgoing_sms", "assignee").get(pk=case.pk)


def hold(case: Case) -> None:
    """Lock the case's row. It is read by a statement of its own: in the one that has waited for the lock, a join would
    still be to what the row held before, and find nothing where the case has got another queue meanwhile."""
    Case.objects.select_for_update(no_key=True).values_list("pk").get(pk=case.pk)


@contextmanager
def locked_as_shown(case: Case, seen: int | None, by: User | None) -> Iterator[Case]:
    """As `locked`. Raises NotPossible if somebody has acted on the case since the page was made.

    `seen` is the id of the case's latest act then (`CaseEventQuerySet.latest_act`); None if the caller saw no page.
    """
    with locked(case) as row:
        require_as_shown(row, seen, by)
        yield row


def require_as_shown(case: Case, seen: int | None, by: User | None) -> None:
    """Raises NotPossible if somebody has acted on the case, which is locked, since `seen`."""
    latest = case.events.latest_act()
    require(seen is None or seen == (latest.pk if latest else 0), case, by)


def require(possible: bool, case: Case, by: User | None) -> None:
    """Raises NotPossible, with what stands instead of what was pressed."""
    if not possible:
        raise NotPossible(history.what_stands(case, by))


def status_in_queue(case: Case) -> Status:
    """The status of an open case that nobody has."""
    return Status.NO_ANSWER if case.attempts else Status.WAITING


def set_columns(case: Case, **values: object) -> None:
    for name, value in values.items():
        setattr(case, name, value)
    case.save(update_fields=values)


def act(  # noqa: PLR0913
    case: Case,
    kind: CaseEvent.Kind,
    by: User | None,
    *,
    told: Mapping[str, tuple[Any, Any]] | None = None,
    detail: str = "",
    undoes: CaseEvent | None = None,
    **values: object,
) -> CaseEvent:
    """Set these columns, and note the act. What they held before stands in its event, so that it can be undone.

    `told` are the changes that the history tells of, from what to what.
    """
    before = {name: _as_kept(getattr(case, name)) for name in values}
    if values:
        set_columns(case, **values)
    return note(case, kind, by, told, detail=detail, undoes=undoes, before=before)


def note(
    case: Case,
    kind: CaseEvent.Kind,
    by: User | None,
    changes: Mapping[str, tuple[Any, Any]] | None = None,
    **columns: Any,
) -> CaseEvent:
    """Note an event in the case's history. By None: the telephone system, or the patient through it."""
    told = {name: [history.as_stored(value) for value in pair] for name, pair in (changes or {}).items()}
    return CaseEvent.objects.create(case=case, kind=kind, user=by, changes=told, **columns)


def cancel_waiting(case: Case, **of_these: object) -> int:
    """Cancel those of the case's SMS that have not left, and say how many they were."""
    return gateway.cancel(Message.objects.filter(case_message__case=case, **of_these))


def _as_kept(value: Any) -> Any:
    """A column's value, as JSON keeps it."""
    if isinstance(value, Model):
        return value.pk
    if isinstance(value, datetime):
        return value.isoformat()
    return number_text(value) if isinstance(value, PhoneNumber) else value
