"""Messages in the air: handed over to the provider, many at once, while those that have landed are recorded.

Known to `sms.gateway` only. No ORM runs here: what a message needs on its way comes with it.
"""

from __future__ import annotations

import asyncio
import logging
import math
import threading
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any, TypeVar

import aiohttp

from sms.circuit_breaker import CircuitBreaker
from sms.providers.base import TIME_LIMIT, OutboundMessage, Outcome, Provider, SendResult, failure
from sms.rate_limiter import Slot
from teleq.clock import elapsed

logger = logging.getLogger(__name__)

Result = TypeVar("Result")

CONNECTIONS = 100
LAND_EVERY = 0.25
"""Seconds: what has landed is recorded at least this often while others are in the air."""
ENOUGH = 100
"""So many that have landed are recorded at once."""
START_WITHIN = 5.0
"""Seconds from its claim in which a message may be started. After that a Nej may have been given that the claim didn't
see, or the worker been given up: it goes back, to be judged again."""

NOT_STARTED = SendResult(Outcome.NOT_STARTED)


class Flight:
    """Loop, session and connections live as long as one drain, so that no connection which the provider has closed
    meanwhile is posted on. The loop has a thread of its own: whatever the drain waits for, answers are read when they
    come, and whoever lands first starts the next in line.
    """

    def __init__(self, provider: Provider, breaker: CircuitBreaker) -> None:
        self.provider, self.breaker = provider, breaker
        self.aloft = 0
        """How many have been launched and not been taken from here by `land`."""
        self.claimed_at: dict[int, datetime | None] = {}
        """When each that has been launched was claimed."""
        self._landed: dict[int, SendResult] = {}
        self._seconds_to_answer = math.inf

    def __enter__(self) -> Flight:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="flight", daemon=True)
        self._thread.start()
        self._run(self._open())
        return self

    def __exit__(self, *_: object) -> None:
        self._run(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @property
    def room(self) -> int:
        """How many more can be started within a second, by how long answers have taken lately."""
        soon = CONNECTIONS / max(1.0, self._seconds_to_answer)
        return CONNECTIONS + int(soon) - self.aloft

    def launch(self, messages: Sequence[tuple[OutboundMessage, Slot]], claimed_at: datetime | None) -> None:
        """Each to be started in its slot, in the order they come."""
        self.claimed_at |= {message.id: claimed_at for message, _ in messages}
        self._run(self._launch(messages))

    def land(self) -> dict[int, SendResult]:
        """What has landed since the last time: as soon as it is enough to record, or after a quarter of a second."""
        return self._run(self._land())

    def _run(self, what: Coroutine[Any, Any, Result]) -> Result:
        """In the loop's thread, where all that is in the air is kept."""
        return asyncio.run_coroutine_threadsafe(what, self._loop).result()

    async def _open(self) -> None:
        self._waiting: asyncio.Queue[tuple[OutboundMessage, Slot]] = asyncio.Queue()
        self._senders: list[asyncio.Task[None]] = []
        self._enough = asyncio.Event()
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

    async def _launch(self, messages: Sequence[tuple[OutboundMessage, Slot]]) -> None:
        self.aloft += len(messages)
        for message in messages:
            self._waiting.put_nowait(message)
        while len(self._senders) < min(CONNECTIONS, self.aloft):
            self._senders.append(asyncio.create_task(self._send_in_turn()))

    async def _land(self) -> dict[int, SendResult]:
        self._enough.clear()
        if self.aloft and len(self._landed) < self._enough_to_record:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._enough.wait(), LAND_EVERY)
        landed, self._landed = self._landed, {}
        self.aloft -= len(landed)
        return landed

    @property
    def _enough_to_record(self) -> int:
        return min(ENOUGH, self.aloft)

    async def _send_in_turn(self) -> None:
        while True:
            message, slot = await self._waiting.get()
            result = await self._send(message, slot)
            self.breaker.record_result(message.id, result)
            self._landed[message.id] = result
            if len(self._landed) >= self._enough_to_record:
                self._enough.set()

    async def _send(self, message: OutboundMessage, slot: Slot) -> SendResult:
        """In its slot; not after it, nor if the provider is found to be down before: then it is known not to have been
        sent."""
        if (early := slot.begins - elapsed()) > 0:
            await asyncio.sleep(early)
        began = elapsed()
        if self.breaker.is_open or began > slot.ends:
            return NOT_STARTED
        try:
            return await self.provider.send(self._session, message)
        except (TimeoutError, aiohttp.ClientError) as error:
            return failure(error)
        except Exception as error:  # a provider's mistake costs its own message and not the claim
            logger.error("SMS %s: %s while it was handed over", message.id, type(error).__name__)
            return SendResult(Outcome.UNKNOWN, status=type(error).__name__)
        finally:
            self._note(elapsed() - began)

    def _note(self, seconds: float) -> None:
        """The answers' time, the latest weighing most."""
        before = self._seconds_to_answer
        self._seconds_to_answer = seconds if math.isinf(before) else 0.9 * before + 0.1 * seconds
