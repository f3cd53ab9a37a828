"""Queues and their telephone hours: what Admin > Köer does.

The exceptions' texts are Swedish sentences for the page.
"""

from collections.abc import Iterable
from itertools import combinations

from django.db import transaction
from django.utils.translation import gettext_lazy, gettext_noop

from access import rights
from administration.outgoing_sms import NumberNeeded, tells_number
from cases.models import TelephoneHours
from teleq import changes
from teleq.changes import Changes
from teleq.models import Membership, OutgoingSms, Queue, Role, User

MADE_THE_QUEUE = gettext_noop("Skapade kön")
NUMBER_IN_USE = gettext_lazy("Numret behövs: {telefon} står i en text i Utgående SMS. Ta först bort {telefon} där.")


@transaction.atomic
def create_queue(queue: Queue, administrator: User | None = None) -> Queue:
    """Save a new queue together with its settings for SMS: a queue without settings could send nothing.

    An administrator of another queue who makes it becomes its administrator. One that the operator made has none yet; a
    care provider's administrator administers it as it is.
    """
    queue.save()
    OutgoingSms.objects.create(queue=queue)
    if administrator:
        with rights.on_record(administrator, by=administrator, why=MADE_THE_QUEUE):
            Membership.objects.create(user=administrator, queue=queue, role=Role.ADMINISTRATOR)
    return queue


@transaction.atomic
def save_queue(queue: Queue, changed: Changes) -> None:
    """Save what was changed of a queue.

    Raises NumberNeeded where its telephone number was emptied and a text of the queue says {telefon}, and
    ChangedMeanwhile.
    """
    if (
        not queue.phone_number
        and queue.outgoing_sms_or_none
        and tells_number(OutgoingSms.objects.lock_switch(queue.pk))
    ):
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
