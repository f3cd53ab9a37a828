"""How times, telephone numbers and identities are written on screen, by the clock in Stockholm.

In the language that the screen speaks (teleq.middleware.language): "igår 10.30" or "yesterday 10:30". What patients are
sent is none of this: sms.content.placeholders.
"""

from datetime import date, datetime, timedelta

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, ngettext
from phonenumber_field.phonenumber import PhoneNumber

from teleq import personal_identity, phone_numbers

WEEKDAYS = (
    *(gettext_noop("mån"), gettext_noop("tis"), gettext_noop("ons"), gettext_noop("tors"), gettext_noop("fre")),
    *(gettext_noop("lör"), gettext_noop("sön")),
)
MONTHS = (
    *(gettext_noop("jan"), gettext_noop("feb"), gettext_noop("mars"), gettext_noop("april"), gettext_noop("maj")),
    *(gettext_noop("juni"), gettext_noop("juli"), gettext_noop("aug"), gettext_noop("sep"), gettext_noop("okt")),
    *(gettext_noop("nov"), gettext_noop("dec")),
)
NEAR = {-1: gettext_noop("igår"), 0: gettext_noop("idag"), 1: gettext_noop("imorgon")}


def _day(day: datetime, today: datetime) -> str:
    apart = (day.date() - today.date()).days
    if apart in NEAR:
        return _(NEAR[apart])
    year = "" if abs(apart) < 180 else f" {day.year}"
    return f"{_(WEEKDAYS[day.weekday()])} {day.day} {_(MONTHS[day.month - 1])}{year}"


def _clock(local: datetime) -> str:
    """ "10.30"; and in the hour that comes twice, when summer time ends, which of the two it is."""
    clock = local.strftime(_("%H.%M"))
    if local.replace(fold=0).utcoffset() == local.replace(fold=1).utcoffset():
        return clock
    return f"{clock} ({_('vintertid') if local.fold else _('sommartid')})"


def near_weekday(day: date) -> str:
    """For the head of a column: "idag", "imorgon", "tors"."""
    apart = (day - timezone.localdate()).days
    return _(NEAR[apart] if apart in (0, 1) else WEEKDAYS[day.weekday()])


def day_of_month(day: date) -> str:
    """ "26 nov"."""
    return f"{day.day} {_(MONTHS[day.month - 1])}"


def clock(at: datetime) -> str:
    """The hour in Stockholm, with its day unless that is today: "10.30", "igår 10.30", "tors 26 nov 10.30"."""
    local, now = timezone.localtime(at), timezone.localtime()
    return _clock(local) if now.date() == local.date() else f"{_day(local, now)} {_clock(local)}"


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
        return f"{minutes} min" if minutes else _("under 1 min")
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"


def in_days(day: date) -> str:
    """How far away a day is, from today: "idag", "imorgon", "om 12 dagar"."""
    days = (day - timezone.localdate()).days
    if days in (0, 1):
        return _(NEAR[days])
    return ngettext("om %(days)s dag", "om %(days)s dagar", days) % {"days": days}


def phone(number: PhoneNumber | None) -> str:
    return phone_numbers.show(number)


def identity_number(identity: str) -> str:
    return personal_identity.show(identity)


def of_planned(attempts: int, planned: int) -> str:
    """How many calls of those that the queue makes: "2 av 3"; and past them "6 (högst 3 var planerade)"."""
    words = _("%(number)s av %(planned)s") if attempts <= planned else _("%(number)s (högst %(planned)s var planerade)")
    return words % {"number": attempts, "planned": planned}
