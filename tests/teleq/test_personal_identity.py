"""What a patient is known by: read in every way that people write it, refused where nobody can have it."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st
from personnummer import personnummer

from teleq.personal_identity import INTERIM_LETTERS, Kind, find, hyphenated, kind_of, read, show

LETTERS = "TRSUWXJKLMN"


def check_digit(nine: str) -> str:
    """By Luhn's algorithm, as Skatteverket describes it: every other digit twice, and their digits' sum up to a ten."""
    sums = "".join(str(int(digit) * (1 + (place % 2 == 0))) for place, digit in enumerate(nine))
    return str(-sum(map(int, sums)) % 10)


@st.composite
def identities(draw: st.DrawFn) -> tuple[str, Kind]:
    """A personnummer, samordningsnummer or interim number of somebody born since 1840, and which it is."""
    born = draw(st.dates(date(1840, 1, 1), timezone.localdate()))
    serial = f"{draw(st.integers(1, 999)):03}"
    kind = draw(st.sampled_from([Kind.PERSONAL, Kind.COORDINATION, Kind.INTERIM]))
    digits, letter = f"{born:%Y%m%d}{serial}", ""
    if kind is Kind.COORDINATION:
        month = draw(st.sampled_from([f"{born:%m}", "00"]))
        digits = f"{born:%Y}{month}{draw(st.sampled_from([born.day, 0])) + 60}{serial}"
    if kind is Kind.INTERIM:
        digits, letter = f"{digits[:8]}1{serial[1:]}", draw(st.sampled_from(LETTERS))
    digits += check_digit(digits[2:])
    return f"{digits[:8]}{letter}{digits[9:]}" if letter else digits, kind


BLANKS = ["", " ", "\u00a0", "\u2009", "\u202f"]
DASHES = ["-", "\u2010", "\u2011", "\u2012", "\u2013", "\u2014", "\u2015", "\u2212", "\ufe58", "－"]
GAPS = [*BLANKS, *DASHES, " - ", "\u00a0\u2013\u00a0"]


@st.composite
def written(draw: st.DrawFn, identity: str) -> str:
    """The identity as somebody may write it."""
    gap = st.sampled_from(GAPS)
    year, month, day, four = identity[:4], identity[4:6], identity[6:8], identity[8:]
    age = timezone.localdate().year - int(year)
    if age < 200 and draw(st.booleans()):
        sign = st.sampled_from(["+", " + "]) if age >= 100 else gap
        return f"{year[2:]}{draw(gap)}{month}{draw(gap)}{day}{draw(sign)}{four}"
    return f"{year}{draw(gap)}{month}{draw(gap)}{day}{draw(gap)}{four}"


@given(identities(), st.data())
def test_what_is_right_is_read_however_it_is_written_and_is_what_it_is(made, data):
    identity, kind = made
    for text in (data.draw(written(identity)), hyphenated(identity), identity, identity.lower()):
        assert read(text) == identity, text
    assert kind_of(identity) is kind


@given(st.dates(date(1840, 1, 1), timezone.localdate()), st.integers(0, 9999))
def test_of_digits_alone_the_library_says_the_same(born, last_four):
    """The `personnummer` library knows neither unknown days nor what lies ahead: these are born, and on a day."""
    number = f"{born:%Y%m%d}{last_four:04}"
    assert (read(number) == number) == personnummer.valid(number)


@given(identities(), st.integers(1, 9))
def test_a_mistyped_digit_is_never_somebody_else(made, more):
    """Nor a reserve number, where the others are digits too."""
    identity, kind = made
    for place, digit in enumerate(identity):
        if kind is not Kind.INTERIM and place > 1:
            mistyped = f"{identity[:place]}{(int(digit) + more) % 10}{identity[place + 1 :]}"
            assert read(mistyped) is None, mistyped


@given(identities())
def test_an_o_or_an_i_for_a_digit_is_not_a_reserve_number(made):
    identity, kind = made
    if kind is not Kind.INTERIM:
        assert read(identity[:8] + identity[8:].replace("0", "O").replace("1", "I")) in (None, identity)


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        ("191212121212", Kind.PERSONAL),
        ("197010632391", Kind.COORDINATION),  # Skatteverket's example
        ("191500882392", Kind.COORDINATION),  # its test numbers: the month is not known,
        ("191500722390", Kind.COORDINATION),
        ("191503882399", Kind.COORDINATION),
        ("20000101T220", Kind.INTERIM),  # the personnummer project's
        ("20000101N220", Kind.INTERIM),
        ("991981000010", Kind.RESERVE),  # Inera's examples: Region Stockholm,
        ("991945000023", Kind.RESERVE),
        ("19810829M071", Kind.RESERVE),  # Västra Götaland,
        ("19450829K088", Kind.RESERVE),
        ("19930829X802", Kind.RESERVE),
        ("19810829SU3A", Kind.RESERVE),  # Värmland,
        ("19930829SX0C", Kind.RESERVE),
        ("198108320014", Kind.RESERVE),  # and Carelink
        ("18500101M001", Kind.RESERVE),  # by HL7 Sweden's patterns: Sörmland,
        ("19810829DA1B", Kind.RESERVE),  # Skåne,
        ("19810829123R", Kind.RESERVE),  # Västernorrland,
        ("1981082912M4", Kind.RESERVE),  # Gävleborg
        ("22810829AB12", Kind.RESERVE),  # and the national one: 1981, known
        ("00812340ABC1", Kind.RESERVE),  # and unknown day
    ],
)
def test_what_authorities_and_regions_give_as_examples_is_read_as_what_it_is(number, kind):
    assert read(hyphenated(number)) == number
    assert kind_of(number) is kind


def with_check_digit(eleven: str) -> str:
    return eleven + check_digit(eleven[2:])


TOMORROW = timezone.localdate() + timedelta(days=1)


@pytest.mark.parametrize(
    "number",
    [
        with_check_digit(f"{TOMORROW:%Y%m%d}239"),
        with_check_digit("20991231239"),
        with_check_digit("18391231239"),
        with_check_digit("19120230239"),  # no such day
        with_check_digit("19121331239"),
        with_check_digit("19120001239"),  # month 00 is for samordningsnummer
        with_check_digit("19120092239"),  # January has no 32nd
        with_check_digit("19120292239"),
        with_check_digit("19121212000"),
        "19121212-1213",
        "19701063-2392",
        "121212-1213",
        "20991231-T220",
        "19121312-AB12",
        "19121212-I212",
        "19121212-121O",
        "19810832-0015",  # a mistyped day rather than Carelink's: the check digit is wrong
        "121212",
        "1" * 13,
        "١٩١٢١٢١٢-١٢١٢",
        "Berit",
        "",
    ],
)
def test_what_nobody_can_have_is_refused(number):
    assert read(number) is None


def test_who_was_born_today_or_in_1840_has_one():
    for born in (timezone.localdate(), date(1840, 1, 1)):
        number = with_check_digit(f"{born:%Y%m%d}239")
        assert read(number) == number


def test_a_plus_is_for_those_who_have_turned_a_hundred():
    assert read("121212+1212") == "191212121212"
    assert read("121212-1212") == "201212121212"


def test_what_is_not_from_skatteverket_is_marked():
    assert show("191212121212") == "19121212-1212"
    assert show("197010632391") == "19701063-2391"
    assert show("20000101T220") == "20000101-T220 (interimsnummer)"
    assert show("991981000010") == "99198100-0010 (reservnummer)"


def test_the_letters_are_those_of_the_interim_numbers():
    assert INTERIM_LETTERS == LETTERS


@given(identities(), st.data())
def test_one_is_found_wherever_it_stands_in_a_text(made, data):
    identity, _ = made
    before, after = data.draw(st.sampled_from(["", "Hej ", "Nr:", "12 ", "070-174 06 05, ", "("])), data.draw(st.text())
    text = f"{before}{data.draw(written(identity))}.{after}"
    assert identity in {found.identity for found in find(text)}


@given(st.text())
def test_no_text_is_too_odd(text):
    assert read(text) is None or kind_of(read(text))
    assert all(read(found.identity) == found.identity for found in find(text))
