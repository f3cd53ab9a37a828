"""Keys for telephone systems: made, changed for new ones, revoked. `intake.api.Key` reads what a request shows."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta

from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from intake.models import IntakeKey
from teleq.changes import ChangedMeanwhile
from teleq.clock import database_now
from teleq.models import Queue, User

WARNED_BEFORE = timedelta(days=30)
"""How long before its last day a key is said to end."""


class Revoked(Exception):
    """The key is revoked, so that there is nothing to change."""


@transaction.atomic
def make_key(key: IntakeKey, by: User, queues: Iterable[Queue] = ()) -> str:
    """Save a new key for a telephone system, and return its secret, which is not stored.

    It opens these queues of its care provider, or all if none is named.
    """
    chosen = list(queues)
    secret = key.give_new_key()
    key.created_by = by
    key.every_queue = not chosen
    key.save()
    key.queues.set(chosen)
    return secret


@transaction.atomic
def change_key(key: IntakeKey, old_works_for: timedelta, until: date | None) -> str:
    """Give the key a new secret and another last day, and return the secret.

    The one that is in use works for so long still, but not past the last day that it had; any other no more.

    Raises Revoked, and ChangedMeanwhile where somebody else has changed the key since it was read: that one's secret
    may be in use by now.
    """
    held = IntakeKey.objects.select_for_update().get(pk=key.pk)
    if held.revoked_at:
        raise Revoked
    if held.changed_at != key.changed_at:
        raise ChangedMeanwhile
    now = database_now()
    # A secret that was never used was lost, or shown to nobody: the one before it is what the telephone system has.
    never_used = held.taken_into_use_at is None and held.before_until and held.before_until > now
    in_use = held.digest_before if never_used else held.digest
    ends = min(now + old_works_for, _end_of(held.until) if held.until else datetime.max.replace(tzinfo=UTC))
    held.digest_before, held.before_until = (in_use, ends) if ends > now else (None, None)
    held.changed_at, held.taken_into_use_at, held.until = now, None, until
    secret = held.give_new_key()
    held.save(update_fields=["digest", "digest_before", "before_until", "changed_at", "taken_into_use_at", "until"])
    key.refresh_from_db()
    return secret


def _end_of(day: date) -> datetime:
    """By the clock in Stockholm."""
    return timezone.make_aware(datetime.combine(day + timedelta(days=1), time.min))


def revoke_key(key: IntakeKey) -> bool:
    """Make the key invalid from now on, which can't be undone. False if it was revoked already: its time stays."""
    return bool(IntakeKey.objects.filter(pk=key.pk, revoked_at=None).update(revoked_at=Now()))


def note_use(key: IntakeKey) -> None:
    """Note that a key that `valid` has found is used, to the minute: most requests find it noted and write nothing.

    Of many at once one writes it. Nobody waits for a row that somebody else has locked.
    """
    its_first = key.showed_its_own and key.taken_into_use_at is None  # type: ignore[attr-defined]  # by `valid`
    if key.used_lately and not its_first:  # type: ignore[attr-defined]  # by `valid`, after PostgreSQL's clock
        return
    as_found = IntakeKey.objects.filter(pk=key.pk, digest=key.digest, last_used_at=key.last_used_at)
    with transaction.atomic():
        if as_found.select_for_update(skip_locked=True, no_key=True).values("pk").first():
            IntakeKey.objects.filter(pk=key.pk).update(
                last_used_at=Now(), **({"taken_into_use_at": Now()} if its_first else {})
            )


def ending_soon() -> QuerySet[IntakeKey]:
    """Keys whose last day is within a month: who uses them has to be given others in time."""
    return IntakeKey.objects.ending_by(timezone.localdate() + WARNED_BEFORE).order_by("until", "name")
