"""Who has a case open."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cases.models.case import Case
from teleq.models import User


class PresenceQuerySet(models.QuerySet["Presence"]):
    def now(self) -> PresenceQuerySet:
        """Those who have their case open at this moment."""
        return self.filter(seen_at__gt=Now() - Presence.COUNTS_FOR)

    def of_others(self, user: User) -> PresenceQuerySet:
        return self.exclude(user_id=user.pk)


class Presence(models.Model):
    """That somebody has a case open: when their page last said so. Written by `cases.presence`."""

    COUNTS_FOR = timedelta(seconds=45)
    """Since the page last said so. It says so more often than that while it is seen and used."""

    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="presences", db_index=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    seen_at = models.DateTimeField(db_default=Now())

    objects = PresenceQuerySet.as_manager()

    class Meta:
        verbose_name = gettext_lazy("närvaro")
        verbose_name_plural = gettext_lazy("närvaro")
        constraints = [models.UniqueConstraint(fields=["case", "user"], name="one_presence_per_user_and_case")]
        indexes = [models.Index(fields=["seen_at"], name="presence_seen")]

    def __str__(self) -> str:
        return _("närvaro %(pk)s") % {"pk": self.pk}
