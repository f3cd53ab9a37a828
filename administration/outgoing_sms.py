"""A queue's settings for text messages: what Admin > Utgående SMS saves, and when it may not.

The exceptions' texts are Swedish sentences for the page.
"""

import re

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from sms.content.rules import NO_NUMBER
from sms.models import Kind
from teleq import changes
from teleq.changes import Changes
from teleq.models import SENDER, CareProvider, OutgoingSms, Queue, is_number
from teleq.phone_numbers import number_text, read

SENDER_OF_ANOTHER = gettext_lazy(
    "Numret är avsändare hos en annan vårdgivare, som skulle få svaren. Använd ett eget nummer."
)


class NotOrdered(Exception):
    """The care provider has not ordered Samtycke för SMS, so none of its queues may turn it on."""


class NumberNeeded(Exception):
    """A text of the queue says {telefon}, which is filled in with the queue's telephone number, and it has none."""


def not_ordered_text(care_provider: CareProvider) -> str:
    return _(
        "Samtycke för SMS är inte beställt för %(care_provider)s. Beställ funktionen enligt"
        " sedvanlig rutin på er verksamhet."
    ) % {"care_provider": care_provider}


def tells_number(outgoing_sms: OutgoingSms) -> bool:
    """Whether an automatic text says {telefon}, the queue's telephone number."""
    return any("{telefon}" in text for text in (outgoing_sms.confirmation_text, outgoing_sms.reminder_text))


def automatic_texts(outgoing_sms: OutgoingSms) -> list[tuple[Kind, str, str]]:
    """The texts that leave by themselves, of those that are turned on: of which kind, in which column, and the text."""
    texts = [
        (outgoing_sms.confirmation_on, Kind.CONFIRMATION, "confirmation_text", outgoing_sms.confirmation_text),
        (outgoing_sms.reminder_on, Kind.REMINDER, "reminder_text", outgoing_sms.reminder_text),
    ]
    return [(kind, column, text) for is_on, kind, column, text in texts if is_on]


def is_sender_of_another(sender: str, provider: CareProvider) -> bool:
    """Whether replies to this sender, if it is a number, would go to a queue of another care provider."""
    senders = OutgoingSms.objects.filter(sender=sender).exclude(queue__care_provider=provider)
    return is_number(sender) and senders.exists()


def read_sender(typed: str) -> str | None:
    """A sender as it is typed, as it is stored: a telephone number in E.164, or what the model takes for a name. None
    where it is neither."""
    if not re.search("[A-Za-z]", typed):
        number = read(typed)
        return None if number is None else number_text(number)
    return typed if re.fullmatch(SENDER, typed) else None


@transaction.atomic
def save_outgoing_sms(outgoing_sms: OutgoingSms, changed: Changes | None = None) -> None:
    """Save a queue's settings. With `changed`, only what a page has changed of them.

    Raises NotOrdered where consent is required and the function is not ordered, NumberNeeded where a text says
    {telefon} and the queue has no number, and ChangedMeanwhile.
    """
    stored = OutgoingSms.objects.lock_switch(outgoing_sms.queue_id)
    if changed is not None:
        changes.put(stored, changed)
        outgoing_sms = stored
    # Locked too, so that the order can't be withdrawn between this look and the commit.
    provider = CareProvider.objects.select_for_update(no_key=True).get(queues=outgoing_sms.queue_id)
    if outgoing_sms.consent_required and not provider.sms_consent_ordered:
        raise NotOrdered(not_ordered_text(provider))
    # Read anew: while the settings are locked nobody can take the number away (save_queue locks them as well).
    if tells_number(outgoing_sms) and not Queue.objects.get(pk=outgoing_sms.queue_id).phone_number:
        raise NumberNeeded(_(NO_NUMBER))
    outgoing_sms.save()
