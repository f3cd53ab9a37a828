"""A network that can be cut: a namespace of its own, and one cable from it to this machine."""

from __future__ import annotations

import os
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit

HERE, THERE = "10.231.174.1", "10.231.174.2"


class NoRight(Exception):
    """This machine lets nobody make a namespace, or not us."""


class Cable:
    def __init__(self) -> None:
        self.namespace = self.end = f"teleq{os.getpid()}"
        self.within = ["ip", "netns", "exec", self.namespace]
        """How a command is started at the other end."""
        self._relays: list[socket.socket] = []

    def lay(self) -> None:
        far = f"{self.end}b"
        _ip("netns", "add", self.namespace)
        _ip("link", "add", self.end, "type", "veth", "peer", "name", far, "netns", self.namespace)
        _ip("addr", "add", f"{HERE}/30", "dev", self.end)
        _ip("link", "set", self.end, "up")
        _ip("-n", self.namespace, "addr", "add", f"{THERE}/30", "dev", far)
        _ip("-n", self.namespace, "link", "set", far, "up")
        subprocess.run([*self.within, "true"], check=True, capture_output=True)

    def cut(self) -> None:
        """Neither end is told anything."""
        _ip("link", "set", self.end, "down")

    def heal(self) -> None:
        _ip("link", "set", self.end, "up")

    def reaching(self, url: str) -> str:
        """The address, from the other end, of a server that listens on loopback here."""
        address = urlsplit(url)
        listener = socket.create_server((HERE, 0))
        self._relays.append(listener)
        target = (address.hostname or "127.0.0.1", address.port or 80)
        threading.Thread(target=_relay, args=[listener, target], daemon=True).start()
        login, at, _ = address.netloc.rpartition("@")
        return address._replace(netloc=f"{login}{at}{HERE}:{listener.getsockname()[1]}").geturl()

    def remove(self) -> None:
        for listener in self._relays:
            listener.close()
        for words in (["link", "del", self.end], ["netns", "del", self.namespace]):
            subprocess.run(["ip", *words], check=False, capture_output=True)


@contextmanager
def cable() -> Iterator[Cable]:
    """Raises NoRight."""
    laid = Cable()
    try:
        try:
            laid.lay()
        except (OSError, subprocess.CalledProcessError) as error:
            raise NoRight from error
        yield laid
    finally:
        laid.remove()


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


def _relay(listener: socket.socket, target: tuple[str, int]) -> None:
    with suppress(OSError):  # till the listener is closed
        while True:
            near, _ = listener.accept()
            far = socket.create_connection(target)
            for pair in ((near, far), (far, near)):
                threading.Thread(target=_pass_on, args=pair, daemon=True).start()


def _pass_on(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    for end in (source, sink):
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
