"""Admin > Statistik: a queue's totals in a period, as charts with their tables, and as CSV."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from administration.admin.csv_file import csv_file
from administration.admin.scoped import own_queues
from administration.statistics import Period, Table, of_queue
from teleq.models import Queue
from teleq.whole_numbers import whole_number

LONGEST = timedelta(days=5 * 366)
MONTH = timedelta(days=30)


class PeriodForm(forms.Form):
    queue = forms.ModelChoiceField(
        label=gettext_lazy("Kö"),
        queryset=Queue.objects.none(),
        empty_label=None,
        error_messages={
            "required": gettext_lazy("Välj en kö."),
            "invalid_choice": gettext_lazy("Välj en av dina köer."),
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
        assert isinstance(queue, forms.ModelChoiceField)
        queue.queryset = queues
        for name in ("first", "last"):
            self.fields[name].error_messages = {"required": _("Välj en dag."), "invalid": _("Skriv en dag.")}

    def clean(self) -> None:
        super().clean()
        first, last = self.cleaned_data.get("first"), self.cleaned_data.get("last")
        if first and last and not timedelta() <= last - first <= LONGEST:
            self.add_error("last", _("Välj en dag efter den första, högst fem år senare."))


@dataclass(frozen=True)
class Bar:
    """A table's row as a bar of the chart: its parts beside each other, in percent of the longest row."""

    label: str
    total: int
    parts: list[tuple[int, float, float]]
    """Which column, where it begins and how long it is."""


def bars(table: Table) -> Iterator[Bar]:
    for label, *counts in table.rows:
        begins, parts = 0.0, []
        for place, count in enumerate(counts):
            length = 100 * count / table.largest if table.largest else 0.0
            parts.append((place, round(begins, 2), round(length, 2)))
            begins += length
        yield Bar(label, sum(counts), parts)


@require_safe
def statistics_view(request: HttpRequest) -> HttpResponse:
    today = timezone.localdate()
    asked = request.GET or {"queue": _first_queue(request), "first": today - MONTH, "last": today}
    form = PeriodForm(asked, queues=own_queues(request))
    tables: list[Table] = []
    if form.is_valid():
        data = form.cleaned_data
        tables = of_queue(data["queue"], Period(data["first"], data["last"]))
        chosen = whole_number(request.GET.get("csv", ""), largest=len(tables) - 1)
        if chosen is not None:
            return _csv(tables[chosen], data["first"], data["last"])
    context = {"title": _("Statistik"), "form": form, "charts": [(table, list(bars(table))) for table in tables]}
    status = 422 if request.GET and not form.is_valid() else 200
    return render(request, "admin/statistics.html", {**admin.site.each_context(request), **context}, status=status)


def _first_queue(request: HttpRequest) -> int | None:
    return own_queues(request).values_list("pk", flat=True).first()


def _csv(table: Table, first: date, last: date) -> HttpResponse:
    return csv_file(f"statistik-{first}-{last}.csv", table.columns, table.rows)
