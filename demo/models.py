"""The SMS that the simulator has taken."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from phonenumber_field.modelfields import PhoneNumberField

from teleq.models import is_number


class SimulatedSms(models.Model):
    """An SMS on the patient's telephone, for which the simulator stands in."""

    to_number = PhoneNumberField(gettext_lazy("till"))
    sender = models.CharField(max_length=20)
    text = models.TextField()
    callback_url = models.URLField()
    received_at = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name = gettext_lazy("simulerat SMS")
        verbose_name_plural = gettext_lazy("simulerade SMS")
        ordering = ["-id"]

    def __str__(self) -> str:
        return _("simulerat SMS %(pk)s") % {"pk": self.pk}

    @property
    def can_be_replied_to(self) -> bool:
        """An SMS from a name can't be."""
        return is_number(self.sender)
