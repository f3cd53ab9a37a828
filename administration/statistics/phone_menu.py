"""How calls to the telephone menu went: how they ended, where callers gave up, and how often the day was full.

Calls are kept for KEEP_CALLS_DAYS only: of an earlier time there are no figures.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection

from django.conf import settings
from django.db.models import Count, Q, QuerySet
from django.utils.translation import gettext as _

from administration.statistics.tables import DAY, Chart, Period, Row, Table
from administration.totals import beginning_of
from telephony.models import Call, Ended, Step
from teleq.models import Queue

GAVE_UP = (Ended.HUNG_UP, Ended.GAVE_UP)

Counted = dict[tuple[str, str, bool], int]
"""Calls by how they ended, what was asked last, and whether the day was full."""


def of_queues(queue_ids: Collection[int], period: Period) -> list[Table]:
    """The tables on calls. One query. None where no call came in the period."""
    counted = _count(_calls(queue_ids, period))
    return [_endings(counted), _given_up_at(counted)] if counted else []


def _calls(queue_ids: Collection[int], period: Period) -> QuerySet[Call]:
    """Those that came to the queues; and those that came to none, to numbers of the queues' care providers."""
    providers = Queue.objects.filter(pk__in=queue_ids).order_by().values("care_provider")
    theirs = Q(queue__in=queue_ids) | Q(queue=None, care_provider__in=providers)
    days = Q(started_at__gte=beginning_of(period.first), started_at__lt=beginning_of(period.last + DAY))
    return Call.objects.filter(theirs, days).exclude(ended_at=None)


def _count(calls: QuerySet[Call]) -> Counted:
    rows = calls.order_by().values_list("ended", "asked", "full").annotate(calls=Count("pk"))
    return {(ended, asked, full): number for ended, asked, full, number in rows}


def _endings(counted: Counted) -> Table:
    by_ending: Counter[str] = Counter()
    for (ended, _asked, _full), number in counted.items():
        by_ending[ended] += number
    rows: list[Row] = [(str(ended.label), by_ending[ended]) for ended in Ended if by_ending[ended]]
    full = sum(number for (_ended, _asked, was_full), number in counted.items() if was_full)
    note = _("I %(full)d av %(all)d samtal var dagens tider slut. Samtal finns kvar i %(days)d dagar.") % {
        "full": full,
        "all": by_ending.total(),
        "days": settings.KEEP_CALLS.days,
    }
    columns = (_("Hur samtalet slutade"), _("Samtal"))
    return Table("samtal", _("Samtal till telefonmenyn"), columns, rows, note, chart=Chart.BARS)


def _given_up_at(counted: Counted) -> Table:
    by_step: Counter[str] = Counter()
    for (ended, asked, _full), number in counted.items():
        if ended in GAVE_UP:
            by_step[asked] += number
    rows: list[Row] = [(str(step.label), by_step[step]) for step in Step if by_step[step]]
    note = _("Vad som frågades sist, där den som ringde lade på eller inte tryckte på någon knapp som betydde något.")
    columns = (_("Frågades sist"), _("Samtal"))
    return Table("avbrutna-samtal", _("Samtal som avbröts"), columns, rows, note, chart=Chart.BARS)
