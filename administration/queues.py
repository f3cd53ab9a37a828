"""What administrators and operators do: make queues and keys, order the consent function, settle what is texted."""

from collections.abc import Collection, Iterable
from itertools import combinations

from django.db import transaction
from django.db.models import Exists, OuterRef

from access import rights
from cases.models import TelephoneHours
from sms.content.rules import NO_NUMBER
from teleq import changes
from teleq.changes import Changes
from teleq.models import CareProvider, Membership, OutgoingSms, Queue, Role, User, is_number


class NotOrdered(Exception):
    """The care provider has not ordered Samtycke för SMS, so no queue of theirs may turn it on. Its text says so."""


class InUse(Exception):
    """A queue of the care provider has Samtycke för SMS on, so the order can't be withdrawn. Its text says so."""


class NumberNeeded(Exception):
    """A text of the queue says {telefon}, and the queue has no telephone number. Its text says what to do."""


NUMBER_IN_USE = "Numret behövs: {telefon} står i en text i Utgående SMS. Ta först bort {telefon} där."


def not_ordered_text(care_provider: CareProvider) -> str:
    return (
        f"Samtycke för SMS är inte beställt för {care_provider}."
        " Beställ funktionen enligt sedvanlig rutin på er verksamhet."
    )


def in_use_text(care_provider: CareProvider) -> str:
    return (
        f"Beställningen kan inte tas bort: en kö hos {care_provider} har samtycke till SMS aktiverat."
        " Avaktivera först i Utgående SMS."
    )


def consent_in_use(care_provider: CareProvider) -> bool:
    """Whether a queue of the care provider has Samtycke för SMS on."""
    return OutgoingSms.objects.filter(queue__care_provider=care_provider, consent_required=True).exists()


@transaction.atomic
def create_queue(queue: Queue, administrator: User | None = None) -> Queue:
    """Save a new queue together with its settings: a queue without settings could send nothing.

    An administrator who makes it becomes its administrator; a queue made by the operator has none yet.
    """
    queue.save()
    OutgoingSms.objects.create(queue=queue)
    if administrator:
        with rights.on_record(administrator, by=administrator, why="Skapade kön"):
            Membership.objects.create(user=administrator, queue=queue, role=Role.ADMINISTRATOR)
    return queue


def administered_only_by(user: User, queue_ids: Collection[int]) -> list[Queue]:
    """The queues among these that have no other active administrator. Holds all of them till the transaction ends, so
    that of two who leave at the same time, the second one sees that the first is gone."""
    held = list(Queue.objects.select_for_update(no_key=True).filter(pk__in=queue_ids).order_by("pk"))
    # A statement of its own: one that waited for the lock reads what was true before the wait.
    others = Membership.objects.filter(queue=OuterRef("pk"), role=Role.ADMINISTRATOR, user__is_active=True).exclude(
        user=user
    )
    return list(Queue.objects.filter(~Exists(others), pk__in=[queue.pk for queue in held]))


@transaction.atomic
def save_queue(queue: Queue, changed: Changes) -> None:
    """Save what was changed of a queue. Raises NumberNeeded if a text of it would be left without its number, and
    ChangedMeanwhile."""
    if not queue.phone_number and queue.sms_settings and tells_number(OutgoingSms.objects.lock_switch(queue.pk)):
        raise NumberNeeded(NUMBER_IN_USE)
    changes.save(queue, changed)


def overlapping(hours: Iterable[TelephoneHours]) -> list[TelephoneHours]:
    """The telephone hours that begin before others of the same weekday have ended."""
    in_order = sorted(hours, key=lambda each: (each.weekday, each.opens))
    return [
        later
        for earlier, later in combinations(in_order, 2)
        if earlier.weekday == later.weekday and later.opens < earlier.closes
    ]


def tells_number(settings: OutgoingSms) -> bool:
    return any("{telefon}" in text for text in (settings.confirmation_text, settings.reminder_text))


SENDER_OF_ANOTHER = "Numret är avsändare hos en annan vårdgivare, som skulle få svaren. Använd ett eget nummer."


def is_sender_of_another(sender: str, provider: CareProvider) -> bool:
    """Whether what patients answer to this number would go to another care provider."""
    senders = OutgoingSms.objects.filter(sender=sender).exclude(queue__care_provider=provider)
    return is_number(sender) and senders.exists()


@transaction.atomic
def save_outgoing_sms(settings: OutgoingSms, changed: Changes | None = None) -> None:
    """Save a queue's settings, its switch included; of those that a page has changed, what it changed.

    Raises NotOrdered where the switch may not be on, NumberNeeded where a text says {telefon} and the queue has no
    number, and ChangedMeanwhile.
    """
    stored = OutgoingSms.objects.lock_switch(settings.queue_id)
    if changed is not None:
        changes.put(stored, changed)
        settings = stored
    # The order is held too, so that it can't be withdrawn between this look and the commit.
    provider = CareProvider.objects.select_for_update(no_key=True).get(queues=settings.queue_id)
    if settings.consent_required and not provider.sms_consent_ordered:
        raise NotOrdered(not_ordered_text(provider))
    # Read anew: the number can't be taken away while the settings are held.
    if tells_number(settings) and not Queue.objects.get(pk=settings.queue_id).phone_number:
        raise NumberNeeded(NO_NUMBER)
    settings.save()


@transaction.atomic
def save_care_provider(provider: CareProvider, changed: Changes | None = None) -> None:
    """Save a care provider; of one that a page has changed, what it changed. Raises InUse if the order is withdrawn
    while a queue has the function on, and ChangedMeanwhile."""
    if provider.pk:
        stored = CareProvider.objects.select_for_update(no_key=True).get(pk=provider.pk)
        if changed is not None:
            changes.put(stored, changed)
            provider = stored
        if not provider.sms_consent_ordered and consent_in_use(stored):
            raise InUse(in_use_text(stored))
    provider.save()
