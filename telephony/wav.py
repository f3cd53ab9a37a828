"""WAV files: their header is read, and files of one form are put together into one.

Source: Microsoft's "Multimedia Programming Interface and Data Specifications 1.0" (RIFF WAVE). Only the header is
looked at; the sound itself is copied as it is.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

PCM, A_LAW, MU_LAW = 1, 6, 7
FORMATS = (PCM, A_LAW, MU_LAW)


class NotWav(ValueError):
    """The file is no WAV, or one that telephone networks can't play. The text says what is wrong, in Swedish."""


@dataclass(frozen=True)
class Form:
    """How the sound is written. Only files of the same form can be put together."""

    format: int
    channels: int
    rate: int
    """Samples a second."""
    bits: int
    """A sample."""

    def __str__(self) -> str:
        kind = {PCM: "PCM", A_LAW: "A-law", MU_LAW: "µ-law"}[self.format]
        return f"{kind}, {self.rate} Hz, {self.bits} bit, {self.channels}"

    @property
    def frame(self) -> int:
        """Bytes that belong together: one sample of each channel."""
        return self.channels * self.bits // 8


@dataclass(frozen=True)
class Wav:
    form: Form
    sound: bytes

    @property
    def seconds(self) -> float:
        return len(self.sound) / self.form.frame / self.form.rate


def read(audio: bytes) -> Wav:
    """Raises NotWav."""
    if len(audio) < 12 or audio[:4] != b"RIFF" or audio[8:12] != b"WAVE":
        raise NotWav("Filen är ingen WAV-fil.")
    form: Form | None = None
    place = 12
    while place + 8 <= len(audio):
        name, length = audio[place : place + 4], struct.unpack_from("<I", audio, place + 4)[0]
        body = audio[place + 8 : place + 8 + length]
        if name == b"fmt ":
            form = _form(body)
        elif name == b"data":
            return _wav(form, body, length)
        place += 8 + length + length % 2  # each part begins at an even place
    raise NotWav("WAV-filen är avbruten: den har inget ljud.")


def _form(body: bytes) -> Form:
    if len(body) < 16:
        raise NotWav("WAV-filens huvud är avbrutet.")
    kind, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", body)
    if kind == 0xFFFE and len(body) >= 26:  # "extensible": what it is stands further on
        kind = struct.unpack_from("<H", body, 24)[0]
    if kind not in FORMATS:
        raise NotWav("WAV-filen är komprimerad på ett sätt som inte går att spela upp. Spara den som PCM.")
    if channels not in (1, 2) or bits not in (8, 16) or not 8_000 <= rate <= 48_000:
        raise NotWav("WAV-filen ska ha en eller två kanaler, 8 eller 16 bitar och 8–48 kHz.")
    return Form(kind, channels, rate, bits)


def _wav(form: Form | None, sound: bytes, length: int) -> Wav:
    if form is None:
        raise NotWav("WAV-filens huvud saknas.")
    if len(sound) < min(length, form.frame) or not sound:
        raise NotWav("WAV-filen är avbruten: den har inget ljud.")
    return Wav(form, sound[: len(sound) - len(sound) % form.frame])


def write(form: Form, sound: bytes) -> bytes:
    padded = sound + b"\0" * (len(sound) % 2)
    header = struct.pack(
        "<HHIIHH", form.format, form.channels, form.rate, form.rate * form.frame, form.frame, form.bits
    )
    parts = b"fmt " + struct.pack("<I", len(header)) + header + b"data" + struct.pack("<I", len(sound)) + padded
    return b"RIFF" + struct.pack("<I", 4 + len(parts)) + b"WAVE" + parts


def join(files: Sequence[Wav]) -> bytes:
    """One file of several of the same form."""
    return write(files[0].form, b"".join(each.sound for each in files))
