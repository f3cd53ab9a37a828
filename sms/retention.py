"""Removes old messages and replies: first a message's text, and much later the message itself."""

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
    """Empty the texts of one batch of messages, and say how many. To whom, when and by which answer stays."""
    old = Message.objects.filter(created_at__lt=written_before).exclude(text="").exclude(state__in=PENDING)
    ids = list(old.select_for_update(skip_locked=True).values_list("pk", flat=True)[:BATCH])
    with pgtrigger.ignore("sms.Message:moves_well"):  # which refuses every other change of a text
        return old.filter(pk__in=ids).update(text="")


@transaction.atomic
def remove_messages(written_before: datetime) -> int:
    """Remove one batch of messages, and say how many; with them go events of lapsed answers that decided only these."""
    old = Message.objects.filter(created_at__lt=written_before).exclude(state__in=PENDING)
    decided_by = dict(old.select_for_update(skip_locked=True).values_list("pk", "consent_event_id")[:BATCH])
    old.filter(pk__in=decided_by).delete()
    lapsed = Consent.history().filter(pk__in=set(decided_by.values()) - {None}, valid_until__lte=database_now())
    remove_events(lapsed, decided())
    return len(decided_by)


def remove_inbound(received_before: datetime) -> int:
    """Remove one batch of replies. That a patient withdrew consent stays in the answer's history."""
    return delete_batch(InboundSms.objects.filter(received_at__lt=received_before).order_by("received_at"))


def remove_unplaced(received_before: datetime) -> int:
    return delete_batch(UnplacedSms.objects.filter(received_at__lt=received_before).order_by("received_at"))


def decided() -> models.Exists:
    """For a query of consent events: whether the event decided a message that is still there."""
    return models.Exists(Message.objects.filter(consent_event_id=models.OuterRef("pk")))
