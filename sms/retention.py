"""How long messages are kept: their words for a while, and what became of them a good while longer."""

from __future__ import annotations

from datetime import datetime

import pgtrigger
from django.db import models, transaction

from consent.models import Consent
from consent.retention import remove_events
from sms.models import InboundSms, Message, UnplacedSms
from sms.states import PENDING
from teleq.bulk_deletion import BATCH, delete_batch
from teleq.clock import database_now


@transaction.atomic
def remove_texts(written_before: datetime) -> int:
    """What messages said. That they were sent, to whom and by which answer, stays."""
    old = Message.objects.filter(created_at__lt=written_before).exclude(text="").exclude(state__in=PENDING)
    ids = list(old.select_for_update(skip_locked=True).values_list("pk", flat=True)[:BATCH])
    with pgtrigger.ignore("sms.Message:moves_well"):  # which else lets nobody change a message's text
        return old.filter(pk__in=ids).update(text="")


@transaction.atomic
def remove_messages(written_before: datetime) -> int:
    """With what tied them to their cases, and what is left of the history of the answers that decided them."""
    old = Message.objects.filter(created_at__lt=written_before).exclude(state__in=PENDING)
    decided_by = dict(old.select_for_update(skip_locked=True).values_list("pk", "consent_event_id")[:BATCH])
    old.filter(pk__in=decided_by).delete()
    lapsed = Consent.history().filter(pk__in=set(decided_by.values()) - {None}, valid_until__lte=database_now())
    remove_events(lapsed, decided())
    return len(decided_by)


def remove_inbound(received_before: datetime) -> int:
    """What patients have answered. That somebody withdrew is in the answer's history."""
    return delete_batch(InboundSms.objects.filter(received_at__lt=received_before).order_by("received_at"))


def remove_unplaced(received_before: datetime) -> int:
    return delete_batch(UnplacedSms.objects.filter(received_at__lt=received_before).order_by("received_at"))


def decided() -> models.Exists:
    """Of an answer's event: whether it decided a message which is still there."""
    return models.Exists(Message.objects.filter(consent_event_id=models.OuterRef("pk")))
