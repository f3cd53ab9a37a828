"""A queue's telephone hours as a week's grid: each day with its intervals, and buttons that add, remove and copy.

The buttons post the form, and the page comes back with the intervals moved and nothing saved: by htmx in place, without
scripts as a page of its own. What they do is here alone, so that both ways do the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django import forms
from django.forms.utils import ErrorDict
from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from administration.admin.inlines import RowForm, RowFormSet
from administration.queues import overlapping
from cases.models import TelephoneHours
from teleq.models import Queue
from teleq.whole_numbers import whole_number

PREFIX = "telephone_hours"
Weekday = TelephoneHours.Weekday
DAYS = [int(day) for day in Weekday]
WORKDAYS = range(5)
MOST_ROWS = 500
OVERLAPS = gettext_lazy("Telefontiden överlappar en annan samma dag.")


# On the page ---------------------------------------------------------------------------------------------------------


class TelephoneHoursForm(RowForm[TelephoneHours]):
    """An interval. Of a new one without times there is nothing to save: the day is closed."""

    class Meta:
        model = TelephoneHours
        fields = ("weekday", "opens", "closes")
        widgets = {"weekday": forms.HiddenInput}
        error_messages = {
            "opens": {"required": gettext_lazy("Skriv när telefontiden öppnar.")},
            "closes": {"required": gettext_lazy("Skriv när telefontiden stänger.")},
        }

    def has_changed(self) -> bool:
        if self.is_bound and self.instance._state.adding:
            return any(self.data.get(self.add_prefix(name)) for name in ("opens", "closes"))
        return super().has_changed()


@dataclass(frozen=True)
class Day:
    number: int
    label: str
    shown: list[tuple[int, Any]]
    """Its intervals: their places in the form, and their fields."""
    removed: list[Any]
    """Those that are removed when the page is saved."""

    @property
    def add_id(self) -> str:
        return f"add-{self.number}"

    @property
    def copy_id(self) -> str:
        return f"copy-{self.number}"

    @property
    def may_be_copied(self) -> bool:
        return self.number in WORKDAYS


class TelephoneHoursFormSet(RowFormSet[TelephoneHours, Queue]):
    """Each day that has no telephone hours begins with an empty interval, to be written in."""

    delete_label = gettext_lazy("Ta bort telefontiden")
    focus = ""
    """The id of what is to have the focus."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not self.is_bound:
            with_hours = {each.weekday for each in self.get_queryset()}
            closed = [day for day in DAYS if day not in with_hours]
            self.initial_extra = [{"weekday": day, "opens": None, "closes": None} for day in closed]
            self.extra = len(closed)

    def add_fields(self, form: Any, index: int | None) -> None:
        super().add_fields(form, index)
        form.fields["DELETE"].widget = forms.HiddenInput()
        form.fields["id"].error_messages["invalid_choice"] = _(
            "Någon annan har tagit bort telefontiden. Ingenting är sparat. Ta bort den här också, eller ladda om sidan."
        )

    def clean(self) -> None:
        super().clean()
        if any(self.errors):
            return
        kept = [form for form in self.forms if form.cleaned_data and not form.cleaned_data.get("DELETE")]
        shown = {form.instance.pk for form in self.initial_forms}
        of_others = [each for each in self.get_queryset() if each.pk not in shown]
        too_early = overlapping([*(form.instance for form in kept), *of_others])
        for form in kept:
            if form.instance in too_early:
                form.add_error("opens", OVERLAPS)
        self._tell_of_others(of_others, too_early)

    def _tell_of_others(self, of_others: list[TelephoneHours], too_early: list[TelephoneHours]) -> None:
        """Of telephone hours that came since the page was shown, and overlap one of the page's."""
        for each in of_others:
            if each in too_early:
                raise forms.ValidationError(
                    _("Någon annan har lagt till %(hours)s, som överlappar. Ladda om sidan."), params={"hours": each}
                )

    @property
    def days(self) -> Iterator[Day]:
        by_day: dict[int, list[tuple[int, Any]]] = {day: [] for day in DAYS}
        for row, form in enumerate(self.forms):
            day = whole_number(str(form["weekday"].value()), largest=len(DAYS) - 1)
            by_day[day or 0].append((row, form))
        for day in DAYS:
            label = str(Weekday(day).label)
            shown = [(row, form) for row, form in by_day[day] if form["DELETE"].value() != "on"]
            for place, (_row, form) in enumerate(shown, 1):
                _name(form, label if len(shown) == 1 else f"{label} {place}", self.focus)
            yield Day(day, label, shown, [form for row, form in by_day[day] if (row, form) not in shown])


def _name(form: Any, interval: str, focus: str) -> None:
    """What a screen reader calls it and its fields, and which of them has the focus."""
    form.interval = interval
    for name, what in (("opens", _("öppnar")), ("closes", _("stänger"))):
        field = form[name]
        field.field.widget.attrs["aria-label"] = f"{interval}: {what}"
        if focus and focus == field.id_for_label:
            field.field.widget.attrs["autofocus"] = True


# What the buttons do -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Arranged:
    data: QueryDict
    """The posted form as it is to be shown. Nothing of it is judged or saved."""
    said: str
    focus: str
    """The id of what is to have the focus; empty: what has it keeps it."""


def arrange(posted: QueryDict, press: str) -> Arranged | None:
    """What a press makes of the form: "add 0" (a day), "remove 3" (an interval) or "copy 0" (a day). None where it is
    no such press."""
    what, _space, which = press.partition(" ")
    rows, number = _Rows(posted), whole_number(which, largest=MOST_ROWS)
    if number is None:
        return None
    if what == "add" and number in DAYS:
        return Arranged(rows.data, "", rows.add(number))
    if what == "remove" and number < rows.total:
        day = rows.remove(number)
        return Arranged(rows.data, _("Telefontiden tas bort när du sparar."), f"add-{day}")
    if what == "copy" and number in WORKDAYS:
        rows.copy_to_workdays(number)
        said = _("%(day)s är kopierad till alla vardagar. Det gäller när du har sparat.") % {
            "day": Weekday(number).label
        }
        return Arranged(rows.data, said, f"copy-{number}")
    return None


class _Rows:
    """The intervals of a posted form, by their places in it."""

    def __init__(self, posted: QueryDict) -> None:
        self.data = posted.copy()
        self.total = whole_number(posted.get(f"{PREFIX}-TOTAL_FORMS", ""), largest=MOST_ROWS) or 0

    def _get(self, row: int, name: str) -> str:
        return self.data.get(f"{PREFIX}-{row}-{name}") or ""

    def _set(self, row: int, **values: object) -> None:
        for name, value in values.items():
            self.data[f"{PREFIX}-{row}-{name}"] = str(value)

    def of(self, day: int) -> list[int]:
        """The day's intervals that are shown."""
        rows = range(self.total)
        return [row for row in rows if self._get(row, "weekday") == str(day) and self._get(row, "DELETE") != "on"]

    def add(self, day: int) -> str:
        """An empty interval, and the id of its first field."""
        row = self.total
        if row < MOST_ROWS:
            self._set(row, weekday=day, opens="", closes="", id="", DELETE="")
            self.total += 1
            self.data[f"{PREFIX}-TOTAL_FORMS"] = str(self.total)
        return f"id_{PREFIX}-{row}-opens"

    def remove(self, row: int) -> int:
        """Remove an interval, and return its day. One is left to write in, as on every day."""
        day = whole_number(self._get(row, "weekday"), largest=len(DAYS) - 1) or 0
        self._set(row, DELETE="on")
        if not self.of(day):
            self.add(day)
        return day

    def copy_to_workdays(self, source: int) -> None:
        """Give Monday to Friday the source's intervals. Those that are there already are changed, the rest removed."""
        times = [(self._get(row, "opens"), self._get(row, "closes")) for row in self.of(source)]
        times = [each for each in times if any(each)]
        for day in WORKDAYS:
            if day == source:
                continue
            while len(self.of(day)) < len(times):
                self.add(day)
            rows = self.of(day)
            for row, (opens, closes) in zip(rows, times, strict=False):
                self._set(row, opens=opens, closes=closes)
            for row in rows[len(times) :]:
                self.remove(row)


# A page that is not judged -------------------------------------------------------------------------------------------


class Arrangeable:
    """A form of the page: while its intervals are moved about, nothing in it is judged."""

    is_arranging = False
    errors: Any

    def full_clean(self) -> None:
        if self.is_arranging:
            self._errors = ErrorDict()
            self.cleaned_data: dict[str, Any] = {}
        else:
            super().full_clean()  # type: ignore[misc]  # a form's
