"""A case's history as sentences: what was done to it, its messages, and the answers given for its number."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from cases import why
from cases.models import Case, CaseEvent
from consent.models import Answer, Channel, Consent
from sms.models import InboundSms, Message, State
from teleq.models import User

BY_ITSELF = "Automatiskt"


@dataclass(frozen=True)
class Entry:
    at: datetime
    sentence: str
    who: str
    message: Message | None = None
    why: why.Why | None = None


def of_case(case: Case, inbound_sms: Iterable[InboundSms]) -> list[Entry]:
    """Latest first. The same number of queries however long it is."""
    entries = [*_acts(case), *_messages(case), *_answers(case), *_inbound(inbound_sms)]
    return sorted(entries, key=lambda entry: entry.at, reverse=True)


def _acts(case: Case) -> list[Entry]:
    return [
        Entry(event.at, _sentence(event), str(event.user) if event.user else "Telefonsystemet")
        for event in case.events.select_related("user").order_by("id")
    ]


BY_THE_PATIENT = {
    CaseEvent.Kind.CREATED: "Patienten bokade återuppringning",
    CaseEvent.Kind.MOVED: "Patienten ändrade tiden",
    CaseEvent.Kind.CANCELLED: "Patienten avbokade",
    CaseEvent.Kind.DETAILS_CHANGED: "Patienten lämnade fler uppgifter",
}
"""What is said of what came in through the telephone system."""


def _sentence(event: CaseEvent) -> str:
    label = event.get_kind_display()
    if event.user is None:
        label = BY_THE_PATIENT.get(CaseEvent.Kind(event.kind), label)
    return f"{label}. {event.detail}." if event.detail else f"{label}."


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


def has_messages_under_way(entries_of: Case, at: datetime) -> bool:
    """Whether a message is so fresh that its state is about to change: what the page keeps an eye on."""
    fresh = [State.QUEUED, State.SENDING, State.SENT]
    states = Message.objects.filter(case_message__case=entries_of, state__in=fresh)
    return any((at - created).total_seconds() < 60 for created in states.values_list("created_at", flat=True))


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
