"""Networks that can be cut: each a namespace of its own, and one cable from it to this machine."""

from __future__ import annotations

import os
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from urllib.parse import urlsplit

_numbers = count(os.getpid() * 8)
"""Of cables: others of this machine's tests lay theirs at the same time."""


class NoRight(Exception):
    """This machine lets nobody make a namespace, or not us."""


class Cable:
    def __init__(self) -> None:
        number = next(_numbers)
        block = f"10.231.{number // 64 % 256}."
        self.here, self.there = (f"{block}{number % 64 * 4 + end}" for end in (1, 2))
        self.namespace = self.end = f"tq{number}"
        self.within = ["ip", "netns", "exec", self.namespace]
        """How a command is started at the other end."""
        self._relays: list[socket.socket] = []
        self._relayed: list[socket.socket] = []

    def lay(self) -> None:
        far = f"{self.end}b"
        _ip("netns", "add", self.namespace)
        _ip("link", "add", self.end, "type", "veth", "peer", "name", far, "netns", self.namespace)
        _ip("addr", "add", f"{self.here}/30", "dev", self.end)
        _ip("link", "set", self.end, "up")
        _ip("-n", self.namespace, "addr", "add", f"{self.there}/30", "dev", far)
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
        port = self._relay(self.here, (address.hostname or "127.0.0.1", address.port or 80))
        login, at, _ = address.netloc.rpartition("@")
        return address._replace(netloc=f"{login}{at}{self.here}:{port}").geturl()

    def reached(self, port: int) -> int:
        """The port on loopback here that leads to this one at the other end."""
        return self._relay("127.0.0.1", (self.there, port))

    def _relay(self, at: str, target: tuple[str, int]) -> int:
        listener = socket.create_server((at, 0))
        self._relays.append(listener)
        threading.Thread(target=_relay, args=[listener, target, self._relayed], daemon=True).start()
        port: int = listener.getsockname()[1]
        return port

    def remove(self) -> None:
        for listener in self._relays:
            listener.close()
        for each in self._relayed:  # whoever is gone with the link has told nobody
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()  # else they fill this process' table of descriptors
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


def _relay(listener: socket.socket, target: tuple[str, int], relayed: list[socket.socket]) -> None:
    with suppress(OSError):  # till the listener is closed
        while True:
            near, _ = listener.accept()
            threading.Thread(target=_connect, args=[near, target, relayed], daemon=True).start()


def _connect(near: socket.socket, target: tuple[str, int], relayed: list[socket.socket]) -> None:
    try:
        far = socket.create_connection(target)
    except OSError:  # nobody is there
        near.close()
        return
    relayed += [near, far]
    for pair in ((near, far), (far, near)):
        threading.Thread(target=_pass_on, args=pair, daemon=True).start()


def _pass_on(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    for end in (source, sink):
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
