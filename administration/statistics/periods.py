"""The periods that can be chosen by name: each is some days, by the day on which it is asked for."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

from django.utils.translation import gettext_lazy

from administration.statistics.tables import DAY, WEEK, Period

MONTH = timedelta(days=29)


def _week(today: date) -> Period:
    return Period(today - timedelta(days=today.weekday()), today)


def _week_before(today: date) -> Period:
    monday = today - timedelta(days=today.weekday())
    return Period(monday - WEEK, monday - DAY)


def _month(today: date) -> Period:
    return Period(today.replace(day=1), today)


def _month_before(today: date) -> Period:
    last = today.replace(day=1) - DAY
    return Period(last.replace(day=1), last)


def _days(today: date) -> Period:
    return Period(today - MONTH, today)


NAMES = {
    "this_week": gettext_lazy("Denna vecka"),
    "last_week": gettext_lazy("Förra veckan"),
    "this_month": gettext_lazy("Denna månad"),
    "last_month": gettext_lazy("Förra månaden"),
    "last_30_days": gettext_lazy("Senaste 30 dagarna"),
}
"""By the name that stands in addresses: so an address can be kept, and asked for again next week."""
DEFAULT = "last_30_days"
OF_NAME: dict[str, Callable[[date], Period]] = {
    "this_week": _week,
    "last_week": _week_before,
    "this_month": _month,
    "last_month": _month_before,
    "last_30_days": _days,
}


def named(name: str, today: date) -> Period | None:
    """The period of this name; None if there is none. None ends later than today."""
    period = OF_NAME.get(name)
    return period(today) if period else None
