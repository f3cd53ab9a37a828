"""Makes what the first day needs: operator, care provider, queue and first administrator.

By the rules of Admin's pages. What is there already is left as it is, so that all of it may be done again.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import time
from typing import TypeVar

from django.contrib.admin.models import ADDITION, LogEntry
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Model
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop
from phonenumber_field.phonenumber import PhoneNumber

from access import invitations, rights
from administration.care_providers import save_care_provider
from administration.outgoing_sms import SENDER_OF_ANOTHER, is_sender_of_another, read_sender, save_outgoing_sms
from administration.queues import create_queue, overlapping
from administration.rights import is_operators_alone, providers_never_administered
from administration.users import NAME_IN_USE, is_in_use
from cases.models import TelephoneHours
from teleq.models import INVALID_SENDER, CareProvider, CareProviderRole, ProviderRole, Queue, User
from teleq.phone_numbers import INVALID_NUMBER, read

FIRST = gettext_noop("Första administratören, skapad av manage.py setup")
DAYS = {"mån": 0, "tis": 1, "ons": 2, "tor": 3, "fre": 4, "lör": 5, "sön": 6}
INTERVAL = re.compile(r"(\w+)(?:\s*[-–]\s*(\w+))?\s+(\d{1,2})(?:[.:](\d\d))?\s*[-–]\s*(\d{1,2})(?:[.:](\d\d))?")
Row = TypeVar("Row", bound=Model)


class NotMade(Exception):
    """Nothing was made of this. Its text says why, in Swedish."""


@dataclass(frozen=True)
class Person:
    username: str
    first_name: str = ""
    last_name: str = ""
    hsa_id: str = ""


# People --------------------------------------------------------------------------------------------------------------


@transaction.atomic
def make_operator(person: Person) -> tuple[User, str | None]:
    """The operator, and the link by which a password is chosen: none where the operator has one already.

    An account that is there is never made an operator's. Raises NotMade.
    """
    user = User.objects.filter(username__iexact=person.username).first()
    if user is None:
        user = _save_user(person, is_superuser=True)
    elif not (user.is_superuser and user.is_active):
        raise NotMade(_("%(name)s finns redan och är inte systemförvaltare.") % {"name": user.username})
    return user, _link(user, by=None)


@transaction.atomic
def make_administrator(person: Person, provider: CareProvider, by: User) -> tuple[User, str | None]:
    """The first administrator of the whole care provider, and their link. Raises NotMade."""
    held = CareProviderRole.objects.filter(care_provider=provider, role=ProviderRole.ADMINISTRATOR)
    role = held.select_related("user").filter(user__username__iexact=person.username).first()
    if role:
        return role.user, _link(role.user, by)
    if not needs_administrator(provider):
        told = _("%(provider)s har en administratör. Fler läggs till i Admin, Användare, av den som är administratör.")
        raise NotMade(told % {"provider": provider})
    user = _save_user(person)
    with rights.on_record(user, by=by, why=FIRST):
        CareProviderRole.objects.create(user=user, care_provider=provider, role=ProviderRole.ADMINISTRATOR)
    _note(user, by)
    return user, _link(user, by)


def needs_administrator(provider: CareProvider) -> bool:
    """Whether the operator makes its first administrator: nobody is or has been one."""
    return providers_never_administered().filter(pk=provider.pk).exists()


def _save_user(person: Person, *, is_superuser: bool = False) -> User:
    if is_in_use(person.username):
        raise NotMade(str(NAME_IN_USE))
    user = User(
        username=person.username,
        first_name=person.first_name,
        last_name=person.last_name,
        hsa_id=person.hsa_id,
        is_superuser=is_superuser,
    )
    user.set_unusable_password()
    return _saved(user)


def _link(user: User, by: User | None) -> str | None:
    """A new one each time, of which the last counts. To somebody who has been in the server makes no way in."""
    has_been_in = user.last_login is not None or user.has_usable_password()
    if has_been_in or not is_operators_alone(user):
        return None
    return invitations.make_link(user, by)


# What they work with -------------------------------------------------------------------------------------------------


@transaction.atomic
def make_care_provider(name: str, *, consent_ordered: bool, by: User) -> CareProvider:
    """Raises NotMade."""
    provider = CareProvider.objects.select_for_update().filter(name=name).first()
    if provider is None:
        provider = CareProvider(name=name, sms_consent_ordered=consent_ordered)
        _checked(provider)
        save_care_provider(provider)
        _note(provider, by)
    elif consent_ordered and not provider.sms_consent_ordered:
        provider.sms_consent_ordered = True
        save_care_provider(provider)
    return provider


@transaction.atomic
def make_queue(  # noqa: PLR0913  each is a part of the queue
    provider: CareProvider, unit: str, name: str, *, phone_number: str, hours: str, sender: str, by: User
) -> Queue:
    """With its telephone hours and its sender. Raises NotMade."""
    there = Queue.objects.filter(care_provider=provider, unit=unit, name=name).first()
    if there:
        return there
    queue = Queue(care_provider=provider, unit=unit, name=name, phone_number=read_number(phone_number))
    _checked(queue)
    create_queue(queue)
    _note(queue, by)
    for each in read_hours(hours):
        each.queue = queue
        _saved(each)
    if sender:
        queue.outgoing_sms.sender = checked_sender(sender, provider)
        save_outgoing_sms(queue.outgoing_sms)
    return queue


def read_number(text: str) -> PhoneNumber | str:
    """The number that patients call, which may be left out. Raises NotMade."""
    number = read(text) if text else ""
    if number is None:
        raise NotMade(str(INVALID_NUMBER))
    return number


def read_yes_or_no(text: str) -> bool:
    """Whether it is a yes; left out it is a no. Raises NotMade."""
    if text.lower() not in ("ja", "j", "nej", "n", ""):
        raise NotMade(_("Svara ja eller nej."))
    return text.lower().startswith("j")


def checked_sender(text: str, provider: CareProvider) -> str:
    """A sender as it is stored. Raises NotMade."""
    sender = read_sender(text)
    if sender is None:
        raise NotMade(str(INVALID_SENDER))
    if is_sender_of_another(sender, provider):
        raise NotMade(str(SENDER_OF_ANOTHER))
    return sender


def read_hours(text: str) -> list[TelephoneHours]:
    """Telephone hours as they are written: "mån-fre 8-12, 13-16.30; lör 9-11". Raises NotMade."""
    hours = []
    for part in filter(None, (each.strip() for each in text.split(";"))):
        days = ""
        for interval in (each.strip() for each in part.split(",")):
            found = INTERVAL.fullmatch(interval if re.match(r"[^\W\d]", interval) else f"{days} {interval}")
            if not found:
                raise _unreadable(interval)
            days = interval[: found.start(3)].strip() or days
            try:
                opens, closes = (time(int(found[n]), int(found[n + 1] or 0)) for n in (3, 5))
            except ValueError:
                raise _unreadable(interval) from None
            if opens >= closes:
                raise NotMade(_("Telefontiden måste stänga efter att den har öppnat."))
            first, last = _weekday(found[1]), _weekday(found[2] or found[1])
            if first > last:
                raise _unreadable(interval)
            hours += [TelephoneHours(weekday=day, opens=opens, closes=closes) for day in range(first, last + 1)]
    if overlapping(hours):
        raise NotMade(_("Telefontiderna överlappar varandra."))
    return hours


def _weekday(word: str) -> int:
    for begins, day in DAYS.items():
        if word.lower().startswith(begins):
            return day
    raise _unreadable(word)


def _unreadable(words: str) -> NotMade:
    return NotMade(
        _("Telefontiden ”%(words)s” går inte att läsa. Skriv som: mån-fre 8-16; lör 9-12") % {"words": words}
    )


# Each ----------------------------------------------------------------------------------------------------------------


def _checked(row: Row) -> Row:
    """Raises NotMade where the model's own rules don't take it."""
    try:
        row.full_clean(exclude=["password"] if isinstance(row, User) else None)
    except ValidationError as error:
        raise NotMade(_sentences(row, error)) from None
    return row


def _sentences(row: Model, error: ValidationError) -> str:
    told = []
    for name, messages in error.message_dict.items():
        label = "" if name == "__all__" else f"{row._meta.get_field(name).verbose_name}: "  # type: ignore[union-attr]
        told += [f"{label}{message}" for message in messages]
    return " ".join(told)


def _saved(row: Row) -> Row:
    _checked(row).save()
    return row


def _note(row: Model, by: User) -> None:
    """In the history of the row's page in Admin."""
    LogEntry.objects.log_actions(by.pk, [row], ADDITION, change_message=[{"added": {}}], single_object=True)
