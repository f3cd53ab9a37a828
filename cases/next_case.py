""" "Ta nästa ärende": the case that is to be called next, given to whoever asks and to nobody else.

Brådskande first, then the earliest time. A case is given from some minutes before its promised time
(`Queue.early_minutes`); "Ta ändå" takes the earliest, whatever its time is. What a colleague has open is not given, nor
what has a call without result.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import Exists, F, OuterRef
from django.db.models.functions import Now

from cases.changing import act
from cases.models import Case, CaseEvent, CaseQuerySet, Presence, Priority, Status
from teleq.clock import MINUTE, database_now
from teleq.models import Queue, User

IN_QUEUE = (Status.WAITING, Status.NO_ANSWER)


@transaction.atomic
def take_next(user: User, queues: Collection[Queue], *, early: bool = False) -> Case | None:
    """Take the next case in these of the user's queues for the user; None where there is none to call now.

    However many ask at the same time, each gets another one. `early`: where none is to be called yet, the earliest.
    """
    case = _locked(_to_call(user, queues)) or (_locked(_by_time(user, queues)) if early else None)
    if case:
        act(case, CaseEvent.Kind.TAKEN, user, assignee=user, taken_at=database_now(), status=Status.ONGOING)
    return case


def _locked(cases: CaseQuerySet) -> Case | None:
    """The first of these that nobody is changing, locked.

    Where all are being changed, as by a colleague who is taking the last one or by a sweep, whatever is the first of
    these when that is done: so that nobody is told that there is none while there is.
    """
    free = _first(cases, skip_locked=True)
    while free is None and (pk := cases.values_list("pk", flat=True).first()):
        free = _first(cases.filter(pk=pk))
    return free


def _first(cases: CaseQuerySet, *, skip_locked: bool = False) -> Case | None:
    """The first of these, chosen and locked in one statement.

    PostgreSQL keeps the lock on a row that turned out to be somebody's when it got it. Where no case was found, such
    locks are given back by the rollback: who waits for one case holds no other, so no two wait for each other.
    """
    with transaction.atomic():
        rows = cases.with_protection().select_related("queue__care_provider")
        case = rows.select_for_update(of=("self",), no_key=True, skip_locked=skip_locked).first()
        transaction.set_rollback(case is None)
    return case


def _to_call(user: User, queues: Collection[Queue]) -> CaseQuerySet:
    """Those to be called by now, in their order."""
    longest = max((queue.early_minutes for queue in queues), default=0)
    return (
        _to_take(user, queues)
        .filter(
            priority__in=Priority.values,  # all, said so that the index `case_next` serves the time too
            callback_at__lte=Now() + longest * MINUTE,
        )
        .filter(callback_at__lte=Now() + F("queue__early_minutes") * MINUTE)
        .order_by("priority", "callback_at", "id")
    )


def _by_time(user: User, queues: Collection[Queue]) -> CaseQuerySet:
    return _to_take(user, queues).order_by("callback_at", "priority", "id")


def _to_take(user: User, queues: Collection[Queue]) -> CaseQuerySet:
    open_at_others = Presence.objects.now().of_others(user).filter(case=OuterRef("pk"))
    return _waiting(user, queues).filter(~Exists(open_at_others), assignee=None, call_began_at=None)


def _waiting(user: User, queues: Collection[Queue]) -> CaseQuerySet:
    return Case.objects.for_user(user).filter(queue__in=[queue.pk for queue in queues], status__in=IN_QUEUE)


@dataclass(frozen=True)
class Waiting:
    """What there is where none is to be called now."""

    next_at: datetime | None
    """The time of the one that "Ta ändå" takes."""
    others_have_them_open: bool
    """Whether there are some, none of which is given: a colleague has them open, or a call in them has no result."""


def waiting(user: User, queues: Collection[Queue]) -> Waiting:
    next_at = _by_time(user, queues).values_list("callback_at", flat=True).first()
    return Waiting(next_at, others_have_them_open=next_at is None and _waiting(user, queues).exists())
