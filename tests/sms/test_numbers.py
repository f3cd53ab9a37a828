"""Which numbers can receive an SMS."""

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st
from phonenumber_field.phonenumber import PhoneNumber
from phonenumbers import NumberParseException, PhoneNumberType

from sms.numbers import can_receive_sms, e164, is_mobile


@pytest.mark.parametrize(
    "number",
    [
        "+46701740605",  # PTS's numbers for fiction
        "+46701740699",
        "+46761234567",
        "+4740612345",  # a Norwegian mobile
        "+12025550123",  # the plan can't tell: counts as a mobile
    ],
)
def test_a_mobile_can(number):
    assert can_receive_sms(number)
    assert can_receive_sms(PhoneNumber.from_string(number))


@pytest.mark.parametrize(
    "number",
    [
        "+46846500411",  # Stockholm
        "+46313900600",  # Gothenburg
        "+46104000000",  # 010, a switchboard
        "+46201234567",  # 020, free of charge
        "+4722334455",  # an Oslo landline
        "+4670",  # cut short
    ],
)
def test_another_number_cannot(number):
    assert not can_receive_sms(number)
    assert not can_receive_sms(PhoneNumber.from_string(number))


@pytest.mark.parametrize("number", ["", "hemligt", "+", "070-174 06 05", "\u202c"])
def test_what_is_not_a_number_in_full_cannot(number):
    assert not can_receive_sms(number)


@pytest.mark.parametrize("written", ["+46701740605", "46701740605", "0046701740605", "0701740605"])
def test_a_number_is_the_same_however_the_network_writes_it(written):
    assert e164(written) == "+46701740605"


@pytest.mark.parametrize("written", ["", "Telia", "72100", "+1", "whatsapp:+46701740605", "0701740605\x00", "+"])
def test_what_is_no_telephones_number_is_none(written):
    assert e164(written) is None


@given(st.from_regex(r"\+46[0-9]{0,14}", fullmatch=True))
def test_a_swedish_number_is_of_the_type_that_libphonenumber_reads(number):
    """What is not asked of its parser makes no difference."""
    try:
        kind = phonenumbers.number_type(phonenumbers.parse(number))
    except NumberParseException:
        kind = PhoneNumberType.UNKNOWN
    assert can_receive_sms(number) == (kind == PhoneNumberType.MOBILE)


def test_numbers_are_not_kept_for_ever():
    for last in range(20_000):
        can_receive_sms(f"+4670{last:07}")
    assert is_mobile.cache_info().currsize < 10_000
