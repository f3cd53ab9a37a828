"""WAV headers: what can be played is read, and all else is refused by name, whatever the bytes are."""

from __future__ import annotations

import struct
import wave
from io import BytesIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telephony import wav
from telephony.wav import MU_LAW, PCM, Form, NotWav

TELEPHONE = Form(PCM, channels=1, rate=8000, bits=16)
SOUND = bytes(range(256)) * 4
GUID_END = b"\x00\x00\x00\x00\x10\x00\x80\x00\x00\xaa\x00\x38\x9b\x71"  # mmreg.h, KSDATAFORMAT_SUBTYPE_PCM


def part(name: bytes, body: bytes, length: int | None = None) -> bytes:
    said = len(body) if length is None else length
    return name + struct.pack("<I", said) + body + b"\0" * (len(body) % 2)


def header(kind: int = 1, channels: int = 1, rate: int = 8000, bits: int = 16, frame: int | None = None) -> bytes:
    frame = channels * bits // 8 if frame is None else frame
    return struct.pack("<HHIIHH", kind, channels, rate, rate * frame, frame, bits)


def riff(*parts: bytes, length: int | None = None) -> bytes:
    body = b"WAVE" + b"".join(parts)
    return b"RIFF" + struct.pack("<I", len(body) if length is None else length) + body


def by_python(channels: int, bits: int, rate: int, sound: bytes) -> bytes:
    """As Python's own module for WAV writes it."""
    file = BytesIO()
    with wave.open(file, "wb") as written:
        written.setnchannels(channels)
        written.setsampwidth(bits // 8)
        written.setframerate(rate)
        written.writeframes(sound)
    return file.getvalue()


# What is read --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("rate", [8000, 22050, 44100, 48000])
def test_pcm_is_read_as_another_program_writes_it(channels, bits, rate):
    read = wav.read(by_python(channels, bits, rate, SOUND))
    assert (read.form, read.sound) == (Form(PCM, channels, rate, bits), SOUND)
    assert read.seconds == pytest.approx(1024 / (channels * bits / 8) / rate)


def test_another_program_reads_what_is_written():
    with wave.open(BytesIO(wav.write(TELEPHONE, SOUND))) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, 8000)
        assert file.readframes(10_000) == SOUND


@pytest.mark.parametrize(("kind", "name"), [(7, "µ-law, 8000 Hz, 8 bit, mono"), (6, "A-law, 8000 Hz, 8 bit, mono")])
def test_the_telephone_networks_own_forms_are_read(kind, name):
    file = riff(part(b"fmt ", header(kind, bits=8) + b"\0\0"), part(b"fact", b"\0\4\0\0"), part(b"data", SOUND))
    read = wav.read(file)
    assert (str(read.form), read.sound) == (name, SOUND)
    assert wav.read(wav.write(read.form, SOUND)) == read


def test_extensible_is_what_its_longer_header_says():
    more = struct.pack("<HHI", 22, 16, 0) + struct.pack("<H", PCM) + GUID_END
    assert wav.read(riff(part(b"fmt ", header(0xFFFE) + more), part(b"data", SOUND))).form == TELEPHONE


def test_other_parts_are_passed_over_also_odd_ones():
    file = riff(part(b"LIST", b"INFOxyz"), part(b"fmt ", header()), part(b"bext", b"x" * 603), part(b"data", SOUND))
    assert wav.read(file).sound == SOUND


def test_what_stands_after_the_sound_is_not_heard():
    assert wav.read(riff(part(b"fmt ", header()), part(b"data", SOUND), part(b"LIST", b"INFO"))).sound == SOUND


@pytest.mark.parametrize("of_riff", [0, 0xFFFFFFFF])
@pytest.mark.parametrize("of_data", [0, 0xFFFFFFFF, 0x7FFFF000])
def test_a_file_that_was_written_as_it_came_has_all_of_its_sound(of_riff, of_data):
    """ffmpeg and SoX state such lengths when they write to a pipe."""
    assert wav.read(riff(part(b"fmt ", header()), part(b"data", SOUND, of_data), length=of_riff)).sound == SOUND


def test_half_a_sample_at_the_end_is_left_out():
    assert wav.read(riff(part(b"fmt ", header()), part(b"data", SOUND + b"x"))).sound == SOUND


# What is refused -----------------------------------------------------------------------------------------------------

FMT, DATA = part(b"fmt ", header()), part(b"data", SOUND)
REFUSED = {
    "nothing": b"",
    "text": b"Hej, det h\xc3\xa4r \xc3\xa4r ingen ljudfil.",
    "another RIFF": b"RIFF\x04\0\0\0AVI ",
    "no parts": riff(),
    "no header": riff(DATA),
    "header after the sound": riff(DATA, FMT),
    "header cut off": riff(part(b"fmt ", header()[:14]), DATA),
    "no sound": riff(FMT),
    "empty sound": riff(FMT, part(b"data", b"")),
    "half a sample": riff(FMT, part(b"data", b"x")),
    "sound cut off": riff(FMT, part(b"data", SOUND, len(SOUND) * 2)),
    "file cut off": riff(FMT, DATA)[:60],
    "length cut off": riff(FMT, b"data\x01"),
    "part that is longer than the file": riff(part(b"LIST", b"", 0xFFFFFFF0), FMT, DATA),
    "floating point": riff(part(b"fmt ", header(3, bits=32)), DATA),
    "ADPCM": riff(part(b"fmt ", header(2, bits=4, frame=256)), DATA),
    "24 bits": riff(part(b"fmt ", header(bits=24)), DATA),
    "µ-law of 16 bits": riff(part(b"fmt ", header(MU_LAW, bits=16)), DATA),
    "no channel": riff(part(b"fmt ", header(channels=0)), DATA),
    "six channels": riff(part(b"fmt ", header(channels=6)), DATA),
    "no rate": riff(part(b"fmt ", header(rate=0)), DATA),
    "96 kHz": riff(part(b"fmt ", header(rate=96000)), DATA),
    "frames that don't fit": riff(part(b"fmt ", header(frame=4)), DATA),
    "extensible cut off": riff(part(b"fmt ", header(0xFFFE) + b"\x16\0"), DATA),
    "extensible of something else": riff(part(b"fmt ", header(0xFFFE) + b"\0" * 8 + b"\x01\0" + b"x" * 14), DATA),
}


@pytest.mark.parametrize("audio", REFUSED.values(), ids=REFUSED)
def test_what_is_broken_or_can_not_be_played_is_refused_with_a_reason(audio):
    with pytest.raises(NotWav) as refused:
        wav.read(audio)
    assert str(refused.value)


def _read_or_refused(audio: bytes) -> None:
    try:
        read = wav.read(audio)
    except NotWav:
        return
    assert read.sound
    assert len(read.sound) % read.form.frame == 0
    assert read.seconds > 0
    assert wav.read(wav.write(read.form, read.sound)) == read


@given(st.binary(max_size=400))
def test_any_bytes_are_read_or_refused(audio):
    _read_or_refused(audio)


@settings(max_examples=500)
@given(st.lists(st.tuples(st.sampled_from([b"fmt ", b"data", b"LIST", b"xxxx"]), st.binary(max_size=50)), max_size=6))
def test_any_parts_are_read_or_refused(parts):
    _read_or_refused(riff(*(part(name, body) for name, body in parts)))


@settings(max_examples=500)
@given(st.lists(st.tuples(st.integers(0, 79), st.integers(0, 255)), max_size=8), st.integers(0, 90))
def test_a_right_file_with_bytes_changed_and_cut_off_is_read_or_refused(changes, length):
    audio = bytearray(riff(FMT, part(b"data", SOUND[:36])))
    for place, byte in changes:
        audio[place] = byte
    _read_or_refused(bytes(audio[:length]))


# Putting together ----------------------------------------------------------------------------------------------------

FORMS = st.builds(Form, st.just(PCM), st.sampled_from([1, 2]), st.sampled_from([8000, 16000]), st.sampled_from([8, 16]))


@given(st.one_of(FORMS, st.just(Form(MU_LAW, 1, 8000, 8))), st.lists(st.binary(min_size=1, max_size=30), min_size=1))
def test_what_is_put_together_is_each_sound_after_the_other_byte_by_byte(form, sounds):
    whole = [sound * form.frame for sound in sounds]
    joined = wav.read(wav.join([wav.read(wav.write(form, sound)) for sound in whole]))
    assert (joined.form, joined.sound) == (form, b"".join(whole))
