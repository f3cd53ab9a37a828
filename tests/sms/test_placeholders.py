"""What is filled in: {tid}, {datum}, {enhet} and {telefon}, and nothing else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from phonenumber_field.phonenumber import PhoneNumber

from sms.content.placeholders import LONGEST_DATE, OFFERED, fill, unknown
from teleq.models import Queue

QUEUE = Queue(unit="VC Spindeln", name="Rådgivning", phone_number="+46846500411")
AT = datetime(2026, 11, 26, 9, 30, tzinfo=UTC)


def test_each_is_filled_in():
    text = "Vi ringer {datum} kl. {tid}. {enhet}, tel. {telefon}"
    assert fill(text, QUEUE, AT) == "Vi ringer torsdag 26 november kl. 10.30. VC Spindeln, tel. 08-465 004 11"


@pytest.mark.parametrize("placeholder", OFFERED)
def test_all_that_is_offered_is_filled_in_wherever_and_however_often(placeholder):
    alone = fill(placeholder, QUEUE, AT)
    assert alone
    assert "{" not in alone
    assert fill(f"{placeholder}{placeholder} x", QUEUE, AT) == f"{alone}{alone} x"


@pytest.mark.parametrize("number", ["", None])
def test_a_queue_without_a_number_has_nothing_there(number):
    assert fill("Ring {telefon}.", Queue(unit="VC Spindeln", phone_number=number or ""), AT) == "Ring ."


@pytest.mark.parametrize(
    ("instant", "written"),
    [
        (datetime(2026, 3, 29, 0, 59, tzinfo=UTC), "söndag 29 mars 01.59"),  # summer time comes: 02.00 is 03.00
        (datetime(2026, 3, 29, 1, 0, tzinfo=UTC), "söndag 29 mars 03.00"),
        (datetime(2026, 10, 25, 0, 30, tzinfo=UTC), "söndag 25 oktober 02.30"),  # and goes: 02.30 comes twice
        (datetime(2026, 10, 25, 1, 30, tzinfo=UTC), "söndag 25 oktober 02.30"),
        (datetime(2026, 12, 31, 23, 5, tzinfo=UTC), "fredag 1 januari 00.05"),  # another year in Stockholm
        (datetime(2026, 6, 30, 22, 0, tzinfo=UTC), "onsdag 1 juli 00.00"),
        (datetime(2026, 2, 2, 7, 5, tzinfo=UTC), "måndag 2 februari 08.05"),
    ],
)
def test_the_clock_and_the_day_are_stockholms(instant, written):
    assert fill("{datum} {tid}", QUEUE, instant) == written


def test_the_days_are_in_swedish():
    week = [fill("{datum}", QUEUE, AT + timedelta(days=day)).split()[0] for day in range(7)]
    assert week == ["torsdag", "fredag", "lördag", "söndag", "måndag", "tisdag", "onsdag"]


def test_no_day_of_any_year_is_longer_than_the_longest():
    days = (AT + timedelta(days=day) for day in range(366 * 8))
    longest = len(fill("{datum} {tid}", QUEUE, LONGEST_DATE))
    assert max(len(fill("{datum} {tid}", QUEUE, day)) for day in days) == longest


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("{tid} {datum} {enhet} {telefon}", []),
        ("Inga alls", []),
        ("{Tid} { tid } {namn} {}", ["{Tid}", "{ tid }", "{namn}", "{}"]),
        ("halv { och } halv", ["{ och }"]),
        ("en { ensam", ["{"]),
        ("en } ensam", ["}"]),
        ("{{tid}}", ["{", "}"]),
        ("{tid", ["{"]),
        ("{ny\nrad}", ["{ny\nrad}"]),
    ],
)
def test_what_would_be_sent_as_it_stands_is_told(text, found):
    assert unknown(text) == found
    if "{tid}" not in text:
        assert fill(text, QUEUE, AT) == text


def test_what_is_filled_in_is_not_read_for_placeholders():
    queue = Queue(unit="{tid} \\1 {telefon}", phone_number="")
    assert fill("{enhet}", queue, AT) == "{tid} \\1 {telefon}"


def test_a_number_that_is_none_is_written_as_it_stands():
    queue = Queue(unit="VC Spindeln", phone_number=PhoneNumber(raw_input="1177"))
    assert fill("{telefon}", queue, AT) == "1177"


@given(
    st.lists(st.sampled_from([*OFFERED, "{", "}", "{namn}"]) | st.text(max_size=8)).map("".join),
    st.datetimes(min_value=datetime(2000, 1, 1), max_value=datetime(2100, 1, 1), timezones=st.just(UTC)),
)
def test_any_text_can_be_filled_in_and_all_else_in_it_is_left_alone(text, at):
    expected = text
    for placeholder in OFFERED:
        expected = expected.replace(placeholder, fill(placeholder, QUEUE, at))
    assert fill(text, QUEUE, at) == expected
    assert bool(unknown(text)) == bool(set("{}") & set(expected))
