"""Loads the demonstration's telephone menu: its numbers, where they lead, and what is said, in the test voice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cases.models import TelephoneHours
from demo import data
from demo.announcements import ANNOUNCEMENTS
from telephony import recordings, shipped
from telephony.models import Announcement, CallersHours, Choice, Menu, PatientsNumber, QueueByPhone
from teleq.models import CareProvider, Queue

RECORDINGS = Path(__file__).with_name("recordings")


def set_up(provider: CareProvider, queues: dict[str, Queue]) -> dict[str, PatientsNumber]:
    """By the number as data.py writes it."""
    QueueByPhone.objects.create(queue=queues[data.T], asks_personal_identity=True)
    said = _announcements(provider)
    menu = Menu.objects.create(care_provider=provider, name=data.MENU)
    leads_to: list[tuple[int, str, dict[str, Any]]] = [
        (1, "advice", {"queue": queues[data.R]}),
        (2, "booking", {"queue": queues[data.T]}),
        (3, "hours", {"announcement": said["opening_hours"]}),
        (0, "person", {"person_number": data.PERSON}),
    ]
    Choice.objects.bulk_create(
        Choice(of_menu=menu, key=key, order=order, words=said[words], **where)
        for order, (key, words, where) in enumerate(leads_to)
    )
    common = {
        "care_provider": provider,
        "greeting": said["welcome"],
        "person_number": data.PERSON,
        "asks_consent": True,
        "is_on": True,
    }
    numbers = {
        data.MENU_NUMBER: PatientsNumber(menu=menu, languages=list(shipped.LANGUAGES), **common),
        data.ADVICE_NUMBER: PatientsNumber(queue=queues[data.R], **common),
        data.BOOKING_NUMBER: PatientsNumber(queue=queues[data.T], **common),
    }
    for written, number in numbers.items():
        number.number = written
    PatientsNumber.objects.bulk_create(numbers.values())
    CallersHours.objects.bulk_create(
        CallersHours(number=numbers[data.BOOKING_NUMBER], weekday=weekday)
        for weekday in TelephoneHours.Weekday.values[:5]
    )
    return numbers


def _announcements(provider: CareProvider) -> dict[str, Announcement]:
    """The care provider's own sentences, by name, with their recordings beside those of the standard ones."""
    said = {
        name: Announcement(care_provider=provider, words=swedish, english=english)
        for name, (swedish, english) in ANNOUNCEMENTS.items()
    }
    Announcement.objects.bulk_create(said.values())
    for place, language in enumerate(shipped.LANGUAGES):
        shipped.load(provider, language)
        own = [
            recordings.Given(said[name].sentence, words[place], (RECORDINGS / language / f"{name}.wav").read_bytes())
            for name, words in ANNOUNCEMENTS.items()
        ]
        recordings.fill_in(provider, language, own, by=None)
    return said
