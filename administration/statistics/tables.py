"""What the statistics are made of: a period, and tables with a number in each cell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import Enum
from typing import TypeAlias

from django.utils.formats import date_format
from django.utils.translation import gettext as _

DAY = timedelta(days=1)
WEEK = timedelta(weeks=1)


@dataclass(frozen=True)
class Period:
    """From the beginning of the first day to the end of the last, by the clock in Stockholm."""

    first: date
    last: date

    @property
    def step(self) -> str:
        """What a row of a table by days covers, so that there are not too many: "day", "week" or "month"."""
        days = self.days
        return "day" if days <= 31 else "week" if days <= 200 else "month"

    @property
    def days(self) -> int:
        return (self.last - self.first).days + 1

    def step_of(self, day: date) -> date:
        """The first day of the row that this day is counted in. A week's may be before the period's first."""
        if self.step == "week":
            return day - timedelta(days=day.weekday())
        return day if self.step == "day" else day.replace(day=1)

    def step_name(self, begins: date) -> str:
        """ "26 nov", "v. 48, 2026", "november 2026"."""
        if self.step == "week":
            week = begins.isocalendar()
            return _("v. %(week)d, %(year)d") % {"week": week.week, "year": week.year}
        return date_format(begins, "j b" if self.step == "day" else "F Y")

    @property
    def before(self) -> Period:
        """The period to compare with: with the same days of the week, or the month before where it is (the first days
        of) a month."""
        if self.first.day == 1 and self.last < _month_after(self.first):
            first = _month_before(self.first)
            ends = self.first - DAY
            whole = self.last + DAY == _month_after(self.first)
            return Period(first, ends if whole else min(first + (self.last - self.first), ends))
        back = -(-self.days // 7) * WEEK
        return Period(self.first - back, self.last - back)

    @property
    def in_words(self) -> str:
        """ "23 november 2026" or "23 november 2026–29 november 2026"."""
        first, last = date_format(self.first, "j F Y"), date_format(self.last, "j F Y")
        return first if first == last else f"{first}–{last}"


def _month_after(first: date) -> date:
    return (first + 31 * DAY).replace(day=1)


def _month_before(first: date) -> date:
    return (first - DAY).replace(day=1)


Cell: TypeAlias = int | float | None
"""A number of things, or a share or an average with a decimal. None: there is nothing to tell it of."""
Row: TypeAlias = tuple[str, *tuple[Cell, ...]]
"""What it is about, and a number in each column."""


class Chart(Enum):
    """How a table is drawn."""

    PARTS = "parts"
    """A row is one bar, of its numbers after each other: they are parts of a whole."""
    BARS = "bars"
    """A row is a bar for each number."""
    NONE = "none"
    """Not at all: its numbers are of different kinds."""
    GRID = "grid"
    """As a table whose cells are the darker the more there is in them."""


@dataclass(frozen=True)
class Table:
    """Some figures: on the page, and as CSV."""

    key: str
    """Its name in addresses and in the name of its file."""
    title: str
    columns: tuple[str, ...]
    rows: Sequence[Row]
    note: str = ""
    chart: Chart = Chart.PARTS
    plotted: int | None = None
    """How many of its numbers are drawn, from the first. None: all."""
    answers: bool = False
    """Whether its numbers are of the three answers to Samtycke till SMS, which have colours of their own."""
    refusals: Sequence[str] = ()
    """Of refused messages: each row's reason (`sms.models.Refusal`)."""

    @property
    def names(self) -> tuple[str, ...]:
        """The columns that are drawn."""
        return self.columns[1:][: self.plotted]

    def numbers(self, row: Row) -> list[float]:
        """What is drawn of a row."""
        return [cell or 0 for cell in row[1:][: self.plotted]]

    @property
    def largest(self) -> float:
        """The longest bar. 0 where there is nothing to draw."""
        in_one_bar = sum if self.chart is Chart.PARTS else max
        return max((in_one_bar(self.numbers(row)) for row in self.rows), default=0)


def percent(part: int, whole: int) -> float | None:
    return round(100 * part / whole, 1) if whole else None
