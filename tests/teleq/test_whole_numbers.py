"""Whole numbers as browsers and programs send them."""

from __future__ import annotations

import pytest

from teleq.whole_numbers import whole_number


@pytest.mark.parametrize(
    ("text", "number"),
    [
        *[("0", 0), ("7", 7), ("007", 7), ("9223372036854775807", 2**63 - 1)],
        *[("9223372036854775808", None), ("9" * 5000, None), ("", None), ("-1", None), ("+1", None), (" 1", None)],
        *[("1.0", None), ("1e3", None), ("٣", None), ("²", None), ("1_000", None), ("\x00", None)],
    ],
)
def test_what_is_one_and_fits_its_column(text, number):
    assert whole_number(text) == number


def test_one_that_is_larger_than_asked_for_is_none():
    assert (whole_number("8", largest=7), whole_number("7", largest=7)) == (None, 7)
