"""What a case says, and what follows: made, moved, given other details or another number, noted in, texted.

Each is one transaction that leaves an event in the case's history. What the buttons do is in `cases.acts`.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _
from phonenumber_field.phonenumber import PhoneNumber

from cases import automatic_sms, history, protected, retries
from cases.changing import NOTHING, NotPossible, Told, cancel_waiting, note, set_columns
from cases.changing import locked as locked_case
from cases.models import Case, CaseEvent, CaseMessage, NoAnswer, Note, Priority
from consent import register
from sms import gateway
from sms.content.segments import normalize
from sms.judge import refusal
from sms.models import Kind, Message, Refusal
from sms.states import State
from teleq.changes import Changes, to_make
from teleq.clock import database_now
from teleq.database import insert_unless_there
from teleq.models import User
from teleq.phone_numbers import number_text

AUTOMATIC = (Kind.CONFIRMATION, Kind.REMINDER)
MANUAL_LEAVES_WITHIN = timedelta(hours=12)
"""A message that the provider could not be given for this long is not what the nurse meant any more."""


class NumberChanged(Exception):
    """The case's number is not the one that was shown. Nothing was done."""


class Protected(Exception):
    """The patient has protected personal data, and whoever sends has not been asked about that. Nothing was done."""


class AnotherText(Exception):
    """The press has saved a note already, with another text. Nothing was done."""


def create(case: Case, *, by: User | None, confirmed: bool = True, told: Told = NOTHING) -> Case:
    """Save a new case, and confirm its booking by SMS if the queue does, unless it is not to be `confirmed` now. By
    None: the telephone system."""
    with transaction.atomic():
        case.save()
        _booked(case, by, confirmed, told)
    return case


def _booked(case: Case, by: User | None, confirmed: bool = True, told: Told = NOTHING) -> None:
    note(case, CaseEvent.Kind.CREATED, by, told)
    if confirmed:
        automatic_sms.confirm(case)


def create_once(case: Case, *, by: User) -> tuple[Case, bool]:
    """Make the case of a press, and say whether it is new: the same press again is the case that it made before.

    Raises NotPossible where the press is somebody else's.
    """
    with transaction.atomic():
        if insert_unless_there(case):
            _booked(case, by)
            return case, True
    before = made_by(case.press, by)
    if before is None:
        raise NotPossible(_("Sidan har redan använts. Tryck igen."))
    return before, False


def made_by(press: UUID | None, user: User) -> Case | None:
    """The case that a press of the form's button has made, if it is in a queue of the user's."""
    return Case.objects.for_user(user).filter(press=press).first() if press else None


def save_details(case: Case, changed: Changes, *, by: User) -> bool:
    """Save what was changed in "Ändra uppgifter" (`DetailsForm`), and say whether that made a difference. Raises
    ChangedMeanwhile."""
    with locked_case(case) as locked:
        if made := to_make(locked, changed):
            with protected.following(locked, made, by=by):
                set_columns(locked, **{name: after for name, (_, after) in made.items()})
            note(locked, CaseEvent.Kind.DETAILS_CHANGED, by, made)
    return bool(made)


def move(case: Case, to: datetime, *, by: User | None, confirmed: bool = True, told: Told = NOTHING) -> None:
    """Give the case another time, and confirm it by SMS unless it is not to be now. Raises NotPossible if it is
    closed."""
    with locked_case(case) as locked:
        if not locked.is_open:
            raise NotPossible(history.CLOSED)
        if locked.callback_at != to:
            note(locked, CaseEvent.Kind.MOVED, by, {"callback_at": (locked.callback_at, to), **told})
            book_anew(locked, confirmed=confirmed, callback_at=to)


def add_what_was_said(
    case: Case, *, name: str, words: Mapping[str, str], a_number: str | None, priority: Priority = Priority.NORMAL
) -> None:
    """Keep what the patient said in another call beside what they said before. By the telephone system.

    The first name stays, as it may be the one that staff have put right. Of the other `words`, by their columns, the
    newer are written after the older; if the two together are too long, only the newer are kept. What doesn't stand in
    the case is in its history. What is urgent stays so.
    """
    with locked_case(case) as locked:
        said: dict[str, tuple[Any, Any]] = {}
        if name and not locked.name:
            said["name"] = (locked.name, name)
        if a_number and locked.a_number != a_number:
            said["a_number"] = (locked.a_number, a_number)
        for column, newer in words.items():
            older = getattr(locked, column)
            if _is_new(newer, older):
                said[column] = (older, _both(older, newer, LONGEST[column]))
        if priority < locked.priority:
            said["priority"] = (locked.priority, priority)
        with protected.following(locked, said, by=None):
            if said:
                set_columns(locked, **{column: after for column, (_, after) in said.items()})
        if name and comparable(name) != comparable(locked.name):
            said["said_name"] = ("", name)
        if said:
            note(locked, CaseEvent.Kind.DETAILS_CHANGED, None, said)


BETWEEN = "; "
LONGEST = {
    "reason": Case.LONGEST_REASON,
    "interpreter_language": Case.LONGEST_LANGUAGE,
    "speak_with": Case.LONGEST_WISH,
}


def _is_new(words: str, said: str) -> bool:
    return bool(words) and comparable(words) not in map(comparable, [said, *said.split(BETWEEN)])


def _both(older: str, newer: str, longest: int) -> str:
    both = f"{older}{BETWEEN}{newer}" if older else newer
    return both if len(both) <= longest else newer


def comparable(text: str) -> str:
    """The same for a name however it is cased, spaced and composed."""
    return " ".join(unicodedata.normalize("NFC", text).casefold().split())


def change_number(case: Case, number: PhoneNumber, *, shown: str, by: User) -> bool:
    """Give the case another number, and say whether it is another. What waits for the old one is cancelled.

    Raises NumberChanged.
    """
    with locked_case(case) as locked:
        _require_shown_number(locked, shown)
        if locked.phone_number == number:
            return False
        note(locked, CaseEvent.Kind.NUMBER_CHANGED, by, {"phone_number": (locked.phone_number, number)})
        with protected.following(locked, ["phone_number"], by=by):
            cancel_waiting(locked)
            set_columns(locked, phone_number=number, wrong_number=False)
        book_anew(locked)
    return True


def confirm_number(case: Case, *, shown: str, by: User) -> bool:
    """Say that a number that was wrong is right after all, and say whether that made a difference. Automatic SMS are
    planned again, and a confirmation that was stopped goes out. Raises NumberChanged."""
    with locked_case(case) as locked:
        _require_shown_number(locked, shown)
        if not locked.wrong_number:
            return False
        was_wrong = locked.events.filter(detail=NoAnswer.WRONG_NUMBER).latest("id")
        set_columns(locked, wrong_number=False)
        note(locked, CaseEvent.Kind.NUMBER_CONFIRMED, by)
        if automatic_sms.has_stopped_confirmation(locked, since=was_wrong.at):
            book_anew(locked)
        elif locked.queue.confirm_retries and locked.is_open:
            automatic_sms.confirm(locked)  # once per booking: of a time that was given when the number was wrong
    return True


def add_note(case: Case, text: str, *, by: User, press: UUID | None = None) -> None:
    """Save a note, once however often the press arrives. Raises AnotherText."""
    if press is None:
        Note.objects.create(case=case, text=text, author=by)
        return
    if insert_unless_there(Note(case=case, press=press, text=text, author=by)):
        return
    if Note.objects.get(case=case, press=press).text != text:
        raise AnotherText


def send_sms(case: Case, text: str, *, token: str, shown: str, by: User, anyway: bool = False) -> Message:  # noqa: PLR0913
    """Ask the gateway to send a text to the case's number. The same token is the same message, however often.

    `anyway`: also if the patient has protected personal data. Returns the message, refused or on its way. Raises
    NumberChanged and Protected.
    """
    key = _manual_key(case, token)
    with locked_case(case) as locked:
        _require_shown_number(locked, shown)
        if not anyway and protected.is_protected(locked) and not Message.objects.filter(key=key).exists():
            raise Protected
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


def has_sent(case: Case, text: str, *, token: str) -> bool:
    """Whether this text has left the form with this token already."""
    sent = Message.objects.filter(key=_manual_key(case, token)).exclude(state=State.REFUSED)
    return any(message.text == normalize(text) for message in sent)


def would_be_lost(case: Case, text: str, *, token: str) -> bool:
    """Whether a case that is closed now leaves a message that was written and has not been sent.

    The text that is filled in after the last attempt is nobody's own words where it can't be sent anyway.
    """
    if not text.strip() or has_sent(case, text, token=token):
        return False
    filled_in = retries.last_text(case)
    return not (filled_in and filled_in.text == text and refusal_now(case))


def refusal_now(case: Case) -> Refusal | None:
    """Why no SMS can be sent to the case's number at this moment, or None."""
    consent = register.current(*case.consent_key).consent
    return refusal(case.queue.outgoing_sms_or_none, consent, number_text(case.phone_number), database_now())


def _manual_key(case: Case, token: str) -> str:
    return f"manual:{case.pk}:{token}"


def book_anew(case: Case, *, confirmed: bool = True, **values: object) -> None:
    """Save another time or number of a locked case, which is another booking.

    Automatic messages about the old one are cancelled if they still wait. The new one is confirmed, unless it is not to
    be.
    """
    protected.hold_still([case])
    cancel_waiting(case, kind__in=AUTOMATIC)
    set_columns(case, booking=case.booking + 1, booked_at=database_now(), **values)
    if case.is_open and confirmed:
        automatic_sms.confirm(case)


def cancel_automatic(case: Case) -> None:
    """Cancel the automatic SMS of a locked case that still wait.

    A booking gets one reminder, cancelled or not: it is counted up, so that another can be planned if the case goes on.
    """
    reminders = cancel_waiting(case, kind=Kind.REMINDER)
    cancel_waiting(case, kind__in=AUTOMATIC)
    set_columns(case, booking=case.booking + reminders)


def _require_shown_number(case: Case, shown: str) -> None:
    if number_text(case.phone_number) != shown:
        raise NumberChanged
