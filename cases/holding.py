"""Who has a case: what is told of it, and how it gets free again when whoever had it has left it behind.

A case is left behind when its holder has neither worked in it nor had it open for as long as the queue says
(`Queue.release_minutes`), and no call is under way in it. Then the sweep releases it, each minute. The holder is told
five minutes before, in the list and in the case.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from django.contrib.postgres.aggregates import ArrayAgg
from django.db import models, transaction
from django.db.models import Case as Choose
from django.db.models import Count, ExpressionWrapper, F, Max, Min, OuterRef, Q, QuerySet, Subquery, When
from django.db.models.functions import Greatest, Now
from django.db.models.lookups import LessThanOrEqual
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from cases import presence
from cases.changing import NOBODY, act, status_in_queue
from cases.models import Case, CaseEvent, CaseQuerySet, Presence, Status
from teleq.clock import MINUTE
from teleq.models import Queue, User
from teleq.prepared import Prepared
from teleq.swedish import clock

WARNED = 5 * MINUTE
"""How long before the release whoever has the case is told."""
BATCH = 500

# What is told of it --------------------------------------------------------------------------------------------------


def told(case: Case, user: User, latest_act: CaseEvent | None, at: datetime) -> dict[str, Any]:
    """What the case's banner says to the user."""
    mine = case.assignee_id == user.pk
    there = presence.who(case) if case.is_open else []
    left_alone = mine and user not in there
    return {
        "theirs": case.assignee_id is not None and not mine,
        "lost": _lost(latest_act, user),
        "open_at": [str(each) for each in there if each != user],
        "releases_at": _warned_at(user=user.pk, case=case.pk)[0][0] if left_alone else None,
    }


def _lost(latest_act: CaseEvent | None, user: User) -> str:
    """How the user has lost the case, where that is the latest that was done; else empty."""
    if latest_act is None or latest_act.user_id == user.pk or (latest_act.before or {}).get("assignee") != user.pk:
        return ""
    at = clock(latest_act.at)
    if latest_act.kind == CaseEvent.Kind.TAKEN_OVER:
        return _("%(user)s tog över ärendet %(at)s.") % {"user": latest_act.user, "at": at}
    if latest_act.kind == CaseEvent.Kind.RELEASED:
        return _("%(user)s släppte ärendet %(at)s.") % {"user": latest_act.user, "at": at}
    if latest_act.kind == CaseEvent.Kind.LEFT:
        return _("Ärendet släpptes %(at)s, eftersom ingen arbetade i det.") % {"at": at}
    return ""


def is_at_work(case: Case) -> bool:
    """Whether whoever has the case has it open at this moment, or a call in it: then taking it over interrupts them."""
    at_hand = Presence.objects.now().filter(case=case, user=case.assignee)
    return case.call_began_at is not None or at_hand.exists()


# A call in it --------------------------------------------------------------------------------------------------------

CALL_LASTS = timedelta(hours=1)
"""How long a call is taken to be under way where nobody says how it went. After that its result is missing."""


class Called(Protocol):
    """A case, however much was read of it."""

    taken_at: datetime | None
    call_began_at: datetime | None


def has_call_under_way(case: Called, at: datetime) -> bool:
    """Whether somebody has pressed Ring within the hour, and has had the case ever since."""
    began, taken_at = case.call_began_at, case.taken_at
    return began is not None and taken_at is not None and taken_at <= began and at < began + CALL_LASTS


def call_in_words(case: Called, at: datetime) -> str:
    """Since when the call is under way, or that nobody has said how it went; empty where there is none."""
    if case.call_began_at is None:
        return ""
    began = clock(case.call_began_at)
    if has_call_under_way(case, at):
        return _("Pågående samtal sedan %(began)s") % {"began": began}
    return _("Ringt %(began)s – resultat saknas") % {"began": began}


# When it is released -------------------------------------------------------------------------------------------------


def _worked_at() -> Greatest:
    """When whoever has a case last did something in it or had it open. For a query of cases."""
    theirs = {"case": OuterRef("pk"), "user": OuterRef("assignee")}
    acted = CaseEvent.objects.filter(**theirs).order_by().values("case").annotate(latest=Max("at")).values("latest")
    seen = Presence.objects.filter(**theirs).values("seen_at")
    return Greatest("taken_at", Subquery(acted), Subquery(seen))  # PostgreSQL leaves out those that are NULL


def _released_at() -> ExpressionWrapper[Any]:
    return ExpressionWrapper(_worked_at() + F("queue__release_minutes") * MINUTE, output_field=models.DateTimeField())


def releases_at() -> Choose:
    """When a case is released unless its holder comes back; NULL where nobody has it or a call is under way. For a
    query of cases; what it costs is paid for those only that somebody has."""
    return Choose(When(_can_be_left_behind(), then=_released_at()), default=None, output_field=models.DateTimeField())


def _can_be_left_behind() -> Q:
    return Q(status=Status.ONGOING, assignee__isnull=False, call_began_at=None)


def warned_at(user: int) -> Choose:
    """As `releases_at`, where the user has the case, hasn't it open and is to be told by now; else NULL."""
    is_left_alone = LessThanOrEqual(_worked_at(), Now() - Presence.COUNTS_FOR)
    is_soon = LessThanOrEqual(_released_at(), Now() + WARNED)
    told = Q(_can_be_left_behind(), Q(is_left_alone), Q(is_soon), assignee=user)
    return Choose(When(told, then=_released_at()), default=None, output_field=models.DateTimeField())


@Prepared
def _warned_at(user: int, case: int) -> QuerySet[Case, Any]:
    return Case.objects.filter(pk=case).values_list(warned_at(user))


def release_left_behind() -> int:
    """Release every case that is left behind, and say how many they were. Run twice or late it does no harm.

    A batch at a time, each its own transaction. Cases that somebody is changing at this moment are left to the next
    minute.
    """
    released, after = 0, 0
    while cases := _release_left_behind(after):
        released += sum(was_released for _, was_released in cases)
        after = cases[-1][0]
    return released


@transaction.atomic
def _release_left_behind(after: int) -> list[tuple[int, bool]]:
    """Those whose time has come, by id, and whether each was released."""
    # Locked so that an act in the case waits, and a holder who comes back too: that they have it open is a new row that
    # refers to the case, or one that is there already.
    due = _left_behind().filter(pk__gt=after).order_by("pk")
    locked = list(due.select_for_update(of=("self",), skip_locked=True).values_list("pk", flat=True)[:BATCH])
    theirs = Presence.objects.filter(case__in=locked, user=F("case__assignee")).order_by("pk")
    list(theirs.select_for_update(of=("self",)).values_list("pk"))
    # A statement of its own: the first one read what was true before the locks.
    left = {case.pk: case for case in _left_behind().filter(pk__in=locked).select_related("queue")}
    for case in left.values():
        minutes = case.queue.release_minutes
        act(case, CaseEvent.Kind.LEFT, None, told={"left_for": ("", minutes)}, status=status_in_queue(case), **NOBODY)
    return [(pk, pk in left) for pk in locked]


def _left_behind() -> CaseQuerySet:
    return Case.objects.filter(_can_be_left_behind()).alias(left_at=releases_at()).filter(left_at__lte=Now())


# All of somebody's ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Released:
    cases: list[Case]
    with_call: int
    """How many were not released, as a call in them has no result."""


@transaction.atomic
def release_all(holder: User, queues: QuerySet[Queue], *, by: User, shown: Collection[int] | None = None) -> Released:
    """Release the cases that somebody has in these queues, but for those where a call has no result.

    `shown`: those among these ids only; None if all that they have.
    """
    theirs = held_by(holder).filter(queue__in=queues).order_by("pk")
    if shown is not None:
        theirs = theirs.filter(pk__in=shown)
    rows = theirs.with_protection().select_related("queue").select_for_update(of=("self",), no_key=True)
    cases = list(rows)
    free = [case for case in cases if case.call_began_at is None]
    for case in free:
        act(case, CaseEvent.Kind.RELEASED, by, status=status_in_queue(case), **NOBODY)
    return Released(free, with_call=len(cases) - len(free))


def held_by(user: User) -> CaseQuerySet:
    """The cases that somebody has."""
    return Case.objects.filter(assignee=user)


@dataclass(frozen=True)
class Holder:
    """Somebody who has cases in a queue."""

    user: User
    queue: Queue
    case_ids: list[int]
    since: datetime
    """Since when they have the one that they have had longest."""
    with_call: int
    is_there: bool
    """Whether they have one of them open at this moment."""


def holders(queues: QuerySet[Queue]) -> list[Holder]:
    """Who has cases in these queues, by queue; who has had theirs longest first."""
    held = Case.objects.filter(queue__in=queues, assignee__isnull=False).order_by().values("queue", "assignee")
    theirs = Q(presences__user=F("assignee"), presences__seen_at__gt=Now() - Presence.COUNTS_FOR)
    counted = held.annotate(
        case_ids=ArrayAgg("pk", distinct=True),
        since=Min("taken_at"),
        with_call=Count("pk", filter=Q(call_began_at__isnull=False), distinct=True),
        there=Count("presences", filter=theirs),
    )
    rows = list(counted)
    users = User.objects.in_bulk({row["assignee"] for row in rows})
    by_queue = Queue.objects.in_bulk({row["queue"] for row in rows})
    found = [
        Holder(
            user=users[row["assignee"]],
            queue=by_queue[row["queue"]],
            case_ids=row["case_ids"],
            since=row["since"],
            with_call=row["with_call"],
            is_there=bool(row["there"]),
        )
        for row in rows
    ]
    return sorted(found, key=lambda each: (str(each.queue), each.since))


def was_released(released: Released) -> str:
    """ "3 ärenden är släppta." """
    number = len(released.cases)
    return ngettext("%(number)s ärende är släppt.", "%(number)s ärenden är släppta.", number) % {"number": number}


def not_released(released: Released) -> str:
    """ "1 ärende har ett samtal utan resultat och släpptes inte." """
    words = ngettext(
        "%(number)s ärende har ett samtal utan resultat och släpptes inte.",
        "%(number)s ärenden har ett samtal utan resultat och släpptes inte.",
        released.with_call,
    )
    return words % {"number": released.with_call}
