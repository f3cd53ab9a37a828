"""A server on loopback that does to its connections what a test says, byte by byte."""

from __future__ import annotations

import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

CREATED = b"HTTP/1.1 201 Created\r\nContent-Length: 4\r\n\r\nid-1"


class Connection:
    """One that a client has made."""

    def __init__(self, server: Server, connection: socket.socket, number: int) -> None:
        self.server, self.socket, self.number = server, connection, number
        """`number`: the how-manieth, from 1."""

    def read_head(self) -> bytes:
        """The next request's first lines, byte by byte, so that its body is left in the socket. Empty at the end."""
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            byte = self.socket.recv(1)
            if not byte:
                return b""
            head += byte
        return head

    def read(self) -> bytes:
        """The next request's body, which the server takes note of. Empty at the end."""
        head = self.read_head().lower()
        length = int(head.partition(b"content-length:")[2].split(b"\r", 1)[0] or 0)
        body = b""
        while len(body) < length:
            body += self.socket.recv(length - len(body))
        if head:
            self.server.received.append(body)
        return body

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def close(self) -> None:
        self.socket.close()

    def reset(self) -> None:
        """Cut it off: the other end is told that nothing it sent was cared for."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def wait_for_the_end(self) -> None:
        self.server.over.wait(60)


Behaviour = Callable[[Connection], object]


class Server:
    def __init__(self, behave: Behaviour, tls: ssl.SSLContext | None) -> None:
        self.behave, self.tls = behave, tls
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.received: list[bytes] = []
        """The bodies of the requests that have come whole."""
        self.connections = 0
        self.over = threading.Event()

    @property
    def port(self) -> int:
        port: int = self.listener.getsockname()[1]
        return port

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def stop_listening(self) -> None:
        """Whoever comes from now on is refused."""
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def accept(self) -> None:
        with suppress(OSError):  # till it is closed
            while True:
                taken, _ = self.listener.accept()
                self.connections += 1
                threading.Thread(target=self._serve, args=[taken, self.connections], daemon=True).start()

    def _serve(self, taken: socket.socket, number: int) -> None:
        with suppress(OSError):  # the client may hang up first
            self.behave(Connection(self, self.tls.wrap_socket(taken, server_side=True) if self.tls else taken, number))
            taken.close()


@contextmanager
def serving(behave: Behaviour, tls: ssl.SSLContext | None = None) -> Iterator[Server]:
    server = Server(behave, tls)
    threading.Thread(target=server.accept, daemon=True).start()
    try:
        yield server
    finally:
        server.over.set()
        with suppress(OSError):
            server.stop_listening()
