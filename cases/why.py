"""Why a message was sent or stopped: what the gateway judged it by, as it wrote it down at that moment (promise 8)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from consent.models import Answer, Channel, Consent
from sms.models import Message, Refusal
from sms.states import HANDED_OVER, State
from teleq.swedish import date_and_clock, last_day

OF_A_COPY = gettext_noop(
    "SMS:et kan ha skickats innan databasen återställdes från en säkerhetskopia. Vilket svar som gällde är inte känt."
)


@dataclass(frozen=True)
class Why:
    question: str
    explanation: str


def of_messages(messages: Collection[Message]) -> dict[int, Why]:
    """Why each message was sent or stopped, by the message's id, in one query. One that was not judged has no entry."""
    events = _events(messages)
    return {message.pk: why for message in messages if (why := _why(message, events))}


def _events(messages: Collection[Message]) -> Mapping[int, Any]:
    ids = {message.consent_event_id for message in messages if message.consent_event_id}
    return Consent.history().select_related("answered_by").in_bulk(ids)


def _why(message: Message, events: Mapping[int, Any]) -> Why | None:
    if message.refusal == Refusal.CONTENT:
        return Why(
            _("Varför stoppades SMS:et?"),
            f"{Refusal.CONTENT.label} {_judged(message.state_at)}",
        )
    if message.state in HANDED_OVER and message.consent_required is None:  # it was in a restored copy, and not judged
        return Why(_("Varför skickades SMS:et?"), _(OF_A_COPY))
    event = events.get(message.consent_event_id or 0)
    reasons = [
        _consent(message, event),
        _judged(message.claimed_at or message.state_at),
    ]
    if message.state in HANDED_OVER:
        return Why(_("Varför skickades SMS:et?"), " ".join([_switch(message), *reasons]))
    if message.state != State.REFUSED:
        return None
    if message.refusal == Refusal.NOT_MOBILE:
        reasons.insert(0, str(Refusal.NOT_MOBILE.label))
    elif message.refusal == Refusal.MISSING:
        reasons.insert(0, _switch(message))
    return Why(_("Varför stoppades SMS:et?"), " ".join(reasons))


def _judged(at: datetime) -> str:
    return _("Bedömt %(at)s.") % {"at": date_and_clock(at)}


def _switch(message: Message) -> str:
    if message.consent_required is None:
        return _("Köns inställningar för SMS saknades.")
    return _("Kön krävde samtycke.") if message.consent_required else _("Kön krävde inte samtycke.")


def _consent(message: Message, event: Any) -> str:
    if event is None and message.consent_answered_at:  # a withdrawal that was on its way to become the answer
        return _("Svaret var Nej. Patienten svarade själv med SMS %(at)s.") % {
            "at": date_and_clock(message.consent_answered_at)
        }
    if event is None:
        return _("Inget svar fanns för numret.")
    answer, until = Answer(event.answer).label, last_day(event.valid_until)
    if message.consent_answer != event.answer:
        return _("Svaret %(answer)s hade slutat gälla %(until)s.") % {"answer": answer, "until": until}
    told = {"answer": answer, "at": date_and_clock(event.answered_at), "until": until}
    if event.channel == Channel.SMS:
        return _("Svaret var %(answer)s. Patienten svarade själv med SMS %(at)s, och det gällde till %(until)s.") % told
    if event.channel == Channel.PHONE_KEYS:
        return (
            _("Svaret var %(answer)s. Patienten svarade själv i telefonmenyn %(at)s, och det gällde till %(until)s.")
            % told
        )
    words = _("Svaret var %(answer)s. %(user)s registrerade det %(at)s, och det gällde till %(until)s.")
    return words % {**told, "user": event.answered_by}
