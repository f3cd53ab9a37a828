"""Two providers of uneven temper, on loopback, that keep one log of all they were given and what they answered.

The first speaks as the simulator does, the second as Kannel.
"""

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
    provider: str
    message_id: int
    sender: str
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

    async def take_as_simulator(self, request: web.Request) -> web.StreamResponse:
        form = await request.post()
        to, text, sender = str(form["to"]), str(form["message"]), str(form["from"])
        return await self.take(request, "simulator", str(form["whendelivered"]), sender, to, text)

    async def take_as_kannel(self, request: web.Request) -> web.StreamResponse:
        sender, to = request.headers["X-Kannel-From"], request.headers["X-Kannel-To"]
        return await self.take(request, "kannel", request.headers["X-Kannel-DLR-Url"], sender, to, await request.text())

    async def take(
        self, request: web.Request, provider: str, callback_url: str, sender: str, to: str, text: str
    ) -> web.StreamResponse:
        # .../sms/receipts/<provider>/<message>/<token>
        message_id = int(urlsplit(callback_url).path.split("/")[-2])
        at = time.time()
        answer = "201" if at > self.calm_from else self.dice.choices(list(ANSWERS), list(ANSWERS.values()))[0]
        self.posts.append(Post(provider, message_id, sender, to, text, answer, at))
        await asyncio.sleep(self.dice.uniform(0, 0.01))
        if answer == "hang":
            await self.closing.wait()
        if answer in ("cut", "hang"):
            if request.transport:
                request.transport.abort()
            return web.Response()
        status = 202 if (provider, answer) == ("kannel", "201") else int(answer)
        return web.Response(status=status, text=f"0: id-{len(self.posts)}")

    async def serve(self, ready: threading.Event) -> None:
        self.loop, self.closing = asyncio.get_running_loop(), asyncio.Event()
        app = web.Application()
        app.router.add_post("/simulator/send", self.take_as_simulator)
        app.router.add_post("/kannel", self.take_as_kannel)
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
