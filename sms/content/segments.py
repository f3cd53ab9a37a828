"""How many SMS (segments) a text is: one rule for the counter on screen, the form and the gateway.

GSM-7 where every letter is in its alphabet (160 characters, or 153 in each part of several; € [ ] { } \\ ^ ~ | count
as two), else UCS-2 (70, or 67). Source: 3GPP TS 23.038 and 23.040.
"""

import unicodedata
from dataclasses import dataclass

import smsutil

MAX_PARTS = 6


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
        return f"{self.units} av {self.capacity} tecken – {self.parts} SMS"


def normalize(text: str) -> str:
    """The text as it is stored, counted and sent: letters composed (NFC), lines ended by \\n, no space around it."""
    return unicodedata.normalize("NFC", text.replace("\r\n", "\n")).strip()


def count(text: str) -> Segments:
    text = normalize(text)
    split = smsutil.split(text)
    gsm = not text or split.encoding == "gsm0338"
    one, several = (160, 153) if gsm else (70, 67)
    units = sum(part.bytes for part in split.parts) // (1 if gsm else 2)
    parts = len(split.parts) if text else 0  # smsutil splits an empty text into one part
    return Segments(units=units, capacity=one if parts <= 1 else several * parts, parts=parts, is_gsm=gsm)
