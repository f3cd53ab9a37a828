"""The dispatcher: sends claimed messages to their providers, many at once, and collects the results.

The only code that sends messages to a provider, and only `sms.gateway` has a dispatcher. No ORM runs here: all that is
needed to send a message comes with it.
"""

from __future__ import annotations

import heapq
import logging
import math
import threading
from collections import deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from itertools import count
from typing import NamedTuple

from sms.circuit_breaker import CircuitBreaker
from sms.http_client import TIME_LIMIT, HttpClient, NoResponse
from sms.providers.base import OutboundMessage, Outcome, Provider, Response, SendResult
from sms.rate_limiter import Slot
from teleq.clock import elapsed

logger = logging.getLogger(__name__)

CONNECTIONS = 100
WAITING_AT_MOST = 200
"""Messages that wait for a connection: so many that none stands idle while the drain records and claims."""
COLLECT_EVERY = 0.25
"""Seconds: `collect` returns at least this often while messages are in flight ..."""
COLLECT_AT_ONCE = 150
"""... and as soon as there are so many results."""
START_WITHIN = 5.0
"""Seconds from its claim in which a message may be started. Later, a Nej may have been given that the claim didn't see,
or a sweep may have taken the worker for dead: the message goes back to `queued`, to be judged again."""

NOT_STARTED = SendResult(Outcome.NOT_STARTED)


class Handover(NamedTuple):
    """A claimed message with all that is needed to hand it over."""

    message: OutboundMessage
    slot: Slot
    provider: Provider
    breaker: CircuitBreaker
    """The provider's own, which is told the result."""


class Started(NamedTuple):
    """A message whose request is under way."""

    handover: Handover
    at: float
    """On the clock `elapsed`."""


class Dispatcher:
    """Sends messages to their providers while the drain, in its own thread, claims more and records results.

    It has a thread of its own, so that messages leave and responses are read as they come, whatever the drain waits
    for: PostgreSQL's commits above all. The two threads hand each other messages, through `_dispatched`, and results,
    through `_results`. Connections live as long as one drain: one that was kept longer may be one that the provider has
    closed.
    """

    def __init__(self) -> None:
        self.in_flight = 0
        """How many messages have been dispatched and whose results have not been collected."""
        self.claimed_at: dict[int, datetime | None] = {}
        """When each message that has been dispatched was claimed, by its id."""
        self._dispatched: deque[Handover] = deque()
        self._results: deque[tuple[int, SendResult]] = deque()
        self._enough_results = threading.Event()
        self._response_time = math.inf
        self._ends = False

    def __enter__(self) -> Dispatcher:
        self._client = HttpClient[Started](CONNECTIONS, TIME_LIMIT)
        self._thread = ThreadPoolExecutor(1, "dispatcher")
        self._running = self._thread.submit(self._run)
        return self

    def __exit__(self, *_: object) -> None:
        self._ends = True
        self._client.wake()
        self._thread.shutdown()
        self._client.close()

    # In the drain's thread

    @property
    def capacity(self) -> int:
        """How many more messages can be started within a second, by how long responses have taken lately; no more than
        are needed to keep all connections busy."""
        soon = min(WAITING_AT_MOST, CONNECTIONS / self._response_time)
        return CONNECTIONS + int(soon) - self.in_flight

    def dispatch(self, handovers: Sequence[Handover], claimed_at: datetime | None) -> None:
        """Send each message in its slot, in the order they come. Returns at once."""
        self.claimed_at |= {handover.message.id: claimed_at for handover in handovers}
        self.in_flight += len(handovers)
        self._dispatched.extend(handovers)
        self._client.wake()

    def collect(self) -> dict[int, SendResult]:
        """The results that have come since the last time, by message id. Waits until there are enough, or for a quarter
        of a second. Raises what has ended the dispatcher's thread, should anything."""
        if self._running.done():
            self._running.result()
        self._enough_results.clear()
        if self.in_flight and not self._has_enough_results:
            self._enough_results.wait(COLLECT_EVERY)
        results = dict(self._results.popleft() for _ in range(len(self._results)))
        self.in_flight -= len(results)
        return results

    @property
    def _has_enough_results(self) -> bool:
        return len(self._results) >= min(COLLECT_AT_ONCE, self.in_flight)

    # In the dispatcher's own

    def _run(self) -> None:
        number = count()  # those whose slots begin together are sent in the order they come
        waiting: list[tuple[float, int, Handover]] = []
        while not self._ends:
            while self._dispatched:
                handover = self._dispatched.popleft()
                heapq.heappush(waiting, (handover.slot.begins, next(number), handover))
            while waiting and self._client.idle and waiting[0][0] <= elapsed():
                self._start(heapq.heappop(waiting)[-1])
            for started, response in self._client.perform():
                self._update_response_time(elapsed() - started.at)
                self._finish(started.handover, _result(started.handover, response))
            if self._has_enough_results:
                self._enough_results.set()
            early = waiting[0][0] - elapsed() if waiting and self._client.idle else math.inf
            if early > 0:
                self._client.wait(min(early, 1))

    def _start(self, handover: Handover) -> None:
        """Send the message. NOT_STARTED, and so known not to have been sent, if its slot is over or the circuit has
        opened."""
        message, slot, provider, breaker = handover
        if breaker.is_open or elapsed() > slot.ends:
            self._finish(handover, NOT_STARTED)
            return
        try:
            self._client.start(Started(handover, elapsed()), provider.build_request(message))
        except Exception as error:  # a fault in a provider's code costs this message only, and not the whole claim
            self._finish(handover, _fault(handover, error, Outcome.RETRY_LATER))

    def _finish(self, handover: Handover, result: SendResult) -> None:
        handover.breaker.record_result(handover.message.id, result)
        self._results.append((handover.message.id, result))

    def _update_response_time(self, seconds: float) -> None:
        """A moving average, in which the latest response counts for a tenth."""
        before = self._response_time
        self._response_time = seconds if math.isinf(before) else 0.9 * before + 0.1 * seconds


def _result(handover: Handover, response: Response | NoResponse) -> SendResult:
    if isinstance(response, NoResponse):
        return SendResult(response.outcome, status=response.reason)
    try:
        return handover.provider.parse_response(response)
    except Exception as error:  # as in `_start`; but this message has been sent
        return _fault(handover, error, Outcome.UNKNOWN)


def _fault(handover: Handover, error: Exception, outcome: Outcome) -> SendResult:
    logger.error("SMS %s: %s while it was handed over", handover.message.id, type(error).__name__)
    return SendResult(outcome, status=type(error).__name__)
