"""How long cases are kept: a closed case for KEEP_CASES after its booked time. The patient's record is elsewhere."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from cases.models import CLOSED, Case, Draft, Slot
from teleq.bulk_deletion import delete_batch

BATCH = 500
"""A case has events, notes and ties to its messages, which go with it."""


@transaction.atomic
def remove_closed(called_back_before: datetime) -> int:
    """Delete a batch of the closed cases whose time was before this, and return how many.

    An open case stays, however old it is: somebody has to close it.
    """
    old = Case.objects.filter(status__in=CLOSED, callback_at__lt=called_back_before).order_by("callback_at")
    ids = list(old.select_for_update(skip_locked=True).values_list("pk", flat=True)[:BATCH])
    old.filter(pk__in=ids).delete()
    return len(ids)


def remove_past_slots(before: datetime) -> int:
    """Delete the rows of times before this, which nobody has a reason to lock any more. Returns how many."""
    return Slot.objects.filter(starts_at__lt=before).delete()[0]


def remove_drafts(saved_before: datetime) -> int:
    """Delete a batch of what was begun before this and never saved, and return how many."""
    return delete_batch(Draft.objects.filter(saved_at__lt=saved_before).order_by("saved_at"))
