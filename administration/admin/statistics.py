"""Admin > Statistik: figures on queues in a period, as charts with their tables, and as CSV."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from administration.admin.csv_file import csv_file
from administration.admin.scoped import own_queues, person
from administration.statistics import callbacks, consent_and_sms, periods, phone_menu
from administration.statistics.tables import Cell, Chart, Period, Table, percent
from administration.statistics.terms import terms
from teleq.models import Queue

LONGEST = timedelta(days=5 * 366)
EARLIEST, LATEST = date(2000, 1, 1), date(2100, 1, 1)
SMALL = 5
"""Fewer cases than these may point at somebody."""


class PeriodForm(forms.Form):
    queue = forms.ModelMultipleChoiceField(
        label=gettext_lazy("Köer"),
        queryset=Queue.objects.none(),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        error_messages={
            "invalid_choice": gettext_lazy("Välj bland dina köer."),
            "invalid_pk_value": gettext_lazy("Välj bland dina köer."),
        },
    )
    first = forms.DateField(
        label=gettext_lazy("Från"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    last = forms.DateField(
        label=gettext_lazy("Till"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )

    def __init__(self, *args: Any, queues: QuerySet[Queue], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        queue = self.fields["queue"]
        assert isinstance(queue, forms.ModelMultipleChoiceField)
        queue.queryset = queues
        for name in ("first", "last"):
            self.fields[name].error_messages = {"required": _("Välj en dag."), "invalid": _("Skriv en dag.")}

    def clean(self) -> None:
        super().clean()
        for name in ("first", "last"):
            day = self.cleaned_data.get(name)
            if day and not EARLIEST <= day < LATEST:
                self.add_error(name, _("Välj en dag mellan år 2000 och 2100."))
        first, last = self.cleaned_data.get("first"), self.cleaned_data.get("last")
        if first and last and not timedelta() <= last - first <= LONGEST:
            self.add_error("last", _("Välj en dag efter den första, högst fem år senare."))


@dataclass(frozen=True)
class Bar:
    """A bar of a chart, and the number that stands after it: its parts in percent of the longest bar."""

    parts: list[tuple[int, float, float]]
    """Which column, where it begins and how long it is."""
    number: str


@dataclass(frozen=True)
class ChartRow:
    label: str
    told: str
    """The row in words: "v. 48, 2026: Ja 5, Nej 3"."""
    bars: list[Bar]
    refusal: str = ""


@dataclass(frozen=True)
class Shown:
    """A table as the page shows it."""

    table: Table

    @cached_property
    def is_drawn(self) -> bool:
        return self.table.chart in (Chart.PARTS, Chart.BARS)

    @cached_property
    def is_grid(self) -> bool:
        return self.table.chart is Chart.GRID

    @cached_property
    def is_empty(self) -> bool:
        return not self.table.rows if self.table.chart is Chart.NONE else not self.table.largest

    def rows(self) -> list[tuple[str, list[tuple[str, int]]]]:
        """Each row's label, and its cells: the number as it is written, and how dark the cell is in a grid."""
        return [(label, [(figure(cell), self._level(cell)) for cell in cells]) for label, *cells in self.table.rows]

    def _level(self, cell: Cell) -> int:
        """From 0, nothing, to 4."""
        return -int(-4 * (cell or 0) // self.table.largest) if self.is_grid and self.table.largest else 0

    def chart_rows(self) -> Iterator[ChartRow]:
        table = self.table
        for place, row in enumerate(table.rows):
            label, *cells = row
            numbers = table.numbers(row)
            told = ", ".join(f"{name} {figure(cell)}" for name, cell in zip(table.names, cells, strict=False))
            if len(numbers) == 1:
                told = figure(cells[0])
            if table.chart is Chart.PARTS:
                bars = [Bar(list(self._after_each_other(numbers)), figure(sum(numbers)))]
            else:
                bars = [
                    Bar([(column, 0, self._percent(number))], figure(cell))
                    for column, (number, cell) in enumerate(zip(numbers, cells, strict=False))
                ]
            refusal = table.refusals[place] if table.refusals else ""
            yield ChartRow(label, f"{label}: {told}", bars, refusal)

    def _after_each_other(self, numbers: Collection[float]) -> Iterator[tuple[int, float, float]]:
        begins = 0.0
        for column, number in enumerate(numbers):
            yield column, self._percent(begins), self._percent(number)
            begins += number

    def _percent(self, number: float) -> float:
        return round(100 * number / self.table.largest, 2) if self.table.largest else 0


def figure(cell: Cell) -> str:
    """A number as it is written on the page; a dash where there is none."""
    if cell is None:
        return "–"
    return number_format(cell, 1 if isinstance(cell, float) else 0, force_grouping=True)


@require_safe
def statistics_view(request: HttpRequest) -> HttpResponse:
    own, today = own_queues(request), timezone.localdate()
    name = _period_asked_for(request)
    form = PeriodForm(_asked(request, periods.named(name, today)), queues=own)
    shown: dict[str, Any] = {}
    if form.is_valid():
        period = Period(form.cleaned_data["first"], form.cleaned_data["last"])
        chosen = list(form.cleaned_data["queue"])
        queues = chosen or list(own)
        queue_ids = [queue.pk for queue in queues]
        counted = callbacks.count(queue_ids, period)
        of_callbacks = callbacks.tables(counted, queues, period)
        of_sms = consent_and_sms.of_queues(queue_ids, period)
        of_calls = phone_menu.of_queues(queue_ids, period)
        for table in (*of_callbacks, *of_sms, *of_calls):
            if table.key == request.GET.get("csv"):
                return _csv(table, period)
        address = [("queue", each.pk) for each in chosen] + [("first", period.first), ("last", period.last)]
        shown = {
            "period": period,
            "queues": queues,
            "all_of_several": not chosen and len(queues) > 1,
            "headlines": list(_headlines(counted)),
            "groups": [
                ("om-arenden", _("Ärenden"), [Shown(table) for table in of_callbacks]),
                ("om-sms", _("Samtycke och SMS"), [Shown(table) for table in of_sms]),
                *([("om-samtal", _("Telefonmenyn"), [Shown(table) for table in of_calls])] if of_calls else []),
            ],
            "csv_address": urlencode(address),
            "whole_from": callbacks.whole_from(),
            "not_whole": period.first < callbacks.whole_from(),
            "small": 0 < counted.totals.cases < SMALL,
            "refused_in": _queue_with_patients(request, queues),
            "terms": terms(),
        }
    context = {
        "title": _("Statistik"),
        "form": form,
        "names": [(key, label, key == name) for key, label in periods.NAMES.items()],
        **shown,
    }
    status = 422 if not form.is_valid() else 200
    return render(request, "admin/statistics.html", {**admin.site.each_context(request), **context}, status=status)


def _period_asked_for(request: HttpRequest) -> str:
    """The name of the period in the address; empty where its days stand there instead."""
    name = request.GET.get("period", "")
    if name in periods.NAMES:
        return name
    return "" if {"first", "last"} & set(request.GET) else periods.DEFAULT


def _asked(request: HttpRequest, period: Period | None) -> Any:
    """What the address asks for, with the days of the period that it names, if it does."""
    asked = request.GET.copy()
    if period:
        asked["first"], asked["last"] = f"{period.first}", f"{period.last}"
    return asked


def _queue_with_patients(request: HttpRequest, queues: list[Queue]) -> int | None:
    """The one queue that is shown, if the user may see its patients: then the bars of stopped SMS lead to them."""
    if len(queues) != 1:
        return None
    theirs = Queue.objects.administered_by(person(request)).filter(pk=queues[0].pk)
    return queues[0].pk if theirs.exists() else None


@dataclass(frozen=True)
class Headline:
    """A figure that stands first, large."""

    name: str
    figure: str
    of: str
    before: str


def _headlines(counted: callbacks.Counted) -> Iterator[Headline]:
    now, before = counted.totals, counted.before

    def headline(name: str, told: Any, of: str) -> Headline:
        earlier = _("Perioden före: %(figure)s") % {"figure": told(before)} if before else ""
        return Headline(name, told(now), of, earlier)

    yield headline(_("Ärenden som kom in"), lambda t: figure(t.cases), "")
    yield headline(
        _("Kontakt samma dag"),
        lambda t: _share(percent(t.same_day, t.counted)),
        _("%(part)s av %(whole)s ärenden") % {"part": figure(now.same_day), "whole": figure(now.counted)},
    )
    yield headline(
        _("Väntetid till första försöket, median"),
        lambda t: "–" if t.median is None else callbacks.in_hours(t.median),
        "" if now.p90 is None else _("90:e percentilen: %(time)s") % {"time": callbacks.in_hours(now.p90)},
    )
    yield headline(
        _("Nådd vid första försöket"),
        lambda t: _share(percent(t.reached_first, t.tried)),
        _("%(part)s av %(whole)s ärenden med minst ett försök")
        % {"part": figure(now.reached_first), "whole": figure(now.tried)},
    )


def _share(share: float | None) -> str:
    return "–" if share is None else f"{figure(share)} %"


def _csv(table: Table, period: Period) -> HttpResponse:
    return csv_file(f"statistik-{table.key}-{period.first}-{period.last}.csv", table.columns, table.rows)
