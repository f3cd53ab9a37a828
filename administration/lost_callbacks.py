"""Återuppringningar som kan ha gått förlorade: SMS that providers have sent and that a restored copy knows nothing of.

Each may have confirmed a callback whose case is lost. Where the number has an open case by now, that is told with it.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

from django.db.models import Exists, OuterRef, Q, QuerySet

from access.access_log import Act, Look
from cases import looks
from cases.models import Case, ProtectionMark
from sms.models import LostSms
from teleq.models import CareProvider, OutgoingSms, Queue, User
from teleq.phone_numbers import number_text


def of(user: User) -> QuerySet[LostSms]:
    """Those that were sent from a sender of a queue that the user administers, or with a care provider that they
    administer as a whole; the latest first."""
    queues = Queue.objects.administered_by(user)
    senders = OutgoingSms.objects.filter(queue__in=queues, sender=OuterRef("sender"))
    of_a_queue = Exists(senders.filter(queue__care_provider=OuterRef("care_provider")))
    marks = ProtectionMark.objects.in_force().filter(
        care_provider=OuterRef("care_provider"), identifier=OuterRef("to_number")
    )
    found = LostSms.objects.filter(Q(of_a_queue) | Q(care_provider__in=CareProvider.objects.administered_by(user)))
    return found.annotate(number_is_marked=Exists(marks)).order_by("-sent_at", "-id")


@dataclass(frozen=True)
class Row:
    """One SMS, and the number's open case, if there is one in the queues that the user administers."""

    sms: LostSms
    case: Case | None
    hidden: bool
    """The patient has protected personal data: the number is not shown."""
    may_open: bool
    """Whether the user works in the case's queue."""

    @property
    def look(self) -> Look:
        """What the access log is told of it."""
        if self.case is None:
            look = Look(Act.LOST, self.sms.care_provider_id, number=self.sms.to_number)
        else:
            look = replace(looks.look_at(Act.LOST, self.case), number=self.sms.to_number)
        return replace(look, protected=self.hidden, unless_lately=True)


def rows(shown: Collection[LostSms], user: User) -> list[Row]:
    """What a page shows of these. Two queries, however many they are."""
    own = Case.objects.in_queues(Queue.objects.administered_by(user)).open().with_protection()
    numbers = {number_text(sms.to_number) for sms in shown}
    found = own.filter(phone_number__in=numbers).select_related("queue").order_by("callback_at", "pk")
    cases = {(case.queue.care_provider_id, number_text(case.phone_number)): case for case in found}
    works_in = set(Queue.objects.for_user(user).values_list("pk", flat=True))
    return [_row(sms, cases.get((sms.care_provider_id or 0, number_text(sms.to_number))), works_in) for sms in shown]


def _row(sms: LostSms, case: Case | None, works_in: set[int]) -> Row:
    return Row(
        sms,
        case,
        hidden=sms.number_is_marked or (case is not None and case.protected),  # type: ignore[attr-defined]
        may_open=case is not None and case.queue_id in works_in,
    )
