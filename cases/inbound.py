"""What patients have answered by SMS, as staff see it: in the number's open case, else in a list of the queue.

Read is read: whoever marks it has seen to it, and it is not asked for again.
"""

from __future__ import annotations

from django.db.models import Count, Exists, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce

from cases.models import Case
from sms.models import InboundSms, InboundSmsQuerySet
from teleq.models import User


def without_case(user: User) -> InboundSmsQuerySet:
    """Unread, and where nobody would come upon it: the number has no open case in the queue."""
    return _unseen(InboundSms.objects.for_user(user))


def count_without_case() -> Coalesce:
    """How many such a queue has, for a query of queues."""
    of_queue = _unseen(InboundSms.objects.filter(queue=OuterRef("pk"))).order_by().values("queue")
    return Coalesce(Subquery(of_queue.annotate(how_many=Count("pk")).values("how_many")), 0)


def _unseen(inbound_sms: InboundSmsQuerySet) -> InboundSmsQuerySet:
    open_case = Case.objects.open().filter(queue=OuterRef("queue"), phone_number=OuterRef("from_number"))
    return inbound_sms.unread().filter(~Exists(open_case))


def of_case(case: Case) -> list[InboundSms]:
    """What has come while the case has been there, and what was unread before."""
    from_patient = InboundSms.objects.filter(queue=case.queue_id, from_number=case.phone_number)
    return list(from_patient.filter(Q(read_at=None) | Q(received_at__gte=case.created_at)).select_related("read_by"))
