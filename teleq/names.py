"""Names: how they are compared when one is searched for, and in which order they stand.

Å, ä and ö are letters of their own, after z; æ and ø are ä and ö. Accents on other letters count for nothing, nor do
capitals. PostgreSQL does the same as Python does here (`in_sql`), whatever its collation: not every PostgreSQL has a
Swedish one.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

from django.db.models import F, Func, TextField, Value
from django.db.models.functions import Lower

from teleq.pasted import plain

_OF_THEIR_OWN = "åäö"
_AS = {"æ": "ä", "ø": "ö", "đ": "d", "ð": "d", "ħ": "h", "ı": "i", "ł": "l", "ŧ": "t"}
"""Letters that Unicode doesn't take apart."""
_LETTERS = (*range(0xC0, 0x180), *range(0x218, 0x21C), *range(0x1E00, 0x1F00))
"""Latin letters with something on them, as far as any language of names in Sweden has them: Vietnamese is the last."""
_BETWEEN_WORDS = "-‐‑–'’´`.,()/\"_\u00a0"


def _folded_letters() -> Iterator[tuple[str, str]]:
    for letter in map(chr, _LETTERS):
        small = letter.lower()
        plainer = small if small in _OF_THEIR_OWN else _AS.get(small) or unicodedata.normalize("NFD", small)[0]
        if plainer != letter:
            yield letter, plainer


_FROM = "".join(letter for letter, _ in _folded_letters()) + _BETWEEN_WORDS
_TO = "".join(folded for _, folded in _folded_letters()) + " " * len(_BETWEEN_WORDS)
_FOLDED = str.maketrans(_FROM, _TO)
_LAST = str.maketrans(_OF_THEIR_OWN, "{|}")
"""What comes after z in ASCII, in the order of the three."""


def folded(name: str) -> str:
    """A name as it is compared: small letters, without accents, with a blank between its words."""
    return unicodedata.normalize("NFC", name).translate(_FOLDED).lower()


def in_sql(column: str) -> Lower:
    """The same of a column, in PostgreSQL, and with a blank before the first word as before each of the others."""
    composed = Func(F(column), template="normalize(' ' || %(expressions)s)", output_field=TextField())
    return Lower(Func(composed, Value(_FROM), Value(_TO), function="translate", output_field=TextField()))


def words(text: str) -> tuple[str, ...]:
    """The words of a name, or the beginnings of them, as they are compared."""
    return tuple(word for word in folded(plain(text)).split() if any(map(str.isalnum, word)))


def alphabetical(name: str) -> str:
    """By which names are put in Swedish order."""
    return folded(name).translate(_LAST)
