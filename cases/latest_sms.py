"""The latest SMS that was written in a case: what became of it, and what whoever sent it has to do.

Sending anew is a new act, by hand: the text is put back into the field, and nothing is sent by itself (promise 6).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.utils.translation import gettext_lazy

from cases.models import Case
from sms.models import Kind, Message
from sms.states import State

WHAT_TO_DO = {
    State.FAILED: gettext_lazy("SMS:et kom inte fram. Kontrollera numret, eller ring patienten."),
    State.UNKNOWN: gettext_lazy("Ring patienten eller skicka igen. Det kan komma fram två gånger."),
    State.EXPIRED: gettext_lazy("SMS:et skickades inte. Skicka igen om det fortfarande behövs."),
    State.CANCELLED: gettext_lazy("SMS:et skickades inte. Skicka igen om det fortfarande behövs."),
    State.REFUSED: gettext_lazy("SMS:et skickades inte."),
}
"""Of the states in which the patient has not got it, or may not have."""
MAY_BE_SENT_ANEW = {State.FAILED, State.UNKNOWN, State.EXPIRED, State.CANCELLED}
"""Of what was refused the reason comes first: it stands beside the button."""


@dataclass(frozen=True)
class LatestSms:
    message: Message
    to_another_number: bool
    """Than the case has now."""
    is_written: bool
    """Its text stands in the field already."""

    @property
    def outcome(self) -> str:
        return self.message.outcome.rstrip(".")

    @property
    def what_to_do(self) -> str:
        return str(WHAT_TO_DO.get(State(self.message.state), ""))

    @property
    def may_be_put_back(self) -> bool:
        return self.message.state in MAY_BE_SENT_ANEW and not self.is_written


def latest(case: Case, messages: Iterable[Message], written: str) -> LatestSms | None:
    """Of the case's messages. `written` is what the field holds."""
    by_hand = [message for message in messages if message.kind == Kind.MANUAL]
    if not by_hand:
        return None
    message = max(by_hand, key=lambda message: message.pk)
    is_written = message.text in written.replace("\r\n", "\n")
    return LatestSms(message, message.to_number != case.phone_number, is_written)


def to_put_back(case: Case, message_id: int) -> str | None:
    """The text of an SMS that was written in the case; None if it is no such."""
    by_hand = Message.objects.filter(case_message__case=case, kind=Kind.MANUAL)
    return by_hand.filter(pk=message_id).values_list("text", flat=True).first()
