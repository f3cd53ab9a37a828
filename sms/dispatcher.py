"""The dispatcher: sends claimed messages to their providers, many at once, and collects the results.

The only code that calls a provider's `send`, and only `sms.gateway` has a dispatcher. No ORM runs here: all that is
needed to send a message comes with it.
"""

from __future__ import annotations

import asyncio
import logging
import math
import threading
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any, NamedTuple, TypeVar

import aiohttp

from sms.circuit_breaker import CircuitBreaker
from sms.providers.base import TIME_LIMIT, OutboundMessage, Outcome, Provider, SendResult, network_failure
from sms.rate_limiter import Slot
from teleq.clock import elapsed

logger = logging.getLogger(__name__)

Result = TypeVar("Result")

CONNECTIONS = 100
COLLECT_EVERY = 0.25
"""Seconds: `collect` returns at least this often while messages are in flight ..."""
COLLECT_AT_ONCE = 100
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


class Dispatcher:
    """Sends messages to their providers while the drain, in its own thread, claims more and records results.

    The event loop has a thread of its own, so that responses are read as they come, whatever the drain waits for. Loop,
    session and connections live as long as one drain: a connection that was kept longer may be one that the provider
    has closed.
    """

    def __init__(self) -> None:
        self.in_flight = 0
        """How many messages have been dispatched and whose results have not been collected."""
        self.claimed_at: dict[int, datetime | None] = {}
        """When each message that has been dispatched was claimed, by its id."""
        self._results: dict[int, SendResult] = {}
        self._response_time = math.inf

    def __enter__(self) -> Dispatcher:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="dispatcher", daemon=True)
        self._thread.start()
        self._run(self._open())
        return self

    def __exit__(self, *_: object) -> None:
        self._run(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @property
    def capacity(self) -> int:
        """How many more messages can be started within a second, by how long responses have taken lately."""
        soon = CONNECTIONS / max(1.0, self._response_time)
        return CONNECTIONS + int(soon) - self.in_flight

    def dispatch(self, handovers: Sequence[Handover], claimed_at: datetime | None) -> None:
        """Send each message in its slot, in the order they come. Returns at once."""
        self.claimed_at |= {handover.message.id: claimed_at for handover in handovers}
        self._run(self._dispatch(handovers))

    def collect(self) -> dict[int, SendResult]:
        """The results that have come since the last time, by message id. Waits until there are enough, or for a quarter
        of a second."""
        return self._run(self._collect())

    def _run(self, coroutine: Coroutine[Any, Any, Result]) -> Result:
        """Run this in the loop's thread, where all state is kept, and wait for it."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()

    async def _open(self) -> None:
        self._waiting: asyncio.Queue[Handover] = asyncio.Queue()
        self._senders: list[asyncio.Task[None]] = []
        self._enough_results = asyncio.Event()
        self._session = aiohttp.ClientSession(
            timeout=TIME_LIMIT,
            connector=aiohttp.TCPConnector(limit=CONNECTIONS),
            cookie_jar=aiohttp.DummyCookieJar(),  # a provider has no use for them
        )

    async def _close(self) -> None:
        for sender in self._senders:
            sender.cancel()
        await asyncio.gather(*self._senders, return_exceptions=True)
        await self._session.close()
        await self._loop.shutdown_default_executor()  # in which names are looked up

    async def _dispatch(self, handovers: Sequence[Handover]) -> None:
        self.in_flight += len(handovers)
        for handover in handovers:
            self._waiting.put_nowait(handover)
        while len(self._senders) < min(CONNECTIONS, self.in_flight):
            self._senders.append(asyncio.create_task(self._send_waiting()))

    async def _collect(self) -> dict[int, SendResult]:
        self._enough_results.clear()
        if self.in_flight and not self._has_enough_results:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._enough_results.wait(), COLLECT_EVERY)
        results, self._results = self._results, {}
        self.in_flight -= len(results)
        return results

    @property
    def _has_enough_results(self) -> bool:
        return len(self._results) >= min(COLLECT_AT_ONCE, self.in_flight)

    async def _send_waiting(self) -> None:
        """One of the senders, of which there are as many as connections: takes the next message that waits, again and
        again."""
        while True:
            handover = await self._waiting.get()
            result = await self._send(handover)
            handover.breaker.record_result(handover.message.id, result)
            self._results[handover.message.id] = result
            if self._has_enough_results:
                self._enough_results.set()

    async def _send(self, handover: Handover) -> SendResult:
        """Send the message when its slot begins. NOT_STARTED, and so known not to have been sent, if the slot is over
        or the circuit has opened."""
        message, slot, provider, breaker = handover
        if (early := slot.begins - elapsed()) > 0:
            await asyncio.sleep(early)
        began = elapsed()
        if breaker.is_open or began > slot.ends:
            return NOT_STARTED
        try:
            return await provider.send(self._session, message)
        except (TimeoutError, aiohttp.ClientError) as error:
            return network_failure(error)
        except Exception as error:  # a fault in a provider's code costs this message only, and not the whole claim
            logger.error("SMS %s: %s while it was handed over", message.id, type(error).__name__)
            return SendResult(Outcome.UNKNOWN, status=type(error).__name__)
        finally:
            self._update_response_time(elapsed() - began)

    def _update_response_time(self, seconds: float) -> None:
        """A moving average, in which the latest response counts for a tenth."""
        before = self._response_time
        self._response_time = seconds if math.isinf(before) else 0.9 * before + 0.1 * seconds
