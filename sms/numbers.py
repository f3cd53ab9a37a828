"""Which numbers can receive a text message."""

import phonenumbers
from phonenumber_field.phonenumber import PhoneNumber
from phonenumbers import PhoneNumberType

CAN_RECEIVE_SMS = {PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE}


def can_receive_sms(number: PhoneNumber | str) -> bool:
    """Whether the number's plan makes it a mobile; where a country's plan can't tell, it counts as one."""
    parsed = phonenumbers.parse(number if isinstance(number, str) else number.as_e164)
    return phonenumbers.number_type(parsed) in CAN_RECEIVE_SMS
