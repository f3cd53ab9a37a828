"""What a password may not be, beside what Django's own validators say (OWASP ASVS 5, 6.2.4 and 6.2.11)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from django.contrib.auth.password_validation import CommonPasswordValidator
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from teleq.models import Membership, User

WORDS = {
    *("lösenord", "losenord", "välkommen", "valkommen", "hejhej", "hemligt", "sommar", "sommaren", "vinter", "vintern"),
    *("vår", "våren", "höst", "hösten", "januari", "februari", "mars", "april", "maj", "juni", "juli", "augusti"),
    *("september", "oktober", "november", "december", "måndag", "tisdag", "onsdag", "torsdag", "fredag", "lördag"),
    *("söndag", "stockholm", "göteborg", "malmö", "sverige", "sjukhus", "sjukvård", "vårdcentral", "sjuksköterska"),
    *("region", "regionen", "landsting", "teleq", "telefon", "patient", "qwerty", "qwertyuiop", "abcdefgh"),
}
"""What Swedes at work choose, and add a year and an exclamation mark to."""


class WellKnownWordValidator:
    """A well-known word is none the better for the digits and signs round it, nor for standing there twice."""

    def validate(self, password: str, user: User | None = None) -> None:
        core = re.sub(r"[\W\d_]+", "", password).casefold()
        once = re.sub(r"^(.+?)\1+$", r"\1", core)
        known = WORDS | CommonPasswordValidator().passwords
        if core and (len(set(core)) < 4 or core in known or once in known):
            raise ValidationError(_("Lösenordet är ett vanligt ord, även om siffror och tecken är tillagda."))

    def get_help_text(self) -> str:
        return _("Lösenordet kan inte vara ett vanligt ord med siffror eller tecken runt.")


class OwnNamesValidator:
    """Not the user's name, nor that of a unit, a queue or a care provider of theirs."""

    def validate(self, password: str, user: User | None = None) -> None:
        if user is None:
            return
        letters = password.casefold()
        if any(name in letters for name in _names(user)):
            raise ValidationError(_("Lösenordet innehåller ditt namn, ditt användarnamn eller din enhets namn."))

    def get_help_text(self) -> str:
        return _("Lösenordet kan inte innehålla ditt namn, ditt användarnamn eller din enhets namn.")


def _names(user: User) -> Iterator[str]:
    """The words of four letters or more."""
    told = [user.username, user.first_name, user.last_name, user.hsa_id]
    if user.pk:
        where = Membership.objects.filter(user=user).values_list(
            "queue__unit", "queue__name", "queue__care_provider__name"
        )
        told += [name for row in where for name in row]
    for name in told:
        yield from (word.casefold() for word in re.split(r"\W+", name) if len(word) >= 4)
