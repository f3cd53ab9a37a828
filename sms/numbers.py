"""Telephone numbers: which can receive a text message, and what a provider's way of writing one stands for."""

import re
import unicodedata

import phonenumbers
from django.conf import settings
from phonenumber_field.phonenumber import PhoneNumber
from phonenumbers import NumberParseException, PhoneNumberFormat, PhoneNumberType

from teleq.phone_numbers import WRITTEN_AS_STORED

CAN_RECEIVE_SMS = {PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE}


def can_receive_sms(number: PhoneNumber | str) -> bool:
    """Whether the number's plan makes it a mobile; where a country's plan can't tell, it counts as one.

    One that is not written in E.164, or is no number at all, is refused like any other that can't: its answer could not
    be found, and the last guard would stop all that wait with it.
    """
    text = number if isinstance(number, str) else number.as_e164
    if not re.fullmatch(WRITTEN_AS_STORED, text):
        return False
    try:
        parsed = phonenumbers.parse(text)
    except NumberParseException:
        return False
    return phonenumbers.number_type(parsed) in CAN_RECEIVE_SMS


def _separates(letter: str) -> bool:
    """Whether it stands between digits and means nothing: spaces, dashes and marks of every kind."""
    return letter in "().\u2212" or letter.isspace() or unicodedata.category(letter) in {"Pd", "Cf"}


def e164(written: str) -> str | None:
    """A number as networks and providers write it in E.164; None where it is none.

    +46701740605, 46701740605, 0046701740605, 0701740605, and those with spaces, dashes, (0) or tel:. A plus that came
    unencoded in a form is a blank: what begins with a country code is read the same without it.
    """
    text = "".join(letter for letter in unicodedata.normalize("NFKC", written) if not _separates(letter))
    text = re.sub(r"^tel:", "", text, flags=re.IGNORECASE)
    if not re.fullmatch(r"\+?[0-9]+", text):
        return None
    if not text.startswith(("+", "0")):
        text = f"+{text}"
    try:
        parsed = phonenumbers.parse(text, settings.PHONENUMBER_DEFAULT_REGION)
    except NumberParseException:
        return None
    return (
        phonenumbers.format_number(parsed, PhoneNumberFormat.E164) if phonenumbers.is_possible_number(parsed) else None
    )
