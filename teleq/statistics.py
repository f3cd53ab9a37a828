"""A queue's answers, callbacks and messages in a period: totals, and never a patient."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from django.db import connection
from django.db.models import Count
from django.db.models.functions import Trunc
from django.utils import timezone
from django.utils.formats import date_format

from cases.models import Case
from consent.models import Answer, Consent
from sms.models import Kind, Message, Refusal, State
from teleq.models import Queue

DAY = timedelta(days=1)


@dataclass(frozen=True)
class Period:
    """From the beginning of the first day to the end of the last, by the clock in Stockholm."""

    first: date
    last: date

    @property
    def begins(self) -> datetime:
        return timezone.make_aware(datetime.combine(self.first, time.min))

    @property
    def ends(self) -> datetime:
        return timezone.make_aware(datetime.combine(self.last + DAY, time.min))

    @property
    def step(self) -> str:
        """What the period is told in, so that there is something to see and not too much."""
        days = (self.last - self.first).days + 1
        return "day" if days <= 31 else "week" if days <= 200 else "month"


@dataclass(frozen=True)
class Table:
    title: str
    columns: tuple[str, ...]
    rows: list[tuple[str, *tuple[int, ...]]]
    note: str = ""

    @property
    def largest(self) -> int:
        return max((sum(row[1:]) for row in self.rows), default=0)


def of_queue(queue: Queue, period: Period) -> list[Table]:
    """A fixed number of queries, however much there is."""
    outcomes = _outcomes(queue, period)
    return [_answers(queue, period), _callbacks(queue, period), _messages(outcomes), _refusals(outcomes)]


def _answers(queue: Queue, period: Period) -> Table:
    step = Trunc("answered_at", period.step)
    given = Consent.history().filter(
        case_id__in=Case.objects.filter(queue=queue).values("pk"),
        answered_at__gte=period.begins,
        answered_at__lt=period.ends,
    )
    counts: dict[datetime, Counter[str]] = defaultdict(Counter)
    given = given.exclude(pgh_label="delete").annotate(step=step)
    for begins, answer, count in given.values_list("step", "answer").annotate(n=Count("*")).order_by("step"):
        counts[begins][answer] = count
    rows = [(_step_name(period.step, begins), *_in_order(counts[begins], Answer)) for begins in counts]
    note = "Svar som har registrerats i köns ärenden."
    return Table("Svar om SMS", ("När", *Answer.labels), rows, note)


def _callbacks(queue: Queue, period: Period) -> Table:
    """By the answer that was in force when the patient was to be called."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT coalesce(given.answer, ''), count(*) FROM cases_case AS c LEFT JOIN LATERAL (
                SELECT answer, valid_until, pgh_label FROM consent_consentevent
                WHERE care_provider_id = %s AND phone_number = c.phone_number AND answered_at <= c.callback_at
                ORDER BY pgh_id DESC LIMIT 1
            ) AS given ON given.valid_until > c.callback_at AND given.pgh_label <> 'delete'
            WHERE c.queue_id = %s AND c.callback_at >= %s AND c.callback_at < %s GROUP BY 1
            """,
            [queue.care_provider_id, queue.pk, period.begins, period.ends],
        )
        counts: Counter[str] = Counter(dict(cursor.fetchall()))
    rows = [(answer.label, counts[answer]) for answer in Answer] + [("Inget svar", counts[""])]
    total = counts.total()
    share = f"{100 * (total - counts['']) / total:.0f} % hade ett svar." if total else ""
    return Table("Återuppringningar efter patientens svar", ("Svar", "Antal"), rows, share)


def _outcomes(queue: Queue, period: Period) -> list[tuple[str, str, str, int]]:
    messages = Message.objects.filter(queue=queue, created_at__gte=period.begins, created_at__lt=period.ends)
    return list(messages.values_list("kind", "state", "refusal").annotate(n=Count("*")).order_by())


def _messages(outcomes: Iterable[tuple[str, str, str, int]]) -> Table:
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for kind, state, _, count in outcomes:
        counts[state][kind] += count
    rows = [(state.label, *_in_order(counts[state], Kind)) for state in State if state in counts]
    return Table("SMS efter hur det gick", ("Hur det gick", *Kind.labels), rows)


def _refusals(outcomes: Iterable[tuple[str, str, str, int]]) -> Table:
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for kind, _, refusal, count in outcomes:
        counts[refusal][kind] += count
    rows = [(refusal.label, *_in_order(counts[refusal], Kind)) for refusal in Refusal if refusal in counts]
    return Table("Stoppade SMS efter orsak", ("Orsak", *Kind.labels), rows)


def _in_order(counts: Counter[str], choices: Any) -> tuple[int, ...]:
    return tuple(counts[choice] for choice in choices.values)


def _step_name(step: str, begins: datetime) -> str:
    if step == "week":
        return f"v. {begins.isocalendar().week}, {begins.isocalendar().year}"
    return date_format(begins, "j b" if step == "day" else "F Y")
