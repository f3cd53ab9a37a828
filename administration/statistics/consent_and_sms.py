"""How many answers about SMS queues had in a period, their cases by answer, and their messages."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable
from datetime import date

from django.db.models import TextChoices
from django.utils.translation import gettext as _

from administration import totals
from administration.models import DayTotal
from administration.statistics.tables import Period, Row, Table
from administration.totals import Total
from consent.models import Answer
from sms.models import Kind, Refusal
from sms.states import State

What = DayTotal.What


def of_queues(queue_ids: Collection[int], period: Period) -> list[Table]:
    """The tables on answers and SMS. A fixed number of queries, however much there is."""
    of_what: dict[str, list[Total]] = defaultdict(list)
    for total in totals.of_queues(queue_ids, period.first, period.last):
        of_what[total.what].append(total)
    messages = of_what[What.MESSAGES]
    refused = _messages_by(2, Refusal, messages)
    return [
        _answers(of_what[What.ANSWERS], period),
        _cases(of_what[What.CALLBACKS]),
        Table(
            "sms",
            _("SMS efter hur det gick"),
            (_("Hur det gick"), *map(str, Kind.labels)),
            list(_messages_by(1, State, messages).values()),
        ),
        Table(
            "stoppade-sms",
            _("Stoppade SMS efter orsak"),
            (_("Orsak"), *map(str, Kind.labels)),
            list(refused.values()),
            refusals=list(refused),
        ),
    ]


def _answers(answers: Iterable[Total], period: Period) -> Table:
    counts: dict[date, Counter[str]] = defaultdict(Counter)
    for answer in answers:
        counts[period.step_of(answer.day)][answer.key] += answer.count
    rows: list[Row] = [(period.step_name(begins), *_in_order(counts[begins], Answer)) for begins in sorted(counts)]
    note = _("Svar på frågan om samtycke till SMS, som har registrerats i köernas ärenden under perioden.")
    return Table("svar", _("Svar om SMS"), (_("När"), *map(str, Answer.labels)), rows, note, answers=True)


def _cases(cases: Iterable[Total]) -> Table:
    """How many cases by the answer that was in force at their time."""
    counts: Counter[str] = Counter()
    for case in cases:
        counts[case.key] += case.count
    rows: list[Row] = [(str(answer.label), counts[answer]) for answer in Answer]
    rows.append((_("Svar saknas"), counts[""]))
    total = counts.total()
    note = _("Ärenden vars tid är under perioden, efter det svar som gällde då.")
    if total:
        share = 100 * (total - counts[""]) / total
        note = f"{note} " + _("%(share).0f %% hade ett svar.") % {"share": share}
    return Table("arenden-efter-svar", _("Ärenden efter svar om SMS"), (_("Svar"), _("Ärenden")), rows, note)


def _messages_by(part: int, choices: type[TextChoices], messages: Iterable[Total]) -> dict[str, Row]:
    """How many of each kind, by a part of the totals' key: state or refusal. Choices that none has are left out."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for message in messages:
        parts = message.key.split(" ")
        kind, choice = parts[0], parts[part]
        counts[choice][kind] += message.count
    return {
        choice.value: (str(choice.label), *_in_order(counts[choice], Kind)) for choice in choices if choice in counts
    }


def _in_order(counts: Counter[str], choices: type[TextChoices]) -> tuple[int, ...]:
    return tuple(counts[choice] for choice in choices.values)
