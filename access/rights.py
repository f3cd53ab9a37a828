"""Rights are given, changed and taken away on record: from what, to what, by whom, until when, and why."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import transaction

from access.models import RightsChange
from teleq.models import Membership, User

Right = RightsChange.Right


@contextmanager
def on_record(user: User, by: User | None, why: str = "") -> Iterator[None]:
    """What is done to the user's rights within is written down: memberships, and whether the account is active.

    The user's row is locked meanwhile, so that of two who change rights at once each is told of their own changes.
    """
    with transaction.atomic():
        list(User.objects.select_for_update(of=("self",), no_key=True).filter(pk=user.pk).values("pk"))
        before = _rights(user)
        yield
        after = _rights(user)
        changed = [queue for queue in {**before, **after} if before.get(queue, "") != after.get(queue, "")]
        RightsChange.objects.bulk_create(
            RightsChange(
                user=user,
                queue_id=queue,
                before=before.get(queue, Right.NONE),
                after=after.get(queue, Right.NONE),
                by=by,
                why=why,
            )
            for queue in changed
        )


def _rights(user: User) -> dict[int | None, str]:
    """The role by queue, and whether the account is active by None."""
    active = User.objects.filter(pk=user.pk, is_active=True).exists()
    rights: dict[int | None, str] = {None: Right.ACTIVE if active else Right.INACTIVE}
    rights.update(Membership.objects.filter(user_id=user.pk).values_list("queue_id", "role"))
    return rights
