"""Totals by day, and how much retention has removed: numbers only, nothing about a patient."""

from __future__ import annotations

from datetime import date

from django.db import models
from django.db.models.functions import Now

from teleq.models import Queue


class DayTotal(models.Model):
    """How many answers, callbacks or messages a queue had on a day. Kept when what it counts has been removed."""

    class What(models.TextChoices):
        ANSWERS = "answers", "svar"
        CALLBACKS = "callbacks", "återuppringningar"
        MESSAGES = "messages", "SMS"

    queue = models.ForeignKey(Queue, on_delete=models.CASCADE, related_name="+", db_index=False)
    day: models.DateField[date, date] = models.DateField()
    what = models.CharField(max_length=10, choices=What.choices)
    key = models.CharField(max_length=60, blank=True, help_text="Vilket svar, eller SMS:ets slag, tillstånd och orsak.")
    count = models.PositiveIntegerField()

    class Meta:
        verbose_name = "dagssumma"
        verbose_name_plural = "dagssummor"
        constraints = [models.UniqueConstraint(fields=["queue", "day", "what", "key"], name="one_total_a_day")]
        indexes = [models.Index(fields=["day"], name="day_total_day")]

    def __str__(self) -> str:
        return f"{self.what} {self.day}"


class RetentionRun(models.Model):
    """What one turn of the nightly retention removed: how many rows of each kind, by the kind's name in Swedish."""

    at = models.DateTimeField("när", db_default=Now())
    removed: models.JSONField[dict[str, int], dict[str, int]] = models.JSONField("togs bort")

    class Meta:
        verbose_name = "gallring"
        verbose_name_plural = "Gallring"

    def __str__(self) -> str:
        return f"gallring {self.pk}"
