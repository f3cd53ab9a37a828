"""Keys for telephone systems: made and revoked. `intake.api.Key` reads the one that a request shows."""

from __future__ import annotations

from django.db.models.functions import Now

from intake.models import IntakeKey
from teleq.models import User


def make_key(key: IntakeKey, by: User) -> str:
    """Save a new key for a telephone system, and return its secret, which is not stored."""
    secret = key.give_new_key()
    key.created_by = by
    key.save()
    return secret


def revoke_key(key: IntakeKey) -> bool:
    """Make the key invalid from now on, which can't be undone. False if it was revoked already: its time stays."""
    return bool(IntakeKey.objects.filter(pk=key.pk, revoked_at=None).update(revoked_at=Now()))
