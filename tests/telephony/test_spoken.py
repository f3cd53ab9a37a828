"""Times, days and digits as they are said, word after word, in Swedish and English."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from telephony import spoken
from telephony.sentences import ENGLISH_CLOCK, STANDARD, said_in

STOCKHOLM = ZoneInfo("Europe/Stockholm")
WEDNESDAY = datetime(2026, 11, 25, 9, 12, tzinfo=STOCKHOLM)


def told(keys: list[str], language: str) -> str:
    return " ".join(said_in(language)[key] for key in keys)


def chosen(at: datetime, language: str = "sv", now: datetime = WEDNESDAY) -> str:
    """As in "För tiden i morgon klockan tio, tryck 1"."""
    return told(spoken.time(at, now, language), language)


def promised(at: datetime, language: str = "sv", now: datetime = WEDNESDAY) -> str:
    """As in "Vi ringer dig i morgon omkring klockan tio"."""
    return told(spoken.about(at, now, language), language)


def today(clock: str) -> datetime:
    hour, minute = map(int, clock.split("."))
    return WEDNESDAY.replace(hour=hour, minute=minute)


@pytest.mark.parametrize(
    ("clock", "swedish", "english"),
    [
        ("10.00", "klockan tio", "at ten o'clock in the morning"),
        ("10.05", "klockan tio noll fem", "at ten oh five in the morning"),
        ("10.10", "klockan tio tio", "at ten ten in the morning"),
        ("10.30", "klockan tio trettio", "at ten thirty in the morning"),
        ("08.45", "klockan åtta fyrtiofem", "at eight forty-five in the morning"),
        ("12.00", "klockan tolv", "at noon"),
        ("12.15", "klockan tolv femton", "at twelve fifteen in the afternoon"),
        ("13.00", "klockan tretton", "at one o'clock in the afternoon"),
        ("14.30", "klockan fjorton trettio", "at two thirty in the afternoon"),
        ("17.59", "klockan sjutton femtionio", "at five fifty-nine in the afternoon"),
        ("18.01", "klockan arton noll ett", "at six oh one in the evening"),
        ("21.20", "klockan tjugoett tjugo", "at nine twenty in the evening"),
        ("00.30", "klockan noll trettio", "at twelve thirty in the morning"),
    ],
)
def test_the_clock_is_said_by_24_hours_in_swedish_and_by_12_in_english(clock, swedish, english):
    assert (chosen(today(clock)), chosen(today(clock), "en")) == (swedish, english)


def test_a_time_today_is_promised_by_its_clock_alone():
    assert promised(today("10.30")) == "omkring klockan tio trettio"
    assert promised(today("10.30"), "en") == "at about ten thirty in the morning"


def test_a_time_tomorrow_says_so():
    at = today("10.30") + timedelta(days=1)
    assert promised(at) == "i morgon omkring klockan tio trettio"
    assert promised(at, "en") == "tomorrow at about ten thirty in the morning"
    assert chosen(at) == "i morgon klockan tio trettio"


def test_a_time_later_on_has_its_weekday_and_date():
    at = today("08.00") + timedelta(days=2)
    assert promised(at) == "fredag den tjugosjunde november omkring klockan åtta"
    assert promised(at, "en") == "on Friday the twenty-seventh of November at about eight o'clock in the morning"


def test_the_day_is_stockholms_also_where_utc_has_another():
    now = datetime(2026, 6, 30, 22, 30, tzinfo=ZoneInfo("UTC"))  # half past midnight on 1 July in Stockholm
    assert chosen(datetime(2026, 7, 1, 8, 0, tzinfo=STOCKHOLM), now=now) == "klockan åtta"
    at = datetime(2026, 7, 3, 6, 0, tzinfo=ZoneInfo("UTC"))
    assert chosen(at, now=now) == "fredag den tredje juli klockan åtta"


def test_a_language_that_is_not_written_here_says_times_as_swedish_does():
    assert spoken.time(today("14.30"), WEDNESDAY, "ar") == ["at", "number_14", "number_30"]


def test_a_number_is_read_back_digit_by_digit():
    assert told(spoken.digits("070-174 06 05"), "sv") == "noll sju noll ett sju fyra noll sex noll fem"
    assert told(spoken.digits("1212"), "en") == "one two one two"


def test_no_other_sign_is_read_as_a_digit():
    assert spoken.digits("+4६6 ²") == ["number_4", "number_6"]


def test_every_time_of_a_year_has_words_in_both_languages():
    at = datetime(2028, 1, 1, tzinfo=STOCKHOLM)  # a leap year
    while at.year == 2028:
        for language in ("sv", "en", "ar"):
            keys = [*spoken.about(at, WEDNESDAY, language), *spoken.time(at, WEDNESDAY, language)]
            assert set(keys) <= set(said_in(language))
        at += timedelta(hours=7, minutes=1)


def test_what_only_an_english_clock_has_needs_no_swedish_recording():
    assert set(STANDARD) - set(said_in("sv")) == set(ENGLISH_CLOCK)
    assert set(said_in("en")) == set(STANDARD)


def test_every_standard_key_fits_the_column_and_an_address():
    assert all(len(key) <= 40 and key.replace("_", "").isalnum() and key.isascii() for key in STANDARD)
