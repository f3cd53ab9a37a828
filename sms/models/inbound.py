"""Patients' replies: those that belong to a queue, and those that could not be placed."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from phonenumber_field.modelfields import PhoneNumberField

from teleq.models import CareProvider, Queue, User


class InboundSmsQuerySet(models.QuerySet["InboundSms"]):
    def for_user(self, user: User) -> InboundSmsQuerySet:
        """Replies to the user's queues."""
        return self.filter(queue__in=Queue.objects.for_user(user))

    def unread(self) -> InboundSmsQuerySet:
        return self.filter(read_at=None)


class InboundSms(models.Model):
    """A patient's reply, with the queue that it belongs to. Written by `sms.inbound` only."""

    queue = models.ForeignKey(
        Queue, on_delete=models.PROTECT, related_name="inbound_sms", verbose_name=gettext_lazy("kö")
    )
    from_number = PhoneNumberField(gettext_lazy("från"))
    text = models.TextField(gettext_lazy("text"))
    withdrawal = models.BooleanField(gettext_lazy("STOPP"), default=False)
    received_at = models.DateTimeField(gettext_lazy("kom"), db_default=Now())
    read_at = models.DateTimeField(gettext_lazy("läst"), null=True)
    read_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        related_name="+",
        verbose_name=gettext_lazy("läst av"),
    )
    provider = models.CharField(max_length=20)
    provider_message_id = models.CharField(max_length=100, blank=True)

    objects = InboundSmsQuerySet.as_manager()

    class Meta:
        verbose_name = gettext_lazy("inkommet SMS")
        verbose_name_plural = gettext_lazy("Inkomna SMS")
        ordering = ["received_at", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["provider", "provider_message_id"],
                condition=~Q(provider_message_id=""),
                name="an_inbound_sms_comes_once",
            )
        ]
        indexes = [
            models.Index(fields=["queue", "received_at"], condition=Q(read_at=None), name="inbound_sms_unread"),
            models.Index(fields=["from_number"], name="inbound_sms_from_number"),
            models.Index(fields=["received_at"], name="inbound_sms_received"),
        ]

    def __str__(self) -> str:
        # Neither number nor text, as logs and error reports show this
        return _("inkommet SMS %(pk)s") % {"pk": self.pk}


class UnplacedSms(models.Model):
    """A reply that belongs to no queue: its sender can't be read, or no queue is known to have sent them an SMS.

    The care provider is known where it was sent to one's number. Else the operator hands it to one, unread: see
    docs/decisions/0016. Written by `sms.inbound` only.
    """

    care_provider = models.ForeignKey(
        CareProvider, on_delete=models.PROTECT, null=True, related_name="+", verbose_name=gettext_lazy("vårdgivare")
    )

    sender = models.CharField(
        gettext_lazy("från"), max_length=100, blank=True, help_text=gettext_lazy("Som leverantören skrev det.")
    )
    receiver = models.CharField(
        gettext_lazy("till"), max_length=100, blank=True, help_text=gettext_lazy("Som leverantören skrev det.")
    )
    from_number = models.CharField(
        gettext_lazy("telefonnummer"),
        max_length=16,
        blank=True,
        help_text=gettext_lazy("I E.164, om det går att tyda."),
    )
    text = models.TextField(gettext_lazy("text"))
    received_at = models.DateTimeField(gettext_lazy("kom"), db_default=Now())
    provider = models.CharField(gettext_lazy("leverantör"), max_length=20)
    provider_message_id = models.CharField(max_length=100, blank=True)

    class Meta:
        verbose_name = gettext_lazy("SMS som inte kunde placeras")
        verbose_name_plural = gettext_lazy("SMS som inte kunde placeras")
        ordering = ["-received_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["provider", "provider_message_id"],
                condition=~Q(provider_message_id=""),
                name="an_unplaced_sms_comes_once",
            )
        ]
        indexes = [
            models.Index(fields=["from_number"], condition=~Q(from_number=""), name="unplaced_sms_from_number"),
            models.Index(fields=["received_at"], name="unplaced_sms_received"),
        ]

    def __str__(self) -> str:
        return _("SMS som inte kunde placeras %(pk)s") % {"pk": self.pk}  # as for InboundSms
