"""The messages of a case."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from django.db import models
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cases.models.case import Case
from sms.models import Message


class CaseMessageQuerySet(models.QuerySet["CaseMessage"]):
    def tie(self, messages: Iterable[Message], cases: Mapping[str, Case]) -> None:
        """Tie each message to the case that asked for it, found by the message's key."""
        self.bulk_create(
            CaseMessage(case_id=cases[message.key].pk, message_id=message.pk, booking=cases[message.key].booking)
            for message in messages
        )


class CaseMessage(models.Model):
    """Ties a message to its case: messages themselves know numbers and queues, not cases."""

    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="messages")
    message = models.OneToOneField(Message, on_delete=models.CASCADE, related_name="case_message")
    booking = models.PositiveIntegerField()

    objects = CaseMessageQuerySet.as_manager()

    class Meta:
        verbose_name = gettext_lazy("ärendets SMS")
        verbose_name_plural = gettext_lazy("ärendets SMS")

    def __str__(self) -> str:
        return _("SMS i ärende %(case_id)s") % {"case_id": self.case_id}
