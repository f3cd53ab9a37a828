"""Which numbers can receive an SMS."""

import pytest
from phonenumber_field.phonenumber import PhoneNumber

from sms.numbers import can_receive_sms


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
