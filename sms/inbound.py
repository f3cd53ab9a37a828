"""What patients answer. STOPP is their Nej; everything else is for staff to read, and nothing that comes in makes a Ja.

Source: GDPR article 7.3: consent is withdrawn as easily as it is given.
"""

from __future__ import annotations

import logging
import unicodedata

from django.db import IntegrityError, transaction
from django.db.models.functions import Now

from consent import register
from sms.models import InboundSms, Message
from sms.numbers import e164
from sms.providers.base import InboundMessage, storable
from teleq.models import Queue, User, database_now

logger = logging.getLogger(__name__)

WITHDRAWALS = {"stopp", "stop", "nej", "avböj"}


def is_withdrawal(text: str) -> bool:
    """Whether the whole message is one of the words, however it is cased, spaced and punctuated."""
    letters = (letter for letter in unicodedata.normalize("NFKC", text).casefold() if letter.isalnum())
    return "".join(letters) in WITHDRAWALS


@transaction.atomic
def receive(provider: str, message: InboundMessage) -> None:
    """Take in what a patient has answered, once however often it is told of.

    A withdrawal counts from this transaction's commit, for each care provider that the number answered to belongs to.
    """
    number = e164(message.from_number)
    if number is None:
        logger.warning("An inbound SMS from %s has no number to answer for", provider)
        return
    queues = _answered_to(e164(message.to_number), by=number)
    if not queues:
        logger.warning("An inbound SMS from %s is to no number of ours, from nobody we have sent to", provider)
        return
    withdrawal = is_withdrawal(message.text)
    inbound = InboundSms(
        provider=provider,
        provider_message_id=storable(message.provider_message_id),
        queue=_last_heard_from(queues, number),
        from_number=number,
        text=message.text.replace("\x00", ""),  # which PostgreSQL can't hold
        withdrawal=withdrawal,
        read_at=database_now() if withdrawal else None,  # teleQ has done what there is to do
    )
    if _is_new(inbound) and withdrawal:
        for care_provider in sorted({queue.care_provider_id for queue in queues}):
            register.withdraw(care_provider, number)


def mark_as_read(inbound: InboundSms, by: User) -> bool:
    """False if somebody has done so before: who read it first stays."""
    return bool(InboundSms.objects.filter(pk=inbound.pk, read_at=None).update(read_at=Now(), read_by=by))


def _answered_to(number: str | None, by: str) -> list[Queue]:
    """The queues that send from the number. Where none does, any more or since the provider chooses numbers, all that
    the patient has heard from: a withdrawal is never dropped, and never with somebody else only."""
    owners = list(Queue.objects.filter(outgoing_sms__sender=number).order_by("id"))
    if owners:
        return owners
    heard_from = Message.objects.filter(to_number=by, claimed_at__isnull=False).values("queue")
    return list(Queue.objects.filter(pk__in=heard_from).order_by("id"))


def _last_heard_from(queues: list[Queue], number: str) -> Queue:
    if len(queues) == 1:
        return queues[0]
    sent = Message.objects.filter(to_number=number, queue__in=queues, claimed_at__isnull=False).order_by("-id")
    latest = sent.values_list("queue_id", flat=True).first()
    return next((queue for queue in queues if queue.pk == latest), queues[0])


def _is_new(inbound: InboundSms) -> bool:
    """Store it, unless it has been told of before."""
    try:
        with transaction.atomic():
            inbound.save()
    except IntegrityError as error:
        if InboundSms.COMES_ONCE not in str(error):
            raise
        return False
    return True
