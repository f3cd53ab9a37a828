"""How many SMS (segments) a text is: one rule for the counter on screen, the form and the gateway.

GSM-7 where every letter is in its alphabet (160 characters, or 153 in each part of several; € [ ] { } \\ ^ ~ | count
as two), else UCS-2 (70, or 67). Source: 3GPP TS 23.038 (6.2.1: the alphabet and its extension) and 23.040 (the parts).
"""

import unicodedata
from dataclasses import dataclass

from django.utils.translation import gettext as _

MAX_PARTS = 6

GSM = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ"
    " !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
"""The alphabet of GSM-7, without the escape to its extension, which is no letter."""
GSM_EXTENSION = frozenset("\f^{}\\[~]|€")
"""Letters that are sent as two: an escape and another one."""


@dataclass(frozen=True)
class Segments:
    units: int
    """The text's length as its alphabet counts: in GSM-7 some characters count as two."""
    capacity: int
    """How many units fit into so many parts."""
    parts: int
    is_gsm: bool = True
    """Whether GSM-7 has every letter."""

    @property
    def too_long(self) -> bool:
        return self.parts > MAX_PARTS

    def __str__(self) -> str:
        return _("%(units)s av %(capacity)s tecken – %(parts)s SMS") % {
            "units": self.units,
            "capacity": self.capacity,
            "parts": self.parts,
        }


def normalize(text: str) -> str:
    """The text as it is stored, counted and sent: letters composed (NFC), lines ended by \\n, no space around it."""
    return unicodedata.normalize("NFC", text.replace("\r\n", "\n")).strip()


def count(text: str) -> Segments:
    text = normalize(text)
    is_gsm = GSM.union(GSM_EXTENSION).issuperset(text)
    one, several = (160, 153) if is_gsm else (70, 67)
    sizes = [1 + (letter in GSM_EXTENSION if is_gsm else letter > "\uffff") for letter in text]
    parts = _parts(sizes, one, several)
    capacity = one if parts <= 1 else several * parts
    return Segments(units=sum(sizes), capacity=capacity, parts=parts, is_gsm=is_gsm)


def _parts(sizes: list[int], one: int, several: int) -> int:
    """How many parts letters of these sizes fill. None is torn apart: the part before it stays a unit short."""
    if sum(sizes) <= one:
        return 1 if sizes else 0
    parts, room = 1, several
    for size in sizes:
        if size > room:
            parts, room = parts + 1, several
        room -= size
    return parts
