"""How many answers, callbacks and messages a queue had in a period: tables of totals, nothing about a patient."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TypeAlias

from django.db.models import TextChoices
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from administration import totals
from administration.models import DayTotal
from administration.totals import Total
from consent.models import Answer
from sms.models import Kind, Refusal
from sms.states import State
from teleq.models import Queue

What = DayTotal.What


@dataclass(frozen=True)
class Period:
    """From the beginning of the first day to the end of the last, by the clock in Stockholm."""

    first: date
    last: date

    @property
    def step(self) -> str:
        """What a row of the answers' table covers, so that there are not too many: "day", "week" or "month"."""
        days = (self.last - self.first).days + 1
        return "day" if days <= 31 else "week" if days <= 200 else "month"

    def step_of(self, day: date) -> date:
        """The first day of the row that this day is counted in. A week's may be before the period's first."""
        if self.step == "week":
            return day - timedelta(days=day.weekday())
        return day if self.step == "day" else day.replace(day=1)


Row: TypeAlias = tuple[str, *tuple[int, ...]]
"""What it is about, and how many in each column."""


@dataclass(frozen=True)
class Table:
    title: str
    columns: tuple[str, ...]
    rows: Sequence[Row]
    note: str = ""

    @property
    def largest(self) -> int:
        return max((sum(row[1:]) for row in self.rows), default=0)


def of_queue(queue: Queue, period: Period) -> list[Table]:
    """The tables of Admin > Statistik. A fixed number of queries, however much there is."""
    of_what: dict[str, list[Total]] = defaultdict(list)
    for total in totals.of_queue(queue, period.first, period.last):
        of_what[total.what].append(total)
    messages = of_what[What.MESSAGES]
    by_state, by_refusal = _messages_by(1, State, messages), _messages_by(2, Refusal, messages)
    return [
        _answers(of_what[What.ANSWERS], period),
        _callbacks(of_what[What.CALLBACKS]),
        Table(_("SMS efter hur det gick"), (_("Hur det gick"), *map(str, Kind.labels)), by_state),
        Table(_("Stoppade SMS efter orsak"), (_("Orsak"), *map(str, Kind.labels)), by_refusal),
    ]


def _answers(answers: Iterable[Total], period: Period) -> Table:
    counts: dict[date, Counter[str]] = defaultdict(Counter)
    for answer in answers:
        counts[period.step_of(answer.day)][answer.key] += answer.count
    rows: list[Row] = [
        (_step_name(period.step, begins), *_in_order(counts[begins], Answer)) for begins in sorted(counts)
    ]
    note = _("Svar som har registrerats i köns ärenden.")
    return Table(_("Svar om SMS"), (_("När"), *map(str, Answer.labels)), rows, note)


def _callbacks(callbacks: Iterable[Total]) -> Table:
    """How many callbacks by the answer that was in force at their time."""
    counts: Counter[str] = Counter()
    for callback in callbacks:
        counts[callback.key] += callback.count
    rows = [(str(answer.label), counts[answer]) for answer in Answer] + [(_("Svar saknas"), counts[""])]
    total = counts.total()
    share = _("%(share)d %% hade ett svar.") % {"share": round(100 * (total - counts[""]) / total)} if total else ""
    return Table(_("Återuppringningar efter patientens svar"), (_("Svar"), _("Antal")), rows, share)


def _messages_by(part: int, choices: type[TextChoices], messages: Iterable[Total]) -> list[Row]:
    """How many of each kind, by a part of the totals' key: state or refusal. Choices that none has are left out."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for message in messages:
        parts = message.key.split(" ")
        kind, choice = parts[0], parts[part]
        counts[choice][kind] += message.count
    return [(str(choice.label), *_in_order(counts[choice], Kind)) for choice in choices if choice in counts]


def _in_order(counts: Counter[str], choices: type[TextChoices]) -> tuple[int, ...]:
    return tuple(counts[choice] for choice in choices.values)


def _step_name(step: str, begins: date) -> str:
    if step == "week":
        week = begins.isocalendar()
        return _("v. %(week)s, %(year)s") % {"week": week.week, "year": week.year}
    return date_format(begins, "j b" if step == "day" else "F Y")
