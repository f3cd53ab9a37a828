"""Telephone numbers: read as people write and paste them, stored as E.164, shown as Swedes read them.

What is a number, and how its country writes it, is libphonenumber's.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.forms import CharField, TextInput
from django.utils.translation import gettext_lazy
from phonenumber_field.phonenumber import PhoneNumber
from phonenumbers import NumberParseException

from teleq import pasted

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

REGION = "SE"
"""Numbers without a country code are Swedish."""
COUNTRY_CODE = 46
WRITTEN_AS_STORED = r"^\+[1-9][0-9]+$"
"""E.164, for the database's constraints: a number that is written in another way would not be found with its answer."""
INVALID_NUMBER = gettext_lazy("Skriv ett giltigt telefonnummer, till exempel 070-174 06 05.")

# One number and nothing else. Letters and the marks of an extension (x ; , #) are no part of it: libphonenumber would
# read the first as digits, as on a keypad, and drop the others in silence.
_ONE_NUMBER = re.compile(r"(?:tel:)?[ (]*\+?[0-9 ()/.\-]+", re.ASCII | re.IGNORECASE)


# Read ----------------------------------------------------------------------------------------------------------------


def read(written: str) -> PhoneNumber | None:
    """The one valid telephone number that the text is, or None.

    It may have "tel:" before it, a (0) after its country code, 00 for the plus, blanks, dashes, dots and slashes
    between its digits, full-width digits, and invisible marks around it.
    """
    text = pasted.plain(written).strip()
    if not _ONE_NUMBER.fullmatch(text) or text.endswith(".0"):  # a spreadsheet has taken it for an amount
        return None
    number = _parsed(re.sub("^tel:", "", text, flags=re.IGNORECASE))
    return number if number and number.is_valid() else None


def _parsed(text: str) -> PhoneNumber | None:
    try:
        return PhoneNumber.from_string(text, region=REGION)
    except NumberParseException:
        return None


# Store ---------------------------------------------------------------------------------------------------------------


def number_text(number: PhoneNumber | str) -> str:
    """A phone number as it is stored and compared: in E.164. What is no telephone number is left as it was written."""
    if isinstance(number, str):
        return number
    return number.as_e164 if number.country_code else number.raw_input or ""


# Show ----------------------------------------------------------------------------------------------------------------


def show(number: PhoneNumber | str | None) -> str:
    """A Swedish number as it is dialled in Sweden, another with + and its country code. What is shown can be read back:
    where a country's way of writing stands for another number when it is read, the number is shown in E.164.

    What is stored and is no number is shown as it stands, and no number at all as nothing.
    """
    return _shown(number_text(number)) if number else ""


@lru_cache(maxsize=1024)  # a page shows a number several times, and a sweep the same few thousands of times
def _shown(stored: str) -> str:
    number = _parsed(stored)
    if number is None:
        return stored
    shown = number.as_national if number.country_code == COUNTRY_CODE else number.as_international
    read_back = _parsed(shown) if _ONE_NUMBER.fullmatch(shown) else None
    return shown if read_back and read_back.as_e164 == stored else stored


# Form ----------------------------------------------------------------------------------------------------------------


class PhoneInput(TextInput):
    """Shows a stored number as `show` does, and what was typed as it was typed."""

    input_type = "tel"

    def format_value(self, value: object) -> str | None:
        shown: str | None = super().format_value(show(value) if isinstance(value, PhoneNumber) else value)
        return shown


class PhoneNumberField(CharField):
    """A form's field for a telephone number, read as `read` does."""

    widget = PhoneInput

    def to_python(self, value: Any) -> Any:
        if isinstance(value, PhoneNumber):
            return value
        text = super().to_python(value)
        if not text:
            return self.empty_value
        number = read(text)
        if number is None:
            raise ValidationError(self.error_messages["invalid"], code="invalid")
        return number


def phone_field(label: StrOrPromise, **options: Any) -> PhoneNumberField:
    """The field with its Swedish messages. The options are those of Django's CharField."""
    return PhoneNumberField(
        label=label,
        widget=PhoneInput(attrs={"autocomplete": "off", "inputmode": "tel"}),
        error_messages={"invalid": INVALID_NUMBER, "required": gettext_lazy("Skriv ett telefonnummer.")},
        **options,
    )
