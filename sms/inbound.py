"""Replies: SMS from patients. STOPP withdraws consent; all else is for staff to read. No reply ever makes a Ja.

A reply is stored first, in a transaction that waits for nobody's lock, so that the provider gets its response soon. A
withdrawal counts from that commit. It is made the number's answer, Nej, in a transaction after that, or by the sweep.

Source: GDPR article 7.3: consent is withdrawn as easily as it is given.
"""

from __future__ import annotations

import logging
import unicodedata

from django.db import transaction
from django.db.models.functions import Now
from phonenumber_field.phonenumber import PhoneNumber

from consent import register
from sms.models import InboundSms, Message, UnplacedSms
from sms.numbers import e164
from sms.providers.base import Reply, storable
from teleq.clock import database_now
from teleq.database import insert_unless_there
from teleq.models import CareProvider, Queue, User

logger = logging.getLogger(__name__)

LONGEST = 1600
"""Letters of a reply that are kept. No provider delivers more: ten parts of 153, or Twilio's 1,600."""
CUT = "… [Texten var längre. Resten är inte sparad.]"

WITHDRAWALS = {"stopp", "stop", "nej", "avböj"}


def is_withdrawal(text: str) -> bool:
    """Whether the text is one of WITHDRAWALS and nothing else, in any case, with any spaces and punctuation."""
    letters = (letter for letter in unicodedata.normalize("NFKC", text).casefold() if letter.isalnum())
    return "".join(letters) in WITHDRAWALS


def receive(provider: str, reply: Reply) -> None:
    """Store a reply, once however often the provider delivers it. When this returns it is committed.

    A withdrawal is with each care provider that sends from the number the patient replied to. It is looked for in all
    of the text, also in what is too long to be kept.
    """
    columns = {
        "provider": provider,
        "provider_message_id": storable(reply.provider_message_id),
        "text": _kept(reply.text),
    }
    number = e164(reply.from_number)
    queues = _replied_to(e164(reply.to_number), by=number) if number else []
    if number and queues:
        _place(number, queues, columns, withdrawal=reply.opted_out or is_withdrawal(reply.text))
    else:
        _keep_unplaced(number, reply, columns)


def _kept(text: str) -> str:
    text = text.replace("\x00", "")  # which PostgreSQL can't hold
    return text if len(text) <= LONGEST else f"{text[: LONGEST - len(CUT)]}{CUT}"


def _place(number: str, queues: list[Queue], columns: dict[str, str], *, withdrawal: bool) -> None:
    inbound = InboundSms(
        queue=_last_heard_from(queues, number),
        from_number=number,
        withdrawal=withdrawal,
        read_at=database_now() if withdrawal else None,  # staff have nothing to do about it
        **columns,
    )
    withdrawn = {(queue.care_provider_id, number) for queue in queues} if withdrawal else set()
    with transaction.atomic():
        if insert_unless_there(inbound):
            register.store_withdrawals(withdrawn)
    if withdrawn:
        register.carry_out_withdrawals(withdrawn)


def _keep_unplaced(number: str | None, reply: Reply, columns: dict[str, str]) -> None:
    """Store a reply that belongs to no queue: it may be somebody's STOPP. A care provider's administrators read it."""
    unplaced = UnplacedSms(
        care_provider_id=_care_provider_of(e164(reply.to_number)),
        sender=storable(reply.from_number),
        receiver=storable(reply.to_number),
        from_number=number or "",
        **columns,
    )
    if not insert_unless_there(unplaced):
        return
    why = "is to no number of ours, from nobody we have sent to" if number else "has no number to answer for"
    logger.warning("An inbound SMS from %s %s: it is kept as %s", columns["provider"], why, unplaced.pk)


def hand_over_unplaced(unplaced_id: int, care_provider: CareProvider) -> bool:
    """Let the care provider's administrators read it. False where it is another's already, or gone."""
    waiting = UnplacedSms.objects.filter(pk=unplaced_id, care_provider=None)
    return bool(waiting.update(care_provider=care_provider))


def mark_as_read(inbound: InboundSms, by: User) -> bool:
    """Note who has read the reply. False if somebody had read it before: the first reader stays."""
    return bool(InboundSms.objects.filter(pk=inbound.pk, read_at=None).update(read_at=Now(), read_by=by))


def hand_on_unread(number: PhoneNumber, queue_id: int, to: Queue) -> None:
    """Let replies to the queue that nobody has read be another queue's: the number's case has gone there."""
    InboundSms.objects.unread().filter(queue=queue_id, from_number=number).update(queue=to)


def _care_provider_of(number: str | None) -> int | None:
    """Whose queues send from the number, where they are all one care provider's."""
    found = Queue.objects.filter(outgoing_sms__sender=number).values_list("care_provider", flat=True) if number else []
    owners = set(found)
    return owners.pop() if len(owners) == 1 else None


def _replied_to(number: str | None, by: str) -> list[Queue]:
    """The queues that send from the number. If none does, or the number can't be read, all queues that the patient has
    had an SMS from: so a withdrawal is never dropped, and always includes the queue that it was meant for."""
    owners = list(Queue.objects.filter(outgoing_sms__sender=number).order_by("id")) if number else []
    if owners:
        return owners
    heard_from = Message.objects.filter(to_number=by, claimed_at__isnull=False).values("queue")
    return list(Queue.objects.filter(pk__in=heard_from).order_by("id"))


def _last_heard_from(queues: list[Queue], number: str) -> Queue:
    """The one of the queues that last sent an SMS to the number: the reply is shown there."""
    if len(queues) == 1:
        return queues[0]
    sent = Message.objects.filter(to_number=number, queue__in=queues, claimed_at__isnull=False).order_by("-id")
    latest = sent.values_list("queue_id", flat=True).first()
    return next((queue for queue in queues if queue.pk == latest), queues[0])
