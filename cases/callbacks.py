"""What is done to a case: made, taken, called, moved, closed; given another number; texted.

Each act is one transaction that leaves an event in the case's history. Cases are locked before messages.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from django.db import transaction
from phonenumber_field.phonenumber import PhoneNumber

from cases import automatic_sms
from cases.models import Case, CaseEvent, CaseMessage, Note, Status
from cases.templatetags.swedish import date_and_clock, phone
from consent.models import number_text
from sms import gateway
from sms.models import Kind, Message
from teleq.models import User, database_now

MANUAL_LEAVES_WITHIN = timedelta(hours=12)
"""A message that the provider could not be given for this long is not what the nurse meant any more."""


class NotPossible(Exception):
    """The case is not in a state where this can be done. The text is for the person who tried."""


class NumberChanged(Exception):
    """The case's number is not the one that was shown. Nothing was done."""


def create(case: Case, *, by: User | None) -> Case:
    with transaction.atomic():
        case.save()
        _note_event(case, CaseEvent.Kind.CREATED, by)
        automatic_sms.confirm(case)
    return case


def take(case: Case, *, by: User) -> None:
    """Give the case to this user, if nobody has it: one update, so that of two who press only one gets it."""
    with transaction.atomic():
        free = Case.objects.open().filter(pk=case.pk, assignee=None)
        if not free.update(assignee=by, status=Status.ONGOING):
            case.refresh_from_db()
            if case.assignee == by:
                return
            raise NotPossible(f"{case.assignee} har redan tagit ärendet." if case.assignee else "Ärendet är avslutat.")
        _note_event(case, CaseEvent.Kind.TAKEN, by)


def release(case: Case, *, by: User) -> None:
    """Put the case back in the queue. Anyone in the queue may: who has it may have gone home."""
    with _locked(case) as locked:
        if locked.status == Status.ONGOING:
            _set(locked, status=_status_in_line(locked), assignee=None)
            _note_event(locked, CaseEvent.Kind.RELEASED, by)


def record_attempt(case: Case, *, answered: bool, seen_attempts: int, by: User) -> None:
    """Count a call to the patient. Pressed twice it counts once: the press says how many attempts it was shown."""
    with _locked(case) as locked:
        if locked.attempts != seen_attempts:
            return
        if not locked.is_open:
            raise NotPossible("Ärendet är avslutat.")
        if locked.assignee not in (None, by):
            raise NotPossible(f"{locked.assignee} har redan tagit ärendet.")
        status, assignee = (Status.ONGOING, by) if answered else (Status.NO_ANSWER, None)
        _set(locked, attempts=seen_attempts + 1, status=status, assignee=assignee)
        kind = CaseEvent.Kind.ANSWERED if answered else CaseEvent.Kind.NO_ANSWER
        _note_event(locked, kind, by, f"Försök {locked.attempts} av {locked.queue.max_attempts}")


def close(case: Case, status: Status, *, by: User | None) -> None:
    """Finish the case as Klart or Avbokat. What waits to be sent for it is cancelled."""
    with _locked(case) as locked:
        if locked.is_open:
            # A reminder that was cancelled has used up its booking: a case that is opened again needs another.
            reminders = _cancel_waiting(locked, kind=Kind.REMINDER)
            _cancel_waiting(locked)
            _set(locked, status=status, assignee=None, booking=locked.booking + reminders)
            _note_event(locked, CaseEvent.Kind(status.value), by)


def reopen(case: Case, *, by: User) -> None:
    with _locked(case) as locked:
        if not locked.is_open:
            _set(locked, status=_status_in_line(locked))
            _note_event(locked, CaseEvent.Kind.REOPENED, by)


def save_details(case: Case, changed: list[str], *, by: User) -> None:
    """Save what was changed of name, reason, A-nummer, personnummer and time. Another time is another booking."""
    if not changed:
        return
    with _locked(case) as locked:
        details = {name: getattr(case, name) for name in changed if name != "callback_at"}
        if details:
            _set(locked, **details)
            _note_event(locked, CaseEvent.Kind.DETAILS_CHANGED, by)
        if "callback_at" in changed:
            _move(locked, case.callback_at, by)


def move(case: Case, to: datetime, *, by: User | None) -> None:
    """Give the case another time. Raises NotPossible if it is closed."""
    with _locked(case) as locked:
        if not locked.is_open:
            raise NotPossible("Ärendet är avslutat.")
        if locked.callback_at != to:
            _move(locked, to, by)


def add_what_was_said(case: Case, *, name: str, reason: str, a_number: str | None) -> None:
    """Keep what the patient said in another call beside what they said before. By the telephone system.

    The first name stays, as it may be the one that staff have put right. The newer reason is written after the older;
    where both have no room it stands alone. What doesn't stand in the case is in its history.
    """
    with _locked(case) as locked:
        added, also_said = {}, []
        if name and not locked.name:
            added["name"] = name
        elif name and comparable(name) != comparable(locked.name):
            also_said.append(f"Namn: {name}")
        if a_number and locked.a_number != a_number:
            added["a_number"] = a_number
            if locked.a_number:
                also_said.append(f"Tidigare A-nummer: {phone(locked.a_number)}")
        if _is_new(reason, locked.reason):
            both = f"{locked.reason}{BETWEEN_REASONS}{reason}" if locked.reason else reason
            fits = len(both) <= Case._meta.get_field("reason").max_length
            added["reason"] = both if fits else reason
            if not fits:
                _note_event(locked, CaseEvent.Kind.EARLIER_REASON, None, locked.reason)
        if added:
            _set(locked, **added)
        if added or also_said:
            _note_event(locked, CaseEvent.Kind.DETAILS_CHANGED, None, ". ".join(also_said))


BETWEEN_REASONS = "; "


def _is_new(reason: str, said: str) -> bool:
    return bool(reason) and comparable(reason) not in map(comparable, [said, *said.split(BETWEEN_REASONS)])


def comparable(text: str) -> str:
    """The same for a name however it is cased, spaced and composed."""
    return " ".join(unicodedata.normalize("NFC", text).casefold().split())


def change_number(case: Case, number: PhoneNumber, *, shown: str, by: User) -> None:
    """Give the case another number. What waits for the old one is cancelled. Raises NumberChanged."""
    with _locked(case) as locked:
        _require_shown_number(locked, shown)
        if locked.phone_number == number:
            return
        _note_event(locked, CaseEvent.Kind.NUMBER_CHANGED, by)
        _book_anew(locked, phone_number=number)


def add_note(case: Case, text: str, *, by: User) -> None:
    Note.objects.create(case=case, text=text, author=by)


def send_sms(case: Case, text: str, *, token: str, shown: str, by: User) -> Message:
    """Ask the gateway to send a text to the case's number. The same token is the same message, however often.

    Returns the message, refused or on its way. Raises NumberChanged.
    """
    key = f"manual:{case.pk}:{token}"
    with _locked(case) as locked:
        _require_shown_number(locked, shown)
        at = database_now()
        draft = gateway.Draft(
            key=key,
            kind=Kind.MANUAL,
            queue_id=locked.queue_id,
            to_number=number_text(locked.phone_number),
            text=text,
            author_id=by.pk,
            due_at=at,
            send_before=at + MANUAL_LEAVES_WITHIN,
        )
        CaseMessage.objects.tie(gateway.accept([draft]), {key: locked})
    return Message.objects.get(key=key)


def _move(case: Case, to: datetime, by: User | None) -> None:
    _note_event(case, CaseEvent.Kind.MOVED, by, f"Från {date_and_clock(case.callback_at)} till {date_and_clock(to)}")
    _book_anew(case, callback_at=to)


def _book_anew(case: Case, **values: object) -> None:
    """Another time or number is another booking: what waited for the old one is cancelled, the new one is confirmed."""
    _cancel_waiting(case)
    _set(case, booking=case.booking + 1, booked_at=database_now(), **values)
    if case.is_open:
        automatic_sms.confirm(case)


@contextmanager
def _locked(case: Case) -> Iterator[Case]:
    with transaction.atomic():
        rows = Case.objects.select_related("queue__outgoing_sms", "assignee")
        yield rows.select_for_update(of=("self",), no_key=True).get(pk=case.pk)


def _set(case: Case, **values: object) -> None:
    for name, value in values.items():
        setattr(case, name, value)
    case.save(update_fields=values)


def _status_in_line(case: Case) -> Status:
    """What a case that nobody has is waiting as."""
    return Status.NO_ANSWER if case.attempts else Status.WAITING


def _require_shown_number(case: Case, shown: str) -> None:
    if number_text(case.phone_number) != shown:
        raise NumberChanged


def _cancel_waiting(case: Case, **of_these: object) -> int:
    return gateway.cancel(Message.objects.filter(case_message__case=case, **of_these))


def _note_event(case: Case, kind: CaseEvent.Kind, by: User | None, detail: str = "") -> None:
    CaseEvent.objects.create(case=case, kind=kind, user=by, detail=detail)
