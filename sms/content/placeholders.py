"""Placeholders in a queue's confirmation and reminder, such as "vi ringer upp dig {datum} kl. {tid}"."""

import re
from collections.abc import Callable
from datetime import date, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from django.conf import settings
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy, override

from teleq import phone_numbers
from teleq.models import Queue

OFFERED = {
    "{tid}": gettext_lazy("klockslaget, som 10.30"),
    "{datum}": gettext_lazy("dagen, som torsdag 24 september"),
    "{enhet}": gettext_lazy("vårdenhetens namn"),
    "{telefon}": gettext_lazy("köns telefonnummer"),
}


@lru_cache(maxsize=64)  # a sweep writes the same few days for thousands of callbacks
def _day(day: date) -> str:
    """In Swedish, whatever the screen speaks: it is for the patient."""
    with override(settings.LANGUAGE_CODE):
        return date_format(day, "l j F")


_VALUES: dict[str, Callable[[Queue, datetime], str]] = {
    "{tid}": lambda queue, local: f"{local:%H.%M}",
    "{datum}": lambda queue, local: _day(local.date()),
    "{enhet}": lambda queue, local: queue.unit,
    "{telefon}": lambda queue, local: phone_numbers.show(queue.phone_number),
}
_IN_BRACES = re.compile(r"\{[^{}]*\}|[{}]")
_NAME_IN_BRACES = re.compile(r"\{[^{}]*\w[^{}]*\}")

LONGEST_DATE = datetime(2026, 9, 24, 10, 30, tzinfo=ZoneInfo("Europe/Stockholm"))
"""A day whose name is as long as any: a text that fits with it fits on every day."""


def fill(text: str, queue: Queue, at: datetime) -> str:
    """The text with its placeholders filled in for a callback at this aware instant, told by the clock in Stockholm."""
    local = timezone.localtime(at)
    return _IN_BRACES.sub(lambda found: _VALUES[found[0]](queue, local) if found[0] in _VALUES else found[0], text)


def unknown(text: str) -> list[str]:
    """What stands in braces and is no placeholder, and single braces: it would be sent as it stands."""
    return [found for found in _IN_BRACES.findall(text) if found not in OFFERED]


def left_in(text: str) -> list[str]:
    """What looks like a placeholder, in a text in which nothing is filled in. A single brace is no fault there."""
    return _NAME_IN_BRACES.findall(text)
