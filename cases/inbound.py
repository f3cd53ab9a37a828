"""Patients' replies by SMS, as staff see them: in the number's open case, or else in a list of the queue's.

Who marks a reply as read has seen to it: it is read for everybody in the queue.
"""

from __future__ import annotations

from django.db.models import Exists, OuterRef, Q

from cases.models import Case
from sms.models import InboundSms, InboundSmsQuerySet


def without_case() -> InboundSmsQuerySet:
    """Unread replies whose number has no open case in the queue, so that they are seen in the list only."""
    open_case = Case.objects.open().filter(queue=OuterRef("queue"), phone_number=OuterRef("from_number"))
    return InboundSms.objects.unread().filter(~Exists(open_case))


def unread_of_case() -> Exists:
    """Whether the patient has sent a reply that nobody has read. For a query of cases."""
    return Exists(InboundSms.objects.unread().filter(queue=OuterRef("queue"), from_number=OuterRef("phone_number")))


def of_case(case: Case) -> list[InboundSms]:
    """Replies from the case's number that have come since the case was made, and older ones that are unread."""
    from_patient = InboundSms.objects.filter(queue=case.queue_id, from_number=case.phone_number)
    return list(from_patient.filter(Q(read_at=None) | Q(received_at__gte=case.created_at)).select_related("read_by"))


def with_had_case(replies: InboundSmsQuerySet) -> InboundSmsQuerySet:
    """Each with whether the number has, or has had, a case in the queue: `had_case`, which the access log keeps."""
    cases = Case.objects.filter(queue=OuterRef("queue"), phone_number=OuterRef("from_number"))
    return replies.annotate(had_case=Exists(cases))
