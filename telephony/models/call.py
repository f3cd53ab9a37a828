"""A patient's call to the telephone menu: where it stands, what became of it, and the files that are played in it."""

from __future__ import annotations

import secrets
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cases.models import Case
from telephony.models.menu import PatientsNumber
from teleq.models import CareProvider, Queue


class Step(models.TextChoices):
    """Where a call stands: what has just been said, and so what a key means."""

    LANGUAGE = "language", gettext_lazy("Språk")
    WELCOME = "welcome", gettext_lazy("Hälsning")
    ENTER = "enter", gettext_lazy("Början")
    HAS_TIME = "has_time", gettext_lazy("Bokad tid")
    CANCEL = "cancel", gettext_lazy("Avbokning")
    MENU = "menu", gettext_lazy("Meny")
    CALLER = "caller", gettext_lazy("Vem som ringer")
    NUMBER = "number", gettext_lazy("Telefonnummer")
    CHECK_NUMBER = "check_number", gettext_lazy("Telefonnumret uppläst")
    IDENTITY = "identity", gettext_lazy("Personnummer")
    CHECK_IDENTITY = "check_identity", gettext_lazy("Personnumret uppläst")
    FIRST_TIME = "first_time", gettext_lazy("Första lediga tid")
    OFFER = "offer", gettext_lazy("Erbjuden tid")
    TIMES = "times", gettext_lazy("Andra tider")
    CONSENT = "consent", gettext_lazy("Samtycke till SMS")
    PERSON = "person", gettext_lazy("Kopplad till en person")
    OVER = "over", gettext_lazy("Slut")


class Ended(models.TextChoices):
    """How a call ended, for the statistics."""

    BOOKED = "booked", gettext_lazy("Bokade")
    MOVED = "moved", gettext_lazy("Bytte tid")
    CANCELLED = "cancelled", gettext_lazy("Avbokade")
    ANNOUNCEMENT = "announcement", gettext_lazy("Hörde ett meddelande")
    PERSON = "person", gettext_lazy("Kopplades till en person")
    CLOSED = "closed", gettext_lazy("Ringde utanför öppettiderna")
    CLOSED_DAY = "closed_day", gettext_lazy("Ringde en stängd dag")
    FULL = "full", gettext_lazy("Fick ingen tid")
    DONE = "done", gettext_lazy("Avslutade utan att boka")
    HUNG_UP = "hung_up", gettext_lazy("Lade på")
    GAVE_UP = "gave_up", gettext_lazy("Fel knapp eller ingen knapp")
    NOT_IN_USE = "not_in_use", gettext_lazy("Numret är inte i bruk")


def new_token() -> str:
    return secrets.token_urlsafe(24)


class CallQuerySet(models.QuerySet["Call"]):
    def under_way(self) -> CallQuerySet:
        return self.filter(ended_at=None)


class Call(models.Model):
    """A call to one of the patients' numbers, by the provider's own id for it. No recording of a patient is made."""

    provider = models.CharField(max_length=20)
    call_id = models.CharField(max_length=100)
    token = models.CharField(max_length=40, unique=True, default=new_token)
    """Stands in the addresses of the call's steps, which nobody else can guess."""
    number = models.ForeignKey(PatientsNumber, on_delete=models.SET_NULL, null=True, related_name="calls")
    care_provider = models.ForeignKey(CareProvider, on_delete=models.PROTECT, related_name="+")
    queue = models.ForeignKey(Queue, on_delete=models.PROTECT, null=True, related_name="+")
    """The queue that the caller came to, if any."""
    from_number = models.CharField(gettext_lazy("ringde från"), max_length=16, blank=True, default="")
    """In E.164. Empty: withheld, or no number that can be called back."""
    language = models.CharField(gettext_lazy("språk"), max_length=3)
    step = models.CharField(gettext_lazy("var i samtalet"), max_length=20, choices=Step.choices)
    asked = models.CharField(max_length=20, choices=Step.choices, blank=True, default="")
    """The step at which something was asked last, also of a call that is over: where callers give up."""
    turn = models.PositiveIntegerField(default=0)
    """How many times something has been said. A provider that repeats itself names an earlier turn."""
    memory = models.JSONField(default=dict)
    """What the conversation goes on from (`telephony.conversation.Memory`). Emptied when the call ends."""
    reply = models.JSONField(default=dict)
    """What was said last (`telephony.conversation.Reply`), for a provider that asks again. Emptied likewise."""
    choices = models.JSONField(gettext_lazy("val"), default=list)
    """What was chosen, in order: for the case and the statistics. No digits of the patient's."""
    case = models.ForeignKey(Case, on_delete=models.CASCADE, null=True, related_name="phone_calls")
    to_confirm = models.BooleanField(default=False)
    """Whether the booking's confirmation waits for the answer about SMS, or for the end of the call."""
    ended = models.CharField(gettext_lazy("slutade med"), max_length=20, choices=Ended.choices, blank=True, default="")
    full = models.BooleanField(gettext_lazy("dagen var full"), default=False)
    started_at = models.DateTimeField(gettext_lazy("ringde"), db_default=Now())
    heard_at = models.DateTimeField(db_default=Now())
    """When the provider last told of the call."""
    ended_at = models.DateTimeField(gettext_lazy("slutade"), null=True)

    objects = CallQuerySet.as_manager()

    class Meta:
        verbose_name = gettext_lazy("samtal till telefonmenyn")
        verbose_name_plural = gettext_lazy("samtal till telefonmenyn")
        constraints = [
            models.UniqueConstraint(fields=["provider", "call_id"], name="a_call_is_told_of_once"),
            models.CheckConstraint(
                condition=Q(ended_at=None) | (Q(memory={}) & Q(reply={})), name="a_call_that_is_over_keeps_no_digits"
            ),
        ]
        indexes = [
            models.Index(fields=["started_at"], name="calls_by_time"),
            models.Index(fields=["from_number"], condition=~Q(from_number=""), name="calls_by_number"),
            models.Index(fields=["heard_at"], condition=Q(ended_at=None), name="calls_under_way"),
        ]

    def __str__(self) -> str:
        return _("samtal %(pk)s") % {"pk": self.pk}

    def chose(self, what: str, **more: Any) -> None:
        self.choices.append({"what": what, **more})


class SpokenFile(models.Model):
    """An address at which a provider fetches what is said, as one file put together from recordings.

    Providers keep what they have fetched by its address. So the address of what is the same for everybody is a digest
    of the recordings; and what has a patient's digits in it has a random one, that is gone when the call ends.
    """

    address = models.CharField(max_length=64, unique=True)
    recordings = ArrayField(models.BigIntegerField())
    # A number and not a foreign key: what deletes calls in the database need not know of files. Null: everybody's.
    call_id = models.BigIntegerField(null=True, db_index=True)
    made_at = models.DateTimeField(db_default=Now())
    """Of a shared one that is still in use: made or marked as used, a month ago at the most."""

    class Meta:
        verbose_name = gettext_lazy("ljudfil")
        verbose_name_plural = gettext_lazy("ljudfiler")
        constraints = [models.CheckConstraint(condition=~Q(recordings__len=0), name="something_is_said")]

    def __str__(self) -> str:
        return _("ljudfil %(pk)s") % {"pk": self.pk}
