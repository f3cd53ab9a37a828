"""A provider on loopback that uses as little CPU as possible: `python -m benchmarks.provider` prints its port.

Raw HTTP on kept-alive connections, with responses after a delay that can be changed. It counts messages, and notes when
those that begin with "press:" arrived.
"""

from __future__ import annotations

import asyncio
import json
import time
from urllib.parse import parse_qs

RESPONSE = b"HTTP/1.1 201 Created\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: %d\r\n\r\n%b"
PRESS = b"message=press%3A"


class Provider:
    def __init__(self) -> None:
        self.delay, self.count = 0.0, 0
        self.presses: dict[str, float] = {}

    def take(self, body: bytes) -> bytes:
        self.count += 1
        if PRESS in body:
            self.presses[parse_qs(body.decode())["message"][0]] = time.time()
        return b"id-%d" % self.count

    def control(self, path: str) -> bytes:
        """`/delay/0.05` sets the delay and begins counting anew; any other path returns what has been counted."""
        counted = json.dumps({"count": self.count, "presses": self.presses}).encode()
        if path.startswith("/delay/"):
            self.delay, self.count, self.presses = float(path.removeprefix("/delay/")), 0, {}
        return counted


class Connection(asyncio.Protocol):
    def __init__(self, provider: Provider) -> None:
        self.provider, self.buffer = provider, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        head, found, rest = self.buffer.partition(b"\r\n\r\n")
        if not found:
            return
        if head.startswith(b"GET"):
            response, delay = self.provider.control(head.split(b" ", 2)[1].decode()), 0.0
        else:
            length = int(head.lower().partition(b"content-length:")[2].split(b"\r", 1)[0])
            if len(rest) < length:
                return
            response, delay = self.provider.take(rest), self.provider.delay
        self.buffer = b""  # clients wait for the response before they send again
        message = RESPONSE % (len(response), response)
        if delay:
            asyncio.get_running_loop().call_later(delay, self.transport.write, message)
        else:
            self.transport.write(message)


async def main() -> None:
    provider = Provider()
    server = await asyncio.get_running_loop().create_server(lambda: Connection(provider), "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
