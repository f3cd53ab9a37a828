"""What administrators and operators do: make queues, order the consent function, turn it on and off."""

from collections.abc import Collection

from django.db import transaction
from django.db.models import Exists, OuterRef

from teleq.models import CareProvider, Membership, OutgoingSms, Queue, Role, User


class NotOrdered(Exception):
    """The care provider has not ordered Samtycke för SMS, so no queue of theirs may turn it on. Its text says so."""


class InUse(Exception):
    """A queue of the care provider has Samtycke för SMS on, so the order can't be withdrawn. Its text says so."""


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
def save_outgoing_sms(settings: OutgoingSms) -> None:
    """Save a queue's settings, its switch included. Raises NotOrdered where the switch may not be on."""
    OutgoingSms.objects.lock_switch(settings.queue_id)
    # The order is held too, so that it can't be withdrawn between this look and the commit.
    provider = CareProvider.objects.select_for_update(no_key=True).get(queues=settings.queue_id)
    if settings.consent_required and not provider.sms_consent_ordered:
        raise NotOrdered(not_ordered_text(provider))
    settings.save()


@transaction.atomic
def save_care_provider(provider: CareProvider) -> None:
    """Save a care provider. Raises InUse if the order is withdrawn while a queue has the function on."""
    if provider.pk:
        stored = CareProvider.objects.select_for_update(no_key=True).get(pk=provider.pk)
        if not provider.sms_consent_ordered and consent_in_use(stored):
            raise InUse(in_use_text(stored))
    provider.save()
