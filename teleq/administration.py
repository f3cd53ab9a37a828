"""What administrators and operators do: make queues, order the consent function, turn it on and off."""

from django.db import transaction

from teleq.models import CareProvider, OutgoingSms, Queue


class NotOrdered(Exception):
    """The care provider has not ordered Samtycke för SMS, so no queue of theirs may turn it on."""


class InUse(Exception):
    """A queue of the care provider has Samtycke för SMS on, so the order can't be withdrawn."""


def not_ordered_text(care_provider: CareProvider) -> str:
    return (
        f"Samtycke för SMS är inte beställt för {care_provider}."
        " Beställ funktionen enligt sedvanlig rutin på er verksamhet."
    )


@transaction.atomic
def create_queue(queue: Queue) -> Queue:
    """Save a new queue together with its settings: a queue without settings could send nothing."""
    queue.save()
    OutgoingSms.objects.create(queue=queue)
    return queue


@transaction.atomic
def save_outgoing_sms(settings: OutgoingSms) -> None:
    """Save a queue's settings, its switch included. Raises NotOrdered where the switch may not be on."""
    OutgoingSms.objects.lock_switch(settings.queue_id)
    # The order is held too, so that it can't be withdrawn between this look and the commit.
    provider = CareProvider.objects.select_for_update(no_key=True).get(queues=settings.queue_id)
    if settings.consent_required and not provider.sms_consent_ordered:
        raise NotOrdered
    settings.save()


@transaction.atomic
def save_care_provider(provider: CareProvider) -> None:
    """Save a care provider. Raises InUse if the order is withdrawn while a queue has the function on."""
    if provider.pk:
        CareProvider.objects.select_for_update(no_key=True).get(pk=provider.pk)
        in_use = OutgoingSms.objects.filter(queue__care_provider=provider, consent_required=True).exists()
        if in_use and not provider.sms_consent_ordered:
            raise InUse
    provider.save()
