"""Queues that confirm and remind, time that passes, and what became of a case's messages."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import F

from cases import automatic_sms
from cases.models import Case
from sms import gateway
from sms.models import Kind, Lane, Message
from teleq.clock import database_now
from teleq.models import OutgoingSms, Queue
from tests.cases.desk import messages_of
from tests.conftest import ProviderServer

WAITING = (Kind.CONFIRMATION, "Väntar")
CONFIRMED = (Kind.CONFIRMATION, "Skickat")
REMINDED = (Kind.REMINDER, "Skickat")


def set_up(queue: Queue, **settings: object) -> None:
    """Save these in Utgående SMS."""
    OutgoingSms.objects.filter(queue=queue).update(**settings)
    queue.outgoing_sms.refresh_from_db()


def turn_on(queue: Queue) -> None:
    """Confirmations, and reminders an hour before."""
    set_up(
        queue,
        confirmation_on=True,
        confirmation_text="Vi ringer {datum} kl. {tid}. {enhet}",
        reminder_on=True,
        reminder_minutes=60,
        reminder_text="Snart {tid}!",
    )


def let_pass(**time: float) -> None:
    """As much later: everything that is stored has become as much older."""
    by = timedelta(**time)
    Case.objects.update(**{name: F(name) - by for name in ("callback_at", "booked_at", "created_at")})
    Message.objects.update(**{name: F(name) - by for name in ("created_at", "due_at", "send_before", "state_at")})


def later(**time: float) -> datetime:
    return database_now() + timedelta(**time)


def outcomes(case: Case) -> list[tuple[str, str]]:
    return [(message.kind, message.outcome) for message in messages_of(case)]


def reminders(case: Case) -> list[Message]:
    return [message for message in messages_of(case) if message.kind == Kind.REMINDER]


def texts(provider: ProviderServer) -> list[tuple[str, str]]:
    return [(sms["to"], sms["message"]) for sms in provider.received]


def remind_and_deliver() -> None:
    automatic_sms.remind_all_due()
    gateway.drain(Lane.BULK)
