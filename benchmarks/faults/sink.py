"""The provider: it takes note of everything it is given, and fails in the way that it is told to."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field, replace
from random import Random

from tests.race.provider import Post, Provider

TAKES, SHUT, SILENT, TRICKLES, CLOSES, LIES = "takes", "503", "silent", "trickles", "closes", "lies"
"""The ways in which it behaves. Shut is the only one that says: not sent, and is not to be believed where it lies."""
ANSWERS = {TAKES: "201", SHUT: "503", SILENT: "hang", TRICKLES: "201", CLOSES: "cut", LIES: "201"}
"""In the words of the race's provider: hang is no answer at all, cut is to read and to hang up."""
SECONDS_A_BYTE = 2.0


@dataclass
class Sink(Provider):
    dice: Random = field(default_factory=Random)
    way: str = TAKES
    takes: float = 0.0
    """Seconds before each answer."""
    gate: asyncio.Event | None = None
    """While there is one, everybody is let in and nobody is answered till it is opened."""
    waiting: int = 0
    """How many are behind the gate."""

    async def take(self, given: Post) -> str:
        way = self.way
        self.posts.append(replace(given, answer=ANSWERS[way], at=time.time()))
        await asyncio.sleep(self.takes)
        if self.gate is not None:
            self.waiting += 1
            await self.gate.wait()
            self.waiting -= 1
        if way == SILENT:
            await self.closing.wait()
        return ANSWERS[SHUT if way == LIES else way]

    async def respond(self, writer: asyncio.StreamWriter, response: bytes) -> None:
        if self.way != TRICKLES:
            writer.write(response)
            return
        for byte in response:
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(SECONDS_A_BYTE)

    def shut_the_gate(self) -> None:
        self.gate = asyncio.Event()

    def open_the_gate(self) -> None:
        gate, self.gate = self.gate, None
        if gate is not None:
            self.loop.call_soon_threadsafe(gate.set)
