from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import date, datetime, timedelta

import pytest
from django.utils import timezone

from cases.free_times import public_holidays
from telephony import wav
from telephony.models import Announcement, PatientsNumber, Recording
from telephony.recordings import Given, fill_in, record
from telephony.sentences import said_in
from teleq.models import CareProvider, Queue
from tests.conftest import MOBILE
from tests.intake.telephone_system import at, keep_open
from tests.telephony.caller import Caller

NUMBER = "+46846500450"


def sound(text: str) -> bytes:
    """A short sound, another one for each text."""
    return wav.write(wav.Form(wav.PCM, 1, 8000, 16), hashlib.sha256(text.encode()).digest() * 4)


def recorded(provider: CareProvider, sentence: str, words: str, language: str = "sv") -> Recording:
    return record(provider, language, sentence, words=words, audio=sound(f"{language} {words}"), by=None)


@pytest.fixture
def voices_of(care_provider: CareProvider) -> Callable[[str], None]:
    """Every standard sentence, recorded."""

    def record_all(language: str = "sv") -> None:
        given = [Given(key, words, sound(f"{language} {words}")) for key, words in said_in(language).items()]
        fill_in(care_provider, language, given, by=None)

    return record_all


@pytest.fixture
def announce(care_provider: CareProvider) -> Callable[..., Announcement]:
    def announced(words: str, english: str = "") -> Announcement:
        announcement = Announcement.objects.create(care_provider=care_provider, words=words, english=english)
        recorded(care_provider, announcement.sentence, words)
        if english:
            recorded(care_provider, announcement.sentence, english, "en")
        return announcement

    return announced


@pytest.fixture
def day() -> date:
    """An open day ahead."""
    day = timezone.localdate() + timedelta(days=1)
    while day.weekday() > 4 or day in public_holidays(day.year):
        day += timedelta(days=1)
    return day


@pytest.fixture
def eight(day: date) -> datetime:
    return at(day, "08:00")


@pytest.fixture
def number(care_provider: CareProvider, queue: Queue, voices_of, announce, day: date) -> PatientsNumber:
    """A number that leads straight to the queue, open from eight to nine one day a week: four times."""
    voices_of()
    keep_open(queue, "08:00", "09:00", [day.weekday()])
    return PatientsNumber.objects.create(
        care_provider=care_provider,
        number=NUMBER,
        greeting=announce("Välkommen till Vårdcentralen Spindeln."),
        queue=queue,
        is_on=True,
    )


@pytest.fixture
def caller(number: PatientsNumber) -> Callable[..., Caller]:
    """Calls the number, and hears what is said."""

    def calls(calls_from: str = MOBILE, dials: str = NUMBER) -> Caller:
        return Caller(dials, calls_from).call()

    return calls
