"""Messages in the air: handed over to the provider, many at once, while those that have landed are recorded.

Known to `sms.gateway` only. No ORM runs here: what a message needs on its way comes with it.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from contextlib import suppress

import aiohttp

from sms.line import Line, Slot
from sms.providers.base import TIME_LIMIT, OutboundMessage, Outcome, Provider, SendResult, failure

logger = logging.getLogger(__name__)

CONNECTIONS = 100
LAND_EVERY = 0.25
"""Seconds: what has landed is recorded at least this often while others are in the air."""
ENOUGH = 100
"""So many that have landed are recorded at once."""

NOT_STARTED = SendResult(Outcome.NOT_STARTED)


class Flight:
    """Loop, session and connections live as long as one drain, so that no connection which the provider has closed
    meanwhile is posted on. Between two landings the loop stands still; whoever lands first starts the next in line, so
    that the provider is at work while the database is."""

    def __init__(self, provider: Provider, line: Line) -> None:
        self.provider, self.line = provider, line
        self.aloft = 0
        """How many have been launched and not been taken from here by `land`."""
        self._landed: dict[int, SendResult] = {}

    def __enter__(self) -> Flight:
        self._runner = asyncio.Runner()
        self._runner.run(self._open())
        return self

    def __exit__(self, *_: object) -> None:
        self._runner.run(self._session.close())
        self._runner.close()

    def launch(self, messages: Sequence[tuple[OutboundMessage, Slot]]) -> None:
        """Each to be started in its slot, in the order they come."""
        self.aloft += len(messages)
        for message in messages:
            self._waiting.put_nowait(message)
        while len(self._senders) < min(CONNECTIONS, self.aloft):
            self._senders.append(self._runner.get_loop().create_task(self._send_in_turn()))

    def land(self) -> dict[int, SendResult]:
        """What has landed since the last time: as soon as it is enough to record, or after a quarter of a second."""
        self._runner.run(self._wait())
        landed, self._landed = self._landed, {}
        self.aloft -= len(landed)
        return landed

    async def _open(self) -> None:
        self._waiting: asyncio.Queue[tuple[OutboundMessage, Slot]] = asyncio.Queue()
        self._senders: list[asyncio.Task[None]] = []
        self._enough = asyncio.Event()
        self._session = aiohttp.ClientSession(
            timeout=TIME_LIMIT,
            connector=aiohttp.TCPConnector(limit=CONNECTIONS),
            cookie_jar=aiohttp.DummyCookieJar(),  # a provider has no use for them
        )

    async def _wait(self) -> None:
        self._enough.clear()
        if self.aloft:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._enough.wait(), LAND_EVERY)

    async def _send_in_turn(self) -> None:
        while True:
            message, slot = await self._waiting.get()
            result = await self._send(message, slot)
            if result is not NOT_STARTED:
                self.line.hear(result)
            self._landed[message.id] = result
            if len(self._landed) >= min(ENOUGH, self.aloft):
                self._enough.set()

    async def _send(self, message: OutboundMessage, slot: Slot) -> SendResult:
        """In its slot, and not if the provider is found to be down before: then it is known not to have been sent."""
        if (early := slot.begins - time.monotonic()) > 0:
            await asyncio.sleep(early)
        if self.line.is_down or time.monotonic() > slot.ends:
            return NOT_STARTED
        try:
            return await self.provider.send(self._session, message)
        except (TimeoutError, aiohttp.ClientError) as error:
            return failure(error)
        except Exception as error:  # a provider's mistake costs its own message and not the claim
            logger.error("SMS %s: %s while it was handed over", message.id, type(error).__name__)
            return SendResult(Outcome.UNKNOWN, status=type(error).__name__)
