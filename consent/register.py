"""The register of answers: the only code that writes one.

Source: the manual "Samtycke för SMS": the answer is stored for 14 months for the number the patient gave.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pghistory
from dateutil.relativedelta import relativedelta
from django.db import transaction
from django.db.models import Max
from phonenumber_field.phonenumber import PhoneNumber

from consent.models import Answer, Channel, Consent, ConsentText
from consent.verdict import answer_in_force
from teleq.models import CareProvider, User, database_now

STOCKHOLM = ZoneInfo("Europe/Stockholm")
VALID_FOR = relativedelta(months=14)
RENEWED_IN_THE_LAST = relativedelta(months=1)


REGISTER = {"register": True}
"""The context of an event whose answer was written here."""


class ChangedMeanwhile(Exception):
    """The answer is not the one that the person who answers was shown. Nothing was stored."""


@dataclass(frozen=True)
class Current:
    """What is stored for a number, and the id of the event that wrote it: what a page shows and posts back."""

    consent: Consent | None
    event_id: int | None

    def answer(self, at: datetime) -> Answer:
        return answer_in_force(self.consent, at)


def valid_until(answered_at: datetime) -> datetime:
    """14 calendar months later by the clock in Stockholm.

    A day that the month lacks becomes its last (31 December → the last of February). Of an hour that comes twice when
    summer time ends, the first; an hour that is skipped when it begins reads as one later.
    """
    local = answered_at.astimezone(STOCKHOLM).replace(fold=0)
    until: datetime = local + VALID_FOR
    return until.astimezone(UTC)


def may_be_renewed(consent: Consent | None, at: datetime) -> bool:
    """Whether the answer is a Ja or Nej in its last month, when the case offers "Bekräfta svaret"."""
    if answer_in_force(consent, at) is Answer.UNSET or consent is None:
        return False
    last_month_begins: datetime = consent.valid_until.astimezone(STOCKHOLM) - RENEWED_IN_THE_LAST
    return at >= last_month_begins


def current(care_provider_id: int, phone_number: PhoneNumber | str) -> Current:
    """Read in one statement: of two, the second may find the event of an answer that the first didn't see. A page would
    then show the one and post the other back as seen."""
    consents = Consent.objects.filter(care_provider=care_provider_id, phone_number=phone_number)
    consent: Any = consents.annotate(event_id=Max("events__pgh_id")).first()
    return Current(consent, consent.event_id) if consent else Current(None, None)


def answer_in_case(  # noqa: PLR0913  who, what, where: each is a column of the record
    care_provider: CareProvider,
    phone_number: PhoneNumber | str,
    answer: Answer,
    *,
    by: User,
    case_id: int,
    seen_event: int | None,
    person: str = "",
    renew: bool = False,
) -> Current:
    """Store what the patient answered the nurse, if the answer is still the one the nurse was shown.

    `seen_event` is the event id that the page was shown with. `person` is whose answer it is, by personnummer, where
    several use the number: the answer counts for the number all the same. Choosing the answer that already counts
    changes nothing; with `renew` it is confirmed, and counts for another 14 months. Raises ChangedMeanwhile.
    """
    with transaction.atomic():
        consent = _locked(care_provider.pk, phone_number)
        found = _with_event(consent)
        if found.event_id != seen_event:
            raise ChangedMeanwhile
        if found.answer(database_now()) is answer and not renew:
            return found
        text = ConsentText.objects.current(care_provider.pk)
        return _store(
            consent,
            care_provider_id=care_provider.pk,
            phone_number=phone_number,
            answer=answer,
            answered_by=by,
            channel=Channel.CASE,
            case_id=case_id,
            person=person,
            text=text,
        )


@transaction.atomic
def withdraw(care_provider_id: int, phone_number: PhoneNumber | str) -> Current:
    """The patient's own Nej, by SMS. Also over a Nej: that the patient has said so is worth a record of its own."""
    while True:
        consent = _locked(care_provider_id, phone_number)
        with suppress(ChangedMeanwhile):  # the number got its first answer in this very moment: now there is a row
            return _store(
                consent,
                care_provider_id=care_provider_id,
                phone_number=phone_number,
                answer=Answer.NO,
                answered_by=None,
                channel=Channel.SMS,
                case_id=None,
                person="",
                text=None,
            )


def _locked(care_provider_id: int, phone_number: PhoneNumber | str) -> Consent | None:
    rows = Consent.objects.select_for_update(no_key=True)
    return rows.filter(care_provider=care_provider_id, phone_number=phone_number).first()


def _with_event(consent: Consent | None) -> Current:
    if consent is None:
        return Current(None, None)
    return Current(consent, Consent.objects.latest_events([consent])[consent.pk])


def _store(consent: Consent | None, **columns: object) -> Current:
    """Write the answer over the row that is held, or make the number's first. The clock is read after the lock."""
    answered_at = database_now()
    columns |= {"answered_at": answered_at, "valid_until": valid_until(answered_at)}
    with pghistory.context(**REGISTER):  # so that an event tells by itself whether its answer went another way
        return _write(consent, columns)


def _write(consent: Consent | None, columns: dict[str, object]) -> Current:
    if consent:
        for name, value in columns.items():
            setattr(consent, name, value)
        consent.save(update_fields=columns)
        return _with_event(consent)
    number = {name: columns.pop(name) for name in ("care_provider_id", "phone_number")}
    consent, created = Consent.objects.get_or_create(**number, defaults=columns)
    if not created:  # somebody gave the number its first answer in this very moment
        raise ChangedMeanwhile
    return _with_event(consent)
