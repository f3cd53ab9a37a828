"""The messages that teleQ has still something to do about."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy

from sms.models.message import Lane, Message
from teleq.database import any_of
from teleq.models import Queue


class UnsettledQuerySet(models.QuerySet["Unsettled"]):
    def waiting(self, *lanes: Lane) -> UnsettledQuerySet:
        """Those that wait for these lanes' workers, the oldest first."""
        return self.filter(lane__in=lanes, sending_since=None).order_by("at", "message")

    def due(self, without: Collection[int] = ()) -> UnsettledQuerySet:
        """Those whose time has come; not those of these queues, by id."""
        due = self.filter(at__lte=Now())
        return due.exclude(queue__in=without) if without else due

    def of(self, ids: Iterable[int]) -> UnsettledQuerySet:
        """Those of these messages, which may be hundreds, whether or not they are due."""
        return self.filter(any_of("sms_unsettled.message_id", ids))

    def hold(self, *, skip_locked: bool = False) -> list[int]:
        """Lock these till the transaction ends, in the order in which everyone does. Returns their messages' ids.

        Whoever writes messages of more than one does so first of all: see `Unsettled`.
        """
        rows = self if self.query.order_by else self.order_by("message")
        return list(rows.select_for_update(skip_locked=skip_locked, of=("self",)).values_list("message", flat=True))


class Unsettled(models.Model):
    """A message that teleQ has still something to do about: to hand it over, to record what became of it, or to give up
    waiting for its delivery report. Written by triggers on Message only (`sms.unsettled`).

    A claim and the sweeps find messages here. The table is small and its rows are short, so that to move a message
    costs little; most are gone when the delivery report has come.

    It is also the lock: a row is locked before its message, by whoever changes a message that has one.
    """

    # No foreign keys: a check at each insert, and a lock on the message's row, for what the triggers keep anyway.
    message = models.OneToOneField(
        Message, on_delete=models.DO_NOTHING, primary_key=True, related_name="unsettled", db_constraint=False
    )
    queue = models.ForeignKey(Queue, on_delete=models.DO_NOTHING, related_name="+", db_constraint=False, db_index=False)
    # Empty: it has left, and its delivery report is missing.
    lane = models.CharField(max_length=10, choices=Lane.choices, blank=True)
    # When it is to leave; if it has left, when it did.
    at = models.DateTimeField()
    sending_since = models.DateTimeField(null=True)

    objects = UnsettledQuerySet.as_manager()

    class Meta:
        verbose_name = gettext_lazy("SMS som inte är klart")
        verbose_name_plural = gettext_lazy("SMS som inte är klara")
        # Not on what a claim changes: so a claim writes no index at all.
        indexes = [models.Index(fields=["lane", "at", "message"], name="unsettled_in_lane")]

    def __str__(self) -> str:
        return f"{self.pk}"
