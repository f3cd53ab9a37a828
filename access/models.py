"""Who has looked at which patient's data, or changed them."""

from __future__ import annotations

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from teleq.append_only import NO_TRUNCATE


class AccessEntry(models.Model):
    """Somebody has looked at a patient's data, or changed them. Append-only; written by `access.access_log`.

    Whom it was about is written out, as cases are removed long before this may be (HSLF-FS 2016:40: five years).
    """

    class Act(models.TextChoices):
        VIEW = "view", "Öppnade ärendet"
        CHANGE = "change", "Arbetade i ärendet"
        SEARCH = "search", "Sökte"
        CHECK = "check", "Frågade om ett SMS skulle skickas"
        EXTRACT = "extract", "Tog fram registerutdrag"
        REMOVAL = "removal", "Tog bort uppgifter"
        UNPLACED = "unplaced", "Läste ett SMS som inte kunde placeras"

    at = models.DateTimeField("när", db_default=Now())
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+", help_text="Tomt: driften."
    )
    act = models.CharField("vad", max_length=10, choices=Act.choices)
    case_id = models.BigIntegerField("ärende", null=True)
    phone_number = models.CharField("telefonnummer", max_length=16, blank=True, default="")
    person = models.CharField("personnummer", max_length=12, blank=True, default="")

    class Meta:
        verbose_name = "åtkomst"
        verbose_name_plural = "åtkomster"
        indexes = [
            models.Index(fields=["phone_number"], condition=~Q(phone_number=""), name="access_by_number"),
            models.Index(fields=["person"], condition=~Q(person=""), name="access_by_person"),
            models.Index(fields=["at"], name="access_by_time"),
        ]
        triggers = [
            pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete),
            NO_TRUNCATE,
        ]

    def __str__(self) -> str:
        return f"åtkomst {self.pk}"
