"""Skyddade personuppgifter: the marks that say whose they are."""

from __future__ import annotations

from typing import Any

import pghistory
from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from teleq.models import CareProvider
from teleq.phone_numbers import WRITTEN_AS_STORED
from teleq.triggers import APPEND_ONLY, NO_TRUNCATE, DeleteEvent, InsertEvent, UpdateEvent


class ProtectionMarkQuerySet(models.QuerySet["ProtectionMark"]):
    def in_force(self) -> ProtectionMarkQuerySet:
        return self.filter(ended_at=None)


@pghistory.track(InsertEvent(), UpdateEvent(), DeleteEvent(), meta={"triggers": [APPEND_ONLY, NO_TRUNCATE]})
class ProtectionMark(models.Model):
    """That whoever has this personnummer, or uses this telephone number, has protected personal data (skyddade
    personuppgifter) at the care provider. Written by `cases.protected` only.

    Of a patient with both there are two marks: a case is protected by either. One that is ended stays, to be told of.

    Source: 22 kap. 1 § offentlighets- och sekretesslagen (2009:400), 16-17 a §§ folkbokföringslagen (1991:481).
    """

    LONGEST_REASON = 200

    care_provider = models.ForeignKey(
        CareProvider,
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=gettext_lazy("vårdgivare"),
        db_index=False,
    )
    identifier = models.CharField(
        gettext_lazy("gäller"),
        max_length=16,
        help_text=gettext_lazy("Personnummer med tolv tecken, eller telefonnummer i E.164."),
    )
    reason = models.CharField(gettext_lazy("anledning"), max_length=LONGEST_REASON)
    # Null: the telephone system gave a protected case another number.
    marked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        related_name="+",
        verbose_name=gettext_lazy("markerat av"),
    )
    marked_at = models.DateTimeField(gettext_lazy("markerat"), db_default=Now())
    # A number and not a foreign key, as marks outlive cases.
    case_id = models.BigIntegerField(gettext_lazy("ärende"))
    ended_reason = models.CharField(gettext_lazy("anledning"), max_length=LONGEST_REASON, blank=True, default="")
    ended_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        related_name="+",
        verbose_name=gettext_lazy("borttaget av"),
    )
    ended_at = models.DateTimeField(gettext_lazy("borttaget"), null=True)

    objects = ProtectionMarkQuerySet.as_manager()

    class Meta:
        verbose_name = gettext_lazy("markering om skyddade personuppgifter")
        verbose_name_plural = gettext_lazy("markeringar om skyddade personuppgifter")
        constraints = [
            models.UniqueConstraint(
                fields=["care_provider", "identifier"], condition=Q(ended_at=None), name="one_mark_in_force"
            ),
            models.CheckConstraint(
                condition=Q(identifier__regex=rf"{WRITTEN_AS_STORED}|^[0-9]{{8}}[0-9A-Z]{{4}}$"),
                name="a_mark_is_of_a_person_or_a_number",
            ),
            models.CheckConstraint(
                condition=Q(ended_at=None, ended_by=None, ended_reason="")
                | Q(ended_at__isnull=False, ended_by__isnull=False),
                name="a_mark_is_ended_by_somebody",
            ),
        ]
        indexes = [models.Index(fields=["care_provider", "identifier"], name="mark_by_identifier")]

    def __str__(self) -> str:
        # Neither number nor personnummer: this is what logs and error reports would show
        return _("markering %(pk)s") % {"pk": self.pk}

    @property
    def is_of_number(self) -> bool:
        """Whether it is a telephone number that is marked, and not a personnummer."""
        return self.identifier.startswith("+")

    @classmethod
    def history(cls) -> models.QuerySet[Any]:
        """All events: every state that a mark has had, written by triggers and never changed."""
        history: models.QuerySet[Any] = cls.pgh_event_model.objects.all()  # type: ignore[attr-defined]
        return history
