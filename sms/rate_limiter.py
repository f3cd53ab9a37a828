"""The rate limiter: how many messages may be handed over to a provider now, over all workers (`SMS_RATES`).

It is asked before each claim: a message that may not be handed over yet is not claimed either. The answer is a permit
for so many messages. With a limited rate, each of them has a slot of its own, when it may be started: workers share the
time of the provider's next free slot, in `ProviderState.next_slot_at`.

The circuit breaker's time stands in the same row, and one statement, RESERVE, reserves both: slots by the rate, and, if
the circuit is half-open, the trial.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.conf import settings
from django.db import connection, models
from django.db.models import F, Q
from django.db.models.functions import Now

from sms.circuit_breaker import OPEN_FOR, release_trial
from sms.models import Lane, ProviderState
from teleq.clock import elapsed
from teleq.prepared import Prepared

RESERVED_AHEAD = {Lane.BULK: timedelta(seconds=1), Lane.MANUAL: timedelta(seconds=2)}
"""How far ahead slots are reserved at the most. Bulk reserves less, so that manual messages find a slot behind it."""
SPARE = 0.1
"""The part of the rate that is left unused, so that messages that start a little late make no second too full. A slot
is as many seconds long."""
LEAD_AT_MOST = 0.5
"""Seconds: half of what bulk reserves ahead."""


class Slot(NamedTuple):
    """When a message may be started, on the clock `elapsed`."""

    begins: float
    ends: float


@dataclass(frozen=True)
class Permit:
    """So many messages may be claimed and handed over."""

    messages: int
    circuit_is_open: bool = False
    asked_at: float = 0.0
    first_slot_at: float = 0.0
    """Both on the clock `elapsed`."""
    interval: float = 0.0
    """Seconds from one slot to the next. 0: the rate is not limited."""
    reserved_until: datetime | None = None
    trial_until: datetime | None = None
    """Set if the circuit is half-open and the one message is its trial: the circuit's `open_until` meanwhile."""

    def slot(self, place: int, latest: float = math.inf) -> Slot:
        """The slot of the message in this place, from 0, which ends at `latest` at the latest."""
        if not self.interval:
            return Slot(-math.inf, latest)
        begins = self.first_slot_at + place * self.interval
        return Slot(begins, min(begins + SPARE, latest))


@Prepared
def _circuit(name: str) -> models.QuerySet[ProviderState, tuple[datetime | None, bool | None]]:
    """Until when a provider's circuit is open, and whether it still is."""
    states = ProviderState.objects.filter(name=name).annotate(is_open=Q(open_until__gt=Now()))
    return states.values_list("open_until", "is_open")


class RateLimiter:
    """The rate limiter for one provider, as the drain of one lane uses it."""

    def __init__(self, provider: str, lane: Lane) -> None:
        self.provider, self.lane = provider, lane
        self.rate = rate_of(provider)
        self._lead = 0.0
        """Seconds by which slots begin later, as the last claim took longer than a slot: else all would be over by
        then, and nothing would ever leave for as long as PostgreSQL has so much to do."""

    def acquire(self, wanted: int) -> Permit:
        """A permit for as many of these as may be handed over: none while the circuit is open, one if it is half-open,
        otherwise what the rate has free slots for."""
        [(open_until, is_open)] = _circuit(name=self.provider) or [(None, False)]
        if is_open:  # while another provider sends, this is asked again and again: nothing is written for that
            return Permit(0, circuit_is_open=True)
        if self.rate or open_until:
            return self._reserve(wanted)
        return Permit(wanted)

    def release_unused(self, permit: Permit, used: int) -> None:
        """Give back the rest of the permit, as less was due or allowed by consent. Slots can only be given back if
        nobody has reserved later ones since. Called when the claim is made."""
        if permit.interval:
            took = elapsed() - permit.asked_at
            self._lead = min(took, LEAD_AT_MOST) if took > SPARE else 0.0
        if permit.trial_until and not used:
            release_trial(self.provider, permit.trial_until)
        if permit.reserved_until and used < permit.messages:
            unused = timedelta(seconds=(permit.messages - used) * permit.interval)
            reserved = ProviderState.objects.filter(name=self.provider, next_slot_at=permit.reserved_until)
            reserved.update(next_slot_at=F("next_slot_at") - unused)

    def _reserve(self, wanted: int) -> Permit:
        ProviderState.objects.ensure_row(self.provider)
        interval = 1 / (self.rate * (1 - SPARE)) if self.rate else 0.0
        parameters: dict[str, Any] = {
            "provider": self.provider,
            "wanted": wanted,
            "interval": interval,
            "ahead": RESERVED_AHEAD[self.lane],
            "lead": timedelta(seconds=self._lead),
            "open_for": OPEN_FOR,
        }
        before = elapsed()
        with connection.cursor() as cursor:
            cursor.execute(RESERVE, parameters)
            messages, wait, is_open, reserved_until, trial_until = cursor.fetchone()
        return Permit(messages, is_open, before, before + wait, interval, reserved_until, trial_until)


# One statement under the row's lock, so that two workers never reserve the same slot, nor begin a trial each. A trial
# moves `open_until` on, further than the provider may take to respond: if the trial's worker dies, another trial may
# begin after that.
RESERVE = """
    WITH provider AS (
        SELECT name, clock.at, greatest(next_slot_at, clock.at + %(lead)s) AS free_at,
            coalesce(open_until > clock.at, false) AS is_open, coalesce(open_until <= clock.at, false) AS is_half_open
        FROM sms_providerstate, (SELECT clock_timestamp() AS at) AS clock
        WHERE name = %(provider)s FOR UPDATE OF sms_providerstate
    ), permit AS (
        SELECT *, CASE
            WHEN is_open THEN 0
            WHEN is_half_open THEN least(%(wanted)s, 1)
            ELSE greatest(0, least(%(wanted)s,
                ceil(extract(epoch FROM at + %(ahead)s - free_at) / nullif(%(interval)s, 0))))
        END::int AS messages FROM provider
    )
    UPDATE sms_providerstate AS p SET
        next_slot_at = CASE WHEN messages > 0 THEN free_at + messages * %(interval)s * interval '1 second'
            ELSE p.next_slot_at END,
        open_until = CASE WHEN is_half_open AND messages > 0 THEN at + %(open_for)s ELSE open_until END
    FROM permit WHERE p.name = permit.name
    RETURNING messages, extract(epoch FROM free_at - at)::float, is_open, next_slot_at,
        CASE WHEN is_half_open AND messages > 0 THEN open_until END
"""


def rate_of(provider: str) -> float | None:
    """How many messages a second the provider takes. None if there is no limit."""
    rate = dict(settings.SMS_RATES).get(provider)
    return float(rate) if rate else None


def is_rate(text: str) -> bool:
    """Whether the text is a number of messages a second: above 0, and not infinite."""
    try:
        return 0 < float(text) < math.inf
    except ValueError:
        return False
