"""Stores what is counted of a queue's callbacks, day by day: at night, so that a year of all is answered at once.

A day that is stored is not final: its cases go on. Each event of a case is younger than the mark, and makes its day one
to be counted anew, when it is asked for and by the next night; so the figures are the same whether or not a day is
stored. No patient's number or name is in them, and they go before the cases do that they were counted from.
"""

from __future__ import annotations

from datetime import timedelta

from django.db import connection, transaction
from django.utils import timezone

from administration.models import CallbackDay, CallbackMark
from administration.statistics.callbacks import whole_from
from administration.statistics.sql import STORE, TOUCHED
from administration.statistics.tables import DAY, WEEK
from teleq.models import Queue

LONGEST_TRANSACTION = timedelta(hours=1)
"""An event may be stored later than one with a higher id, as long as its transaction is open: never this long."""

LATEST = """
    SELECT coalesce(max(id), 0) FROM (
        SELECT id FROM cases_caseevent WHERE at < clock_timestamp() - %(longest)s ORDER BY id DESC LIMIT 1
    ) AS latest
"""
MAKE_MARK = f"""
    INSERT INTO administration_callbackmark (id, event_id) SELECT {CallbackMark.ONLY}, ({LATEST}) ON CONFLICT DO NOTHING
"""
MOVE_MARK = f"UPDATE administration_callbackmark SET event_id = greatest(event_id, ({LATEST}))"
FORGET = f"""
    DELETE FROM administration_callbackday AS d USING ({TOUCHED}) AS touched
    WHERE touched.queue_id = d.queue_id AND touched.day = d.day
"""


def add_up() -> None:
    """Store the days until yesterday that are not stored, and anew those of which a case has changed."""
    today, first = timezone.localdate(), whole_from()
    _forget_what_has_changed()
    CallbackDay.objects.filter(day__lt=first).delete()
    queues = list(Queue.objects.values_list("pk", flat=True))
    for since in (first + WEEK * week for week in range((today - first) // WEEK + 1)):
        last = min(since + WEEK, today) - DAY
        with transaction.atomic(), connection.cursor() as cursor:
            _hold_the_mark()
            cursor.execute(STORE, {"queues": queues, "since": since, "last": last})


def _forget_what_has_changed() -> None:
    longest = {"longest": LONGEST_TRANSACTION}
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(MAKE_MARK, longest)
        _hold_the_mark()
        cursor.execute(FORGET)
        cursor.execute(MOVE_MARK, longest)


def _hold_the_mark() -> None:
    """A removal of cases (GDPR article 17) holds it too, so that none is counted while it is removed."""
    CallbackMark.objects.select_for_update().get()
