"""Patients' replies by SMS, as staff see them: in the number's open case, or else in a list of the queue's.

Who marks a reply as read has seen to it: it is read for everybody in the queue.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypedDict

from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery

from cases.models import Case, ProtectionMark
from sms.inbound import hand_on_unread
from sms.models import InboundSms, InboundSmsQuerySet, Message
from teleq.models import Queue, User
from teleq.phone_numbers import number_text
from teleq.prepared import Prepared


class ForTheLog(TypedDict):
    """What PostgreSQL adds to each reply, by `for_the_log`."""

    had_case: bool
    protected: bool


if TYPE_CHECKING:
    from django_stubs_ext import WithAnnotations

    KnownSms = WithAnnotations[InboundSms, ForTheLog]


@dataclass(frozen=True)
class Row:
    sms: KnownSms
    protected: bool
    """The patient has protected personal data: neither number nor text is shown, unless the reply is opened."""
    opened: bool
    """The user has asked to see this one."""

    @property
    def hidden(self) -> bool:
        return self.protected and not self.opened


def without_case() -> InboundSmsQuerySet:
    """Unread replies whose number has no open case in the queue, so that they are seen in the list only."""
    open_case = Case.objects.open().filter(queue=OuterRef("queue"), phone_number=OuterRef("from_number"))
    return InboundSms.objects.unread().filter(~Exists(open_case))


def listed(user: User) -> QuerySet[KnownSms]:
    """The replies without a case to the user's queues."""
    return for_the_log(without_case().for_user(user))


def rows(page: Iterable[KnownSms], opened: int | None) -> list[Row]:
    """What is shown of the replies. `opened` is the id of one that the user has asked to see."""
    return [Row(sms, sms.protected, opened=sms.pk == opened) for sms in page]


def _is_protected() -> Q:
    """Whether the patient who has sent a reply has protected personal data: their number is marked, or it is the number
    of a case that is protected. For a query of replies."""
    care_provider, number = OuterRef("queue__care_provider"), OuterRef("from_number")
    marked = ProtectionMark.objects.in_force().filter(care_provider=care_provider, identifier=number)
    cases = Case.objects.filter(queue__care_provider=care_provider, phone_number=number)
    return Exists(marked) | Exists(cases.protected())


def unread_of_case() -> Exists:
    """Whether the patient has sent a reply that nobody has read. For a query of cases."""
    return Exists(InboundSms.objects.unread().filter(queue=OuterRef("queue"), from_number=OuterRef("phone_number")))


def of_case(case: Case) -> list[InboundSms]:
    """Replies from the case's number that have come since the case was made, and older ones that are unread: to its
    queue, and to the queues that it has sent an SMS from."""
    return _of_case(case=case.pk, queue=case.queue_id, number=number_text(case.phone_number))


@Prepared
def _of_case(case: int, queue: int, number: str) -> QuerySet[InboundSms]:
    sent_from = Message.objects.filter(case_message__case=case).values("queue")
    made_at = Case.objects.filter(pk=case).values("created_at")
    from_patient = InboundSms.objects.filter(Q(queue=queue) | Q(queue__in=sent_from), from_number=number)
    return from_patient.filter(Q(read_at=None) | Q(received_at__gte=Subquery(made_at))).select_related("read_by")


def follow(case: Case, queue: Queue) -> None:
    """Let the replies that nobody has read go with the case to another queue, unless the number has another open case
    in this one."""
    others = Case.objects.open().filter(queue=case.queue_id, phone_number=case.phone_number).exclude(pk=case.pk)
    if not others.exists():
        hand_on_unread(case.phone_number, case.queue_id, queue)


def for_the_log(replies: InboundSmsQuerySet) -> QuerySet[KnownSms]:
    """Each with what the access log keeps of whose it is: whether the number has, or has had, a case in the queue, and
    whether the patient has protected personal data."""
    cases = Case.objects.filter(queue=OuterRef("queue"), phone_number=OuterRef("from_number"))
    told: QuerySet[InboundSms] = replies.select_related("queue")
    return told.annotate(had_case=Exists(cases), protected=_is_protected())
