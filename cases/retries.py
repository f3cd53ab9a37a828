"""When to try again after a call that reached nobody, and what is left when that was the last call planned.

A queue plans so many calls of a case (`Queue.max_attempts`), so far apart (`Queue.retry_minutes`). More are possible.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from django.utils import timezone

from cases import free_times
from cases.models import Case, Priority, Status
from sms.models import StandardText

EVEN = timedelta(minutes=5)
"""A proposal is rounded up to this."""


def proposal(case: Case, now: datetime) -> datetime | None:
    """The time to try again, in UTC: as soon as the queue's calls may follow on each other, inside its telephone hours,
    on the same day where there is such a time. A queue without telephone hours is always open.

    None if a call that reaches nobody now is the last one planned, or if the queue is closed for weeks.
    """
    if case.attempts + 1 >= case.queue.max_attempts:
        return None
    earliest = _rounded_up(now + timedelta(minutes=case.queue.retry_minutes))
    hours = free_times.hours_of(queue=case.queue_id)
    if not hours:
        return earliest
    today = timezone.localdate(now)
    for opens, closes in free_times.open_between(case.queue, today, today + free_times.LOOK_AHEAD, hours):
        if earliest < closes:
            return max(earliest, opens)
    return None


def _rounded_up(at: datetime) -> datetime:
    return datetime.fromtimestamp(-(-at.timestamp() // EVEN.total_seconds()) * EVEN.total_seconds(), UTC)


def has_been_tried_enough(case: Case) -> bool:
    """Whether all calls that the queue plans have been made, and the last one reached nobody."""
    return case.status == Status.NO_ANSWER and case.attempts >= case.queue.max_attempts


def last_text(case: Case) -> StandardText | None:
    """What to write to a patient who has not been reached.

    Nothing to a number that was wrong, which is somebody else's; nor where the case is urgent: then somebody else
    decides (`Queue.responsible`).
    """
    if case.priority == Priority.URGENT or case.wrong_number:
        return None
    return case.queue.standard_texts.filter(after_last_attempt=True).first()
