"""Removes answers that have lapsed, and events of their history that explain no message any more.

Each function removes one batch, in one transaction, and returns how many rows that was.

Source: the manual (14 months); GDPR article 5.1 e (no longer than needed).
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
    """Remove answers that lapsed at this aware instant or earlier. An answer that is renewed meanwhile stays.

    No event is written of the removal: earlier events have the time at which the answer lapsed.
    """
    with pgtrigger.ignore("consent.Consent:delete_delete"):
        return delete_batch(Consent.objects.filter(valid_until__lte=at).order_by("valid_until"))


def remove_lapsed_events(at: datetime, decided: models.Exists) -> int:
    """Remove events of answers that had lapsed at this aware instant, except those that decided a message.

    `decided` says whether an event did (`sms.retention.decided`). Each event is looked at once, in the order in which
    their answers lapsed: HistoryMark remembers how far. An event that is kept is removed with its message.
    """
    while batch := _next_lapsed(at):
        if removed := _remove_and_remember(batch, decided):
            return removed
    return 0


def _next_lapsed(at: datetime) -> list[tuple[datetime, int]]:
    """The next batch of events that have not been looked at: when the answer lapsed, and the event's id."""
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
    """Remove a batch of these events, except those that decided a message which is still there.

    The only function that removes history; a trigger refuses it to all others.
    """
    with pgtrigger.ignore("consent.ConsentEvent:append_only"):
        return delete_batch(events.filter(~decided).order_by("pk"))
