"""Rights are given, changed and taken away on record: from what, to what, by whom, until when, and why."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import TypeAlias

from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now
from django.utils.translation import gettext_noop

from access.models import RightsChange
from teleq.models import CareProviderRole, Membership, ProviderRole, User

Right = RightsChange.Right
Given: TypeAlias = Membership | CareProviderRole


@dataclass(frozen=True)
class Place:
    """Where a right counts: in a queue; for a whole care provider, one for each of its roles; or the account."""

    queue_id: int | None = None
    care_provider_id: int | None = None
    provider_role: str = ""


ACCOUNT = Place()


@dataclass(frozen=True)
class Held:
    right: str
    until: date | None = None
    why: str = ""


NOTHING = Held(Right.NONE)


def place_of(given: Given) -> Place:
    if isinstance(given, Membership):
        return Place(queue_id=given.queue_id)
    return Place(care_provider_id=given.care_provider_id, provider_role=given.role)


@contextmanager
def on_record(
    user: User, by: User | None, why: str = "", ended_because: Mapping[Place, str] | None = None
) -> Iterator[None]:
    """What is done to the user's rights within is written down: memberships, roles for a whole care provider, and
    whether the account is active. What is given or changed has thereby been gone through.

    The reason is the right's own (`why`), or where it has none, or ends, the one that is told here. The user's row is
    locked meanwhile, so that of two who change rights at once each is told of their own changes.
    """
    with transaction.atomic():
        list(User.objects.select_for_update(of=("self",), no_key=True).filter(pk=user.pk).values("pk"))
        before = _rights(user)
        yield
        after = _rights(user)
        changed = [place for place in {**before, **after} if before.get(place) != after.get(place)]
        for place in changed:
            _write(user, place, before.get(place, NOTHING), after.get(place, NOTHING), by, why, ended_because or {})
        given = [place for place in changed if place in after]
        queues = [place.queue_id for place in given if place.queue_id]
        Membership.objects.filter(user=user, queue__in=queues).update(reviewed_at=Now(), reviewed_by=by)
        for place in given:
            if place.care_provider_id:
                _provider_role(user, place).update(reviewed_at=Now(), reviewed_by=by)


def confirm(given: Given, by: User) -> None:
    """That it is still right: somebody has gone through it and let it stand."""
    type(given)._default_manager.filter(pk=given.pk).update(reviewed_at=Now(), reviewed_by=by)
    held = Held(given.role, given.until)
    _write(given.user, place_of(given), held, held, by, gettext_noop("Genomgången"), {})


def _write(  # noqa: PLR0913, PLR0917  each is a column of the record
    user: User, place: Place, before: Held, after: Held, by: User | None, why: str, ended_because: Mapping[Place, str]
) -> None:
    told = after.why if after.right else ended_because.get(place, "")
    RightsChange.objects.create(
        user=user,
        queue_id=place.queue_id,
        care_provider_id=place.care_provider_id,
        before=before.right,
        after=after.right,
        until=after.until,
        by=by,
        why=(told or why)[:300],
    )


def _provider_role(user: User, place: Place) -> QuerySet[CareProviderRole]:
    return CareProviderRole.objects.filter(
        user=user, care_provider=place.care_provider_id, role=ProviderRole(place.provider_role)
    )


def _rights(user: User) -> dict[Place, Held]:
    active = User.objects.filter(pk=user.pk, is_active=True).exists()
    rights = {ACCOUNT: Held(Right.ACTIVE if active else Right.INACTIVE)}
    for model in (Membership, CareProviderRole):
        given = model.objects.filter(user_id=user.pk)
        rights |= {place_of(each): Held(each.role, each.until, each.why) for each in given}
    return rights
