"""Who has a case open at this moment ("Öppet hos {namn}").

The open page says so when it asks for what has changed (static/js/live.js), while it is seen and was used within ten
minutes. What it said counts for less than a minute (`Presence.COUNTS_FOR`), so that nobody is shown who has left.
Never shown as a notice: it is a colleague's presence and not their act.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from django.db import connection
from django.db.models import F, QuerySet
from django.db.models.functions import Now

from cases.models import Case, Presence
from teleq.models import Queue, User, full_name
from teleq.prepared import Prepared

SAID_AGAIN_AFTER = timedelta(seconds=15)
"""What was said more lately than this is not written again: a page asks every five seconds."""
KEPT_FOR = timedelta(days=1)
"""The longest time after which a case that was left behind is released (`Queue.release_minutes`)."""


def note(user: User, case: Case) -> None:
    """The user has the case open now. Where somebody holds the case's row at this moment, as a removal does, or the
    sweep that releases it, this is left to the next time that the page says so: who only reads waits for nobody."""
    with connection.cursor() as cursor:
        cursor.execute(NOTE, {"user": user.pk, "case": case.pk, "again_after": SAID_AGAIN_AFTER.total_seconds()})


NOTE = """
INSERT INTO cases_presence (case_id, user_id, seen_at)
SELECT id, %(user)s, now() FROM cases_case WHERE id = %(case)s AND NOT EXISTS (
  SELECT FROM cases_presence
   WHERE case_id = %(case)s AND user_id = %(user)s AND seen_at > now() - interval '1 second' * %(again_after)s
)
FOR KEY SHARE SKIP LOCKED
ON CONFLICT (case_id, user_id) DO UPDATE SET seen_at = excluded.seen_at
"""


def who(case: Case) -> list[User]:
    """Those who have the case open, whoever came first first. One query."""
    return [row.user for row in _who(case=case.pk)]


@Prepared
def _who(case: int) -> QuerySet[Presence]:
    return Presence.objects.now().filter(case=case).select_related("user").order_by("pk")


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
    for case_id, *columns in of_queues(user=user.pk):
        names[case_id].append(full_name(*columns))
    return dict(names)


@Prepared
def of_queues(user: int) -> QuerySet[Presence, Any]:
    own = Queue.objects.for_user(User(pk=user))
    rows = Presence.objects.now().of_others(User(pk=user)).filter(case__queue__in=own).order_by("pk")
    return rows.values_list("case_id", "user__first_name", "user__last_name", "user__username")


def leave(user: User, case: Case) -> None:
    """The user has left the case's page. Where they have it open in another window too, that one says so again.

    When they were there last is kept: the case is not left behind sooner for it (`cases.holding`).
    """
    theirs = Presence.objects.now().filter(user_id=user.pk, case_id=case.pk)
    theirs.update(seen_at=Now() - Presence.COUNTS_FOR)


def forget_old() -> int:
    """Remove what is not asked for any more, and say how much it was."""
    return Presence.objects.filter(seen_at__lt=Now() - KEPT_FOR).delete()[0]
