"""Totals by day: how many answers, callbacks and messages a queue had.

A day's totals are counted once, when they can't change any more, and stored; for the days since then they are counted
whenever they are asked for. So a year's statistics are a few hundred rows however many messages there were, and they
stay when retention has removed what they count. A day is one by the clock in Stockholm.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from math import ceil

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Max, Sum
from django.utils import timezone

from administration.models import DayTotal

DAY = timedelta(days=1)
SETTLES = ceil(settings.SMS_REPORT_WITHIN / DAY) * DAY + DAY
"""How long after a day its totals are stored: by then the outcome of each of its messages is known or given up."""
AT_ONCE = 31 * DAY
"""How many days are counted and stored in one transaction."""


@dataclass(frozen=True)
class Total:
    what: str
    day: date
    key: str
    """Which answer; of a message its kind, state and refusal, with spaces between."""
    count: int


def of_queues(queue_ids: Collection[int], first: date, last: date) -> list[Total]:
    """The totals of these days, both included, of all these queues together; there may be several of one day and key.

    The same number of queries however many days and rows there are.
    """
    counted_until = _counted_until()
    stored = DayTotal.objects.filter(queue__in=queue_ids, day__range=(first, last), day__lt=counted_until or first)
    added = stored.order_by().values_list("what", "day", "key").annotate(Sum("count"))
    totals = [Total(*row) for row in added]
    if not counted_until or counted_until <= last:
        totals += _count(queue_ids, max(first, counted_until or first), last)
    return totals


def add_up() -> None:
    """Store the totals of the days that have settled (SETTLES) since the last time."""
    settled = timezone.localdate() - SETTLES
    first = _counted_until() or _earliest_day()
    while first and first < settled:
        end = min(first + AT_ONCE, settled)
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(
                f"INSERT INTO administration_daytotal (queue_id, what, day, key, count) {COUNT}",
                {"queues": None, "begins": beginning_of(first), "ends": beginning_of(end)},
            )
        first = end


def beginning_of(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time.min))


def _counted_until() -> date | None:
    """The first day whose totals are not stored yet. None where none are."""
    latest: date | None = DayTotal.objects.aggregate(latest=Max("day"))["latest"]
    return latest and latest + DAY


def _earliest_day() -> date | None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT least((SELECT min(callback_at) FROM cases_case), (SELECT min(created_at) FROM sms_message),"
            " (SELECT min(answered_at) FROM consent_consentevent))"
        )
        earliest: datetime | None = cursor.fetchone()[0]
        return earliest and timezone.localdate(earliest)


def _count(queue_ids: Collection[int], first: date, last: date) -> list[Total]:
    with connection.cursor() as cursor:
        cursor.execute(
            COUNT, {"queues": list(queue_ids), "begins": beginning_of(first), "ends": beginning_of(last + DAY)}
        )
        return [Total(*row[1:]) for row in cursor.fetchall()]


# Of some queues, or of all where %(queues)s is null.
COUNT = """
    -- answers, in the queue whose case they were given in
    SELECT c.queue_id, 'answers', (e.answered_at AT TIME ZONE 'Europe/Stockholm')::date, e.answer, count(*)
    FROM consent_consentevent AS e JOIN cases_case AS c ON c.id = e.case_id
    WHERE e.pgh_label <> 'delete' AND e.answered_at >= %(begins)s AND e.answered_at < %(ends)s
        AND (%(queues)s::bigint[] IS NULL OR c.queue_id = ANY(%(queues)s))
    GROUP BY 1, 3, 4
    UNION ALL
    -- callbacks, by the answer that was in force when the patient was to be called
    SELECT c.queue_id, 'callbacks', (c.callback_at AT TIME ZONE 'Europe/Stockholm')::date, coalesce(given.answer, ''),
        count(*)
    FROM cases_case AS c JOIN teleq_queue AS q ON q.id = c.queue_id LEFT JOIN LATERAL (
        SELECT answer, valid_until, pgh_label FROM consent_consentevent
        WHERE care_provider_id = q.care_provider_id AND phone_number = c.phone_number AND answered_at <= c.callback_at
            AND (pgh_label <> 'delete' OR pgh_created_at <= c.callback_at)
        ORDER BY pgh_id DESC LIMIT 1
    ) AS given ON given.valid_until > c.callback_at AND given.pgh_label <> 'delete'
    WHERE c.callback_at >= %(begins)s AND c.callback_at < %(ends)s
        AND (%(queues)s::bigint[] IS NULL OR c.queue_id = ANY(%(queues)s))
    GROUP BY 1, 3, 4
    UNION ALL
    SELECT queue_id, 'messages', (created_at AT TIME ZONE 'Europe/Stockholm')::date,
        kind || ' ' || state || ' ' || refusal, count(*)
    FROM sms_message
    WHERE created_at >= %(begins)s AND created_at < %(ends)s
        AND (%(queues)s::bigint[] IS NULL OR queue_id = ANY(%(queues)s))
    GROUP BY 1, 3, 4
"""
