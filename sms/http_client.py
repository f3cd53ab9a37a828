"""The HTTP client that speaks to providers: libcurl, with many requests under way at once.

A request ends as a `Response`, or as `NoResponse`, which says whether it is known not to have been sent. No message is
sent twice: libcurl would repeat a POST by itself when a kept connection is closed before the response, so its body is
given to it in a way that it can't have again (docs/decisions/0036).
"""

from __future__ import annotations

import select
import socket
import ssl
from collections.abc import Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, Generic, TypeVar

import certifi
import pycurl

from sms.providers.base import Outcome, Request, Response

Key = TypeVar("Key")

SPEED_WINDOW = 6
"""Seconds that pass before libcurl sees that nothing comes: its speed is that of the last few."""
LONGEST_BODY = 64 * 1024
"""Bytes. A response that has more is none."""
LONGEST_LIST = 4 * 1024 * 1024
"""Bytes of a page of a provider's list."""
IDLE_AT_MOST = 2
"""Seconds. A connection that has been idle for longer isn't used again: many servers close theirs after five, and what
is sent on one that is just being closed may have been read or not."""


@dataclass(frozen=True)
class TimeLimit:
    """When to give up, in seconds."""

    total: float = 20
    """For all of it: also for a provider that sends a byte now and then."""
    connect: float = 5
    """Until the connection is there, with its TLS."""
    silence: int = 10
    """Without a byte. More than SPEED_WINDOW."""


TIME_LIMIT = TimeLimit()


@dataclass(frozen=True, slots=True)
class NoResponse:
    """There was none, or none that is whole."""

    outcome: Outcome
    """RETRY_LATER if the request is known not to have been sent, otherwise UNKNOWN."""
    reason: str
    """In libcurl's words."""


BEFORE_SENDING = {
    pycurl.E_UNSUPPORTED_PROTOCOL,  # also what is no HTTP at all, when it comes as a response
    pycurl.E_URL_MALFORMAT,
    pycurl.E_COULDNT_RESOLVE_HOST,
    pycurl.E_COULDNT_CONNECT,
    pycurl.E_OPERATION_TIMEDOUT,
    pycurl.E_SSL_CONNECT_ERROR,
    pycurl.E_SSL_CACERT,  # a certificate that nobody vouches for, has expired, or is another host's
    pycurl.E_SSL_CACERT_BADFILE,
    pycurl.E_SSL_CIPHER,
}
"""Errors that come before a request is sent. Each may come afterwards as well: time passes at every step, and where a
kept connection is lost libcurl connects anew."""


def outcome_of(error: int, sent: int) -> Outcome:
    """What a libcurl error tells about the request, of which so many bytes were written to a connection.

    Any other error, or any byte: UNKNOWN. Above all SEND_FAIL_REWIND, by which libcurl says that it would have sent the
    request a second time.
    """
    return Outcome.RETRY_LATER if error in BEFORE_SENDING and not sent else Outcome.UNKNOWN


class _Transfer(Generic[Key]):
    """One of libcurl's easy handles, used for one request after another."""

    def __init__(self, limit: TimeLimit, longest_body: int) -> None:
        self.key: Key
        self.easy = pycurl.Curl()
        self._connections = pycurl.CurlShare()  # of its own, so that the next request can only go on the last one
        self._connections.setopt(pycurl.SH_SHARE, pycurl.LOCK_DATA_CONNECT)
        self.easy.setopt(pycurl.SHARE, self._connections)
        for option, value in _options(limit, longest_body):
            self.easy.setopt(option, value)

    def prepare(self, key: Key, request: Request) -> None:
        """Raises ValueError if it can't be sent as it is."""
        headers = [f"{name}: {value}".encode() for name, value in request.headers.items()]
        if b"\r" in (lines := b"".join(headers)) or b"\n" in lines:
            raise ValueError("a header has a line break in it")
        self.key, self.received = key, BytesIO()
        self.easy.setopt(pycurl.FRESH_CONNECT, self._was_closed)
        self.easy.setopt(pycurl.URL, request.url.encode())
        # No "Expect: 100-continue", which would cost a wait before each body.
        self.easy.setopt(pycurl.HTTPHEADER, [*headers, b"Expect:"])
        self.easy.setopt(pycurl.WRITEFUNCTION, self.received.write)
        if request.method == "GET":
            self.easy.setopt(pycurl.HTTPGET, 1)
        elif request.method == "POST" and request.body:
            self.easy.setopt(pycurl.POST, 1)
            self.easy.setopt(pycurl.POSTFIELDSIZE, len(request.body))
            # Neither POSTFIELDS nor a SEEKFUNCTION: with them libcurl would send the body a second time.
            self.easy.setopt(pycurl.READFUNCTION, BytesIO(request.body).read)
        else:  # one without a body, which is never asked for, could be sent a second time
            raise ValueError("neither a GET nor a POST with a body")

    @property
    def _was_closed(self) -> bool:
        """Whether the server has closed the connection that was kept. libcurl itself looks once a second at most."""
        kept = self.easy.getinfo(pycurl.ACTIVESOCKET)
        return kept != -1 and bool(select.select([kept], [], [], 0)[0])

    @property
    def response(self) -> Response:
        return Response(self.easy.getinfo(pycurl.RESPONSE_CODE), self.received.getvalue())

    def no_response(self, error: int, reason: str) -> NoResponse:
        sent = self.easy.getinfo(pycurl.REQUEST_SIZE) + self.easy.getinfo(pycurl.SIZE_UPLOAD_T)
        return NoResponse(outcome_of(error, sent), reason)


def _options(limit: TimeLimit, longest_body: int) -> Iterator[tuple[int, Any]]:
    """What holds for all requests."""
    yield pycurl.NOSIGNAL, 1
    yield pycurl.PROTOCOLS, pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS
    yield pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_1_1
    yield pycurl.PROXY, ""  # whatever the environment says
    yield pycurl.FOLLOWLOCATION, 0
    yield pycurl.SSL_VERIFYPEER, 1
    yield pycurl.SSL_VERIFYHOST, 2
    yield from trusted_certificates().items()
    yield pycurl.CONNECTTIMEOUT_MS, int(limit.connect * 1000)
    yield pycurl.TIMEOUT_MS, int(limit.total * 1000)
    yield pycurl.LOW_SPEED_LIMIT, 1
    yield pycurl.LOW_SPEED_TIME, limit.silence - SPEED_WINDOW
    yield pycurl.MAXAGE_CONN, IDLE_AT_MOST
    yield pycurl.MAXFILESIZE, longest_body
    yield pycurl.USERAGENT, "teleQ"


def trusted_certificates() -> dict[int, str | None]:
    """Where the certificates of those stand who vouch for providers, as libcurl's options.

    The file that SSL_CERT_FILE names, or the machine's own; else the folder that SSL_CERT_DIR names, or the machine's
    own, as on Debian; and on a machine that has neither, certifi's file. libcurl's own default is a file of the system
    that its wheel was made on.
    """
    paths = ssl.get_default_verify_paths()
    if paths.cafile:
        return {pycurl.CAINFO: paths.cafile, pycurl.CAPATH: None}
    if paths.capath and any(Path(paths.capath).glob("*.0")):  # names by hash, as OpenSSL looks them up
        return {pycurl.CAINFO: None, pycurl.CAPATH: paths.capath}
    return {pycurl.CAINFO: certifi.where(), pycurl.CAPATH: None}


class HttpClient(Generic[Key]):
    """Sends requests, of which so many may be under way at once, on kept connections.

    `start` some, then `perform` and `wait` again and again, in one thread. `wake` may be called from another. Not to be
    used in a process forked from the one that made it.
    """

    def __init__(self, at_once: int, limit: TimeLimit = TIME_LIMIT, longest_body: int = LONGEST_BODY) -> None:
        self._multi = pycurl.CurlMulti()
        self._multi.setopt(pycurl.M_MAXCONNECTS, at_once)
        self._idle: list[_Transfer[Key]] = [_Transfer(limit, longest_body) for _ in range(at_once)]
        self._under_way: dict[pycurl.Curl, _Transfer[Key]] = {}
        self._woken, self._waker = socket.socketpair()
        for end in (self._woken, self._waker):
            end.setblocking(False)

    @property
    def idle(self) -> int:
        """How many more requests can be started."""
        return len(self._idle)

    def start(self, key: Key, request: Request) -> None:
        """Begin to send the request. Raises ValueError if it can't be sent as it is."""
        self._idle[-1].prepare(key, request)
        transfer = self._idle.pop()
        self._under_way[transfer.easy] = transfer
        self._multi.add_handle(transfer.easy)

    def perform(self) -> list[tuple[Key, Response | NoResponse]]:
        """Send and receive what can be, without waiting. Returns what has ended, with the keys it was started with."""
        self._multi.perform()
        ended: list[tuple[Key, Response | NoResponse]] = []
        left = 1
        while left:
            left, successes, failures = self._multi.info_read()
            for easy in successes:
                transfer = self._end(easy)
                ended.append((transfer.key, transfer.response))
            for easy, error, reason in failures:
                transfer = self._end(easy)
                ended.append((transfer.key, transfer.no_response(error, reason)))
        return ended

    def _end(self, easy: pycurl.Curl) -> _Transfer[Key]:
        self._multi.remove_handle(easy)
        transfer = self._under_way.pop(easy)
        self._idle.append(transfer)
        return transfer

    def wait(self, seconds: float) -> None:
        """Until there is something to perform, or somebody wakes it; no longer than this."""
        readable, writable, _ = self._multi.fdset()
        libcurl_waits = self._multi.timeout()  # milliseconds; -1: for nothing
        timeout = min(seconds, libcurl_waits / 1000) if libcurl_waits >= 0 else seconds
        woken, _, _ = select.select([*readable, self._woken], writable, [], timeout)
        if self._woken in woken:
            self._woken.recv(4096)

    def wake(self) -> None:
        """Let a `wait` that is under way, or else the next one, return at once."""
        with suppress(BlockingIOError):  # it has been woken so often that once more makes no difference
            self._waker.send(b".")

    def close(self) -> None:
        """Break off what is under way, and close all connections."""
        for easy in self._under_way:
            self._multi.remove_handle(easy)
        self._multi.close()
        for transfer in (*self._idle, *self._under_way.values()):
            transfer.easy.close()
        self._woken.close()
        self._waker.close()


def exchange(requests: Mapping[Key, Request], longest_body: int = LONGEST_BODY) -> dict[Key, Response | NoResponse]:
    """Send all these requests at once, and wait until all have ended."""
    ended: dict[Key, Response | NoResponse] = {}
    if requests:
        with closing(HttpClient[Key](at_once=len(requests), longest_body=longest_body)) as client:
            for key, request in requests.items():
                client.start(key, request)
            while len(ended) < len(requests):
                client.wait(1)
                ended.update(client.perform())
    return ended
