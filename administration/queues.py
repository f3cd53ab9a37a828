"""Queues, their telephone hours and their members: what Admin > Köer and Admin > Användare do.

The exceptions' texts are Swedish sentences for the page.
"""

from collections.abc import Collection, Iterable
from itertools import combinations

from django.db import transaction
from django.db.models import Exists, OuterRef

from access import rights
from administration.outgoing_sms import NumberNeeded, tells_number
from cases.models import TelephoneHours
from teleq import changes
from teleq.changes import Changes
from teleq.models import Membership, OutgoingSms, Queue, Role, User

NUMBER_IN_USE = "Numret behövs: {telefon} står i en text i Utgående SMS. Ta först bort {telefon} där."


@transaction.atomic
def create_queue(queue: Queue, administrator: User | None = None) -> Queue:
    """Save a new queue together with its settings for SMS: a queue without settings could send nothing.

    An administrator who makes it becomes its administrator; a queue made by the operator has none yet.
    """
    queue.save()
    OutgoingSms.objects.create(queue=queue)
    if administrator:
        with rights.on_record(administrator, by=administrator, why="Skapade kön"):
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


def administered_only_by(user: User, queue_ids: Collection[int]) -> list[Queue]:
    """The queues among these that have no other active administrator. For use in a transaction.

    All of them are locked till it ends: of two administrators who leave at the same time, the second one sees that the
    first has left.
    """
    held = list(Queue.objects.select_for_update(no_key=True).filter(pk__in=queue_ids).order_by("pk"))
    # A statement of its own: one that waited for the lock reads what was true before the wait.
    others = Membership.objects.filter(queue=OuterRef("pk"), role=Role.ADMINISTRATOR, user__is_active=True).exclude(
        user=user
    )
    return list(Queue.objects.filter(~Exists(others), pk__in=[queue.pk for queue in held]))


def overlapping(hours: Iterable[TelephoneHours]) -> list[TelephoneHours]:
    """The telephone hours that begin before others of the same weekday have ended."""
    in_order = sorted(hours, key=lambda each: (each.weekday, each.opens))
    return [
        later
        for earlier, later in combinations(in_order, 2)
        if earlier.weekday == later.weekday and later.opens < earlier.closes
    ]
