"""A provider of uneven temper, on loopback, that keeps a log of all it was given and what it answered."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from random import Random
from urllib.parse import parse_qsl, urlsplit

ANSWERS = {"201": 80, "503": 9, "400": 4, "cut": 4, "hang": 3}
"""How often out of a hundred. 503 is the one that says: not sent, try again."""


@dataclass(frozen=True)
class Post:
    message_id: int
    to: str
    text: str
    answer: str
    at: float


@dataclass
class Provider:
    dice: Random
    calm_from: float
    """From this moment, by time.time(), it takes whatever it is given."""
    url: str = ""
    posts: list[Post] = field(default_factory=list)

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, message after message, till the other end has enough or gets none."""
        with suppress(asyncio.IncompleteReadError, ConnectionError):  # a worker was killed
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = int(head.lower().partition(b"content-length:")[2].split(b"\r", 1)[0])
                answer = await self.take((await reader.readexactly(length)).decode())
                if answer in ("cut", "hang"):
                    break
                text = f"id-{len(self.posts)}"
                writer.write(f"HTTP/1.1 {answer} Here\r\nContent-Length: {len(text)}\r\n\r\n{text}".encode())
        writer.transport.abort()

    async def take(self, body: str) -> str:
        form = dict(parse_qsl(body))
        # .../sms/receipts/<provider>/<message>/<token>
        message_id = int(urlsplit(form["whendelivered"]).path.split("/")[-2])
        at = time.time()
        answer = "201" if at > self.calm_from else self.dice.choices(list(ANSWERS), list(ANSWERS.values()))[0]
        self.posts.append(Post(message_id, form["to"], form["message"], answer, at))
        await asyncio.sleep(self.dice.uniform(0, 0.01))
        if answer == "hang":
            await self.closing.wait()
        return answer

    async def serve(self, ready: threading.Event) -> None:
        self.loop, self.closing = asyncio.get_running_loop(), asyncio.Event()
        server = await asyncio.start_server(self.answer, "127.0.0.1", 0, backlog=512)
        self.url = "http://{}:{}".format(*server.sockets[0].getsockname())
        ready.set()
        async with server:
            await self.closing.wait()


@contextmanager
def open_provider(dice: Random, calm_from: float) -> Iterator[Provider]:
    provider, ready = Provider(dice, calm_from), threading.Event()
    thread = threading.Thread(target=lambda: asyncio.run(provider.serve(ready)))
    thread.start()
    ready.wait()
    try:
        yield provider
    finally:
        provider.loop.call_soon_threadsafe(provider.closing.set)
        thread.join()
