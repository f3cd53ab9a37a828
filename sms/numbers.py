"""Telephone numbers: which of them can receive SMS, and how to read those that providers send."""

import re
from functools import lru_cache

import phonenumbers
from django.conf import settings
from phonenumber_field.phonenumber import PhoneNumber
from phonenumbers import NumberParseException, PhoneNumberFormat, PhoneNumberType

from teleq.pasted import plain
from teleq.phone_numbers import COUNTRY_CODE, WRITTEN_AS_STORED

CAN_RECEIVE_SMS = {PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE}
_SWEDISH = re.compile(rf"\+{COUNTRY_CODE}[1-9]")


def can_receive_sms(number: PhoneNumber | str) -> bool:
    """Whether the number is a mobile number. If its country's numbering plan can't tell, it counts as one.

    False if it is not in E.164: its answer could not be found, and the last guard would refuse the whole claim.
    """
    return is_mobile(number if isinstance(number, str) else number.as_e164)


# A number's type never changes, and who is texted is texted again: asked once, until thousands of others have been.
@lru_cache(maxsize=8192)
def is_mobile(text: str) -> bool:
    if not re.fullmatch(WRITTEN_AS_STORED, text):
        return False
    if _SWEDISH.match(text):  # nothing is left for `parse` to find out, which takes twice as long as all the rest
        parsed = phonenumbers.PhoneNumber(country_code=COUNTRY_CODE, national_number=int(text[3:]))
    else:
        try:
            parsed = phonenumbers.parse(text)
        except NumberParseException:
            return False
    return phonenumbers.number_type(parsed) in CAN_RECEIVE_SMS


def e164(written: str) -> str | None:
    """The number in E.164, from the ways in which networks and providers write it. None if it is no telephone number.

    +46701740605, 46701740605, 0046701740605, 0701740605, and these with spaces, dashes, (0) or tel:. In a form, a plus
    that was not encoded becomes a space: what begins with a country code is read the same without it.
    """
    if "\x00" in written:  # `plain` would drop it
        return None
    text = re.sub(r"[ ().-]", "", plain(written))
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
