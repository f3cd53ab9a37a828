"""How the way out is doing: what waits, what is unknown, and which circuits are open. Numbers and times only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Count, Min
from django.db.models.functions import Now

from sms.models import Lane, Message, ProviderState, Unsettled
from sms.states import State


@dataclass(frozen=True)
class Waiting:
    """What is due in a lane and has not left."""

    lane: Lane
    count: int
    oldest_due_at: datetime | None


def waiting() -> list[Waiting]:
    """Each lane, also where nothing waits."""
    told = []
    for lane in Lane:
        due = Unsettled.objects.waiting(lane).due().order_by().aggregate(count=Count("pk"), oldest=Min("at"))
        told.append(Waiting(lane, due["count"], due["oldest"]))
    return told


def unknown_since() -> timedelta:
    """How far back `unknown` looks: a message may become unknown when its report has been waited for in vain."""
    return timedelta(settings.SMS_REPORT_WITHIN.days + 1)


def unknown() -> int:
    """How many of the messages of the last days it is unknown of whether they came through.

    Of the last days only, which the index on `created_at` finds: an index on the state would make every move of every
    message dearer.
    """
    lately = Message.objects.filter(created_at__gt=Now() - unknown_since(), state=State.UNKNOWN)
    return lately.count()


@dataclass(frozen=True)
class Circuit:
    provider: str
    state: str
    """closed, open or half-open, as `sms.circuit_breaker` has them."""
    since: datetime | None
    """Since when the provider takes no messages."""
    shut_status: str
    """What it said, if it lets teleQ in no more."""
    rate_ahead: float
    """For how many seconds the rate limiter has given away all slots."""


def circuits(at: datetime) -> list[Circuit]:
    """Of every provider that has been used, at this instant by PostgreSQL's clock."""
    return [
        Circuit(
            provider=row.name,
            state="closed" if row.open_until is None else "open" if row.open_until > at else "half-open",
            since=row.silent_since,
            shut_status=row.shut_status,
            rate_ahead=max(0.0, (row.next_slot_at - at).total_seconds()),
        )
        for row in ProviderState.objects.order_by("name")
    ]
