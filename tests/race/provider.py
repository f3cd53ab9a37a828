"""A provider of uneven temper, on loopback, that keeps a log of all it was given and what it answered."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from random import Random
from urllib.parse import urlsplit

from aiohttp import web

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

    async def take(self, request: web.Request) -> web.StreamResponse:
        form = await request.post()
        # .../sms/receipts/<provider>/<message>/<token>
        message_id = int(urlsplit(str(form["whendelivered"])).path.split("/")[-2])
        at = time.time()
        answer = "201" if at > self.calm_from else self.dice.choices(list(ANSWERS), list(ANSWERS.values()))[0]
        self.posts.append(Post(message_id, str(form["to"]), str(form["message"]), answer, at))
        await asyncio.sleep(self.dice.uniform(0, 0.01))
        if answer == "hang":
            await self.closing.wait()
        if answer in ("cut", "hang"):
            if request.transport:
                request.transport.abort()
            return web.Response()
        return web.Response(status=int(answer), text=f"id-{len(self.posts)}")

    async def serve(self, ready: threading.Event) -> None:
        self.loop, self.closing = asyncio.get_running_loop(), asyncio.Event()
        app = web.Application()
        app.router.add_post("/simulator/send", self.take)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0, backlog=512).start()
        self.url = "http://{}:{}".format(*runner.addresses[0])
        ready.set()
        await self.closing.wait()
        await runner.cleanup()


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
