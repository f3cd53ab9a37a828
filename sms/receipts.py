"""What providers report about messages they took: in any order, and as often as they like."""

from django.db import transaction
from django.utils.crypto import constant_time_compare

from sms.models import Message, State
from teleq.models import database_now

REPORTED = {"delivered": State.DELIVERED, "failed": State.FAILED}
OPEN_TO_RECEIPTS = {State.SENDING, State.SENT, State.UNKNOWN}


class NotOurs(Exception):
    """No message with that id and token has been handed to that provider."""


@transaction.atomic
def record(provider: str, message_id: int, token: str, status: str, provider_message_id: str = "") -> None:
    """Write down a delivery report. A final state stays; a status that isn't final changes nothing. Raises NotOurs."""
    message = Message.objects.select_for_update().filter(pk=message_id, provider=provider).first()
    if message is None or not constant_time_compare(message.receipt_token, token):
        raise NotOurs
    state = REPORTED.get(status)
    if state is None or message.state not in OPEN_TO_RECEIPTS:
        return
    message.state, message.state_at = state, database_now()
    message.provider_status = status
    message.provider_message_id = message.provider_message_id or provider_message_id[:100]
    message.save(update_fields=["state", "state_at", "provider_status", "provider_message_id"])
