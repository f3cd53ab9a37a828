"""What a patient is known by: personnummer, samordningsnummer, interimspersonnummer and reservnummer.

All are twelve characters: eight that say when the person was born, and four more. They are stored so, in capitals and
without a hyphen. What one is follows from how it is written, so that nothing else has to be stored.

Sources: folkbokföringslagen (1991:481) 18 and 18 a §; Skatteverket's test numbers, some of which have month 00 or day
60; Inera's list of the regions' own reserve numbers and HL7 Sweden's base profiles, which have them as patterns.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from enum import Enum

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop

from teleq.pasted import plain

INVALID_IDENTITY = gettext_lazy(
    "Skriv ett giltigt personnummer, samordningsnummer eller reservnummer, till exempel 19121212-1212."
)
LENGTH = 12
FIRST_YEAR = 1840
"""Nobody who was born earlier was alive when the numbers came, in 1947."""
ADDED_TO_THE_DAY = 60
"""What a samordningsnummer has added to the day of birth (folkbokföringslagen 18 a §)."""
INTERIM_LETTERS = "TRSUWXJKLMN"
"""One of these stands for the first of the last four digits, and counts as 1 in the check digit."""


class Kind(Enum):
    PERSONAL = gettext_noop("personnummer")
    COORDINATION = gettext_noop("samordningsnummer")
    INTERIM = gettext_noop("interimsnummer")
    RESERVE = gettext_noop("reservnummer")


# Read ----------------------------------------------------------------------------------------------------------------

_GAP, _SIGN = "[ -]{0,3}", "[ +-]{0,3}"
_LONG = rf"(\d\d){_GAP}(\d\d){_GAP}(\d\d){_GAP}(\d\d){_SIGN}([0-9A-Z]{{2}}){_GAP}([0-9A-Z]{{2}})"
_SHORT = rf"(\d\d){_GAP}(\d\d){_GAP}(\d\d)({_SIGN})([0-9A-Z]{{4}})"
_READ_LONG, _READ_SHORT = re.compile(_LONG, re.ASCII), re.compile(_SHORT, re.ASCII)


def read(written: str) -> str | None:
    """The identity that the text is, as it is stored, or None.

    With or without its century; without, + before the last four says that the person has turned a hundred. Blanks and
    dashes of every kind may stand between year, month, day and the last four, and small letters for capitals.
    """
    text = plain(written).strip().upper()
    if long := _READ_LONG.fullmatch(text):
        identity = "".join(long.groups())
    elif short := _READ_SHORT.fullmatch(text):
        identity = _with_century(short)
    else:
        return None
    return identity if kind_of(identity) else None


def _with_century(short: re.Match[str]) -> str:
    year, month, day, sign, last_four = short.groups()
    latest = timezone.localdate().year - (100 if "+" in sign else 0)
    century = (latest - (latest - int(year)) % 100) // 100
    return f"{century}{year}{month}{day}{last_four}"


def kind_of(identity: str) -> Kind | None:
    """What the twelve characters are; None where they are none of the four, as with a wrong check digit.

    A reserve number is told by its form alone. What looks like an interim number with a wrong check digit is one:
    regions use the same letters.
    """
    if not re.fullmatch("[0-9]{8}[0-9A-Z]{4}", identity):
        return None
    if _has_check_digit(identity):
        year, month, day = int(identity[:4]), int(identity[4:6]), int(identity[6:8])
        if identity.isdigit() and day >= ADDED_TO_THE_DAY:
            # Month 00: the month is not known. Day 60: the day is not known.
            if _was_a_day(year, month or 1, day - ADDED_TO_THE_DAY or 1):
                return Kind.COORDINATION
        elif _was_a_day(year, month, day):
            return Kind.PERSONAL if identity.isdigit() else Kind.INTERIM
    return Kind.RESERVE if _is_reserve_number(identity) else None


def _has_check_digit(identity: str) -> bool:
    """Whether the last digit is right by Luhn's algorithm, over all but the century.

    False also for 000 before the check digit, which no personnummer has.
    """
    digits = identity[2:8] + re.sub(f"[{INTERIM_LETTERS}]", "1", identity[8]) + identity[9:]
    if not digits.isdigit() or digits[6:9] == "000":
        return False
    doubled = (int(digit) * (2 - place % 2) for place, digit in enumerate(digits))
    return sum(value - 9 if value > 9 else value for value in doubled) % 10 == 0


def _was_a_day(year: int, month: int, day: int) -> bool:
    try:
        return year >= FIRST_YEAR and date(year, month, day) <= timezone.localdate()
    except ValueError:
        return False


def _is_reserve_number(identity: str) -> bool:
    return any(matches(identity) for matches in (_is_stockholms, _is_carelinks, _has_letters))


def _is_stockholms(identity: str) -> bool:
    """Region Stockholm's: 99, a year and a serial number."""
    return bool(re.fullmatch("99[0-9]{10}", identity))


def _is_carelinks(identity: str) -> bool:
    """Carelink's: digits only, with a day between 32 and 59.

    Its check digit tells it from a personnummer with a mistyped day.
    """
    day = int(identity[6:8])
    return _has_check_digit(identity) and 31 < day < ADDED_TO_THE_DAY and _was_a_day(*_month_of(identity), 1)


def _has_letters(identity: str) -> bool:
    """Other regions' and the national one: a letter or more among the last four. O and I alone are mistyped digits.

    After 18, 19 or 20 the first eight are a day; in the national one, whose first two are others, they need not be.
    """
    if not re.search("[A-HJ-NP-Z]", identity[8:]) or "01" <= identity[:2] <= "17":
        return False
    return identity[:2] not in ("18", "19", "20") or _was_a_day(*_month_of(identity), int(identity[6:8]))


def _month_of(identity: str) -> tuple[int, int]:
    return int(identity[:4]), int(identity[4:6])


# Show ----------------------------------------------------------------------------------------------------------------


def hyphenated(identity: str) -> str:
    """As it is written in a field: "19121212-1212"."""
    return f"{identity[:8]}-{identity[8:]}"


def show(identity: str) -> str:
    """As it is read: "19121212-1212", or "19810829-SU3A (reservnummer)" where it is not from Skatteverket."""
    kind = kind_of(identity)
    mark = f" ({_(kind.value)})" if kind in (Kind.INTERIM, Kind.RESERVE) else ""
    return hyphenated(identity) + mark


# Find ----------------------------------------------------------------------------------------------------------------

# Looked for at every place, also within what was found: what stands before may end in digits.
_FIND = [re.compile(rf"(?<!\d)(?=({written})(?!\d))", re.ASCII) for written in (_LONG, _SHORT)]


@dataclass(frozen=True)
class Found:
    """A personnummer, samordningsnummer or interim number in a text."""

    identity: str
    written: str
    """As it stands there, in capitals, with plain dashes and blanks. With its + if one stands right before it."""


def find(text: str) -> Iterator[Found]:
    """Whatever in the text can be read as one, in every way that `read` knows.

    Reserve numbers are not looked for: a date and a word after it would be one.
    """
    text = plain(text).upper()
    for pattern in _FIND:
        for found in pattern.finditer(text):
            identity = read(found[1])
            if identity and kind_of(identity) is not Kind.RESERVE:
                before = text[max(found.start() - 1, 0) : found.start()]
                yield Found(identity, f"{before}{found[1]}" if before == "+" else found[1])
