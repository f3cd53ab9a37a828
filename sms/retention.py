"""How long messages are kept: their words for a while, and what became of them a good while longer."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pgtrigger
from django.db import models, transaction

from consent.retention import BATCH, delete_batch
from sms.models import InboundSms, Message, State

UNDER_WAY = (State.QUEUED, State.SENDING)


@transaction.atomic
def remove_texts(written_before: datetime) -> int:
    """What messages said. That they were sent, to whom and by which answer, stays."""
    old = Message.objects.filter(created_at__lt=written_before).exclude(text="").exclude(state__in=UNDER_WAY)
    ids = list(old.select_for_update(skip_locked=True).values_list("pk", flat=True)[:BATCH])
    with pgtrigger.ignore("sms.Message:moves_well"):  # which else lets nobody change a message's text
        return old.filter(pk__in=ids).update(text="")


@transaction.atomic
def remove_messages(written_before: datetime) -> int:
    """And what tied them to their cases."""
    old = Message.objects.filter(created_at__lt=written_before).exclude(state__in=UNDER_WAY)
    ids = list(old.select_for_update(skip_locked=True).values_list("pk", flat=True)[:BATCH])
    old.filter(pk__in=ids).delete()
    return len(ids)


def remove_inbound(received_before: datetime) -> int:
    """What patients have answered. That somebody withdrew is in the answer's history."""
    return delete_batch(InboundSms.objects.filter(received_at__lt=received_before).order_by("received_at"))


def deciding_events() -> models.QuerySet[Any, Any]:
    """The ids of the answers' events that decided a message."""
    return Message.objects.exclude(consent_event_id=None).values("consent_event_id")
