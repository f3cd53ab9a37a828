"""Finding a case by telephone number, personnummer or name, or by a part of one, in all of the user's queues.

What it is follows from how it is written. Letters make it a name: each word of it begins a word of the patient's.
Digits are a part of a number, given or called from, wherever in it; from six on they may be the beginning of a
personnummer too, with or without its century. A whole number or personnummer is both found and looked for as such.

A patient with protected personal data (skyddade personuppgifter) is found by a whole number or personnummer only, by
somebody who knows it, and is hidden in the list as in all lists. A part of a name or number does not find them: the
hit alone would tell who they are, or the rest of the number digit by digit.

A search is posted. What was asked for is kept in the user's session, in PostgreSQL, under an id by which the page that
shows it is addressed, so that neither address nor history of the browser holds it and Back still works.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from typing import Any

from django.contrib.sessions.backends.base import SessionBase
from django.db.models import Q, TextField
from django.db.models.functions import Cast
from phonenumber_field.phonenumber import PhoneNumber

from cases import work_list
from cases.models import Case, CaseQuerySet
from cases.work_list import Row
from teleq import names, pasted, personal_identity, phone_numbers
from teleq.clock import database_now
from teleq.models import User

FOUND_AT_MOST = 100
LETTERS_AT_LEAST, DIGITS_AT_LEAST = 2, 3
DIGITS_OF_A_COUNTRY = 5
"""From so many on, 00 may stand for the plus and a country: 0046 alone is rather the end of somebody's number."""

# Asked for -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Sought:
    """What a search asks for. Either words, or any of the others."""

    text: str
    """As it was typed."""
    number: PhoneNumber | None = None
    """A whole telephone number."""
    person: str | None = None
    """A whole personnummer, as it is stored."""
    digits: str = ""
    """Some that follow each other in a telephone number."""
    beginning: str = ""
    """Of a telephone number in E.164."""
    born: tuple[str, ...] = ()
    """Beginnings of a personnummer, as it is stored: one for each century that is meant."""
    words: tuple[str, ...] = ()
    """Beginnings of words of a name."""

    @property
    def is_name(self) -> bool:
        return bool(self.words)

    @property
    def is_whole(self) -> bool:
        """Whether it is a number or personnummer that protected patients are found by too."""
        return bool(self.number or self.person)

    @property
    def is_mistyped(self) -> bool:
        """Whether it has a personnummer's length, beginning with a day of birth, and is none, nor a whole number."""
        return not self.is_whole and any(len(each) == personal_identity.LENGTH for each in self.born)


_DIGITS = re.compile(r"(?:tel:)?([+0-9 ()/.\-]+)", re.ASCII | re.IGNORECASE)
_BIRTHDAY = re.compile(r"([0-9]{6}|[0-9]{8})[0-9A-Z]{0,4}", re.ASCII)
_BORN = re.compile(r"(?:18|19|20)[0-9]{2}(?:0[0-9]|1[0-2])[0-9]|99", re.ASCII)
"""How a personnummer begins, with its century: with a year and a month. Region Stockholm's reserve numbers with 99."""


def read(text: str) -> Sought | None:
    """What the text asks for; None where that is too little to look for."""
    typed = pasted.plain(text).strip()
    number, person = phone_numbers.read(typed), personal_identity.read(typed)
    if person:
        return Sought(text, number, person)
    born, written = _born(typed), _DIGITS.fullmatch(typed)
    if written:
        return _part_of_number(text, written[1], number, born)
    if born:
        return Sought(text, born=born)
    words = names.words(typed)
    return Sought(text, words=words) if sum(map(len, words)) >= LETTERS_AT_LEAST else None


def _part_of_number(text: str, written: str, number: PhoneNumber | None, born: tuple[str, ...]) -> Sought | None:
    digits = re.sub("[^0-9]", "", written.replace("(0)", ""))
    if len(digits) < DIGITS_AT_LEAST:
        return None
    if written.lstrip(" (").startswith("+"):
        return Sought(text, number, beginning=f"+{digits}", born=born)
    beginning = ""
    if digits.startswith("00"):
        beginning = f"+{digits[2:]}" if len(digits) >= DIGITS_OF_A_COUNTRY else ""
    elif digits.startswith("0"):
        beginning = f"+{phone_numbers.COUNTRY_CODE}{digits[1:]}"
    return Sought(text, number, digits=digits, beginning=beginning, born=born)


def _born(typed: str) -> tuple[str, ...]:
    """The beginnings of a personnummer that the text may be, from a whole day of birth on."""
    written = re.sub("[ +-]", "", typed.upper())
    if not _BIRTHDAY.fullmatch(written):
        return ()
    meant = [written, *(f"{century}{written}" for century in (19, 20) if len(written) <= 10)]
    return tuple(each for each in meant if len(each) >= 8 and _BORN.match(each))


# Found ---------------------------------------------------------------------------------------------------------------


def found(user: User, sought: Sought) -> dict[str, Any]:
    """The latest of the cases, open and closed: the latest first, or in the names' Swedish order if sought by name."""
    at = database_now()
    latest = work_list.latest(user, cases(user, sought), FOUND_AT_MOST + 1, at)
    rows = latest[:FOUND_AT_MOST]
    if sought.is_name:
        rows.sort(key=_by_name)
    return {"rows": rows, "more": len(latest) > FOUND_AT_MOST, "sought": sought, "at": at}


def _by_name(row: Row) -> str:
    return names.alphabetical(row["case"].name)


def cases(user: User, sought: Sought) -> CaseQuerySet:
    """The cases of the user's queues that are sought."""
    own = Case.objects.for_user(user)
    if sought.is_name:
        for word in sought.words:
            own = own.filter(name_folded__contains=f" {word}")
        return own.unprotected()
    if sought.person:
        return own.matching(sought.number, sought.person)
    part = own.alias(given=Cast("phone_number", TextField()), called_from=Cast("a_number", TextField()))
    if not sought.number:
        return part.filter(_holds(sought)).unprotected()
    whole = Q(phone_number=sought.number) | Q(a_number=sought.number)
    return part.with_protection().filter(whole | _holds(sought) & Q(protected=False))


def _holds(sought: Sought) -> Q:
    holds = Q(pk__in=[])
    for column in ("given", "called_from"):
        if sought.digits:
            holds |= Q(**{f"{column}__contains": sought.digits})
        if sought.beginning:
            holds |= Q(**{f"{column}__startswith": sought.beginning})
    for born in sought.born:
        holds |= Q(personal_identity_number__startswith=born)
    return holds


# Kept ----------------------------------------------------------------------------------------------------------------

KEPT = "searches"
KEPT_AT_MOST = 10


def keep(session: SessionBase, text: str) -> str:
    """Keep what is searched for, and return the id by which it is found again. The same has the same id."""
    kept: dict[str, str] = session.get(KEPT, {})
    search_id = next((each for each, before in kept.items() if before == text), secrets.token_urlsafe(6))
    others = {each: before for each, before in kept.items() if each != search_id}
    session[KEPT] = dict([*others.items(), (search_id, text)][-KEPT_AT_MOST:])
    return search_id


def kept(session: SessionBase, search_id: str) -> str | None:
    """What this session has searched for under the id; None where there is none, or no longer."""
    text: str | None = session.get(KEPT, {}).get(search_id)
    return text
