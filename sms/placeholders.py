"""What is filled in where a queue's confirmation or reminder is sent: "vi ringer upp dig {datum} kl. {tid}"."""

import re
from datetime import datetime
from zoneinfo import ZoneInfo

from django.utils import timezone
from django.utils.formats import date_format

from teleq.models import Queue

OFFERED = {
    "{tid}": "klockslaget, som 10.30",
    "{datum}": "dagen, som torsdag 26 november",
    "{enhet}": "vårdenhetens namn",
    "{telefon}": "köns telefonnummer",
}
_IN_BRACES = re.compile(r"\{[^{}]*\}|[{}]")

LONGEST_DATE = datetime(2026, 9, 24, 10, 30, tzinfo=ZoneInfo("Europe/Stockholm"))
"""No date is longer to write than a Thursday in late September: what fits then fits always."""


def fill(text: str, queue: Queue, at: datetime) -> str:
    """The text with its placeholders filled in for a callback at this aware instant, told by the clock in Stockholm."""
    local = timezone.localtime(at)
    values = {
        "{tid}": f"{local:%H.%M}",
        "{datum}": date_format(local, "l j F"),
        "{enhet}": queue.unit,
        "{telefon}": queue.phone_number.as_national if queue.phone_number else "",
    }
    return _IN_BRACES.sub(lambda found: values.get(found[0], found[0]), text)


def unknown(text: str) -> list[str]:
    """What stands in braces, or is half a brace, and would be sent as it is."""
    return [found for found in _IN_BRACES.findall(text) if found not in OFFERED]
