"""What all workers share about a provider."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy


class ProviderStateQuerySet(models.QuerySet["ProviderState"]):
    def ensure_row(self, name: str) -> None:
        self.bulk_create([ProviderState(name=name)], ignore_conflicts=True)


class ProviderState(models.Model):
    """What all workers share about a provider. Written by `sms.rate_limiter` and `sms.circuit_breaker` only."""

    name = models.CharField(max_length=20, primary_key=True)
    next_slot_at = models.DateTimeField(
        db_default=Now(), help_text=gettext_lazy("När nästa SMS får lämnas, om takten är begränsad.")
    )
    open_until = models.DateTimeField(null=True, help_text=gettext_lazy("Så länge lämnas leverantören i fred."))
    silent_since = models.DateTimeField(null=True, help_text=gettext_lazy("Sedan när leverantören inte tar emot SMS."))
    shut_status = models.CharField(
        max_length=100,
        blank=True,
        default="",
        help_text=gettext_lazy("Vad leverantören svarade, om den inte släpper in teleQ."),
    )

    objects = ProviderStateQuerySet.as_manager()

    class Meta:
        verbose_name = gettext_lazy("SMS-leverantör")
        verbose_name_plural = gettext_lazy("SMS-leverantörer")

    def __str__(self) -> str:
        return self.name
