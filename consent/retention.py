"""How long answers and their history are kept: an answer till it has lapsed, an event as long as it explains something.

Source: the manual (14 months); GDPR article 5.1 e (no longer than needed). Each function takes one batch away, in one
transaction, and says how many rows that was.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pgtrigger
from django.db import models, transaction
from django.db.models import Q

from consent.models import Consent, HistoryMark
from teleq.bulk_deletion import BATCH, delete_batch


def remove_lapsed(at: datetime) -> int:
    """Answers that counted till this instant or earlier. One that is renewed meanwhile stays.

    Leaves no event for each: when an answer ended is in the events that it has, and how many went is counted.
    """
    with pgtrigger.ignore("consent.Consent:delete_delete"):
        return delete_batch(Consent.objects.filter(valid_until__lte=at).order_by("valid_until"))


def remove_lapsed_events(at: datetime, decided: models.Exists) -> int:
    """Events of answers that had lapsed by then. Each is looked at once, in the order in which they lapsed; one that is
    kept for a message's sake goes with the message."""
    while batch := _next_lapsed(at):
        if removed := _remove_and_remember(batch, decided):
            return removed
    return 0


def _next_lapsed(at: datetime) -> list[tuple[datetime, int]]:
    """When the next answers lapsed, and their events' ids."""
    mark, _ = HistoryMark.objects.get_or_create(pk=HistoryMark.ONLY)
    coming = Consent.history().filter(valid_until__gte=mark.valid_until, valid_until__lte=at)
    coming = coming.filter(Q(valid_until__gt=mark.valid_until) | Q(pgh_id__gt=mark.event_id))
    return list(coming.order_by("valid_until", "pgh_id").values_list("valid_until", "pgh_id")[:BATCH])


@transaction.atomic
def _remove_and_remember(batch: list[tuple[datetime, int]], decided: models.Exists) -> int:
    removed = remove_events(Consent.history().filter(pk__in=[event_id for _, event_id in batch]), decided)
    valid_until, event_id = batch[-1]
    HistoryMark.objects.filter(pk=HistoryMark.ONLY).update(valid_until=valid_until, event_id=event_id)
    return removed


def remove_events(events: models.QuerySet[Any], decided: models.Exists) -> int:
    """These, at the most a batch of them, except those that decided a message which is still there.

    The only place that takes history away, and the only one that may.
    """
    with pgtrigger.ignore("consent.ConsentEvent:append_only"):
        return delete_batch(events.filter(~decided).order_by("pk"))
