"""The circuit breaker: a provider that is down gets no messages for a while, and then one at a time on trial.

Its circuit is *closed* while the provider takes messages. Several failures in a row *open* it, for all workers: no
message is handed over for `OPEN_FOR`. Then it is *half-open*: one message is handed over as a trial. If the provider
takes it the circuit closes, else it opens again.

All workers share `ProviderState`, a row per provider: `open_until` is empty while the circuit is closed, in the future
while it is open, and in the past when a trial may begin. `sms.rate_limiter` reads it before each claim. `silent_since`
is when it opened first, however many trials have failed since: staff are told.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Coalesce, Now

from sms.models import ProviderState
from sms.providers.base import Outcome, SendResult, loggable, storable
from sms.routing import able
from teleq.clock import elapsed
from teleq.models import OutgoingSms
from teleq.prepared import Prepared

logger = logging.getLogger(__name__)

OPEN_FOR = timedelta(seconds=30)
FAILURES_TO_OPEN = 5
"""The circuit opens after so many failures in a row ..."""
SILENCE = 1.0
"""... if for so many seconds the provider has processed no message: one that fails every other message is not down."""
SHOWN_AFTERWARDS = timedelta(minutes=2)
"""Staff are told so long after `open_until` that messages wait. By then the sweep, which comes each minute, has let a
trial begin."""

PROCESSED = {Outcome.ACCEPTED, Outcome.QUEUED, Outcome.REJECTED}
"""Outcomes that show that the provider works."""


@dataclass
class Trial:
    """The message that shows, when the circuit is half-open, whether the provider takes messages again."""

    message_id: int
    until: datetime
    """The `open_until` that holds other messages back meanwhile. No other trial has the same."""
    result: SendResult | None = None


class Circuit(Enum):
    """What `CircuitBreaker.publish` has found."""

    OPEN = "open"
    CLOSED = "closed"


class CircuitBreaker:
    """One drain's circuit breaker for one provider. `record_result` is called in the dispatcher's thread, all else in
    the drain's own."""

    def __init__(self, provider: str) -> None:
        self.provider = provider
        self.is_open = False
        """Whether this drain has found that the provider is down. Never false again for this drain."""
        self._trial: Trial | None = None
        self._results, self._failures = 0, 0
        self._failures_in_a_row, self._last_failure = 0, ""
        self._processed_at = -math.inf
        self._shut_status = ""
        self._published: str | None = None
        """The `_shut_status` with which this drain has opened the circuit for all workers, or None if it hasn't."""

    @property
    def is_half_open(self) -> bool:
        """Whether this drain has a message on trial. Until its result has been published no other may be claimed."""
        return self._trial is not None

    def begin_trial(self, message_id: int, until: datetime) -> None:
        self._trial = Trial(message_id, until)
        logger.info("%s: circuit breaker half-open, SMS %s is tried", self.provider, message_id)

    def record_result(self, message_id: int, result: SendResult) -> None:
        """Count a result, as soon as it is there: once the circuit is open, the dispatcher starts no other message."""
        if (trial := self._trial) and trial.message_id == message_id:
            trial.result = result
        if result.outcome is Outcome.NOT_STARTED:
            return
        self._results += 1
        if result.outcome in PROCESSED:
            self._failures_in_a_row, self._processed_at = 0, elapsed()
            return
        self._failures_in_a_row, self._failures = self._failures_in_a_row + 1, self._failures + 1
        self._last_failure = result.status
        if result.outcome is Outcome.SHUT:
            self.is_open, self._shut_status = True, storable(result.status)
        elif self._failures_in_a_row >= FAILURES_TO_OPEN and elapsed() - self._processed_at >= SILENCE:
            self.is_open = True

    def publish(self) -> Circuit | None:
        """Open or close the circuit for all workers, by the results so far.

        Returns OPEN if this drain must hand over no more, CLOSED if its trial has just closed the circuit, else None.
        """
        if self._trial and self._trial.result:
            return self._end_trial(self._trial, self._trial.result)
        if not self.is_open:
            return None
        if self._published != (shut_status := self._shut_status):
            self._published = shut_status
            self._open(shut_status)
        return Circuit.OPEN

    def log_failures(self) -> None:
        """Log the failures that were too few to open the circuit."""
        if self._failures and self._published is None:
            counts = f"{self._failures} of {self._results}"
            logger.warning("%s: %s not taken, the last with: %s", self.provider, counts, loggable(self._last_failure))

    @property
    def _row(self) -> models.QuerySet[ProviderState]:
        return ProviderState.objects.filter(name=self.provider)

    def _open(self, shut_status: str) -> None:
        """Open a closed circuit. One that is open already only gets its `shut_status`, if it has none yet."""
        ProviderState.objects.ensure_row(self.provider)
        news = Q(open_until=None) | Q(shut_status="") if shut_status else Q(open_until=None)
        opened = {"open_until": Now() + OPEN_FOR, "silent_since": Coalesce("silent_since", Now())}
        if self._row.filter(news).update(shut_status=shut_status, **opened):
            why = "it lets no SMS in" if shut_status else f"{self._failures_in_a_row} in a row not taken"
            # Only one that lets no SMS in has to be mended by somebody.
            level = logging.CRITICAL if shut_status else logging.WARNING
            self._log_open(level, f"circuit breaker open, {why}", self._last_failure)

    def _end_trial(self, trial: Trial, result: SendResult) -> Circuit | None:
        """A success closes the circuit, whichever drain's trial it is. A failure opens it again, unless another trial
        has begun since."""
        self._trial = None
        if result.outcome is Outcome.NOT_STARTED:
            release_trial(self.provider, trial.until)
            return None
        if result.outcome in PROCESSED:
            self._failures_in_a_row = 0
            if not self._row.exclude(open_until=None).update(open_until=None, silent_since=None, shut_status=""):
                return None
            logger.warning("%s: circuit breaker closed, SMS %s was taken", self.provider, trial.message_id)
            return Circuit.CLOSED
        shut_status = storable(result.status) if result.outcome is Outcome.SHUT else ""
        self.is_open, self._published = True, self._shut_status
        is_news = bool(shut_status) and self._row.filter(shut_status="").exists()
        if self._row.filter(open_until=trial.until).update(open_until=Now() + OPEN_FOR, shut_status=shut_status):
            why = "it lets no SMS in" if shut_status else f"SMS {trial.message_id} was not taken"
            # An outage is told when it begins and when it ends, and not twice a minute meanwhile.
            level = logging.CRITICAL if is_news else logging.INFO
            self._log_open(level, f"circuit breaker open again, {why}", result.status)
        return Circuit.OPEN

    def _log_open(self, level: int, what: str, status: str) -> None:
        logger.log(level, "%s: %s: %s", self.provider, what, loggable(status))


def release_trial(provider: str, until: datetime) -> None:
    """Let another message be the trial at once, as none was handed over."""
    ProviderState.objects.filter(name=provider, open_until=until).update(open_until=Now())


def open_circuit(queues: Collection[int] | None = None) -> ProviderState | None:
    """The state of a provider whose circuit is not closed, where no other can send for one of these queues (by id):
    staff are told that messages wait. None where they leave. Of several providers, the one that fell silent last.

    Without queues: what is sent from a name, which every provider can send.
    """
    not_closed = {state.name: state for state in _not_closed()}
    if not not_closed:  # nearly always
        return None
    if queues is None:
        choices = [settings.SMS_PROVIDERS]
    else:
        senders = OutgoingSms.objects.filter(queue__in=queues).values_list("sender", flat=True)
        choices = [able(sender) for sender in set(senders)]
    for names in choices:
        if names and all(name in not_closed for name in names):
            return [state for name, state in not_closed.items() if name in names][-1]
    return None


@Prepared
def _not_closed() -> models.QuerySet[ProviderState]:
    recently = Now() - SHOWN_AFTERWARDS
    return ProviderState.objects.filter(open_until__gt=recently).order_by("silent_since")
