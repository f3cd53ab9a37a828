"""The test voice: every standard sentence in Swedish and English, spoken by a machine (local/voices.py).

It is for trying a menu before anybody has read its sentences in, and for the demonstration.
"""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

from telephony import recordings
from telephony.models import Recording
from telephony.models.recording import Language
from telephony.sentences import said_in
from teleq.models import CareProvider, User

FOLDER = Path(__file__).parent
LANGUAGES = (Language.SWEDISH, Language.ENGLISH)


def load(care_provider: CareProvider, language: str, by: User | None = None) -> list[Recording]:
    """Take in the test voice for the standard sentences that have no recording, and return what was taken in."""
    given = [
        recordings.Given(sentence, words, _file(language, sentence).read_bytes())
        for sentence, words in said_in(language).items()
    ]
    return recordings.fill_in(care_provider, language, given, by=by)


def is_of_it(recording: Recording) -> bool:
    return recording.digest in _digests()


@cache
def _digests() -> frozenset[str]:
    files = (file for language in LANGUAGES for file in (FOLDER / language).glob("*.wav"))
    return frozenset(hashlib.sha256(file.read_bytes()).hexdigest() for file in files)


def _file(language: str, sentence: str) -> Path:
    return FOLDER / language / f"{sentence}.wav"
