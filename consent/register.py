"""The register of answers: the only code that writes one.

Source: the manual "Samtycke för SMS": the answer is stored for 14 months for the number the patient gave.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pghistory
from dateutil.relativedelta import relativedelta
from django.db import OperationalError, connection, transaction
from django.db.models import Max
from phonenumber_field.phonenumber import PhoneNumber

from consent.models import Answer, Channel, Consent, ConsentText, NumberKey, Withdrawal
from consent.verdict import answer_in_force
from teleq.clock import database_now
from teleq.models import CareProvider, User
from teleq.phone_numbers import number_text

logger = logging.getLogger(__name__)

STOCKHOLM = ZoneInfo("Europe/Stockholm")
VALID_FOR = relativedelta(months=14)
RENEWED_IN_THE_LAST = relativedelta(months=1)
WITHDRAWAL_WAITS = "1s"
"""For whoever holds the answer, a claim or a nurse: some ten times as long as either takes."""


REGISTER = {"register": True}
"""The context of an event whose answer was written here."""


class ChangedMeanwhile(Exception):
    """The answer is not the one that the person who answers was shown. Nothing was stored."""


@dataclass(frozen=True)
class Current:
    """What counts for a number, and the id of the last event: what a page shows and posts back.

    The event wrote the answer, but where that is a withdrawal still to be carried out.
    """

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
    then show the one and post the other back as seen. Withdrawals first, for the same reason as in `by_number`."""
    withdrawn = Withdrawal.objects.by_number([(care_provider_id, number_text(phone_number))])
    consents = Consent.objects.filter(care_provider=care_provider_id, phone_number=phone_number)
    consent: Any = consents.annotate(event_id=Max("events__pgh_id")).first()
    return Current(next(iter(withdrawn.values()), consent), consent.event_id if consent else None)


def answer_in_case(  # noqa: PLR0913  who, what, where: each is a column of the record
    care_provider: CareProvider,
    phone_number: PhoneNumber | str,
    answer: Answer,
    *,
    by: User,
    case_id: int,
    seen_event: int | None,
    queue_id: int | None = None,
    person: str = "",
    renew: bool = False,
) -> Current:
    """Store what the patient answered the nurse, if the answer is still the one the nurse was shown.

    `seen_event` is the event id that the page was shown with. `person` is whose answer it is, by personnummer, where
    several use the number: the answer counts for the number all the same. `queue_id` is where it was asked: a queue may
    have words of its own to read out. Choosing the answer that already counts
    changes nothing; with `renew` it is confirmed, and counts for another 14 months. Raises ChangedMeanwhile.

    A withdrawal comes first, also one that the page was not shown with: what was chosen without knowing of it doesn't
    count.
    """
    key = (care_provider.pk, number_text(phone_number))
    carry_out_withdrawals([key])
    with transaction.atomic():
        consent = _locked(care_provider.pk, phone_number)
        found = _with_event(consent)
        if found.event_id != seen_event or Withdrawal.objects.by_number([key]):
            raise ChangedMeanwhile
        if found.answer(database_now()) is answer and not renew:
            return found
        text = ConsentText.objects.current(care_provider.pk, queue_id)
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


def store_withdrawals(keys: Iterable[NumberKey]) -> None:
    """Take in that patients have said Nej by themselves, in the caller's transaction and without waiting for anybody.

    From its commit they read as Nej (GDPR article 7.3). To be followed by `carry_out_withdrawals`, in another
    transaction: the caller's may hold messages, which are locked after no answer.
    """
    at = database_now()
    until = valid_until(at)
    Withdrawal.objects.bulk_create(
        Withdrawal(care_provider_id=provider_id, phone_number=number, answered_at=at, valid_until=until)
        for provider_id, number in sorted(set(keys))
    )


def carry_out_withdrawals(keys: Iterable[NumberKey] | None = None) -> None:
    """Make answers of what is stored for these numbers, or for all. What can't be had in time is left to the sweep.

    The answer dates from when the patient gave it, and not from when it could be written down.
    """
    pending = Withdrawal.objects.order_by("pk")
    if keys is not None:
        pending = pending.filter(phone_number__in={number for _, number in keys})
    for pk in pending.values_list("pk", flat=True):
        try:
            _carry_out(pk)
        except OperationalError as error:
            logger.warning("Withdrawal %s is left to the sweep: %s", pk, type(error.__cause__ or error).__name__)


@transaction.atomic
def _carry_out(pk: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('lock_timeout', %s, true)", [WITHDRAWAL_WAITS])
    withdrawal = Withdrawal.objects.select_for_update(skip_locked=True, of=("self",)).filter(pk=pk).first()
    if withdrawal:  # else somebody else is at it
        withdraw(*withdrawal.key, answered_at=withdrawal.answered_at)
        withdrawal.delete()


@transaction.atomic
def withdraw(care_provider_id: int, phone_number: PhoneNumber | str, answered_at: datetime | None = None) -> Current:
    """The patient's own Nej, by SMS. Also over a Nej: that the patient has said so is worth a record of its own."""
    while True:
        consent = _locked(care_provider_id, phone_number)
        with suppress(ChangedMeanwhile):  # the number got its first answer in this very moment: now there is a row
            return _store(
                consent,
                answered_at,
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


def _store(consent: Consent | None, answered_at: datetime | None = None, **columns: object) -> Current:
    """Write the answer over the row that is held, or make the number's first.

    Given now, by the clock after the lock, unless said otherwise; never before the answer that it follows.
    """
    if answered_at is None:
        answered_at = database_now()
    elif consent:
        answered_at = max(answered_at, consent.answered_at)
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
