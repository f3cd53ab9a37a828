"""WAV files: their header is read, and files of one form are put together into one.

Source: Microsoft's "Multimedia Programming Interface and Data Specifications 1.0" (RIFF WAVE). Only the header is
looked at; the sound itself is copied as it is.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _

PCM, A_LAW, MU_LAW = 1, 6, 7
EXTENSIBLE = 0xFFFE
NAMES = {PCM: "PCM", A_LAW: "A-law", MU_LAW: "µ-law"}
BITS = {PCM: (8, 16), A_LAW: (8,), MU_LAW: (8,)}
"""A sample's."""
SUBFORMAT = bytes.fromhex("000000001000800000aa00389b71")
"""How the GUID of an extensible file's format ends, after the format's number."""
STREAMED = 0x7FFF0000
"""What writes a file as it comes, and can't go back to its header, states a length from here on, or none."""


class NotWav(ValueError):
    """The file is no WAV, or one that telephone networks can't play. The text says why, in the user's language."""


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
        return f"{NAMES[self.format]}, {self.rate} Hz, {self.bits} bit, {'mono' if self.channels == 1 else 'stereo'}"

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
        raise NotWav(_("Filen är ingen WAV-fil."))
    form: Form | None = None
    place = 12
    while place + 8 <= len(audio):
        name, length = audio[place : place + 4], struct.unpack_from("<I", audio, place + 4)[0]
        if name == b"data":
            return _wav(form, audio[place + 8 :], length, is_streamed=_is_streamed(audio))
        if name == b"fmt ":
            form = _form(audio[place + 8 : place + 8 + length])
        place += 8 + length + length % 2  # each part begins at an even place
    raise NotWav(_("WAV-filen är avbruten: den har inget ljud."))


def _is_streamed(audio: bytes) -> bool:
    length: int = struct.unpack_from("<I", audio, 4)[0]
    return length == 0 or length >= STREAMED


def _form(body: bytes) -> Form:
    if len(body) < 16:
        raise NotWav(_("WAV-filens huvud är avbrutet."))
    kind, channels, rate, _bytes, frame, bits = struct.unpack_from("<HHIIHH", body)
    if kind == EXTENSIBLE and len(body) >= 40 and body[26:40] == SUBFORMAT:  # what it is stands further on
        [kind] = struct.unpack_from("<H", body, 24)
    if kind not in NAMES:
        raise NotWav(_("WAV-filen är sparad på ett sätt som inte går att spela upp. Spara den som PCM med 16 bitar."))
    if channels not in (1, 2) or bits not in BITS[kind] or not 8_000 <= rate <= 48_000:
        raise NotWav(_("WAV-filen ska ha en eller två kanaler, 8 eller 16 bitar och 8–48 kHz."))
    form = Form(kind, channels, rate, bits)
    if frame != form.frame:
        raise NotWav(_("WAV-filens huvud säger emot sig självt."))
    return form


def _wav(form: Form | None, rest: bytes, length: int, *, is_streamed: bool) -> Wav:
    """`rest` is the file from where the sound begins."""
    if form is None:
        raise NotWav(_("WAV-filens huvud saknas."))
    to_its_end = length >= STREAMED or (is_streamed and length == 0)
    sound = rest if to_its_end else rest[:length]
    if len(sound) < form.frame or not (to_its_end or len(sound) == length):
        raise NotWav(_("WAV-filen är avbruten: den har inget ljud, eller inte allt."))
    return Wav(form, sound[: len(sound) - len(sound) % form.frame])


def write(form: Form, sound: bytes) -> bytes:
    header = struct.pack(
        "<HHIIHH", form.format, form.channels, form.rate, form.rate * form.frame, form.frame, form.bits
    )
    if form.format == PCM:
        parts = _part(b"fmt ", header)
    else:  # has how many bytes follow in its header, none; and how many samples there are
        frames = struct.pack("<I", len(sound) // form.frame)
        parts = _part(b"fmt ", header + b"\0\0") + _part(b"fact", frames)
    return _part(b"RIFF", b"WAVE" + parts + _part(b"data", sound))


def _part(name: bytes, body: bytes) -> bytes:
    return name + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)


def join(files: Sequence[Wav]) -> bytes:
    """One file of several of the same form."""
    return write(files[0].form, b"".join(each.sound for each in files))
