"""Whole numbers as browsers and programs send them: ids, pages and the like, in addresses and forms."""

from __future__ import annotations

LARGEST_ID = 2**63 - 1
"""What PostgreSQL's bigint holds."""


def whole_number(text: str, largest: int = LARGEST_ID) -> int | None:
    """The number, written in ASCII digits; None where it is something else, or larger."""
    if not (text.isascii() and text.isdecimal() and len(text) <= 19):  # before `int`, which takes long for long ones
        return None
    number = int(text)
    return number if number <= largest else None
