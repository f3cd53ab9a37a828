"""SMS that did not reach their patient: refused, too late or failed. Which, why, and in whose case.

The same messages as in Statistik, which counts them by the day they were written. Those that became too late while all
sending was stopped are found by a reason of their own.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import NamedTuple

from django.db.models import Exists, OuterRef, QuerySet
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy

from access.access_log import Act, Look
from administration.totals import DAY, beginning_of
from cases import looks
from cases.models import Case, CaseMessage, ProtectionMark
from sms import brake
from sms.models import Message, Refusal, SendingStop
from sms.states import State
from teleq.models import Queue, User

ENDED = (State.EXPIRED, State.FAILED)
BY_A_STOP = "stop"
REASONS = [
    *Refusal.choices,
    *((state.value, state.label) for state in ENDED),
    (BY_A_STOP, gettext_lazy("För sent: alla utskick var stoppade")),
]
"""Why an SMS did not arrive, as in addresses and in words. The last are among those of `State.EXPIRED`, and with those
that still wait and are too late already."""


def stopped(queue: Queue, reason: str, first: date, last: date) -> QuerySet[Message]:
    """Those of these days, both included, the latest first. Without a reason for all of them."""
    written = Message.objects.filter(
        queue=queue, created_at__gte=beginning_of(first), created_at__lt=beginning_of(last + DAY)
    )
    if reason == BY_A_STOP:
        found = written.filter(brake.too_late_by_a_stop(), state__in=[State.EXPIRED, State.QUEUED])
    elif reason in Refusal.values:
        found = written.filter(state=State.REFUSED, refusal=reason)
    else:
        found = written.filter(state__in=[reason] if reason else [State.REFUSED, *ENDED])
    marks = ProtectionMark.objects.in_force().filter(
        care_provider=OuterRef("queue__care_provider"), identifier=OuterRef("to_number")
    )
    return found.annotate(number_is_marked=Exists(marks)).order_by("-created_at", "-id")


@dataclass(frozen=True)
class Row:
    """One SMS, and what may be told of its patient."""

    message: Message
    case: Case | None
    """None where it has been removed, or is elsewhere."""
    is_elsewhere: bool
    """The case has gone to a queue that the user doesn't administer: nothing is told of its patient."""
    hidden: bool
    """The patient has protected personal data: neither name nor number is shown."""
    may_open: bool
    """Whether the user works in the case's queue."""

    @property
    def reason(self) -> str:
        """Of what waits it is said what it will be: only what is too late already is listed."""
        waits = self.message.state == State.QUEUED
        return str(State.EXPIRED.label) if waits else self.message.outcome.rstrip(".")

    @property
    def look(self) -> Look:
        """What the access log is told of it."""
        number, queue = self.message.to_number, self.message.queue
        if self.case is None:
            return Look(Act.STOPPED, queue.care_provider_id, queue.pk, number, protected=self.hidden)
        seen = looks.look_at(Act.STOPPED, self.case)
        return replace(seen, number=number, protected=self.hidden)


def rows(messages: Collection[Message], administered: QuerySet[Queue], user: User) -> list[Row]:
    """What a page shows of these messages. Three queries, however many they are."""
    tied = CaseMessage.objects.filter(message__in=[message.pk for message in messages])
    case_ids = dict(tied.values_list("message_id", "case_id"))
    own = Case.objects.in_queues(administered).with_protection().select_related("queue")
    cases = own.in_bulk(set(case_ids.values()))
    works_in = set(Queue.objects.for_user(user).values_list("pk", flat=True))
    return [_row(message, case_ids.get(message.pk), cases, works_in) for message in messages]


def _row(message: Message, case_id: int | None, cases: dict[int, Case], works_in: set[int]) -> Row:
    case = cases.get(case_id or 0)
    return Row(
        message,
        case,
        is_elsewhere=case_id is not None and case is None,
        hidden=message.number_is_marked or (case is not None and case.protected),  # type: ignore[attr-defined]
        may_open=case is not None and case.queue_id in works_in,
    )


def seen(shown: Collection[Row]) -> list[Look]:
    """The looks that a page of them is: one for each patient in a case, within the hour once."""
    told = {(look.case_id, str(look.number)): look for look in (row.look for row in shown if not row.is_elsewhere)}
    return [replace(look, unless_lately=True) for look in told.values()]


# Too late by a stop --------------------------------------------------------------------------------------------------

TOLD_FOR = timedelta(days=7)
"""So long after a stop was released the queue's administrators are told on Admin's first page of what it made too
late."""


class TooLate(NamedTuple):
    queue: Queue
    messages: int
    stop: SendingStop


def lately_too_late(user: User) -> list[TooLate]:
    """What became too late lately in the queues that the user administers, as it was counted when a stop was released.

    One query, and a second where there was any stop.
    """
    lately = SendingStop.objects.filter(released_at__gt=Now() - TOLD_FOR).exclude(too_late={})
    late = {(stop, int(queue)): sum(kinds.values()) for stop in lately for queue, kinds in stop.too_late.items()}
    own = Queue.objects.administered_by(user).in_bulk({queue for _, queue in late}) if late else {}
    return [TooLate(own[queue], messages, stop) for (stop, queue), messages in late.items() if queue in own]
