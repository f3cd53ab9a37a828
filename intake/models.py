"""The telephone systems that book callbacks: their keys, and the calls that they booked in."""

from __future__ import annotations

import hashlib
import secrets

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from cases.models import Case
from teleq.models import CareProvider


class IntakeCall(models.Model):
    """A call in which the telephone system booked a callback, by the telephone system's own id for it.

    Of what it asked for there is a digest per field (`booking.Wanted.digests`). By them the same request is known when
    it comes again, also if staff have changed the case since, and there is no second copy of the patient's data.
    """

    care_provider = models.ForeignKey(CareProvider, on_delete=models.PROTECT, related_name="+", db_index=False)
    call_id = models.CharField(max_length=100)
    asked = models.JSONField(default=dict)
    # Null only within the transaction that books.
    case = models.ForeignKey(Case, on_delete=models.CASCADE, null=True, related_name="calls")

    class Meta:
        verbose_name = "samtal"
        verbose_name_plural = "samtal"
        constraints = [
            models.UniqueConstraint(fields=["care_provider", "call_id"], name="the_same_call_is_the_same_callback")
        ]

    def __str__(self) -> str:
        return f"samtal {self.pk}"


class IntakeKeyQuerySet(models.QuerySet["IntakeKey"]):
    def valid(self, key: str) -> IntakeKey | None:
        """The stored key of this secret, unless there is none or it is revoked."""
        return self.select_related("care_provider").filter(digest=_digest(key), revoked_at=None).first()


def _digest(key: str) -> str:
    """A key is 256 random bits, which no dictionary holds: one round of SHA-256 is enough, and one look-up finds it."""
    return hashlib.sha256(key.encode()).hexdigest()


class IntakeKey(models.Model):
    """A key by which a telephone system may book callbacks for a care provider. Only a digest of it is stored."""

    care_provider = models.ForeignKey(
        CareProvider, on_delete=models.PROTECT, related_name="intake_keys", verbose_name="vårdgivare"
    )
    name = models.CharField("namn", max_length=60, help_text="Till exempel vilken telefonväxel som använder nyckeln.")
    digest = models.CharField(max_length=64, unique=True, editable=False)
    created_at = models.DateTimeField("skapad", db_default=Now(), editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", editable=False, verbose_name="skapad av"
    )
    revoked_at = models.DateTimeField("återkallad", null=True, editable=False)

    objects = IntakeKeyQuerySet.as_manager()

    class Meta:
        verbose_name = "nyckel för telefonsystem"
        verbose_name_plural = "nycklar för telefonsystem"
        ordering = ["care_provider", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["care_provider", "name"],
                condition=Q(revoked_at=None),
                name="one_valid_key_per_name",
            )
        ]

    def __str__(self) -> str:
        return self.name

    def give_new_key(self) -> str:
        """Make the key's secret, and return it: it can't be shown again. The caller saves the row."""
        key = f"teleq_{secrets.token_urlsafe(32)}"
        self.digest = _digest(key)
        return key
