"""How long cases are kept: a closed case for KEEP_CASES after its booked time. The patient's record is elsewhere."""

from __future__ import annotations

from datetime import datetime

import pgtrigger
from django.db import transaction
from django.db.models import QuerySet

from cases.models import CLOSED, Case, Draft, ProtectionMark, Slot
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


def remove_ended_marks(ended_before: datetime) -> int:
    """Delete a batch of the marks of protected personal data that were ended before this, and return how many."""
    ended = ProtectionMark.objects.filter(ended_at__lt=ended_before).order_by("ended_at")
    return remove_marks(ProtectionMark.objects.filter(pk__in=list(ended.values_list("pk", flat=True)[:BATCH])))


@transaction.atomic
def remove_marks(marks: QuerySet[ProtectionMark]) -> int:
    """Delete these marks with their history, and return how many. For retention and a patient's wish to be forgotten.

    The only function that does: a trigger refuses it to all others.
    """
    ids = list(marks.select_for_update(of=("self",)).values_list("pk", flat=True))
    with pgtrigger.ignore("cases.ProtectionMark:delete_delete", "cases.ProtectionMarkEvent:append_only"):
        ProtectionMark.objects.filter(pk__in=ids).delete()
        ProtectionMark.history().filter(pgh_obj_id__in=ids).delete()
    return len(ids)


def remove_drafts(saved_before: datetime) -> int:
    """Delete a batch of what was begun before this and never saved, and return how many."""
    return delete_batch(Draft.objects.filter(saved_at__lt=saved_before).order_by("saved_at"))
