"""How long a text is as SMS."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sms.content.segments import MAX_PARTS, count, normalize

# 3GPP TS 23.038, 6.2.1: the tables as they stand there, eight rows of sixteen, 0x1B left out; and 6.2.1.1.
ALPHABET = (
    "@£$¥èéùìòÇ\nØø\rÅå",
    "Δ_ΦΓΛΩΠΨΣΘΞÆæßÉ",
    " !\"#¤%&'()*+,-./",
    "0123456789:;<=>?",
    "¡ABCDEFGHIJKLMNO",
    "PQRSTUVWXYZÄÖÑÜ§",
    "¿abcdefghijklmno",
    "pqrstuvwxyzäöñüà",
)
EXTENSION = {
    0x0A: "\f",
    0x14: "^",
    0x28: "{",
    0x29: "}",
    0x2F: "\\",
    0x3C: "[",
    0x3D: "~",
    0x3E: "]",
    0x40: "|",
    0x65: "€",
}


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


def test_an_escape_is_not_torn_from_its_letter_between_two_parts():
    whole = count("a" * 152 + "€" + "a" * 152)
    assert (whole.units, whole.parts) == (306, 3)  # as above


def test_gsm_7_has_the_letters_of_3gpp_ts_23_038_and_no_others():
    """Between two letters, as space around a text isn't sent. An escape of its own is no letter."""
    one_unit, two_units = set("".join(ALPHABET)), set(EXTENSION.values())
    assert (len(one_unit), len(two_units)) == (127, 10)
    for letter in map(chr, range(0x3000)):
        if unicodedata.is_normalized("NFC", letter) and not unicodedata.combining(letter):
            counted = count(f"x{letter}x")
            assert counted.is_gsm is (letter in one_unit | two_units), repr(letter)
            assert counted.units == (4 if letter in two_units else 3), repr(letter)


LETTERS = st.sampled_from([*"".join(ALPHABET).replace("\r", ""), *EXTENSION.values()])


@given(st.lists(LETTERS, min_size=1, max_size=500).map("".join))
def test_gsm_7_fills_parts_of_160_or_153_septets_with_whole_letters(text):
    _fills(text, lambda letter: 2 if letter in EXTENSION.values() else 1, one=160, several=153, is_gsm=True)


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=250))
def test_ucs_2_fills_parts_of_70_or_67_units_with_whole_letters(text):
    _fills("я" + text, lambda letter: len(letter.encode("utf-16-be")) // 2, one=70, several=67, is_gsm=False)


def _fills(text, size, *, one, several, is_gsm):
    """Laid out part by part, as the network does: a letter that doesn't fit begins the next."""
    sent, parts = normalize(text), [[]]
    for letter in sent:
        if sum(map(size, parts[-1])) + size(letter) > several:
            parts.append([])
        parts[-1].append(letter)
    length = sum(map(size, sent))
    counted = count(text)
    assert (counted.units, counted.is_gsm) == (length, is_gsm if sent else True)
    assert counted.parts == (min(length, 1) if length <= one else len(parts))


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
