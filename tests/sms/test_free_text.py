"""What a nurse may write in a message."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sms.free_text import holds_personal_identity_number

NUMBERS = ["19121212-1212", "191212121212", "121212-1212", "1212121212", "121212+1212", "19121212 1212", "121212–1212"]


@pytest.mark.parametrize("number", [*NUMBERS, "197010639800"])
@pytest.mark.parametrize("text", ["{}", "Hej {}, ring oss.", "Nr:{}.", "Din remiss ({}) har kommit"])
def test_a_personnummer_is_found_however_it_is_written(number, text):
    assert holds_personal_identity_number(text.format(number))


@pytest.mark.parametrize(
    "text",
    [
        "Ring 070-174 06 05.",
        "Ring 0701740605.",
        "Ring +46701740605 eller 08-465 004 00.",
        "Ring 0846500400.",
        "Tid 2026-11-26 kl. 10.30",
        "Ärende 121212-1213",  # the check digit is wrong
        "Faktura 1912121212123",
        "Referens 3191212121212",
        "",
    ],
)
def test_other_numbers_are_not_taken_for_one(text):
    assert not holds_personal_identity_number(text)


@given(st.integers(605, 699), st.sampled_from(["070174{:04}", "070-174{:04}", "070-174 {:04}"]))
def test_a_mobile_number_never_is_one(last, pattern):
    assert not holds_personal_identity_number(f"Ring {pattern.format(last)}")


@given(st.text())
def test_no_text_is_too_odd_to_be_read(text):
    assert holds_personal_identity_number(text) in (True, False)
