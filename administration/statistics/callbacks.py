"""How queues' callbacks went: contact on the same day, waiting times, attempts, outcomes, when there was most to do.

All of it is of the cases that came in during a period, and of all that has happened to them since; only how many waited
at each hour looks at those too that came in before. It is counted from the cases and their events, in SQL, a day of a
queue at a time. A day that the night has stored (`administration.statistics.callback_days`) is not counted again unless
something has happened to one of its cases. So it tells what stands now, as far back as closed cases are kept
(`whole_from`).

What the words mean is told to the reader by `administration.statistics.terms`; the two have to say the same.

Source of "contact on the same day": 6 kap. 1 § 1 hälso- och sjukvårdsförordningen (2017:80), the 0 of vårdgarantin. The
official measure is another (telefontillgänglighet, in SKR's Väntetider i vården): it counts calls at the telephone
system, which teleQ doesn't see.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, TypeAlias

from django.conf import settings
from django.db import connection
from django.utils import timezone
from django.utils.dates import WEEKDAYS
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from administration.models import CallbackMark
from administration.statistics.sql import EVERYTHING, MOST_ATTEMPTS, TOTALS_ONLY, WAITS_FOR
from administration.statistics.tables import DAY, Cell, Chart, Period, Row, Table, percent
from cases.models import NoAnswer, Status
from teleq.models import Outcome, Queue
from teleq.swedish import how_long

Rows: TypeAlias = list[dict[str, Any]]
"""Rows of SQL, by column."""
Counts: TypeAlias = Mapping[tuple[Any, ...], int]
"""How many there are, by what they are counted by."""


def whole_from() -> date:
    """The first day of which no case has been removed by retention."""
    return timezone.localdate(timezone.now() - settings.KEEP_CASES) + DAY


# What is counted -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Totals:
    """The figures that sum up a queue, or all of them. Times in seconds, None where there is no case to tell of."""

    queue: int | None
    cases: int
    left_out: int
    """Cancelled on the day they came in, without contact: they are not counted for contact on the same day."""
    same_day: int
    tried: int
    """With an attempt at least."""
    reached_first: int
    attempts: int
    untried_open: int
    untried_closed: int
    median: float | None
    p90: float | None
    longest: float | None

    @property
    def counted(self) -> int:
        """Of how many contact on the same day is told."""
        return self.cases - self.left_out


NOTHING = Totals(None, 0, 0, 0, 0, 0, 0, 0, 0, None, None, None)


@dataclass(frozen=True)
class Counted:
    """What the database has counted of a period."""

    totals: Totals
    by_queue: dict[int, Totals]
    """Of the queues that have any."""
    before: Totals | None
    """Of the period before. None where cases of it have been removed."""
    days: Rows
    counts: Mapping[str, Counts]
    waiting: Rows


def count(queue_ids: Collection[int], period: Period) -> Counted:
    """Three queries, however many queues and cases."""
    # Read first: if a night moves it meanwhile, some days are counted though they need not be.
    mark = CallbackMark.objects.values_list("event_id", flat=True).first()
    common = {"queues": list(queue_ids), "mark": CallbackMark.NONE if mark is None else mark}
    # With a day to spare, as one day in the month may be an hour shorter.
    of_period = _one_value(EVERYTHING, period, common, also_before=WAITS_FOR + DAY)
    by_queue = {row["queue"]: Totals(**row) for row in of_period["totals"]}
    counts: dict[str, dict[tuple[Any, ...], int]] = defaultdict(dict)
    for row in of_period["counts"] or []:
        what, *by = json.loads(row["key"])
        counts[what][tuple(by)] = row["count"]
    before = None
    if period.before.first >= whole_from():
        before = Totals(**_one_value(TOTALS_ONLY, period.before, common)["totals"][0])
    return Counted(
        totals=by_queue.pop(None),
        by_queue=by_queue,
        before=before,
        days=of_period["days"] or [],
        counts=counts,
        waiting=of_period["waiting"] or [],
    )


def _one_value(
    statement: str, period: Period, common: Mapping[str, Any], also_before: timedelta = timedelta()
) -> dict[str, Any]:
    values = {**common, "first": period.first, "last": period.last, "since": period.first - also_before}
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        value: dict[str, Any] = json.loads(cursor.fetchone()[0])
        return value


# The tables ----------------------------------------------------------------------------------------------------------


def tables(counted: Counted, queues: Sequence[Queue], period: Period) -> list[Table]:
    """The tables on callbacks, of what was counted of these queues."""
    counts, totals = counted.counts, counted.totals
    hours = {what: counts[what] for what in _whats()}
    return [
        _key_figures(totals, counted.before, period),
        *([_by_queue(counted.by_queue, queues)] if len(queues) > 1 else []),
        _same_day(counted.days, totals, period),
        _waits(counts["waits"], totals),
        _reached(counts["reached"]),
        _attempts(counts["attempts"], totals),
        _no_answer(counts["no_answer"]),
        _outcomes(counts["outcomes"], queues),
        _by_hour(hours),
        _by_weekday(hours),
        _grid("tider-timme-veckodag", _("Bokade tider per timme och veckodag"), hours["due"]),
        _grid("forsok-timme-veckodag", _("Försök per timme och veckodag"), hours["tried"]),
        _waiting(counted.waiting),
    ]


def _minutes(seconds: float | None) -> int | None:
    return None if seconds is None else int(seconds // 60)


def _average(total: float, of: int) -> float | None:
    return round(total / of, 1) if of else None


KEY_FIGURES: dict[str, Callable[[Totals], Cell]] = {
    "cases": lambda t: t.cases,
    "counted": lambda t: t.counted,
    "same_day": lambda t: t.same_day,
    "same_day_percent": lambda t: percent(t.same_day, t.counted),
    "median": lambda t: _minutes(t.median),
    "p90": lambda t: _minutes(t.p90),
    "longest": lambda t: _minutes(t.longest),
    "tried": lambda t: t.tried,
    "reached_first": lambda t: t.reached_first,
    "reached_first_percent": lambda t: percent(t.reached_first, t.tried),
    "attempts": lambda t: _average(t.attempts, t.cases),
}


def _key_figures(now: Totals, before: Totals | None, period: Period) -> Table:
    names = {
        "cases": _("Ärenden som kom in"),
        "counted": _("Ärenden som räknas för kontakt samma dag"),
        "same_day": _("Ärenden med kontakt samma dag"),
        "same_day_percent": _("Kontakt samma dag, procent"),
        "median": _("Väntetid, median, minuter"),
        "p90": _("Väntetid, 90:e percentilen, minuter"),
        "longest": _("Väntetid, längsta, minuter"),
        "tried": _("Ärenden med minst ett försök"),
        "reached_first": _("Nådda vid första försöket"),
        "reached_first_percent": _("Nådda vid första försöket, procent av dem med minst ett försök"),
        "attempts": _("Försök per ärende i genomsnitt"),
    }
    rows: list[Row] = [
        (name, KEY_FIGURES[key](now), KEY_FIGURES[key](before) if before else None) for key, name in names.items()
    ]
    note = _("Perioden före är %(days)s.") % {"days": period.before.in_words}
    if before is None:
        note += " " + _("Dess siffror visas inte, eftersom ärenden från den har tagits bort.")
    columns = (_("Mått"), _("Perioden"), _("Perioden före"))
    return Table("nyckeltal", _("Nyckeltal"), columns, rows, note, Chart.NONE)


def _by_queue(by_queue: Mapping[int, Totals], queues: Iterable[Queue]) -> Table:
    columns = {
        "cases": _("Kom in"),
        "same_day_percent": _("Kontakt samma dag, procent"),
        "median": _("Väntetid, median, minuter"),
        "p90": _("Väntetid, 90:e percentilen, minuter"),
        "reached_first_percent": _("Nådda vid första försöket, procent"),
    }
    rows: list[Row] = [
        (str(queue), *(KEY_FIGURES[key](by_queue.get(queue.pk, NOTHING)) for key in columns)) for queue in queues
    ]
    return Table("per-ko", _("Kö för kö"), (_("Kö"), *columns.values()), rows, chart=Chart.NONE)


def _same_day(days: Rows, totals: Totals, period: Period) -> Table:
    """Contact on the same day, by when the case came in. The parts of a bar are all that are counted."""
    of_step: dict[date, Counter[str]] = {}
    for row in days:
        of_step.setdefault(period.step_of(date.fromisoformat(row.pop("day"))), Counter()).update(row)
    rows: list[Row] = [
        (
            period.step_name(begins),
            each["same_day"],
            each["tried"],
            each["untried"],
            percent(each["same_day"], each.total()),
        )
        for begins, each in sorted(of_step.items())
    ]
    columns = (
        _("Kom in"),
        _("Kontakt samma dag"),
        _("Försök samma dag, inte nådd"),
        _("Inget försök samma dag"),
        _("Kontakt samma dag, procent"),
    )
    note = same_day_in_words(totals)
    if period.last >= timezone.localdate():
        note += " " + _("Idag är inte slut: patienter vars ärenden kom in idag kan fortfarande nås idag.")
    return Table("kontakt-samma-dag", _("Kontakt samma dag"), columns, rows, note, plotted=3)


def same_day_in_words(totals: Totals) -> str:
    """ "Av 52 ärenden som räknas fick 41 kontakt samma dag som de kom in: 78,8 %. …" """
    if not totals.counted:
        told = _("Inget ärende räknas.")
    else:
        told = ngettext(
            "Av %(counted)d ärende som räknas fick %(same_day)d kontakt samma dag som det kom in: %(share)s %%.",
            "Av %(counted)d ärenden som räknas fick %(same_day)d kontakt samma dag som de kom in: %(share)s %%.",
            totals.counted,
        ) % {
            "counted": totals.counted,
            "same_day": totals.same_day,
            "share": number_format(100 * totals.same_day / totals.counted, 1),
        }
    if totals.left_out:
        told += " " + ngettext(
            "%(count)d ärende räknas inte: det avbokades samma dag som det kom in, utan att patienten nåddes.",
            "%(count)d ärenden räknas inte: de avbokades samma dag som de kom in, utan att patienterna nåddes.",
            totals.left_out,
        ) % {"count": totals.left_out}
    return told


def _waits(waits: Counts, totals: Totals) -> Table:
    names = [
        _("under 15 min"),
        _("15–30 min"),
        _("30–60 min"),
        _("1–2 h"),
        _("2–4 h"),
        _("4–8 h"),
        _("8–24 h"),
        _("1–3 dygn"),
        _("3 dygn eller mer"),
    ]
    rows: list[Row] = [(name, waits.get((place,), 0)) for place, name in enumerate(names)]
    columns = (_("Väntetid"), _("Ärenden"))
    return Table("vantetid", _("Väntetid till första försöket"), columns, rows, waits_in_words(totals))


def waits_in_words(totals: Totals) -> str:
    if totals.median is None or totals.p90 is None or totals.longest is None:
        told = _("Inget ärende har fått något försök.")
    else:
        told = _("Median %(median)s, 90:e percentilen %(p90)s, längsta %(longest)s.") % {
            "median": in_hours(totals.median),
            "p90": in_hours(totals.p90),
            "longest": in_hours(totals.longest),
        }
    if totals.untried_open:
        told += " " + ngettext(
            "%(count)d ärende har inte fått något försök än.",
            "%(count)d ärenden har inte fått något försök än.",
            totals.untried_open,
        ) % {"count": totals.untried_open}
    if totals.untried_closed:
        told += " " + ngettext(
            "%(count)d ärende avslutades utan något försök.",
            "%(count)d ärenden avslutades utan något försök.",
            totals.untried_closed,
        ) % {"count": totals.untried_closed}
    return told


def in_hours(seconds: float) -> str:
    return how_long(timedelta(seconds=seconds))


def _reached(reached: Counts) -> Table:
    total = sum(reached.values())
    names = {
        (1, None): _("Nådd vid första försöket"),
        (2, None): _("Nådd vid andra försöket"),
        (3, None): _("Nådd vid tredje försöket"),
        (4, None): _("Nådd vid fjärde försöket eller senare"),
        (None, Status.DONE.value): _("Inte nådd, ärendet är Klart"),
        (None, Status.CANCELLED.value): _("Inte nådd, ärendet är Avbokat"),
        (None, "open"): _("Inte nådd än, ärendet är öppet"),
    }
    rows: list[Row] = [(name, reached.get(key, 0), percent(reached.get(key, 0), total)) for key, name in names.items()]
    columns = (_("Försök"), _("Ärenden"), _("Procent"))
    return Table("nadd", _("Nådd vid vilket försök"), columns, rows, plotted=1)


def _attempts(attempts: Counts, totals: Totals) -> Table:
    rows: list[Row] = [
        (_("5 eller fler") if many == MOST_ATTEMPTS else str(many), attempts.get((many,), 0))
        for many in range(MOST_ATTEMPTS + 1)
    ]
    note = ""
    if totals.cases:
        note = _("I genomsnitt %(average)s.") % {"average": number_format(totals.attempts / totals.cases, 1)}
    return Table("forsok", _("Försök per ärende"), (_("Antal försök"), _("Ärenden")), rows, note)


def _no_answer(no_answer: Counts) -> Table:
    rows: list[Row] = [(str(reason.label), no_answer.get((reason.value,), 0)) for reason in NoAnswer]
    rows.append((_("Utan angiven orsak"), no_answer.get(("",), 0)))
    return Table("inget-svar", _("Försök med Inget svar, efter orsak"), (_("Orsak"), _("Försök")), rows)


def _outcomes(outcomes: Counts, queues: Iterable[Queue]) -> Table:
    """By the outcomes that the queues choose between, and any other that there is."""
    chosen = {outcome for queue in queues for outcome in queue.outcomes}
    done = Status.DONE.value
    rows: list[Row] = [
        (str(outcome.label), outcomes.get((done, outcome.value), 0))
        for outcome in Outcome
        if outcome in chosen or (done, outcome.value) in outcomes
    ]
    if (done, "") in outcomes:
        rows.append((_("Klart utan resultat"), outcomes[done, ""]))
    rows.append((str(Status.CANCELLED.label), outcomes.get((Status.CANCELLED.value, ""), 0)))
    rows.append((_("Öppet"), outcomes.get(("open", ""), 0)))
    return Table("resultat", _("Ärenden efter resultat"), (_("Resultat"), _("Ärenden")), rows)


# When there was most to do -------------------------------------------------------------------------------------------


def _whats() -> dict[str, str]:
    return {"came_in": _("Kom in"), "due": _("Bokad tid"), "tried": _("Försök")}


def _span(hours: Collection[int]) -> range:
    """From the first hour with anything to the last."""
    return range(min(hours), max(hours) + 1) if hours else range(0)


def hour_name(hour: int) -> str:
    """ "08–09": from eight until nine by the clock in Stockholm."""
    return f"{hour:02}–{(hour + 1) % 24:02}"


def _by_hour(hours: Mapping[str, Counts]) -> Table:
    found = _add_up(((what, hour), count) for what in hours for (_, hour), count in hours[what].items())
    rows: list[Row] = [
        (hour_name(hour), *(found[what, hour] for what in hours)) for hour in _span({hour for _, hour in found})
    ]
    columns = (_("Klockan"), *_whats().values())
    return Table("per-timme", _("Per timme på dygnet"), columns, rows, chart=Chart.BARS)


def _by_weekday(hours: Mapping[str, Counts]) -> Table:
    found = _add_up(((what, weekday), count) for what in hours for (weekday, _), count in hours[what].items())
    rows: list[Row] = [
        (str(WEEKDAYS[weekday]), *(found[what, weekday] for what in hours))
        for weekday in range(7)
        if weekday < 5 or any(found[what, weekday] for what in hours)
    ]
    if not found:
        rows = []
    columns = (_("Veckodag"), *_whats().values())
    return Table("per-veckodag", _("Per veckodag"), columns, rows, chart=Chart.BARS)


def _grid(key: str, title: str, counts: Counts) -> Table:
    """One of what is counted by hour, with a column for each weekday."""
    rows: list[Row] = [
        (hour_name(hour), *(counts.get((weekday, hour), 0) for weekday in range(7)))
        for hour in _span({hour for _, hour in counts})
    ]
    columns = (_("Klockan"), *(str(WEEKDAYS[weekday]) for weekday in range(7)))
    return Table(key, title, columns, rows, chart=Chart.GRID)


def _add_up(counts: Iterable[tuple[Any, int]]) -> Counter[Any]:
    found: Counter[Any] = Counter()
    for key, count in counts:
        found[key] += count
    return found


def _waiting(waiting: Rows) -> Table:
    """How many waited at each full hour: on average, and the most at once."""
    found = {(row["hour"], row["weekend"]): row for row in waiting}
    rows: list[Row] = []
    for hour in _span({row["hour"] for row in waiting if row["most"]}):
        of_both = [found.get((hour, weekend)) for weekend in (False, True)]
        averages = [round(each["average"], 1) if each else None for each in of_both]
        rows.append((f"{hour:02}.00", *averages, max(each["most"] for each in of_both if each)))
    columns = (_("Klockan"), _("Måndag–fredag, i genomsnitt"), _("Lördag–söndag, i genomsnitt"), _("Flest samtidigt"))
    note = _("Ärenden vars bokade tid hade kommit och som inte hade fått något försök, vid varje hel timme.")
    return Table("vantade", _("Hur många som väntade"), columns, rows, note, Chart.BARS)
