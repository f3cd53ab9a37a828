"""Telephone numbers: every country's is shown so that it can be read back, and what is more than a number is none."""

from __future__ import annotations

import phonenumbers
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from phonenumber_field.phonenumber import PhoneNumber
from phonenumbers import PhoneNumberFormat, PhoneNumberType

from teleq import phone_numbers
from teleq.phone_numbers import phone_field, read, show

MOBILE = "+46701740605"
EXAMPLES = [
    example
    for region in sorted(phonenumbers.SUPPORTED_REGIONS)
    for kind in PhoneNumberType.values()
    if (example := phonenumbers.example_number_for_type(region, kind))
] + [phonenumbers.example_number_for_non_geo_entity(code) for code in phonenumbers.COUNTRY_CODES_FOR_NON_GEO_REGIONS]


def in_e164(number: phonenumbers.PhoneNumber) -> str:
    return phonenumbers.format_number(number, PhoneNumberFormat.E164)


@st.composite
def valid_numbers(draw: st.DrawFn) -> str:
    """An example of some country and kind, or one beside it that is valid too."""
    example = draw(st.sampled_from(EXAMPLES))
    digits = list(phonenumbers.national_significant_number(example))
    for place in draw(st.lists(st.integers(0, len(digits) - 1), max_size=6)):
        digits[place] = draw(st.sampled_from("0123456789"))
    number = phonenumbers.PhoneNumber()
    try:
        phonenumbers.parse(f"+{example.country_code}{''.join(digits)}", None, numobj=number)
    except phonenumbers.NumberParseException:
        assume(False)
    assume(phonenumbers.is_valid_number(number))
    return in_e164(number)


def is_read_back(number: str) -> None:
    shown = show(number)
    back = read(shown)
    assert back is not None, shown
    assert back.as_e164 == number, shown
    assert shown.startswith("0" if number.startswith("+46") else "+")


@pytest.mark.parametrize("number", sorted({in_e164(example) for example in EXAMPLES}))
def test_an_example_of_each_country_and_kind_is_shown_and_read_as_the_same_number(number):
    is_read_back(number)


@given(valid_numbers())
def test_any_number_of_any_country_is_shown_and_read_as_the_same_number(number):
    is_read_back(number)
    field = phone_field("Telefonnummer")
    typed = field.widget.format_value(PhoneNumber.from_string(number))
    assert typed == show(number)
    assert not field.has_changed(PhoneNumber.from_string(number), typed)
    assert field.clean(typed) == number


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        (MOBILE, "070-174 06 05"),  # as PTS writes its numbers for fiction
        ("+46846500411", "08-465 004 11"),
        ("+46102019940", "010-201 99 40"),
        ("+358401234567", "+358 40 1234567"),
        ("+3581812345", "+358 18 12345"),  # Åland
        ("+4779123456", "+47 79 12 34 56"),  # Svalbard
        ("+441481256789", "+44 1481 256789"),  # Guernsey
        ("+12425550123", "+1 242-555-0123"),  # the Bahamas
        ("+390612345678", "+39 06 1234 5678"),  # Italy keeps its zero
        ("", ""),
        (None, ""),
        ("1177", "1177"),
        ("+46", "+46"),
    ],
)
def test_a_swedish_number_is_shown_as_it_is_dialled_and_others_with_their_country(number, shown):
    assert show(number) == shown


GAPS = ["", " ", "-", "\u00a0", "\u2009", "\u202f", "\u2010", "\u2011", "\u2013", "\u2014", "\u2212", ".", "/", " - "]
AROUND = ["", " ", "\t", "\n", "\u200b", "\u200e", "\u202a", "\u202c", "\ufeff", "\u00a0"]


@given(st.data())
def test_a_swedish_number_is_read_however_it_is_spaced_and_whatever_unseen_stands_around_it(data):
    gap = st.sampled_from(GAPS)
    start = data.draw(st.sampled_from(["0", "+46", "0046", "+46 (0)", "(+46)", "tel:+46", "TEL:0", "Tel: 0", "＋46"]))
    parts = [start, *"701740605"]
    written = parts[0] + "".join(data.draw(gap) + digit for digit in parts[1:])
    if data.draw(st.booleans()):
        written = "".join(chr(ord(sign) + 0xFEE0) if sign.isascii() and sign.isdigit() else sign for sign in written)
    number = read(data.draw(st.sampled_from(AROUND)) + written + data.draw(st.sampled_from(AROUND)))
    assert number is not None
    assert number.as_e164 == MOBILE


@given(st.sampled_from(["070-174 06 05", MOBILE]), st.text(min_size=1, max_size=4), st.booleans())
def test_a_letter_or_the_mark_of_an_extension_makes_it_no_number(number, more, before):
    assume(any(sign.isalpha() or sign in ";,#*~" for sign in more))
    assume(not any(0xFF01 <= ord(sign) < 0xFF5F for sign in more))  # full-width: read as ASCII
    assert read(f"{more}{number}" if before else f"{number}{more}") is None


@pytest.mark.parametrize(
    "written",
    [
        "070174ABCD",
        "0701740605x1",
        "0701740605 ext. 1",
        "0701740605;1",
        "0701740605,1",
        "0701740605#1",
        "+46701740605.0",
        "46701740605.0",
        "070-174 06 05 Anna",
        "(070-174 06 05 Anna)",
        "070-174 06 05\n070-174 06 06",
        "++46701740605",
        "[070]1740605",
        "tel:",
        "+",
        "()",
        "",
        "112",
        "0701740605¹",
        "٠٧٠١٧٤٠٦٠٥",
        "०७०१७४०६०५",
        "0" * 5000,
    ],
)
def test_what_is_more_or_less_than_a_number_is_none(written):
    assert read(written) is None


@given(st.text(max_size=60))
def test_no_text_is_too_odd_to_be_read(text):
    number = read(text)
    assert number is None or read(show(number)) == number


def test_no_more_than_a_page_or_a_sweep_shows_is_kept_of_numbers_in_their_form():
    for number in range(3000):
        show(f"+4670174{number:04d}")
    assert phone_numbers._shown.cache_info().currsize <= 1024
    assert show("+46701740605") == "070-174 06 05"
