"""Two providers of uneven temper, on loopback, that keep one log of all they were given and what they answered.

The first speaks as the simulator does, the second as Kannel.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from email import message_from_bytes
from email.message import Message
from random import Random
from typing import TypeVar
from urllib.parse import parse_qsl, urlsplit

ANSWERS = {"201": 80, "503": 9, "400": 4, "cut": 4, "hang": 3}
"""How often out of a hundred. 503 is the one that says: not sent, try again."""


@dataclass(frozen=True)
class Post:
    provider: str
    message_id: int
    sender: str
    to: str
    text: str
    answer: str = ""
    at: float = 0.0
    token: str = ""
    """The message's own, in the address of its receipts."""


def _by_simulator(body: str) -> Post:
    form = dict(parse_qsl(body))
    message_id, token = _message(form["whendelivered"])
    return Post("simulator", message_id, form["from"], form["to"], form["message"], token=token)


def _by_kannel(headers: Message, body: str) -> Post:
    message_id, token = _message(headers["X-Kannel-DLR-Url"])
    return Post("kannel", message_id, headers["X-Kannel-From"], headers["X-Kannel-To"], body, token=token)


def _message(receipt_address: str) -> tuple[int, str]:
    """Id and token, of .../sms/receipts/<provider>/<message>/<token>."""
    *_, message_id, token = urlsplit(receipt_address).path.split("/")
    return int(message_id), token


@dataclass
class Provider:
    dice: Random
    is_calm: bool = False
    """Then it takes whatever it is given."""
    url: str = ""
    posts: list[Post] = field(default_factory=list)

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, message after message, till the other end has enough or gets none."""
        with suppress(asyncio.IncompleteReadError, ConnectionError):  # a worker was killed
            while head := await reader.readuntil(b"\r\n\r\n"):
                address = head.split(b" ", 2)[1].decode()
                headers = message_from_bytes(head.partition(b"\r\n")[2])
                body = (await reader.readexactly(int(headers["Content-Length"]))).decode()
                answer = await self.take(_by_kannel(headers, body) if address == "/kannel" else _by_simulator(body))
                if answer in ("cut", "hang"):
                    break
                taken = "202" if address == "/kannel" else "201"
                text = f"0: id-{len(self.posts)}"
                status = taken if answer == "201" else answer
                await self.respond(
                    writer, f"HTTP/1.1 {status} Here\r\nContent-Length: {len(text)}\r\n\r\n{text}".encode()
                )
        writer.transport.abort()

    async def respond(self, writer: asyncio.StreamWriter, response: bytes) -> None:
        writer.write(response)

    async def take(self, given: Post) -> str:
        at = time.time()
        answer = "201" if self.is_calm else self.dice.choices(list(ANSWERS), list(ANSWERS.values()))[0]
        self.posts.append(replace(given, answer=answer, at=at))
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


AProvider = TypeVar("AProvider", bound=Provider)


@contextmanager
def opened(provider: AProvider) -> Iterator[AProvider]:
    """On loopback, in a thread of its own."""
    ready = threading.Event()
    thread = threading.Thread(target=lambda: asyncio.run(provider.serve(ready)))
    thread.start()
    ready.wait()
    try:
        yield provider
    finally:
        provider.loop.call_soon_threadsafe(provider.closing.set)
        thread.join()
