"""The rules for what may not stand in a text message. Each is a function: what is wrong, in words, or None.

They are applied to a nurse's message in the case, to standard and automatic texts when they are saved in Admin, and to
every message again in the gateway.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from sms.content import placeholders, segments
from sms.models import StandardText
from teleq import personal_identity, phone_numbers
from teleq.models import OutgoingSms, Queue
from teleq.pasted import is_blank

Rule = Callable[[str], str | None]

STANDARD_TEXTS_ONLY = gettext_noop("Kön tillåter bara standardtexter. Välj en och tryck Lägg till svar.")
NO_NUMBER = gettext_noop(
    "{telefon} går inte att fylla i: kön har inget telefonnummer. Skriv numret i Köer, eller ta bort {telefon} här."
)


_NOT_TO_BE_STORED = re.compile("[\x00\ud800-\udfff]")
"""NUL, which PostgreSQL can't store, and halves of surrogate pairs, which UTF-8 can't encode."""
_PERSONNUMMERS_DASH = re.compile(r"[-+] *\w{4}$")


# The rules -----------------------------------------------------------------------------------------------------------


def says_something(text: str) -> str | None:
    return _("Skriv ett meddelande.") if is_blank(text) else None


def can_be_stored(text: str) -> str | None:
    return _("Meddelandet innehåller tecken som inte kan skickas.") if _NOT_TO_BE_STORED.search(text) else None


def fits(text: str) -> str | None:
    length = segments.count(text)
    if not length.too_long:
        return None
    return _("Meddelandet är för långt: %(length)s. Högst %(most)s SMS får skickas.") % {
        "length": length,
        "most": segments.MAX_PARTS,
    }


def identifies_nobody(text: str) -> str | None:
    """No personnummer: an SMS can be read on its way, and on a locked telephone."""
    if all(_is_telephone_number(found.written) for found in personal_identity.find(text)):
        return None
    return _("Meddelandet innehåller ett personnummer. Ta bort det innan du skickar.")


def _is_telephone_number(written: str) -> bool:
    """Whether digits that may be a personnummer are taken for a telephone number.

    Ten digits may be both: one in twenty of all numbers that begin with 070 is a valid samordningsnummer. They are
    taken for a telephone number, unless a personnummer's dash stands before the last four. Twelve digits are taken for
    one only after a plus.
    """
    number = phone_numbers.read(written)
    if number is None or written.startswith("+"):
        return number is not None
    ten_to_dial = written.startswith("0") and len(re.sub("[^0-9]", "", written)) == 10
    is_swedish = number.country_code == phone_numbers.COUNTRY_CODE
    return ten_to_dial and is_swedish and not _PERSONNUMMERS_DASH.search(written)


def leaves_nothing_to_fill_in(text: str) -> str | None:
    if not (left := placeholders.left_in(text)):
        return None
    return _(
        "%(placeholder)s fylls inte i här, utan bara i bokningsbekräftelser och påminnelser. Skriv det som ska stå."
    ) % {"placeholder": left[0]}


def is_a_standard_text(text: str, outgoing_sms: OutgoingSms | None) -> str | None:
    """Only a queue's standard texts, if its settings don't allow free text."""
    if outgoing_sms is None or outgoing_sms.free_text:
        return None
    offered = StandardText.objects.filter(queue=outgoing_sms.queue_id).values_list("text", flat=True)
    return None if segments.normalize(text) in map(segments.normalize, offered) else _(STANDARD_TEXTS_ONLY)


RULES: tuple[Rule, ...] = (says_something, can_be_stored, fits, identifies_nobody, leaves_nothing_to_fill_in)
"""The rules for every text as it is sent, also an automatic one that has been filled in."""


# In use ------------------------------------------------------------------------------------------------------------


def problem_of(text: str) -> str | None:
    """The first problem of a text that would be sent as it stands, or None."""
    return next((problem for rule in RULES if (problem := rule(text))), None)


def problem_of_manual(text: str, outgoing_sms: OutgoingSms | None) -> str | None:
    """The first problem of a nurse's message from the queue with these settings, or None."""
    return problem_of(text) or is_a_standard_text(text, outgoing_sms)


def problems_of_automatic(text: str, queue: Queue) -> list[str]:
    """The problems of a queue's confirmation or reminder, before it is filled in. It may be empty, as it may be turned
    off.

    Length and personnummer are checked in the text as it is when filled in for a day whose name is as long as any.
    """
    problems = [_not_offered(found) for found in dict.fromkeys(placeholders.unknown(text))]
    if "{telefon}" in text and not queue.phone_number:
        problems.append(_(NO_NUMBER))
    filled = placeholders.fill(text, queue, placeholders.LONGEST_DATE)
    problems += [problem for rule in (can_be_stored, fits, identifies_nobody) if (problem := rule(filled))]
    return problems


def _not_offered(found: str) -> str:
    *others, last = placeholders.OFFERED
    offered = _("%(others)s och %(last)s") % {"others": ", ".join(others), "last": last}
    if len(found) == 1:
        return _("Tecknet %(found)s står ensamt. Det som kan fyllas i är %(offered)s.") % {
            "found": found,
            "offered": offered,
        }
    return _("%(found)s går inte att fylla i. Det som kan fyllas i är %(offered)s.") % {
        "found": found,
        "offered": offered,
    }
