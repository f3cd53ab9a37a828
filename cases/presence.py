"""Who has a case open at this moment ("Öppet hos {namn}").

The open page says so when it asks for what has changed (static/js/live.js), while it is seen and was used within ten
minutes. What it said counts for less than a minute (`Presence.COUNTS_FOR`), so that nobody is shown who has left.
Never shown as a notice: it is a colleague's presence and not their act.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import timedelta
from functools import lru_cache
from typing import Any

from django.db.models import F, QuerySet
from django.db.models.functions import Now

from cases.models import Case, Presence
from teleq.models import Queue, User, full_name
from teleq.prepared import Prepared

SAID_AGAIN_AFTER = timedelta(seconds=15)
"""What was said more lately than this is not written again: a page asks every five seconds."""


def note(user: User, case: Case) -> None:
    """The user has the case open now."""
    kept = Presence.objects.filter(user_id=user.pk, case_id=case.pk)
    if kept.filter(seen_at__gt=Now() - SAID_AGAIN_AFTER).exists():
        return
    Presence.objects.bulk_create(
        [Presence(user_id=user.pk, case_id=case.pk, seen_at=Now())],
        update_conflicts=True,
        unique_fields=["case", "user"],
        update_fields=["seen_at"],
    )


def others(user: User, case_ids: Iterable[int]) -> dict[int, list[str]]:
    """The names of the colleagues who have each of these cases open. One query."""
    rows = Presence.objects.now().of_others(user).filter(case_id__in=list(case_ids)).order_by(F("pk"))
    names: defaultdict[int, list[str]] = defaultdict(list)
    for row in rows.select_related("user"):
        names[row.case_id].append(str(row.user))
    return dict(names)


def in_queues_of(user: User) -> dict[int, list[str]]:
    """As `others`, of all of the cases in the user's queues: for the list, which asks for it every five seconds."""
    names: defaultdict[int, list[str]] = defaultdict(list)
    for case_id, *columns in _in_queues_of().rows(user=user.pk):
        names[case_id].append(full_name(*columns))
    return dict(names)


@lru_cache
def _in_queues_of() -> Prepared:
    def others(user: int) -> QuerySet[Presence, Any]:
        own = Queue.objects.for_user(User(pk=user))
        rows = Presence.objects.now().of_others(User(pk=user)).filter(case__queue__in=own).order_by("pk")
        return rows.values_list("case_id", "user__first_name", "user__last_name", "user__username")

    return Prepared.of(others, "user")
