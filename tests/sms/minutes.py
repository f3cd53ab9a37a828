"""Minutes that pass without being waited for: the rows' times are moved, never the clock."""

from datetime import timedelta

from django.db import transaction
from django.db.models import F

from sms.models import Message, Unsettled
from sms.states import State


def minutes_pass() -> None:
    """For what a dead worker held, and for what is to be tried again."""
    with transaction.atomic():
        Unsettled.objects.all().hold()
        Message.objects.filter(state=State.SENDING).update(state_at=F("state_at") - timedelta(minutes=3))
        Message.objects.filter(state=State.QUEUED).update(due_at=F("created_at") - timedelta(seconds=1))
