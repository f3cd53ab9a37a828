"""Who has a case open at this moment ("Öppet hos {namn}").

The open page says so when it asks for what has changed (static/js/live.js), while it is seen and was used within ten
minutes. What it said counts for less than a minute (`Presence.COUNTS_FOR`), so that nobody is shown who has left.
Never shown as a notice: it is a colleague's presence and not their act.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import timedelta

from django.db.models import F
from django.db.models.functions import Now

from cases.models import Case, Presence
from teleq.models import User

SAID_AGAIN_AFTER = timedelta(seconds=15)
"""What was said more lately than this is not written again: a page asks every five seconds."""
KEPT_FOR = timedelta(days=1)
"""The longest time after which a case that was left behind is released (`Queue.release_minutes`)."""


def note(user: User, case: Case) -> bool:
    """The user has the case open now. Says whether that was written; a sweep that is about to release the case from
    them is waited for."""
    kept = Presence.objects.filter(user_id=user.pk, case_id=case.pk)
    if kept.filter(seen_at__gt=Now() - SAID_AGAIN_AFTER).exists():
        return False
    Presence.objects.bulk_create(
        [Presence(user_id=user.pk, case_id=case.pk, seen_at=Now())],
        update_conflicts=True,
        unique_fields=["case", "user"],
        update_fields=["seen_at"],
    )
    return True


def who(case: Case) -> list[User]:
    """Those who have the case open, whoever came first first. One query."""
    rows = Presence.objects.now().filter(case=case).select_related("user").order_by("pk")
    return [row.user for row in rows]


def others(user: User, case_ids: Iterable[int]) -> dict[int, list[str]]:
    """The names of the colleagues who have each of these cases open. One query."""
    rows = Presence.objects.now().of_others(user).filter(case_id__in=list(case_ids)).order_by(F("pk"))
    names: defaultdict[int, list[str]] = defaultdict(list)
    for row in rows.select_related("user"):
        names[row.case_id].append(str(row.user))
    return dict(names)


def leave(user: User, case: Case) -> None:
    """The user has left the case's page. Where they have it open in another window too, that one says so again.

    When they were there last is kept: the case is not left behind sooner for it (`cases.holding`).
    """
    theirs = Presence.objects.now().filter(user_id=user.pk, case_id=case.pk)
    theirs.update(seen_at=Now() - Presence.COUNTS_FOR)


def forget_old() -> int:
    """Remove what is not asked for any more, and say how much it was."""
    return Presence.objects.filter(seen_at__lt=Now() - KEPT_FOR).delete()[0]
