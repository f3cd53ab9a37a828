"""The emergency brake, "Stoppa alla utskick": from its commit nothing is claimed, until somebody releases it by hand.

What was claimed before is handed over and recorded. All else goes on: messages are accepted and wait, answers, STOPP
and delivery reports are stored. What has become too late when the brake is released is judged as that by the ordinary
claim, and is not sent.

A restored copy of the database holds messages that its original has sent since, or will send. It knows that it is one
(`sms.sending_database`), claims nothing, and is stopped as soon as anything of teleQ comes upon it (`hold_if_copy`): a
stop of its own kind, with its own words.
"""

from __future__ import annotations

import logging
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Count, Exists, OuterRef, Q
from django.db.models.functions import Coalesce, Now
from django.db.models.lookups import GreaterThanOrEqual

from sms import gateway
from sms.models import Kind, Lane, SendingDatabase, SendingStop, Unsettled
from teleq.clock import database_now
from teleq.models import User
from teleq.prepared import Prepared

logger = logging.getLogger(__name__)

RESTORED = "Databasen är återställd från en säkerhetskopia."


class NotInForce(Exception):
    """The stop has been released already, or there is no such."""


# Stop and release ----------------------------------------------------------------------------------------------------


@transaction.atomic
def stop(why: str, *, by: User) -> tuple[SendingStop, bool]:
    """Stop all sending. Returns the stop, and whether it is new: where all is stopped already, that one stands."""
    return _stop(SendingStop.Kind.BY_HAND, why, by)


@transaction.atomic
def hold_restored_copy(why: str = RESTORED, *, by: User | None = None) -> tuple[SendingStop, bool]:
    """Stop all sending from a restored copy of the database, before anything of teleQ is started on it."""
    return _stop(SendingStop.Kind.RESTORED_COPY, why, by)


def hold_if_copy() -> bool:
    """Stop all sending where this database is a copy, so that staff are told why. Returns whether it is.

    Nothing was claimed before either: a claim asks the same, and so does the last guard.
    """
    if SendingDatabase.objects.is_this_one():
        return False
    hold_restored_copy()
    return True


def _stop(kind: SendingStop.Kind, why: str, by: User | None) -> tuple[SendingStop, bool]:
    SendingStop.objects.lock()
    if stands := SendingStop.objects.in_force().filter(kind=kind).first():
        return stands, False
    new = SendingStop.objects.create(kind=kind, stopped_why=why, stopped_by=by)
    logger.warning("All sending is stopped (%s, stop %s)", kind, new.pk)
    return new, True


@transaction.atomic
def release(stop_id: int, why: str, *, by: User) -> SendingStop:
    """Release a stop, note what has become too late meanwhile, and wake both lanes. Raises NotInForce.

    A restored copy that is released is the database that may send from then on.
    Where a stop of the other kind is in force too, nothing leaves until that is released as well.
    """
    released = SendingStop.objects.in_force().select_for_update().filter(pk=stop_id).first()
    if released is None:
        raise NotInForce
    released.released_at, released.released_by, released.released_why = database_now(), by, why
    for each in waiting(since=released.stopped_at, at=released.released_at):
        if each.too_late:
            released.too_late.setdefault(str(each.queue_id), {})[each.kind] = each.too_late
    released.save(update_fields=["released_at", "released_by", "released_why", "too_late"])
    if released.is_restored_copy:
        SendingDatabase.objects.become()
    for lane in Lane:
        gateway.wake_on_commit(lane)
    logger.warning("Stop %s of all sending is released", released.pk)
    return released


# What stands ---------------------------------------------------------------------------------------------------------


def in_force() -> SendingStop | None:
    """The stop that staff are told of, if there is any: the restored copy's before one by hand."""
    return next(iter(_in_force()), None)


@Prepared
def _in_force() -> Any:
    return SendingStop.objects.in_force()


@dataclass(frozen=True)
class Waiting:
    """The messages of one kind in one queue that are due and would be claimed now, were it not for a stop."""

    queue_id: int
    kind: str
    messages: int
    too_late: int
    """Those of them that can't be sent any more."""


def waiting(*, since: datetime | None = None, at: datetime | None = None) -> list[Waiting]:
    """How many wait by PostgreSQL's clock, and how many are too late at this time: those that were not at `since`."""
    past = Q(message__send_before__lte=at or database_now())
    if since:
        past &= Q(message__send_before__gt=since)
    due = Unsettled.objects.waiting(*Lane).due().order_by("queue_id", "message__kind")
    counted = due.values_list("queue_id", "message__kind")
    return [
        Waiting(*row) for row in counted.annotate(messages=Count("message"), too_late=Count("message", filter=past))
    ]


def by_kind(counted: Collection[Waiting]) -> list[tuple[Kind, int, int]]:
    """Every kind, and how many messages of it wait and are too late, in all queues together."""
    return [
        (
            kind,
            sum(each.messages for each in counted if each.kind == kind),
            sum(each.too_late for each in counted if each.kind == kind),
        )
        for kind in Kind
    ]


def too_late_by_a_stop() -> Exists:
    """Of messages: whether the time until which each could be sent passed while all sending was stopped."""
    ended = Coalesce("released_at", Now())
    during = SendingStop.objects.filter(stopped_at__lt=OuterRef("send_before"))
    return Exists(during.filter(GreaterThanOrEqual(ended, OuterRef("send_before"))))
