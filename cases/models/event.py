"""What was done to a case, each act an event of its own."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cases.models.case import Case
from teleq.models import Outcome


class NoAnswer(models.TextChoices):
    """What met whoever called and did not reach the patient, where anything is said of it."""

    BUSY = "busy", gettext_lazy("Upptaget")
    VOICEMAIL = "voicemail", gettext_lazy("Telefonsvarare")
    WRONG_NUMBER = "wrong_number", gettext_lazy("Fel nummer")


FromTo = dict[str, list[Any]]
"""What an event changed: by column, the value before and the value after."""


class CaseEventQuerySet(models.QuerySet["CaseEvent"]):
    def latest_act(self) -> CaseEvent | None:
        """The latest event that changed who has the case or whether it is open (`CaseEvent.ACTS`).

        The case's buttons are shown for it: a press is refused where another one has come since.
        """
        return self.filter(kind__in=CaseEvent.ACTS).select_related("user").order_by("-id").first()


class CaseEvent(models.Model):
    """Something that was done to a case. Told as a sentence by `cases.history`."""

    class Kind(models.TextChoices):
        CREATED = "created", gettext_lazy("Ärendet skapades")
        TAKEN = "taken", gettext_lazy("Tog ärendet")
        TAKEN_OVER = "taken_over", gettext_lazy("Tog över ärendet")
        RELEASED = "released", gettext_lazy("Släppte ärendet")
        LEFT = "left", gettext_lazy("Ärendet släpptes, eftersom ingen arbetade i det")
        CALLED = "called", gettext_lazy("Ringde")
        NOT_CALLED = "not_called", gettext_lazy("Ringde inte")
        REACHED = "reached", gettext_lazy("Fick svar")
        NO_ANSWER = "no_answer", gettext_lazy("Uppringning utan svar")
        DONE = "done", gettext_lazy("Klart")
        CANCELLED = "cancelled", gettext_lazy("Avbokat")
        REOPENED = "reopened", gettext_lazy("Ärendet öppnades igen")
        UNDONE = "undone", gettext_lazy("Ångrade")
        QUEUE_CHANGED = "queue_changed", gettext_lazy("Flyttades till en annan kö")
        NUMBER_CONFIRMED = "number_confirmed", gettext_lazy("Numret bekräftades")
        MOVED = "moved", gettext_lazy("Tiden ändrades")
        NUMBER_CHANGED = "number_changed", gettext_lazy("Telefonnumret ändrades")
        DETAILS_CHANGED = "details_changed", gettext_lazy("Uppgifterna ändrades")

    ACTS = (
        *(Kind.CREATED, Kind.TAKEN, Kind.TAKEN_OVER, Kind.RELEASED, Kind.LEFT),
        *(Kind.CALLED, Kind.NOT_CALLED, Kind.REACHED, Kind.NO_ANSWER),
        *(Kind.DONE, Kind.CANCELLED, Kind.REOPENED, Kind.UNDONE, Kind.QUEUE_CHANGED),
    )

    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="events")
    kind = models.CharField(max_length=20, choices=Kind.choices)
    changes: models.JSONField[FromTo, FromTo] = models.JSONField(
        default=dict, help_text=gettext_lazy("Från och till, efter kolumn. Nummer i E.164, tider i ISO 8601.")
    )
    detail = models.CharField(
        max_length=20, blank=True, default="", help_text=gettext_lazy("Hur Inget svar lät, eller resultatet av Klart.")
    )
    before: models.JSONField[Any, Any] = models.JSONField(
        null=True, help_text=gettext_lazy("Vad kolumnerna som händelsen ändrade innehöll. Tomt: den kan inte ångras.")
    )
    undoes = models.OneToOneField("self", on_delete=models.CASCADE, null=True, related_name="undone_by")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    at = models.DateTimeField(db_default=Now())

    objects = CaseEventQuerySet.as_manager()

    class Meta:
        verbose_name = gettext_lazy("händelse")
        verbose_name_plural = gettext_lazy("händelser")
        constraints = [
            models.CheckConstraint(
                condition=Q(detail="") | Q(detail__in=[*NoAnswer.values, *Outcome.values]), name="detail_is_valid"
            )
        ]

    def __str__(self) -> str:
        return _("händelse %(pk)s") % {"pk": self.pk}
