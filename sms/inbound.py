"""What patients answer. STOPP is their Nej; everything else is for staff to read, and nothing that comes in makes a Ja.

It is stored first, in a transaction that waits for nobody's lock: the provider can be answered. What is a withdrawal
counts from there, and is made an answer at once, in another transaction, or by the sweep.

Source: GDPR article 7.3: consent is withdrawn as easily as it is given.
"""

from __future__ import annotations

import logging
import unicodedata

from django.db import IntegrityError, transaction
from django.db.models.functions import Now

from consent import register
from sms.models import InboundSms, Message, UnplacedSms
from sms.numbers import e164
from sms.providers.base import InboundMessage, storable
from teleq.clock import database_now
from teleq.constraints import violates
from teleq.models import CareProvider, Queue, User

logger = logging.getLogger(__name__)

WITHDRAWALS = {"stopp", "stop", "nej", "avböj"}


def is_withdrawal(text: str) -> bool:
    """Whether the whole message is one of the words, however it is cased, spaced and punctuated."""
    letters = (letter for letter in unicodedata.normalize("NFKC", text).casefold() if letter.isalnum())
    return "".join(letters) in WITHDRAWALS


def receive(provider: str, message: InboundMessage) -> None:
    """Take in what a patient has answered, once however often it is told of. When this returns it is stored.

    A withdrawal is with each care provider that the number answered to belongs to, as it was when it came.
    """
    told = {
        "provider": provider,
        "provider_message_id": storable(message.provider_message_id),
        "text": message.text.replace("\x00", ""),  # which PostgreSQL can't hold
    }
    number = e164(message.from_number)
    queues = _answered_to(e164(message.to_number), by=number) if number else []
    if number and queues:
        _place(number, queues, told, withdrawal=message.opted_out or is_withdrawal(message.text))
    else:
        _keep(number, message, told)


def _place(number: str, queues: list[Queue], told: dict[str, str], *, withdrawal: bool) -> None:
    inbound = InboundSms(
        queue=_last_heard_from(queues, number),
        from_number=number,
        withdrawal=withdrawal,
        read_at=database_now() if withdrawal else None,  # teleQ does what there is to do
        **told,
    )
    withdrawn = {(queue.care_provider_id, number) for queue in queues} if withdrawal else set()
    with transaction.atomic():
        if _is_new(inbound):
            register.store_withdrawals(withdrawn)
    if withdrawn:
        register.carry_out_withdrawals(withdrawn)


def _keep(number: str | None, message: InboundMessage, told: dict[str, str]) -> None:
    """It is no queue's, but it may be somebody's STOPP: for the care provider's administrators to read, and no reason
    to be told of it again."""
    unplaced = UnplacedSms(
        care_provider_id=_care_provider_of(e164(message.to_number)),
        sender=storable(message.from_number),
        receiver=storable(message.to_number),
        from_number=number or "",
        **told,
    )
    if not _is_new(unplaced):
        return
    why = "is to no number of ours, from nobody we have sent to" if number else "has no number to answer for"
    logger.warning("An inbound SMS from %s %s: it is kept as %s", told["provider"], why, unplaced.pk)


def hand_over_unplaced(unplaced_id: int, care_provider: CareProvider) -> bool:
    """Let the care provider's administrators read it. False where it is another's already, or gone."""
    waiting = UnplacedSms.objects.filter(pk=unplaced_id, care_provider=None)
    return bool(waiting.update(care_provider=care_provider))


def mark_as_read(inbound: InboundSms, by: User) -> bool:
    """False if somebody has done so before: who read it first stays."""
    return bool(InboundSms.objects.filter(pk=inbound.pk, read_at=None).update(read_at=Now(), read_by=by))


def _care_provider_of(number: str | None) -> int | None:
    """Whose queues send from the number, where they are all one care provider's."""
    found = Queue.objects.filter(outgoing_sms__sender=number).values_list("care_provider", flat=True) if number else []
    owners = set(found)
    return owners.pop() if len(owners) == 1 else None


def _answered_to(number: str | None, by: str) -> list[Queue]:
    """The queues that send from the number. Where none does, any more or since the provider chooses numbers, or where
    it can't be read, all that the patient has heard from: a withdrawal is never dropped, and never with somebody else
    only."""
    owners = list(Queue.objects.filter(outgoing_sms__sender=number).order_by("id")) if number else []
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


def _is_new(received: InboundSms | UnplacedSms) -> bool:
    """Store it, unless it has been told of before."""
    try:
        with transaction.atomic():
            received.save()
    except IntegrityError as error:
        if not violates(error, received.COMES_ONCE):
            raise
        return False
    return True
