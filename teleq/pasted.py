"""Cleaning of pasted text: every dash and blank becomes the keyboard's, and invisible characters are dropped.

A number that is copied from a contact list, a web page or a document brings such characters along.
"""

from __future__ import annotations

import unicodedata

_DASHES_BESIDE_PD = "\u02d7\u2043\u2212"
"""Modifier minus, hyphen bullet and minus, which Unicode counts among other signs than dashes (Pd)."""
_FILLERS = "\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0"
"""What has no ink though Unicode counts it among letters, marks and signs."""
_FULL_WIDTH = range(0xFF01, 0xFF5F)
"""ASCII's signs once more, as wide as Chinese ones."""


class _Plain(dict[int, str]):
    """What each character becomes, worked out once."""

    def __missing__(self, code: int) -> str:
        self[code] = _plain(chr(code))
        return self[code]


_PLAIN = _Plain()


def plain(text: str) -> str:
    """The text with every dash as -, every blank as a space and full-width signs as ASCII; without what can't be seen.

    Digits of other scripts are left as they are: staff could not read back what was stored for them.
    """
    return text.translate(_PLAIN)


def is_blank(text: str) -> bool:
    """Whether there is nothing to see in the text: it is empty, or holds blanks and invisible characters only."""
    return not plain(text).strip()


def _plain(character: str) -> str:
    if ord(character) in _FULL_WIDTH:
        return chr(ord(character) - 0xFEE0)
    if unicodedata.category(character) == "Pd" or character in _DASHES_BESIDE_PD:
        return "-"
    if character.isspace():
        return " "
    return "" if _is_invisible(character) else character


def _is_invisible(character: str) -> bool:
    """Controls and formats (U+200B, U+FEFF, U+00AD, U+2060, U+202C), halves of surrogate pairs, variation selectors."""
    if unicodedata.category(character) in ("Cc", "Cf", "Cs") or character in _FILLERS:
        return True
    return "VARIATION SELECTOR" in unicodedata.name(character, "")
