"""The telephone systems that book callbacks: their keys, and the calls that they booked in."""

from __future__ import annotations

import hashlib
import secrets
from datetime import date, timedelta

from django.conf import settings
from django.db import models
from django.db.models import Q, QuerySet
from django.db.models.functions import Now
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cases.models import Case
from teleq.models import TODAY, CareProvider, Queue


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
        verbose_name = gettext_lazy("samtal")
        verbose_name_plural = gettext_lazy("samtal")
        constraints = [
            models.UniqueConstraint(fields=["care_provider", "call_id"], name="the_same_call_is_the_same_callback")
        ]

    def __str__(self) -> str:
        return _("samtal %(pk)s") % {"pk": self.pk}


NOTED_AGAIN_AFTER = timedelta(minutes=1)
"""A key's last use is written no more often."""


class IntakeKeyQuerySet(models.QuerySet["IntakeKey"]):
    def working(self) -> IntakeKeyQuerySet:
        """Neither revoked nor past their last day, by PostgreSQL's clock and the day in Stockholm."""
        return self.filter(Q(until=None) | Q(until__gte=TODAY), revoked_at=None)

    def ending_by(self, day: date) -> IntakeKeyQuerySet:
        """Those that work today and whose last day is this day or before."""
        return self.working().filter(until__lte=day)

    def valid(self, secret: str) -> IntakeKey | None:
        """The working key of this secret: its own, or the one before that for as long as it was given.

        With what `keys.note_use` asks for: `used_lately`, and whether it was the key's own that was shown.
        """
        digest = _digest(secret)
        its_own_or_before = Q(digest=digest) | Q(digest_before=digest, before_until__gt=Now())
        found = self.working().select_related("care_provider").filter(its_own_or_before)
        lately = Q(last_used_at__gt=Now() - NOTED_AGAIN_AFTER)
        return found.annotate(used_lately=lately, showed_its_own=Q(digest=digest)).first()


def _digest(secret: str) -> str:
    """A key is 256 random bits, which no dictionary holds: one round of SHA-256 is enough, and one look-up finds it."""
    return hashlib.sha256(secret.encode()).hexdigest()


class IntakeKey(models.Model):
    """A key by which a telephone system may book callbacks for a care provider. Only a digest of it is stored."""

    care_provider = models.ForeignKey(
        CareProvider, on_delete=models.PROTECT, related_name="intake_keys", verbose_name=gettext_lazy("vårdgivare")
    )
    name = models.CharField(
        gettext_lazy("namn"),
        max_length=60,
        help_text=gettext_lazy("Till exempel vilken telefonväxel som använder nyckeln."),
    )
    # A column of its own: were it read from `queues`, a key whose queues are gone would open all.
    every_queue = models.BooleanField(gettext_lazy("alla köer"), default=True, editable=False)
    queues = models.ManyToManyField(
        Queue,
        related_name="+",
        blank=True,
        verbose_name=gettext_lazy("köer"),
        help_text=gettext_lazy("De köer som nyckeln gäller för. Utan val gäller den alla vårdgivarens köer, även nya."),
    )
    until = models.DateField(
        gettext_lazy("till och med"),
        null=True,
        blank=True,
        help_text=gettext_lazy("Nyckelns sista dag. Lämnas den tom gäller nyckeln tills vidare."),
    )
    digest = models.CharField(max_length=64, unique=True, editable=False)
    digest_before = models.CharField(max_length=64, unique=True, null=True, editable=False)  # noqa: DJ001  unique
    before_until = models.DateTimeField(gettext_lazy("gamla nyckeln gäller till"), null=True, editable=False)
    created_at = models.DateTimeField(gettext_lazy("skapad"), db_default=Now(), editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="+",
        editable=False,
        verbose_name=gettext_lazy("skapad av"),
    )
    changed_at = models.DateTimeField(gettext_lazy("bytt"), null=True, editable=False)
    taken_into_use_at = models.DateTimeField(gettext_lazy("börjat användas"), null=True, editable=False)
    last_used_at = models.DateTimeField(gettext_lazy("senast använd"), null=True, editable=False)
    revoked_at = models.DateTimeField(gettext_lazy("återkallad"), null=True, editable=False)

    objects = IntakeKeyQuerySet.as_manager()

    class Meta:
        verbose_name = gettext_lazy("nyckel för telefonsystem")
        verbose_name_plural = gettext_lazy("nycklar för telefonsystem")
        ordering = ["care_provider", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["care_provider", "name"],
                condition=Q(revoked_at=None),
                name="one_valid_key_per_name",
            ),
            models.CheckConstraint(
                condition=Q(digest_before=None, before_until=None)
                | Q(digest_before__isnull=False, before_until__isnull=False),
                name="the_key_before_has_an_end",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def opens(self) -> QuerySet[Queue]:
        """The queues that the key opens: the intake API's one way to queues and to their callbacks (promise 9)."""
        theirs = self.care_provider.queues.all()
        return theirs if self.every_queue else theirs.filter(pk__in=self.queues.values("pk"))

    def give_new_key(self) -> str:
        """Make the key's secret, and return it: it can't be shown again. The caller saves the row."""
        secret = f"teleq_{secrets.token_urlsafe(32)}"
        self.digest = _digest(secret)
        return secret
