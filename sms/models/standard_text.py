"""A queue's standard texts."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy

from teleq.models import Queue


class StandardText(models.Model):
    """A ready-made text of a queue, which a nurse can add to an SMS (the manual, step 7)."""

    queue = models.ForeignKey(
        Queue, on_delete=models.CASCADE, related_name="standard_texts", verbose_name=gettext_lazy("kö")
    )
    name = models.CharField(gettext_lazy("namn"), max_length=60)
    text = models.TextField(gettext_lazy("text"), max_length=918)
    after_last_attempt = models.BooleanField(
        gettext_lazy("Föreslå efter sista försöket"),
        default=False,
        help_text=gettext_lazy("Texten fylls i under Skicka SMS när patienten inte har svarat på sista försöket."),
    )

    class Meta:
        verbose_name = gettext_lazy("standardtext")
        verbose_name_plural = gettext_lazy("Standardtexter")
        ordering = ["queue", "name"]
        constraints = [
            models.UniqueConstraint(
                fields=["queue", "name"],
                name="one_standard_text_per_name",
                violation_error_message=gettext_lazy("Kön har redan en standardtext med det namnet."),
            ),
            models.UniqueConstraint(
                fields=["queue"],
                condition=models.Q(after_last_attempt=True),
                name="one_standard_text_after_the_last_attempt",
                violation_error_message=gettext_lazy("Kön föreslår redan en annan standardtext efter sista försöket."),
            ),
        ]

    def __str__(self) -> str:
        return self.name
