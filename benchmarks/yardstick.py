"""A yardstick for the gateway: one Celery task per message, as most people would write it, with care.

Tuned and fair: the ORM, an HTTP connection that each process keeps, the database connection kept too, everything asked
for by few queries. It claims under lock, checks consent, and records. It is not the product's and nothing imports it;
`celery -A teleq -I benchmarks.yardstick worker` runs it.
"""

from __future__ import annotations

import http.client
from datetime import datetime
from urllib.parse import urlencode, urlsplit

from celery import shared_task
from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from consent.models import Answer, Consent
from sms.models import Message, Refusal
from sms.numbers import can_receive_sms
from sms.providers.simulator import credential
from sms.states import State
from teleq.phone_numbers import number_text


@shared_task
def nothing() -> None:
    """A task that does nothing: what Celery itself costs for each message."""


@shared_task
def send(message_id: int) -> None:
    message = claim(message_id)
    if message is not None:
        status, answer = post(message)
        message.state = State.SENT if status == http.HTTPStatus.CREATED else State.FAILED
        message.provider_message_id, message.state_at = answer, timezone.now()
        message.save(update_fields=["state", "provider_message_id", "state_at"])


@transaction.atomic
def claim(message_id: int) -> Message | None:
    """The message if it may be sent now; else it is refused, and None."""
    rows = Message.objects.select_related("queue__outgoing_sms").select_for_update(of=("self",), skip_locked=True)
    message = rows.filter(pk=message_id, state=State.QUEUED).first()
    if message is None:
        return None
    consents = Consent.objects.filter(care_provider=message.queue.care_provider_id, phone_number=message.to_number)
    at = timezone.now()
    message.refusal = refusal(message, consents.first(), at)
    message.state = State.REFUSED if message.refusal else State.SENDING
    message.claimed_at = None if message.refusal else at
    message.state_at, message.provider, message.attempts = at, "simulator", message.attempts + 1
    message.save(update_fields=["state", "refusal", "claimed_at", "state_at", "provider", "attempts"])
    return None if message.refusal else message


def refusal(message: Message, consent: Consent | None, at: datetime) -> str:
    answer = consent.answer if consent and consent.valid_until > at else Answer.UNSET
    if answer == Answer.NO:
        return Refusal.DECLINED
    if message.queue.outgoing_sms.consent_required and answer != Answer.YES:
        return Refusal.MISSING
    return "" if can_receive_sms(message.to_number) else Refusal.NOT_MOBILE


kept: dict[str, http.client.HTTPConnection] = {}


def post(message: Message) -> tuple[int, str]:
    """Post on the connection that this process keeps. The standard library's client costs less CPU than `requests`."""
    address = urlsplit(settings.TELEQ_URL).netloc
    connection = kept.setdefault(address, http.client.HTTPConnection(address, timeout=10))
    path = reverse("sms:receipt", args=[message.provider, message.pk, message.receipt_token])
    form = {
        "to": number_text(message.to_number),
        "from": message.queue.outgoing_sms.sender,
        "message": message.text,
        "whendelivered": settings.TELEQ_URL + path,
    }
    headers = {"Authorization": f"Bearer {credential()}", "Content-Type": "application/x-www-form-urlencoded"}
    connection.request("POST", "/simulator/send", urlencode(form), headers)
    response = connection.getresponse()
    return response.status, response.read().decode()
