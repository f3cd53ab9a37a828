"""Whether a message is sent or refused: the verdict on consent first, then whether its number can receive SMS.

Screen, dry run and gateway use the same function, `refusal`, which asks `consent.verdict` first (promise 7).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from consent.models import Consent, JudgedAnswer, NumberKey
from consent.verdict import Verdict, answer_in_force, verdict
from sms.models import DueMessage, Message, Refusal
from sms.numbers import can_receive_sms
from sms.states import State
from teleq.clock import database_now, elapsed
from teleq.models import JudgedSettings, OutgoingSms


def refusal(
    outgoing_sms: OutgoingSms | JudgedSettings | None,
    consent: Consent | JudgedAnswer | None,
    to_number: str,
    at: datetime,
) -> Refusal | None:
    """Why a message to this number would be refused at this aware instant, or None. Consent's reason comes first.

    `outgoing_sms` are the settings of the message's queue, `consent` is the answer stored for the number in E.164.
    """
    result = verdict(outgoing_sms, consent, at)
    if result is not Verdict.ALLOWED:
        return Refusal(result.value)
    return None if can_receive_sms(to_number) else Refusal.NOT_MOBILE


def refuse(message: Message | DueMessage, reason: Refusal, at: datetime) -> None:
    """Make the message refused, without saving it."""
    message.state, message.refusal, message.state_at = State.REFUSED, reason, at


class Judge:
    """Judges messages at one instant, by rows that the caller has locked.

    `outgoing_sms` are the queues' settings by queue id, `consents` the answers by care provider and number.
    """

    def __init__(
        self, outgoing_sms: Mapping[int, OutgoingSms | JudgedSettings], consents: Mapping[NumberKey, JudgedAnswer]
    ) -> None:
        self.outgoing_sms, self.consents = outgoing_sms, consents
        self.events = Consent.objects.latest_events(consents.values())
        self.began = elapsed()
        """A moment before `at`, on this process's clock."""
        self.at = database_now()
        """When the messages are judged, by PostgreSQL's clock. Read after locking, so every earlier answer is among
        the rows."""

    def judge(self, message: Message | DueMessage, key: NumberKey) -> None:
        """Refuse the message or leave its state as it is, and note on it which answer decided (promise 8). Saves
        nothing."""
        outgoing_sms, consent = self.outgoing_sms.get(message.queue_id), self.consents.get(key)
        _, to_number = key
        if reason := refusal(outgoing_sms, consent, to_number, self.at):
            refuse(message, reason, self.at)
        message.consent_required = outgoing_sms.consent_required if outgoing_sms else None
        message.consent_answer = answer_in_force(consent, self.at)
        # Where there is no answer these are emptied: what an earlier judgement noted may have been removed since.
        message.consent_event_id = self.events.get(consent.id) if consent and consent.id else None
        message.consent_channel = consent.channel if consent else ""
        message.consent_answered_at = consent.answered_at if consent else None
