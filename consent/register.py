"""The register: the only code that writes answers to the consent question.

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
from django.db.models import OuterRef, QuerySet, Subquery
from django.db.models.functions import Now
from phonenumber_field.phonenumber import PhoneNumber

from consent.models import Answer, Channel, Consent, ConsentText, NumberKey, Withdrawal
from consent.verdict import answer_in_force
from teleq.clock import database_now
from teleq.database import insert_unless_there
from teleq.models import CareProvider, User
from teleq.phone_numbers import number_text
from teleq.prepared import Prepared

logger = logging.getLogger(__name__)

STOCKHOLM = ZoneInfo("Europe/Stockholm")
VALID_FOR = relativedelta(months=14)
RENEWED_IN_THE_LAST = relativedelta(months=1)
BATCH = 500
WITHDRAWAL_WAITS = "1s"
"""How long a withdrawal waits for the answer's lock: some ten times as long as a claim or a nurse holds it."""

REGISTER = {"register": True}
"""The context of events of answers that were written here. Other code leaves events without it."""


class ChangedMeanwhile(Exception):
    """The answer is no longer the one that the page was shown with. Nothing was stored."""


@dataclass(frozen=True)
class Current:
    """The answer stored for a number, if any, and the id of its last event, which a page posts back.

    If `consent` is a withdrawal that has not been carried out, the event is of the answer before it.
    """

    consent: Consent | None
    event_id: int | None

    def answer(self, at: datetime) -> Answer:
        return answer_in_force(self.consent, at)


def valid_until(answered_at: datetime) -> datetime:
    """Until when an answer counts: 14 calendar months later by the clock in Stockholm. Takes and returns aware times.

    A day that the month lacks becomes its last day (31 December → the last of February). If the end falls in the hour
    that comes twice in autumn, the first of the two counts; if in the hour that is skipped in spring, it is one later.
    """
    local = answered_at.astimezone(STOCKHOLM).replace(fold=0)
    until: datetime = local + VALID_FOR
    return until.astimezone(UTC)


def may_be_renewed(consent: Consent | None, at: datetime) -> bool:
    """Whether the answer is a Ja or Nej in its last month: then the case offers "Bekräfta svaret"."""
    if answer_in_force(consent, at) is Answer.UNSET or consent is None:
        return False
    last_month_begins: datetime = consent.valid_until.astimezone(STOCKHOLM) - RENEWED_IN_THE_LAST
    return at >= last_month_begins


def current(care_provider_id: int, phone_number: PhoneNumber | str) -> Current:
    """The answer stored for the number, and its last event.

    Both are read in one statement. Between two, a new answer could come: the page would show the old answer and post
    back the new one's event. Withdrawals are read first, as in `by_number`.
    """
    withdrawn = Withdrawal.objects.by_number([(care_provider_id, number_text(phone_number))])
    consent = next(iter(_stored(provider=care_provider_id, number=number_text(phone_number))), None)
    counts = next((withdrawal.as_answer() for withdrawal in withdrawn.values()), consent)
    return Current(counts, consent.event_id if consent else None)


@Prepared
def _stored(provider: int, number: str) -> QuerySet[Any]:
    """The answer of one number, and in `event_id` its last event."""
    events = Consent.history().filter(pgh_obj=OuterRef("pk")).order_by("-pgh_id").values("pgh_id")[:1]
    consents = Consent.objects.filter(care_provider=provider, phone_number=number)
    return consents.annotate(event_id=Subquery(events))


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
    """Store what the patient answered the nurse, if the answer is still the one that the page was shown with.

    `seen_event` is the event id that the page was shown with. `person` is whose answer it is, by personnummer, where
    several use the number: the answer counts for the number all the same. `queue_id` is where it was asked: a queue may
    have words of its own to read out. Choosing the answer that already counts changes nothing; with `renew` it is
    confirmed, and counts for another 14 months.

    Raises ChangedMeanwhile if another answer has been stored since, or a withdrawal, whether carried out or not.
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
            call_id=None,
            person=person,
            text=text,
        )


def answer_in_call(
    care_provider_id: int, phone_number: PhoneNumber | str, answer: Answer, *, call_id: int, text: ConsentText
) -> Current:
    """Store the Ja or Nej of a patient who was asked by the telephone menu, and pressed a key. `text` is what was said.

    Only where nobody has answered, or the answer is Ej valt or has lapsed: a Nej is never asked about again. Raises
    ChangedMeanwhile if another answer counts by now.
    """
    key = (care_provider_id, number_text(phone_number))
    carry_out_withdrawals([key])
    with transaction.atomic():
        consent = _locked(care_provider_id, phone_number)
        if answer_in_force(consent, database_now()) is not Answer.UNSET or Withdrawal.objects.by_number([key]):
            raise ChangedMeanwhile
        return _store(
            consent,
            care_provider_id=care_provider_id,
            phone_number=phone_number,
            answer=answer,
            answered_by=None,
            channel=Channel.PHONE_KEYS,
            case_id=None,
            call_id=call_id,
            person="",
            text=text,
        )


def store_withdrawals(keys: Iterable[NumberKey]) -> None:
    """Store withdrawals for these numbers, in the caller's transaction and without waiting for anybody's lock.

    From the commit they count as Nej (GDPR article 7.3). Afterwards `carry_out_withdrawals` is to be called, in another
    transaction: the caller's may hold messages, and must not wait for an answer's lock meanwhile.
    """
    at = database_now()
    until = valid_until(at)
    Withdrawal.objects.bulk_create(
        Withdrawal(care_provider_id=provider_id, phone_number=number, answered_at=at, valid_until=until)
        for provider_id, number in sorted(set(keys))
    )


def carry_out_withdrawals(keys: Iterable[NumberKey] | None = None) -> None:
    """Write the withdrawals stored for these numbers, or all, as answers. Without a lock in time, the sweep does it.

    The answer dates from when the withdrawal was stored.
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
    if withdrawal:  # else another process is carrying it out
        withdraw(*withdrawal.key, answered_at=withdrawal.answered_at)
        withdrawal.delete()


@transaction.atomic
def withdraw(
    care_provider_id: int,
    phone_number: PhoneNumber | str,
    answered_at: datetime | None = None,
    call_id: int | None = None,
) -> Current:
    """Write the patient's own Nej: by SMS, or by a key in this call to the telephone menu. Also if the answer is Nej
    already, so that the history shows it."""
    while True:
        consent = _locked(care_provider_id, phone_number)
        with suppress(ChangedMeanwhile):  # the number has just got its first answer: now there is a row to lock
            return _store(
                consent,
                answered_at,
                care_provider_id=care_provider_id,
                phone_number=phone_number,
                answer=Answer.NO,
                answered_by=None,
                channel=Channel.SMS if call_id is None else Channel.PHONE_KEYS,
                case_id=None,
                call_id=call_id,
                person="",
                text=None,
            )


def unset_in_copy(consents: QuerySet[Consent], *, given_before: datetime) -> int:
    """In a restored copy: write Ej valt over those of these answers that are Ja and were given before this time.

    A Nej since the copy was made is lost, and can't be known of: the patient is asked again. What has been answered in
    the copy stays. A batch at a time, each its own transaction. Returns how many they were.
    """
    doubted = consents.filter(answer=Answer.YES, answered_at__lt=given_before, valid_until__gt=Now()).order_by("pk")
    unset = 0
    while batch := list(doubted.values_list("pk", flat=True)[:BATCH]):
        unset += _unset(batch, given_before)
    return unset


@transaction.atomic
def _unset(ids: list[int], given_before: datetime) -> int:
    rows = Consent.objects.select_for_update(no_key=True).filter(pk__in=ids)
    held = rows.filter(answer=Answer.YES, answered_at__lt=given_before)
    written = 0
    for consent in held.order_by("care_provider_id", "phone_number"):
        _store(
            consent,
            answer=Answer.UNSET,
            answered_by=None,
            channel=Channel.RESTORED,
            case_id=None,
            call_id=None,
            person="",
            text=None,
        )
        written += 1
    return written


def _locked(care_provider_id: int, phone_number: PhoneNumber | str) -> Consent | None:
    rows = Consent.objects.select_for_update(no_key=True)
    return rows.filter(care_provider=care_provider_id, phone_number=phone_number).first()


def _with_event(consent: Consent | None) -> Current:
    if consent is None:
        return Current(None, None)
    return Current(consent, Consent.objects.latest_events([consent])[consent.pk])


def _store(consent: Consent | None, answered_at: datetime | None = None, **columns: object) -> Current:
    """Write the answer over the row that is locked, or as the number's first.

    It is dated `answered_at`, but never earlier than the answer that it replaces. By default that is now, by
    PostgreSQL's clock read after the lock.
    """
    if answered_at is None:
        answered_at = database_now()
    elif consent:
        answered_at = max(answered_at, consent.answered_at)
    columns |= {"answered_at": answered_at, "valid_until": valid_until(answered_at)}
    with pghistory.context(**REGISTER):  # so that events show which answers were written by other code
        return _write(consent, columns)


def _write(consent: Consent | None, columns: dict[str, object]) -> Current:
    if consent:
        for name, value in columns.items():
            setattr(consent, name, value)
        consent.save(update_fields=columns)
        return _with_event(consent)
    number = {name: columns.pop(name) for name in ("care_provider_id", "phone_number")}
    consent = Consent(**number, **columns)
    if not insert_unless_there(consent):  # somebody else has just given the number its first answer
        raise ChangedMeanwhile
    return _with_event(consent)
