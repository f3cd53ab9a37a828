"""What is counted of text messages, by kind and provider. In the processes: nobody counts rows for it.

Many at once: so a message costs a microsecond.
"""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Iterable
from typing import NamedTuple

from django.db import transaction
from prometheus_client import Counter

from sms.models import DueMessage, Kind, Message, Refusal
from sms.providers import PROVIDERS
from sms.states import State
from teleq.metrics import Durations

ACCEPTED = Counter("teleq_sms_accepted_total", "SMS that were accepted, by kind.", ["kind"])
REFUSED = Counter("teleq_sms_refused_total", "SMS that were refused, by reason.", ["reason"])
EXPIRED = Counter("teleq_sms_expired_total", "SMS that were not sent as it was too late.")
OUTCOMES = Counter(
    "teleq_sms_outcomes_total",
    "What became of SMS that were handed over, by kind, provider and state; queued: not sent, to be tried again.",
    ["kind", "provider", "state"],
)
HANDOVER_SECONDS = Durations(
    "teleq_sms_handover_seconds",
    "Seconds from when an SMS was accepted until its provider took it, by kind.",
    ["kind"],
    buckets=[0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600],
)
DELIVERY_SECONDS = Durations(
    "teleq_sms_delivery_seconds",
    "Seconds from when an SMS was accepted until it was reported to have been delivered, by kind.",
    ["kind"],
    buckets=[1, 2.5, 5, 10, 30, 60, 300, 900, 3600, 6 * 3600, 24 * 3600],
)
COUNTED_OUTCOMES = (State.SENT, State.DELIVERED, State.FAILED, State.UNKNOWN, State.QUEUED)


class Recorded(NamedTuple):
    """A message whose state has been recorded."""

    kind: str
    provider: str
    state: str
    seconds: float
    """Since it was accepted."""


def accepted(messages: Iterable[Message]) -> None:
    """Messages that were written as rows, of which some may have been refused at once.

    Counted at once: what its caller rolls back, which is rare, is counted all the same.
    """
    messages = list(messages)
    for kind, number in Tally(message.kind for message in messages).items():
        ACCEPTED.labels(kind).inc(number)
    judged(messages)


def judged(messages: Iterable[Message | DueMessage]) -> None:
    """Messages that have been judged: of a claim, when it is committed."""
    states = Tally((message.state, message.refusal) for message in messages)
    for (state, reason), number in states.items():
        if state == State.REFUSED:
            REFUSED.labels(reason).inc(number)
        elif state == State.EXPIRED:
            EXPIRED.inc(number)


def recorded(rows: Iterable[Recorded]) -> None:
    """Messages that were handed over and have got another state."""
    rows = list(rows)

    def count() -> None:
        for (kind, provider, state), number in Tally(row[:3] for row in rows).items():
            OUTCOMES.labels(kind, provider, state).inc(number)
        for state, histogram in ((State.SENT, HANDOVER_SECONDS), (State.DELIVERED, DELIVERY_SECONDS)):
            for kind in {row.kind for row in rows if row.state == state}:
                taken = [row.seconds for row in rows if row.state == state and row.kind == kind]
                histogram.labels(kind).observe_all(taken)

    # Not before: a result that can't be recorded is recorded again.
    transaction.on_commit(count, robust=True)


def settled(message: Message) -> None:
    """A message whose delivery report has come."""
    seconds = (message.state_at - message.created_at).total_seconds()
    recorded([Recorded(message.kind, message.provider, message.state, seconds)])


def _begin_at_nought() -> None:
    """What has not happened yet is told as 0: Prometheus doesn't see the first of a series that wasn't there before."""
    configured = [name for name, provider in PROVIDERS.items() if not any(provider.configuration_errors())]
    for kind in Kind:
        ACCEPTED.labels(kind)
        for provider in configured:
            for state in COUNTED_OUTCOMES:
                OUTCOMES.labels(kind, provider, state)
    for reason in Refusal:
        REFUSED.labels(reason)


_begin_at_nought()
