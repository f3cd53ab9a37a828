"""A case's history as sentences: what was done to it, its messages, and the answers given for its number."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Field
from django.utils.text import capfirst
from phonenumber_field.phonenumber import PhoneNumber

from cases import why
from cases.models import Case, CaseEvent, Priority, ProtectionMark
from consent.models import Answer, Channel, Consent
from sms.models import InboundSms, Message
from sms.states import PENDING, TIME_LIMITED
from teleq.models import User
from teleq.phone_numbers import number_text, show
from teleq.swedish import clock, date_and_clock, identity_number, of_planned, phone

BY_ITSELF = "Automatiskt"
BY_TELEPHONE = "Telefonsystemet"


@dataclass(frozen=True)
class Entry:
    at: datetime
    sentence: str
    who: str
    message: Message | None = None
    why: why.Why | None = None


def of_case(case: Case, inbound_sms: Iterable[InboundSms], marks: Iterable[ProtectionMark]) -> list[Entry]:
    """The case's whole history, latest first. The same number of queries however long it is."""
    entries = [*acts(case), *_messages(case), *_answers(case), *_inbound(inbound_sms), *_marks(marks)]
    return sorted(entries, key=lambda entry: entry.at, reverse=True)


def acts(case: Case) -> list[Entry]:
    """What was done to the case, oldest first."""
    return [
        Entry(event.at, _sentence(case, event), str(event.user or BY_TELEPHONE))
        for event in case.events.select_related("user").order_by("id")
    ]


BY_THE_PATIENT = {
    CaseEvent.Kind.CREATED: "Patienten bokade återuppringning",
    CaseEvent.Kind.MOVED: "Patienten ändrade tiden",
    CaseEvent.Kind.CANCELLED: "Patienten avbokade",
    CaseEvent.Kind.DETAILS_CHANGED: "Patienten lämnade fler uppgifter",
}
"""An event's label where no user made it: it came in through the telephone system."""


def _sentence(case: Case, event: CaseEvent) -> str:
    label = event.get_kind_display()
    if event.user is None:
        label = BY_THE_PATIENT.get(CaseEvent.Kind(event.kind), label)
    return " ".join(f"{part}." for part in (label, *_changes(case, event)))


# What an event changed, from what to what ----------------------------------------------------------------------------

ONLY_ONE = (CaseEvent.Kind.MOVED, CaseEvent.Kind.NUMBER_CHANGED, CaseEvent.Kind.QUEUE_CHANGED)
"""Kinds of event that change one column only, so that their label has said which."""


def _changes(case: Case, event: CaseEvent) -> Iterator[str]:
    for name, (before, after) in event.changes.items():
        if name == "attempts":
            yield f"Försök {of_planned(after, case.queue.max_attempts)}"
            continue
        if name == "said_name":
            yield f"Uppgav namnet ”{after}”"
            continue
        label = "Från" if event.kind in ONLY_ONE else f"{_column(name)} från"
        yield f"{label} {value_in_words(name, before)} till {value_in_words(name, after)}"


def _column(name: str) -> str:
    field = Case._meta.get_field(name)
    assert isinstance(field, Field)
    return str(capfirst(field.verbose_name))


def as_stored(value: Any) -> Any:
    """A column's value, as an event keeps it."""
    if isinstance(value, datetime):
        return value.isoformat()
    return number_text(value) if isinstance(value, PhoneNumber) else value


def value_in_words(name: str, value: Any) -> str:
    """A column's value, or what an event has kept of it."""
    if value in (None, ""):
        return "dolt" if name == "a_number" else "tomt"
    if name == "priority":
        return Priority(value).label
    if name == "queue":  # by its name at the time
        return str(value)
    if name == "callback_at":
        return date_and_clock(datetime.fromisoformat(value) if isinstance(value, str) else value)
    if name in ("phone_number", "a_number"):
        return phone(PhoneNumber.from_string(value) if isinstance(value, str) else value)
    return identity_number(value) if name == "personal_identity_number" else f"”{value}”"


def who_changed(case: Case, name: str) -> str | None:
    """Whoever changed a column last, since the case was made."""
    event = case.events.filter(changes__has_key=name).select_related("user").order_by("-id").first()
    return (str(event.user) if event.user else "patienten") if event else None


# What stands instead of what was pressed -----------------------------------------------------------------------------

CLOSED = "Ärendet är avslutat."
HAS_DONE = {
    CaseEvent.Kind.CREATED: "skapade ärendet",
    CaseEvent.Kind.TAKEN: "tog ärendet",
    CaseEvent.Kind.RELEASED: "släppte ärendet",
    CaseEvent.Kind.REACHED: "registrerade Fick svar",
    CaseEvent.Kind.NO_ANSWER: "registrerade Inget svar",
    CaseEvent.Kind.DONE: "registrerade Klart",
    CaseEvent.Kind.CANCELLED: "avbokade",
    CaseEvent.Kind.REOPENED: "öppnade ärendet igen",
    CaseEvent.Kind.TAKEN_OVER: "tog över ärendet",
    CaseEvent.Kind.LEFT: "lämnade ärendet, som har släppts",
    CaseEvent.Kind.CALLED: "ringde",
    CaseEvent.Kind.NOT_CALLED: "registrerade Ringde inte",
    CaseEvent.Kind.UNDONE: "ångrade sig",
    CaseEvent.Kind.QUEUE_CHANGED: "flyttade ärendet till en annan kö",
}


def what_stands(case: Case, by: User | None) -> str:
    """Why a button of the case did nothing, for whoever pressed it."""
    told = "Inget ändrades."
    if latest := case.events.latest_act():
        mine = by is not None and latest.user_id == by.pk
        who = "du" if mine else str(latest.user or "patienten")
        done = f"{HAS_DONE[CaseEvent.Kind(latest.kind)]} {clock(latest.at)}"
        if latest.kind == CaseEvent.Kind.TAKEN and not mine:
            done = "har redan tagit ärendet"
        told = f"Inget ändrades: {who} {done}."
    return told if case.is_open else f"{told} {CLOSED}"


def _messages(case: Case) -> list[Entry]:
    messages = list(Message.objects.filter(case_message__case=case).select_related("author"))
    reasons = why.of_messages(messages)
    return [
        Entry(
            message.created_at,
            f"{message.get_kind_display()}: {message.outcome.rstrip('.')}.",
            str(message.author) if message.author else BY_ITSELF,
            message,
            reasons.get(message.pk),
        )
        for message in messages
    ]


def _inbound(inbound_sms: Iterable[InboundSms]) -> list[Entry]:
    return [Entry(sms.received_at, f"SMS från patienten: ”{sms.text}”", "Patienten") for sms in inbound_sms]


def has_messages_under_way(case: Case, at: datetime) -> bool:
    """Whether a message of the last minute is still on its way: while it is, the open page asks for its state."""
    states = Message.objects.filter(case_message__case=case, state__in=PENDING | TIME_LIMITED)
    return any((at - created).total_seconds() < 60 for created in states.values_list("created_at", flat=True))


def _marks(marks: Iterable[ProtectionMark]) -> Iterator[Entry]:
    for mark in marks:
        told = f"Skyddade personuppgifter: {marked_in_words(mark.identifier)}"
        yield Entry(mark.marked_at, f"{told} markerades. {_period(mark.reason)}", str(mark.marked_by or BY_TELEPHONE))
        if mark.ended_at:
            why = _period(mark.ended_reason)
            yield Entry(mark.ended_at, f"{told} är inte längre markerat. {why}", str(mark.ended_by))


def marked_in_words(identifier: str) -> str:
    """What a mark is of: "telefonnumret 070-174 06 05", "personnumret 19121212-1212"."""
    if identifier.startswith("+"):
        return f"telefonnumret {show(identifier)}"
    return f"personnumret {identity_number(identifier)}"


def _period(text: str) -> str:
    return f"{text.rstrip('.')}."


def _answers(case: Case) -> list[Entry]:
    provider_id, number = case.consent_key
    events = Consent.history().filter(care_provider_id=provider_id, phone_number=number)
    entries, before = [], None
    for event in events.select_related("answered_by").order_by("pgh_id"):
        if event.pgh_label != "delete":
            entries.append(Entry(event.answered_at, _answer_sentence(before, event), _who(event)))
        before = event
    return entries


def _answer_sentence(before: Consent | None, event: Consent) -> str:
    old = Answer(before.answer) if before and event.answered_at < before.valid_until else Answer.UNSET
    new = Answer(event.answer)
    if old is new:
        return f"Samtycke till SMS bekräftat: {new.label}."
    return f"Samtycke till SMS ändrat från {old.label} till {new.label}."


def _who(event: Consent) -> str:
    if event.channel == Channel.SMS:
        return "Patienten"
    by: User | None = event.answered_by
    return str(by) if by else BY_ITSELF
