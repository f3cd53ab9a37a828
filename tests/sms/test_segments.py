"""How long a text is as SMS."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sms.content.segments import MAX_PARTS, count, normalize


@pytest.mark.parametrize(
    ("text", "units", "capacity", "parts"),
    [
        ("", 0, 160, 0),
        ("a" * 160, 160, 160, 1),
        ("a" * 161, 161, 306, 2),
        ("a" * 306, 306, 306, 2),
        ("a" * 307, 307, 459, 3),
        ("åäöÅÄÖéÉ" * 20, 160, 160, 1),  # all in the GSM alphabet
        ("€" * 80, 160, 160, 1),  # each counts as two
        ("€" * 81, 162, 306, 2),
        ("[]{}^~|\\", 16, 160, 1),
        ("Я" * 70, 70, 70, 1),
        ("Я" * 71, 71, 134, 2),
        ("á" + "a" * 69, 70, 70, 1),  # one letter outside the alphabet and all count more
        ("😀" * 35, 70, 70, 1),  # a surrogate pair counts as two
        ("😀" * 36, 72, 134, 2),
    ],
)
def test_a_text_counts_by_its_alphabet(text, units, capacity, parts):
    counted = count(text)
    assert (counted.units, counted.capacity, counted.parts) == (units, capacity, parts)


def test_an_emoji_is_not_torn_apart_between_two_parts():
    whole = count("a" * 66 + "😀" + "a" * 66)
    assert (whole.units, whole.parts) == (134, 3)  # it would fit in two if a pair could be torn apart


def test_a_letter_in_two_pieces_is_composed_and_counts_as_one():
    assert normalize("Ha\u030alla\u030a") == "Hållå"
    assert str(count("a\u030a" * 160)) == "160 av 160 tecken – 1 SMS"


@pytest.mark.parametrize("nothing", ["", " ", "\n\r\n"])
def test_nothing_is_no_sms(nothing):
    assert str(count(nothing)) == "0 av 160 tecken – 0 SMS"
    assert not count(nothing).too_long


def test_lines_end_in_one_character_and_the_space_around_is_not_sent():
    assert normalize("  Hej.\r\nVälkommen \r\n") == "Hej.\nVälkommen"


def test_a_text_of_more_than_six_parts_is_too_long():
    assert not count("a" * 153 * MAX_PARTS).too_long
    assert count("a" * (153 * MAX_PARTS + 1)).too_long


def test_half_a_surrogate_pair_is_counted_and_breaks_nothing():
    assert count("\ud83d").units == 1


@given(st.text(max_size=400))
def test_the_count_is_of_what_is_sent_and_fits_the_parts(text):
    sent = normalize(text)
    assert unicodedata.is_normalized("NFC", sent)
    assert normalize(sent) == sent
    counted = count(text)
    assert counted == count(sent)
    assert (counted.parts > 0) is bool(sent)
    assert counted.units <= counted.capacity
