"""Which numbers can receive a text message."""

import phonenumbers
from phonenumber_field.phonenumber import PhoneNumber
from phonenumbers import NumberParseException, PhoneNumberType

CAN_RECEIVE_SMS = {PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE}


def can_receive_sms(number: PhoneNumber | str) -> bool:
    """Whether the number's plan makes it a mobile; where a country's plan can't tell, it counts as one."""
    try:
        parsed = phonenumbers.parse(number if isinstance(number, str) else number.as_e164)
    except NumberParseException:  # not a number at all: refused like any other, or it would stop all that wait with it
        return False
    return phonenumbers.number_type(parsed) in CAN_RECEIVE_SMS
