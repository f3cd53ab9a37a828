"""SMS that a restored copy knows nothing of."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from phonenumber_field.modelfields import PhoneNumberField

from teleq.models import CareProvider


class LostSms(models.Model):
    """An SMS that a provider has sent since a restored copy was made and that the copy knows nothing of.

    It may have confirmed a callback that is lost with its case. Written by `sms.restored` only.
    """

    care_provider = models.ForeignKey(
        CareProvider, on_delete=models.PROTECT, null=True, related_name="+", verbose_name=gettext_lazy("vårdgivare")
    )
    """Null where several care providers send from its sender, and none or several of them have sent to the number."""
    provider = models.CharField(gettext_lazy("leverantör"), max_length=20)
    provider_message_id = models.CharField(max_length=100)
    sender = models.CharField(gettext_lazy("avsändare"), max_length=16)
    to_number = PhoneNumberField(gettext_lazy("till"))
    text = models.TextField(
        gettext_lazy("text"), blank=True, help_text=gettext_lazy("Tom där leverantören inte sparar den.")
    )
    sent_at = models.DateTimeField(gettext_lazy("skickat"))

    class Meta:
        verbose_name = gettext_lazy("SMS som har gått förlorat")
        verbose_name_plural = gettext_lazy("SMS som har gått förlorade")
        ordering = ["-sent_at", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["provider", "provider_message_id"], name="a_lost_sms_is_found_once")
        ]
        indexes = [models.Index(fields=["to_number"], name="lost_sms_to_number")]

    def __str__(self) -> str:
        return _("förlorat SMS %(pk)s") % {"pk": self.pk}  # as for InboundSms
