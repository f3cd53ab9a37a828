"""How long answers and their history are kept: an answer till it has lapsed, an event as long as it explains something.

Source: the manual (14 months); GDPR article 5.1 e (no longer than needed). Each function takes one batch away, in one
transaction, and says how many rows that was.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pgtrigger
from django.db import connection, models, transaction

from consent.models import Consent

BATCH = 2000


def remove_lapsed(at: datetime) -> int:
    """Answers that counted till this instant or earlier. One that is renewed meanwhile stays."""
    return delete_batch(Consent.objects.filter(valid_until__lte=at).order_by("valid_until"))


def remove_lapsed_events(at: datetime, decided: models.QuerySet[Any, Any]) -> int:
    """Events of answers that have lapsed."""
    return remove_events(Consent.history().filter(valid_until__lte=at), decided)


def remove_events(events: models.QuerySet[Any], decided: models.QuerySet[Any, Any]) -> int:
    """These, except those that decided a message which is still there: `decided` gives their ids.

    The only place that takes history away, and the only one that may.
    """
    with pgtrigger.ignore("consent.ConsentEvent:append_only"):
        return delete_batch(events.exclude(pk__in=decided).order_by("pk"))


@transaction.atomic
def delete_batch(rows: models.QuerySet[Any]) -> int:
    """Delete the first of these rows. What somebody is changing is left to another night, and what was asked of a row
    is asked once more when it is deleted."""
    ids = list(rows.select_for_update(skip_locked=True, of=("self",)).values_list("pk", flat=True)[:BATCH])
    if not ids:
        return 0
    deleted: int = rows.order_by().filter(pk__in=ids)._raw_delete(connection.alias)
    return deleted
