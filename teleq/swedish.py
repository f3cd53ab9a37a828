"""How times, telephone numbers and identities are written on screen: in Swedish, by the clock in Stockholm."""

from datetime import UTC, date, datetime, timedelta

from django.utils import timezone
from django.utils.formats import date_format
from phonenumber_field.phonenumber import PhoneNumber

from teleq import personal_identity, phone_numbers

WEEKDAYS = ("mån", "tis", "ons", "tors", "fre", "lör", "sön")
MONTHS = ("jan", "feb", "mars", "april", "maj", "juni", "juli", "aug", "sep", "okt", "nov", "dec")


def _day(day: datetime, today: datetime) -> str:
    apart = (day.date() - today.date()).days
    near = {-1: "igår", 0: "idag", 1: "imorgon"}.get(apart)
    if near:
        return near
    year = "" if abs(apart) < 180 else f" {day.year}"
    return f"{WEEKDAYS[day.weekday()]} {day.day} {MONTHS[day.month - 1]}{year}"


def _clock(local: datetime) -> str:
    """ "10.30"; and in the hour that comes twice, when summer time ends, which of the two it is."""
    first, second = (local.replace(fold=fold).astimezone(UTC) for fold in (0, 1))
    if first >= second:
        return f"{local:%H.%M}"
    return f"{local:%H.%M} ({'vintertid' if local.fold else 'sommartid'})"


def near_weekday(day: date) -> str:
    """For the head of a column: "idag", "imorgon", "tors"."""
    return {0: "idag", 1: "imorgon"}.get((day - timezone.localdate()).days, WEEKDAYS[day.weekday()])


def day_of_month(day: date) -> str:
    """ "26 nov"."""
    return f"{day.day} {MONTHS[day.month - 1]}"


def clock(at: datetime) -> str:
    """The hour in Stockholm, with its day unless that is today: "10.30", "igår 10.30", "tors 26 nov 10.30"."""
    local = timezone.localtime(at)
    if timezone.localdate() == local.date():
        return _clock(local)
    return day_and_clock(at)


def day_and_clock(at: datetime) -> str:
    """As `clock`, with the day also when that is today: "idag 10.30"."""
    local = timezone.localtime(at)
    return f"{_day(local, timezone.localtime())} {_clock(local)}"


def date_and_clock(at: datetime) -> str:
    """For what is stored, and read another day: "26 november 2026 10.30"."""
    local = timezone.localtime(at)
    return f"{date_format(local, 'j F Y')} {_clock(local)}"


def weekday_and_clock(at: datetime) -> str:
    """For what is judged another day: "torsdag 26 november 2026 10.41"."""
    local = timezone.localtime(at)
    return f"{date_format(local, 'l j F Y')} {_clock(local)}"


def clock_only(at: datetime) -> str:
    """Where the day has been said: "10.41"."""
    return _clock(timezone.localtime(at))


def last_day(valid_until: datetime) -> str:
    """The date on which an answer stops to count: "24 januari 2028"."""
    return date_format(timezone.localtime(valid_until), "j F Y")


def how_long(time: timedelta) -> str:
    """In whole minutes: "45 min", "2 h 10 min". Counted on in the page by static/js/list.js, in the same words."""
    hours, minutes = divmod(int(time.total_seconds()) // 60, 60)
    if not hours:
        return f"{minutes} min" if minutes else "under 1 min"
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"


def in_days(day: date) -> str:
    """How far away a day is, from today: "idag", "imorgon", "om 12 dagar"."""
    days = (day - timezone.localdate()).days
    return {0: "idag", 1: "imorgon"}.get(days, f"om {days} dagar")


def phone(number: PhoneNumber | None) -> str:
    return phone_numbers.show(number)


def identity_number(identity: str) -> str:
    return personal_identity.show(identity)


def of_planned(attempts: int, planned: int) -> str:
    """How many calls of those that the queue makes: "2 av 3"; and past them "6 (högst 3 var planerade)"."""
    return f"{attempts} av {planned}" if attempts <= planned else f"{attempts} (högst {planned} var planerade)"
