"""Dry runs: what the gateway would do with an SMS now, by the gateway's own rule. Nothing is sent."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import timedelta

from django.db.models import Count, QuerySet, Value
from django.db.models.functions import Now
from phonenumber_field.phonenumber import PhoneNumber

from cases import protected
from cases.models import Case
from consent import register
from consent.models import Consent
from consent.verdict import Verdict, in_force_for, verdict
from sms import brake
from sms.judge import refusal
from sms.models import Kind, Message, Refusal, SendingStop
from sms.states import State
from teleq.clock import database_now
from teleq.models import OutgoingSms, Queue
from teleq.phone_numbers import number_text

SWITCHES = {Kind.CONFIRMATION: "confirmation_on", Kind.REMINDER: "reminder_on"}


@dataclass(frozen=True)
class DryRun:
    """Whether an SMS would be sent at this moment, and what that rests on."""

    refusal: Refusal | None
    consent: Consent | None
    """The answer that is stored for the number, lapsed or not."""
    counts: bool
    consent_required: bool | None
    """None where the queue's settings are missing."""
    is_sent_at_all: bool
    """A queue may have confirmations or reminders turned off."""
    is_protected: bool
    """Whoever uses the number has protected personal data: nothing is sent to them automatically."""
    sending_stop: SendingStop | None
    """All sending is stopped: it would wait."""

    @property
    def would_be_sent(self) -> bool:
        stopped = self.sending_stop is not None
        return self.is_sent_at_all and not self.is_protected and self.refusal is None and not stopped


def would_it_be_sent(queue: Queue, number: PhoneNumber, kind: Kind) -> DryRun:
    """Whether an SMS of this kind from the queue to the number would be sent now, and what that rests on."""
    at = database_now()
    outgoing_sms, consent = queue.outgoing_sms_or_none, register.current(queue.care_provider_id, number).consent
    return DryRun(
        refusal=refusal(outgoing_sms, consent, number_text(number), at),
        consent=consent,
        counts=consent is not None and consent.counts(at),
        consent_required=outgoing_sms.consent_required if outgoing_sms else None,
        is_protected=kind in SWITCHES and protected.is_marked(queue.care_provider_id, number),
        is_sent_at_all=kind not in SWITCHES or bool(outgoing_sms and getattr(outgoing_sms, SWITCHES[kind])),
        sending_stop=brake.in_force(),
    )


@dataclass(frozen=True)
class Stopped:
    """How many would get no SMS if the queue required consent, by why: no Ja is stored, or a Nej is."""

    unanswered: int
    declined: int


def with_consent_required(queue: Queue) -> dict[str, Stopped]:
    """What ticking "Aktivera samtycke till SMS" would stop: of the messages that wait, and of the coming callbacks."""
    waiting = Message.objects.filter(unsettled__queue=queue, state=State.QUEUED)
    coming = Case.objects.open().filter(queue=queue, callback_at__gt=Now())
    return {
        "waiting": _stopped(queue, waiting, "to_number"),
        "coming": _stopped(queue, coming, "phone_number"),
    }


def _stopped(queue: Queue, rows: QuerySet[Message] | QuerySet[Case], number: str) -> Stopped:
    """PostgreSQL counts the rows by the answer in force for their number, which is in the field `number`. Then the
    gateway's verdict is asked for once for each of the three answers."""
    at, ticked = database_now(), OutgoingSms(queue=queue, consent_required=True)
    by_answer = rows.order_by().annotate(answer=in_force_for(Value(queue.care_provider_id), number, at))
    stopped: Counter[Verdict] = Counter()
    for answer, how_many in by_answer.values_list("answer").annotate(how_many=Count("pk")):
        stopped[verdict(ticked, Consent(answer=answer, valid_until=at + timedelta(days=1)), at)] += how_many
    return Stopped(unanswered=stopped[Verdict.MISSING], declined=stopped[Verdict.DECLINED])
