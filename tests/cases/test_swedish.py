"""How times and numbers are written."""

import re
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone
from phonenumber_field.phonenumber import PhoneNumber

from teleq.swedish import clock, day_and_clock, identity_number, last_day, phone

STOCKHOLM = ZoneInfo("Europe/Stockholm")


def half_past_ten(days_from_today: int) -> datetime:
    day = timezone.localdate() + timedelta(days=days_from_today)
    return datetime.combine(day, time(10, 30), STOCKHOLM)


def test_today_is_its_hour_only():
    assert clock(half_past_ten(0)) == "10.30"


@pytest.mark.parametrize(("days", "words"), [(-1, "igår 10.30"), (1, "imorgon 10.30")])
def test_the_days_beside_today_have_their_names(days, words):
    assert clock(half_past_ten(days)) == day_and_clock(half_past_ten(days)) == words


def test_in_a_list_of_days_today_is_named_too():
    assert day_and_clock(half_past_ten(0)) == "idag 10.30"


@pytest.mark.parametrize("days", [-150, -2, 2, 150])
def test_other_days_have_weekday_and_date_and_no_year_when_they_are_near(days):
    at = half_past_ten(days)
    assert re.fullmatch(rf"(mån|tis|ons|tors|fre|lör|sön) {at.day} [a-z]+ 10\.30", clock(at))


@pytest.mark.parametrize(
    ("date", "words"),
    [
        ((2020, 1, 6), "mån 6 jan 2020 10.30"),
        ((2020, 2, 11), "tis 11 feb 2020 10.30"),
        ((2020, 3, 18), "ons 18 mars 2020 10.30"),
        ((2020, 4, 30), "tors 30 april 2020 10.30"),
        ((2020, 5, 29), "fre 29 maj 2020 10.30"),
        ((2020, 6, 27), "lör 27 juni 2020 10.30"),
        ((2020, 7, 26), "sön 26 juli 2020 10.30"),
        ((2020, 8, 31), "mån 31 aug 2020 10.30"),
        ((2020, 9, 1), "tis 1 sep 2020 10.30"),
        ((2020, 10, 7), "ons 7 okt 2020 10.30"),
        ((2020, 11, 26), "tors 26 nov 2020 10.30"),
        ((2020, 12, 4), "fre 4 dec 2020 10.30"),
    ],
)
def test_days_far_away_have_their_year(date, words):
    assert clock(datetime(*date, 10, 30, tzinfo=STOCKHOLM)) == words


def test_the_hour_is_stockholms_in_winter_and_in_summer():
    assert clock(datetime(2020, 1, 6, 9, 30, tzinfo=UTC)) == "mån 6 jan 2020 10.30"
    assert clock(datetime(2020, 7, 6, 8, 30, tzinfo=UTC)) == "mån 6 juli 2020 10.30"
    assert clock(datetime(2020, 7, 5, 22, 5, tzinfo=UTC)) == "mån 6 juli 2020 00.05"


def test_the_last_day_of_an_answer_is_stockholms_date_in_full():
    assert last_day(datetime(2028, 1, 23, 23, 30, tzinfo=UTC)) == "24 januari 2028"


@pytest.mark.parametrize(
    ("number", "written"),
    [("+46701740605", "070-174 06 05"), ("+46846500400", "08-465 004 00"), ("+4512345678", "+45 12345678")],
)
def test_a_swedish_number_is_written_as_it_is_dialled_and_a_foreign_one_with_its_country(number, written):
    assert phone(PhoneNumber.from_string(number)) == written


def test_a_withheld_number_is_nothing():
    assert phone(None) == ""


def test_a_personnummer_is_written_with_its_hyphen():
    assert identity_number("191212121212") == "19121212-1212"
