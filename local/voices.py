"""What bin/voices does: the test voice, a file a sentence, in Swedish and English. What it makes is committed.

It needs espeak-ng, which speaks, and SoX, which makes telephone sound of it: `apt-get install espeak-ng sox`. To be run
when words in telephony/sentences.py or demo/announcements.py have changed; nothing else does. Files are mono, 8 kHz,
µ-law, as in telephone networks, with silence cut off at both ends so that what is put together of them sounds like one
sentence.
"""

from __future__ import annotations

import math
import re
import shutil
import subprocess
import sys
from array import array
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from demo.announcements import ANNOUNCEMENTS
from local.servers import ROOT
from telephony.sentences import said_in

STANDARD = ROOT / "telephony" / "shipped"
DEMONSTRATION = ROOT / "demo" / "recordings"
VOICES = {"sv": "sv", "en": "en-gb"}
WORDS_A_MINUTE = 145
RATE = 8_000
LOUDNESS = 0.12
"""Root mean square of what is spoken, of full scale: -18 dB. Words are as loud as sentences."""
PEAK = 0.95
FRAME = RATE // 100
SILENT = 0.006
"""Of full scale, once it is as loud as it should be: softer is silence at the ends. An s or f is louder."""
AROUND = 0.015
"""Seconds that are kept of it, so that no sound is cut in the middle."""
BEFORE_SENTENCE, AFTER_SENTENCE, AFTER_WORD = 0.25, 0.15, 0.06
"""Seconds of silence: what begins with a capital letter comes after a pause, and what ends with a full stop is followed
by one."""
READ_AS = {
    "sv": {"112": "ett ett två", "1177": "elva sjuttiosju"},
    "en": {"112": "one one two", "1177": "eleven seventy-seven"},
}


def main() -> None:
    for program in ("espeak-ng", "sox"):
        if shutil.which(program) is None:
            sys.exit(f"This needs {program}: apt-get install espeak-ng sox")
    wanted = list(_wanted())
    for folder in (STANDARD, DEMONSTRATION):
        for old in folder.glob("*/*.wav"):
            old.unlink()
    with ThreadPoolExecutor(2) as together:
        sizes = list(together.map(_read_in, wanted))
    sys.stdout.write(f"{len(sizes)} files, {sum(sizes) / 1024 / 1024:.1f} MB\n")


def _wanted() -> Iterator[tuple[str, str, Path]]:
    """Language, words and file."""
    for place, language in enumerate(VOICES):
        for key, words in said_in(language).items():
            yield language, words, STANDARD / language / f"{key}.wav"
        for name, both in ANNOUNCEMENTS.items():
            yield language, both[place], DEMONSTRATION / language / f"{name}.wav"


def _read_in(wanted: tuple[str, str, Path]) -> int:
    """Make a file, and say how many bytes it has."""
    language, words, file = wanted
    sound = _even(_spoken(language, words))
    before = BEFORE_SENTENCE if words[0].isupper() else 0
    after = AFTER_SENTENCE if _is_finished(words) else AFTER_WORD
    file.parent.mkdir(exist_ok=True, parents=True)
    raw = ["-t", "raw", "-r", f"{RATE}", "-c", "1", "-e", "signed", "-b", "16", "-"]
    _run("sox", "-D", *raw, "-e", "mu-law", str(file), "pad", f"{before}", f"{after}", given=sound.tobytes())
    return file.stat().st_size


def _spoken(language: str, words: str) -> array[int]:
    """As samples of 16 bits. What more words follow is said as if they did, and not as an end."""
    for written, read in READ_AS[language].items():
        words = re.sub(rf"\b{written}\b", read, words)
    text = words if _is_finished(words) else f"{words},"
    said = _run("espeak-ng", "-v", VOICES[language], "-s", f"{WORDS_A_MINUTE}", "--stdout", text)
    narrow = ["-t", "raw", "-r", f"{RATE}", "-c", "1", "-e", "signed", "-b", "16", "-"]
    return array("h", _run("sox", "-D", "-G", "--ignore-length", "-t", "wav", "-", *narrow, given=said))


def _is_finished(words: str) -> bool:
    return words[-1] in ".?"


def _even(sound: array[int]) -> array[int]:
    """As loud as all others, and without silence at the ends."""
    loud = sorted(_loudness(sound[place : place + FRAME]) for place in range(0, len(sound), FRAME))
    loud = [each for each in loud if each > loud[-1] / 10]  # pauses are not what is spoken
    spoken = math.sqrt(sum(each * each for each in loud) / len(loud))
    gain = min(LOUDNESS / spoken, PEAK / (max(map(abs, sound)) / 32768))
    sound = array("h", (round(each * gain) for each in sound))
    heard = [place for place, each in enumerate(sound) if abs(each) > SILENT * 32768]
    kept = int(AROUND * RATE)
    return sound[max(heard[0] - kept, 0) : heard[-1] + kept]


def _loudness(frame: array[int]) -> float:
    return math.sqrt(sum(each * each for each in frame) / len(frame)) / 32768


def _run(*command: str, given: bytes | None = None) -> bytes:
    return subprocess.run(command, input=given, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout


if __name__ == "__main__":
    main()
