"""Skyddade personuppgifter (sekretessmarkering, skyddad folkbokföring): whose they are, and what that stops.

A nurse marks a patient once, in a case: its personnummer and its telephone number, at the care provider. A case is
protected where any of what it is known by is marked, whoever made it and in whichever queue: personnummer, telephone
number or A-number. What lists show of it, and automatic SMS, follow from that; the verdict on consent doesn't.

Only a deliberate act makes a mark. A number that several use doesn't mark the persons who use it, nor a person the
numbers they call from. The A-number is read and never marked: it may be a switchboard's. But a case that is protected
stays so when somebody changes what it is known by: what stands there then is marked too.

No automatic SMS is planned or left waiting once a mark is committed. Whoever plans holds the care provider's marks
still till the commit (`unprotected`), and whoever marks waits for them and then cancels what waits: an advisory lock,
as there is no row before the first mark. Locks are taken in one order: cases, slots, the care provider's marks,
messages. docs/decisions/0021 says why.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext_noop
from phonenumber_field.phonenumber import PhoneNumber

from cases.changing import hold
from cases.models import Case, ProtectionMark
from sms import gateway
from sms.models import Kind, Message, MessageQuerySet
from teleq import locks
from teleq.changes import ChangedMeanwhile
from teleq.clock import database_now
from teleq.locks import Lock
from teleq.models import Queue, User
from teleq.phone_numbers import number_text

FOLLOWED = gettext_noop("Ärendet var markerat när uppgiften ändrades.")


class NotAllowed(Exception):
    """The user may not end the case's marks. Nothing was done."""


def is_protected(case: Case) -> bool:
    """Whether the case is protected now, by what it is known by. For many cases: `CaseQuerySet.with_protection`."""
    return case.protection_marks().in_force().exists()


def is_marked(care_provider_id: int, number: PhoneNumber | str) -> bool:
    """Whether this telephone number is marked, whoever uses it."""
    marks = ProtectionMark.objects.in_force().filter(care_provider=care_provider_id)
    return marks.filter(identifier=number_text(number)).exists()


# Mark and end --------------------------------------------------------------------------------------------------------


def to_mark(case: Case) -> list[str]:
    """What a mark in the case is of: its personnummer, where it has one, and its telephone number."""
    return [*filter(None, [case.personal_identity_number]), number_text(case.phone_number)]


@transaction.atomic
def mark(case: Case, reason: str, *, by: User, shown: Collection[str]) -> bool:
    """Mark the patient, and say whether that made a difference. Automatic SMS that wait are cancelled.

    `shown` is what the page said would be marked. Raises ChangedMeanwhile if that is something else by now.
    """
    locked = _locked(case)
    _hold_alone(locked.queue.care_provider_id)
    if set(shown) != set(to_mark(locked)):
        raise ChangedMeanwhile
    return _mark(locked, reason, by)


def may_end(case: Case, user: User) -> bool:
    """Whether the user may end the case's marks: an administrator of its queue.

    To mark is to be careful, which anybody who works in the queue may. To end a mark shows a protected patient in every
    list at once: that is for somebody who answers for the queue, and has asked.
    """
    return Queue.objects.administered_by(user).filter(pk=case.queue_id).exists()


@transaction.atomic
def end(case: Case, reason: str, *, by: User, shown: Collection[int]) -> bool:
    """End all marks that protect the case, and say whether that made a difference.

    `shown` are the ids of the marks that the page showed. Raises ChangedMeanwhile if there are others by now, and
    NotAllowed.
    """
    locked = _locked(case)
    if not may_end(locked, by):
        raise NotAllowed
    _hold_alone(locked.queue.care_provider_id)
    marks = locked.protection_marks().in_force()
    in_force = set(marks.values_list("pk", flat=True))
    if not in_force:
        return False
    if in_force != set(shown):
        raise ChangedMeanwhile
    marks.update(ended_at=database_now(), ended_by=by, ended_reason=reason)
    return True


@contextmanager
def following(case: Case, changed: Iterable[str], *, by: User | None) -> Iterator[None]:
    """Around a change of these columns in a case that is locked: the protection follows what the case is known by.

    A case that was protected stays so: what it is known by afterwards is marked. If it was not and is now, its
    automatic SMS that wait are cancelled. By None: the telephone system.
    """
    if set(Case.KNOWN_BY).isdisjoint(changed):
        yield
        return
    _hold_alone(case.queue.care_provider_id)
    was_protected = is_protected(case)
    yield
    if was_protected:
        _mark(case, FOLLOWED, by)
    elif is_protected(case):
        _cancel_automatic(Message.objects.filter(case_message__case=case))


def _mark(case: Case, reason: str, by: User | None) -> bool:
    """Mark what is not marked yet of what the case is known by. The caller holds the care provider's marks alone."""
    marked = case.protection_marks().in_force().values_list("identifier", flat=True)
    new = sorted(set(to_mark(case)) - set(marked))
    provider, at = case.queue.care_provider_id, database_now()
    ProtectionMark.objects.bulk_create(
        ProtectionMark(
            care_provider_id=provider, identifier=each, reason=reason, marked_by=by, marked_at=at, case_id=case.pk
        )
        for each in new
    )
    known_by = Q(personal_identity_number__in=new) | Q(phone_number__in=new) | Q(a_number__in=new)
    cases = Case.objects.filter(known_by, queue__care_provider=provider)
    _cancel_automatic(Message.objects.filter(case_message__case__in=cases))
    return bool(new)


def _cancel_automatic(messages: MessageQuerySet) -> None:
    gateway.cancel(messages.exclude(kind=Kind.MANUAL))


def _locked(case: Case) -> Case:
    hold(case)
    return Case.objects.select_related("queue").get(pk=case.pk)


# Against planning ----------------------------------------------------------------------------------------------------


def unprotected(cases: Collection[Case]) -> list[Case]:
    """Those of these saved cases whose patients may be sent automatic SMS. It stays so till the transaction ends."""
    hold_still(cases)
    # A statement of its own, so that it sees what was committed during the wait.
    rows = Case.objects.filter(pk__in=[case.pk for case in cases])
    allowed = set(rows.unprotected().values_list("pk", flat=True))
    return [case for case in cases if case.pk in allowed]


def hold_still(cases: Iterable[Case]) -> None:
    """Let nobody mark at these cases' care providers till the transaction ends. Before any message is locked."""
    locks.share(Lock.PROTECTION_MARKS, (case.queue.care_provider_id for case in cases))


def _hold_alone(care_provider_id: int) -> None:
    """Wait for all who plan SMS or mark at the care provider, and let nobody do so till the transaction ends.

    Never after `hold_still` in the same transaction: of two who did so, each would wait for the other.
    """
    locks.hold(Lock.PROTECTION_MARKS, care_provider_id)
