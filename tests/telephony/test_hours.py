"""When a number is closed, and when it opens again, by the clock in Stockholm."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from cases.models import ClosedDay
from telephony.hours import Closed, closed
from telephony.models import CallersHours, PatientsNumber

pytestmark = pytest.mark.django_db

STOCKHOLM = ZoneInfo("Europe/Stockholm")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=STOCKHOLM)


@pytest.fixture
def workdays(number) -> PatientsNumber:
    """Open from Monday to Friday, with an hour for lunch."""
    CallersHours.objects.bulk_create(
        CallersHours(number=number, weekday=weekday, opens=opens, closes=closes)
        for weekday in range(5)
        for opens, closes in (("08:00", "11:00"), ("12:00", "16:30"))
    )
    return number


@pytest.mark.parametrize("now", ["2026-11-25 08:00", "2026-11-25 10:59", "2026-11-25 12:00", "2026-11-25 16:29"])
def test_it_is_open_from_the_minute_it_opens_till_the_minute_it_closes(now, workdays):
    assert closed(workdays, at(now)) is None


@pytest.mark.parametrize(
    ("now", "opens"),
    [
        ("2026-11-25 07:59", "2026-11-25 08:00"),  # a Wednesday
        ("2026-11-25 11:00", "2026-11-25 12:00"),
        ("2026-11-25 16:30", "2026-11-26 08:00"),
        ("2026-11-25 23:59", "2026-11-26 08:00"),
        ("2026-11-27 17:00", "2026-11-30 08:00"),  # Friday evening: Monday
        ("2026-11-28 12:00", "2026-11-30 08:00"),
        ("2026-03-29 02:30", "2026-03-30 08:00"),  # the night to summer time
        ("2026-12-23 17:00", "2026-12-28 08:00"),  # over Christmas
    ],
)
def test_outside_the_hours_it_opens_at_the_next_one(now, opens, workdays):
    assert closed(workdays, at(now)) == Closed(all_day=False, opens=at(opens))


@pytest.mark.parametrize("now", ["2026-12-24 09:00", "2026-12-25 09:00"])
def test_public_holidays_and_their_eves_are_closed_all_day(now, workdays):
    assert closed(workdays, at(now)) == Closed(all_day=True, opens=at("2026-12-28 08:00"))


def test_the_queues_closed_days_are_closed_too(workdays, queue):
    ClosedDay.objects.bulk_create(ClosedDay(queue=queue, day=date(2026, 11, day)) for day in (26, 27))
    assert closed(workdays, at("2026-11-26 09:00")) == Closed(all_day=True, opens=at("2026-11-30 08:00"))
    assert closed(workdays, at("2026-11-25 17:00")) == Closed(all_day=False, opens=at("2026-11-30 08:00"))


def test_without_hours_it_is_open_round_the_clock_but_for_the_queues_closed_days(number, queue):
    assert closed(number, at("2026-11-25 03:00")) is None
    assert closed(number, at("2026-12-25 03:00")) is None
    ClosedDay.objects.bulk_create(ClosedDay(queue=queue, day=date(2026, 11, day)) for day in (25, 26))
    assert closed(number, at("2026-11-25 03:00")) == Closed(all_day=True, opens=date(2026, 11, 27))


def test_where_it_does_not_open_within_a_year_nobody_knows_when(number, queue):
    today = date(2026, 11, 25)
    ClosedDay.objects.bulk_create(ClosedDay(queue=queue, day=today + timedelta(days=number)) for number in range(400))
    assert closed(number, at("2026-11-25 09:00")) == Closed(all_day=True, opens=None)
    number.hours.create(weekday=2, opens="08:00", closes="09:00")
    assert closed(number, at("2026-11-25 09:00")) == Closed(all_day=True, opens=None)


def test_a_number_with_a_menu_has_its_own_hours_alone(workdays, queue):
    ClosedDay.objects.create(queue=queue, day=date(2026, 11, 25))
    workdays.queue = None
    assert closed(workdays, at("2026-11-25 09:00")) is None
