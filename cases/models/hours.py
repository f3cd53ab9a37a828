"""When a queue calls back, and the locks of its bookable times."""

from __future__ import annotations

from datetime import date, datetime, time

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from teleq.models import Queue


class WeeklyHours(models.Model):
    """Hours of each week: from `opens` till `closes` by the clock in Stockholm."""

    class Weekday(models.IntegerChoices):
        MONDAY = 0, gettext_lazy("Måndag")
        TUESDAY = 1, gettext_lazy("Tisdag")
        WEDNESDAY = 2, gettext_lazy("Onsdag")
        THURSDAY = 3, gettext_lazy("Torsdag")
        FRIDAY = 4, gettext_lazy("Fredag")
        SATURDAY = 5, gettext_lazy("Lördag")
        SUNDAY = 6, gettext_lazy("Söndag")

    weekday = models.PositiveSmallIntegerField(gettext_lazy("veckodag"), choices=Weekday.choices)
    opens = models.TimeField(gettext_lazy("öppnar"), default=time(8))
    closes = models.TimeField(gettext_lazy("stänger"), default=time(16))

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self.get_weekday_display()} {self.opens:%H.%M}–{self.closes:%H.%M}"


class TelephoneHours(WeeklyHours):
    """When a queue calls back."""

    queue = models.ForeignKey(
        Queue, on_delete=models.CASCADE, related_name="telephone_hours", verbose_name=gettext_lazy("kö")
    )

    class Meta:
        verbose_name = gettext_lazy("telefontid")
        verbose_name_plural = gettext_lazy("telefontider")
        ordering = ["queue", "weekday", "opens"]
        constraints = [
            models.CheckConstraint(condition=Q(weekday__range=(0, 6)), name="weekday_is_valid"),
            models.CheckConstraint(
                condition=Q(closes__gt=models.F("opens")),
                name="closes_after_opening",
                violation_error_message=gettext_lazy("Telefontiden måste stänga efter att den har öppnat."),
            ),
        ]


class ClosedDay(models.Model):
    """A day on which a queue is closed, beside the public holidays."""

    queue = models.ForeignKey(
        Queue, on_delete=models.CASCADE, related_name="closed_days", verbose_name=gettext_lazy("kö")
    )
    day: models.DateField[date, date] = models.DateField(gettext_lazy("dag"))
    reason = models.CharField(gettext_lazy("anledning"), max_length=60, blank=True)

    class Meta:
        verbose_name = gettext_lazy("stängd dag")
        verbose_name_plural = gettext_lazy("stängda dagar")
        ordering = ["queue", "day"]
        constraints = [
            models.UniqueConstraint(
                fields=["queue", "day"],
                name="one_closed_day_per_date",
                violation_error_message=gettext_lazy("Dagen är redan stängd."),
            )
        ]

    def __str__(self) -> str:
        return f"{self.day}"


class Slot(models.Model):
    """The lock for one of a queue's bookable times: whoever books, moves or cancels there holds the row meanwhile.

    It says nothing of how many places are taken: that is counted in the cases.
    """

    queue = models.ForeignKey(Queue, on_delete=models.CASCADE, related_name="+", db_index=False)
    starts_at: models.DateTimeField[datetime, datetime] = models.DateTimeField()

    class Meta:
        verbose_name = gettext_lazy("tid")
        verbose_name_plural = gettext_lazy("tider")
        constraints = [models.UniqueConstraint(fields=["queue", "starts_at"], name="one_slot_per_time")]

    def __str__(self) -> str:
        return _("tid %(pk)s") % {"pk": self.pk}
