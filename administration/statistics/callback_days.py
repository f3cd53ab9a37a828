"""Stores what is counted of a queue's callbacks, day by day: at night, so that a year of all is answered at once.

A day that is stored is not final: its cases go on. Each event of a case is younger than the mark, and makes its day one
to be counted anew, when it is asked for and by the next night; so the figures are the same whether or not a day is
stored. No patient's number or name is in them, and they go before the cases do that they were counted from.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from administration.models import CallbackDay, CallbackMark
from administration.statistics.callbacks import whole_from
from administration.statistics.sql import FORGET, MAKE_MARK, MOVE_MARK, STORE
from administration.statistics.tables import DAY, WEEK
from teleq.models import Queue

LONGEST_TRANSACTION = timedelta(hours=1)
"""An event may be stored later than one with a higher id, as long as its transaction is open: never this long."""


def add_up() -> None:
    """Store the days until yesterday that are not stored, and anew those of which a case has changed."""
    today, first = timezone.localdate(), whole_from()
    _forget_what_has_changed()
    CallbackDay.objects.filter(day__lt=first).delete()
    queues = list(Queue.objects.values_list("pk", flat=True))
    for since in (first + WEEK * week for week in range((today - first) // WEEK + 1)):
        last = min(since + WEEK, today) - DAY
        with transaction.atomic(), connection.cursor() as cursor:
            mark = _hold_the_mark()
            cursor.execute(STORE, {"mark": mark, "queues": queues, "since": since, "last": last})


def _forget_what_has_changed() -> None:
    marks: dict[str, Any] = {"only": CallbackMark.ONLY, "longest": LONGEST_TRANSACTION}
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(MAKE_MARK, marks)
        cursor.execute(FORGET, {"mark": _hold_the_mark()})
        cursor.execute(MOVE_MARK, marks)


def _hold_the_mark() -> int:
    """Lock the mark, and return the event that it is at.

    A removal of cases (GDPR article 17) locks it too, so that none is counted while it is removed.
    """
    return CallbackMark.objects.select_for_update().get().event_id
