"""What a provider's server may do to a request, step by step, and what is known of it afterwards.

Each time the server itself says what came to it. First the one that would send an SMS twice.
"""

from __future__ import annotations

import hashlib
import itertools
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pycurl
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from sms.http_client import (
    LONGEST_BODY,
    TIME_LIMIT,
    HttpClient,
    NoResponse,
    TimeLimit,
    exchange,
    outcome_of,
    trusted_certificates,
)
from sms.providers.base import Outcome, Request, Response
from tests.sms.misbehaving import CREATED, Connection, Server, serving

SOON = TimeLimit(total=1, connect=0.5)
"""To give up after, where a test is about that."""
TAKEN = Response(201, b"id-1")
LOCALHOST = "127.0.0.1"


def post(url: str, body: bytes = b"first") -> Request:
    return Request("POST", url, {"Content-Type": "text/plain"}, body)


def one_after_another(url: str, *bodies: bytes, limit: TimeLimit = TIME_LIMIT) -> list[Response | NoResponse]:
    """Each sent when the one before has ended, so that its connection is used again."""
    ended: list[Response | NoResponse] = []
    with closing(HttpClient[bytes](at_once=1, limit=limit)) as client:
        for body in bodies:
            client.start(body, post(url, body))
            while not (now := client.perform()):
                client.wait(5)
            [(key, end)] = now
            assert key == body
            ended.append(end)
    return ended


def known_unsent(url: str, limit: TimeLimit = TIME_LIMIT) -> str:
    """The reason why."""
    [end] = one_after_another(url, b"first", limit=limit)
    assert isinstance(end, NoResponse)
    assert end.outcome is Outcome.RETRY_LATER
    return end.reason


def unknown(server: Server, limit: TimeLimit = TIME_LIMIT) -> str:
    """The reason why, of one that the server has had once."""
    [end] = one_after_another(server.url, b"first", limit=limit)
    assert isinstance(end, NoResponse)
    assert end.outcome is Outcome.UNKNOWN
    assert server.received == [b"first"]
    return end.reason


# A kept connection ---------------------------------------------------------------------------------------------------


def answer_one_and_close_on_the_next(connection: Connection) -> None:
    connection.read()
    connection.send(CREATED)
    connection.read()


class TestAKeptConnectionIsClosedWithoutAWord:
    """After a message was read, and before it was answered: libcurl would send it again by itself, and say 201."""

    def test_it_was_seen_once_and_is_unknown(self):
        with serving(answer_one_and_close_on_the_next) as server:
            first, second = one_after_another(server.url, b"first", b"second")
            assert server.received == [b"first", b"second"]
            assert first == TAKEN
            assert second == NoResponse(Outcome.UNKNOWN, "necessary data rewind was not possible")

    def test_nor_is_it_known_to_be_unsent_where_a_new_connection_would_be_refused(self):
        def then_stop_listening(connection: Connection) -> None:
            answer_one_and_close_on_the_next(connection)
            connection.server.stop_listening()

        with serving(then_stop_listening) as server:
            _, second = one_after_another(server.url, b"first", b"second")
            assert server.received == [b"first", b"second"]
            assert isinstance(second, NoResponse)
            assert second.outcome is Outcome.UNKNOWN

    def test_it_is_no_different_when_the_connection_is_reset(self):
        def reset_on_the_next(connection: Connection) -> None:
            answer_one_and_close_on_the_next(connection)
            connection.reset()

        with serving(reset_on_the_next) as server:
            _, second = one_after_another(server.url, b"first", b"second")
            assert server.received == [b"first", b"second"]
            assert isinstance(second, NoResponse)
            assert second.outcome is Outcome.UNKNOWN

    def test_what_was_asked_for_may_be_asked_for_again(self):
        """A status: a GET, which changes nothing."""

        def answer_one(connection: Connection) -> None:
            connection.read_head()
            connection.send(CREATED)
            connection.read_head()

        with serving(answer_one) as server, closing(HttpClient[int](at_once=1)) as client:
            for key in (1, 2):
                client.start(key, Request("GET", server.url, {}))
                while not (ended := client.perform()):
                    client.wait(5)
                assert ended == [(key, TAKEN)]
            assert server.connections == 2


def test_a_connection_is_kept_from_message_to_message():
    with serving(answer_all) as server:
        assert one_after_another(server.url, b"1", b"2", b"3") == [TAKEN] * 3
        assert (server.received, server.connections) == ([b"1", b"2", b"3"], 1)


def answer_all(connection: Connection) -> None:
    while connection.read():
        connection.send(CREATED)


@pytest.mark.parametrize("end", [Connection.close, Connection.reset], ids=["closed", "reset"])
def test_one_that_was_closed_while_it_was_idle_is_not_used_again(end):
    """Also where that was a moment ago: libcurl itself would look a second later. The client has looked, so nothing of
    the next message is written to it."""
    answered, closed = threading.Event(), threading.Event()

    def answer_one(connection: Connection) -> None:
        connection.read()
        connection.send(CREATED)
        answered.wait(10)
        end(connection)
        closed.set()

    with serving(answer_one) as server, closing(HttpClient[int](at_once=1)) as client:
        for key in (1, 2, 3):
            client.start(key, post(server.url, b"%d" % key))
            while not (ended := client.perform()):
                client.wait(5)
            assert ended == [(key, TAKEN)]
            answered.set()
            assert closed.wait(10)
            answered.clear()
            closed.clear()
        assert (server.received, server.connections) == ([b"1", b"2", b"3"], 3)


# Known not to have been sent -----------------------------------------------------------------------------------------


def test_a_refused_connection():
    with serving(answer_all) as server:
        url = server.url
        server.stop_listening()
        assert "Could not connect" in known_unsent(url)


def test_a_name_that_nobody_has():
    assert "Could not resolve host" in known_unsent("http://no-such-host.invalid/")


def test_a_connection_that_is_never_taken():
    with socket.create_server((LOCALHOST, 0), backlog=0) as full:
        before = [socket.socket() for _ in range(4)]
        for each in before:
            each.setblocking(False)
            each.connect_ex(full.getsockname())
        reason = known_unsent(f"http://{LOCALHOST}:{full.getsockname()[1]}/", SOON)
        assert "timed out" in reason.lower() or "timeout" in reason.lower()
        for each in before:
            each.close()


@pytest.mark.parametrize(
    "url", ["ftp://127.0.0.1/", "file:///etc/hostname", "http://", "http://[::1", "sms.example/a b"]
)
def test_an_address_that_is_none_for_us(url):
    assert known_unsent(url)


# It may have been sent -----------------------------------------------------------------------------------------------


def read_and(then: Callable[[Connection], object]) -> Callable[[Connection], None]:
    def behave(connection: Connection) -> None:
        connection.read()
        then(connection)

    return behave


def read_and_send(*data: bytes) -> Callable[[Connection], None]:
    """And then leave the connection as it is."""

    def send(connection: Connection) -> None:
        for each in data:
            connection.send(each)
        connection.wait_for_the_end()

    return read_and(send)


def forever(data: bytes) -> Iterator[bytes]:
    return itertools.repeat(data)


@pytest.mark.parametrize("sent", [b"", CREATED[:10], CREATED[:-2]], ids=["nothing", "half a head", "half a body"])
def test_a_silence(sent):
    with serving(read_and_send(sent)) as server:
        assert "timed out" in unknown(server, SOON)


def test_a_silence_of_ten_seconds_is_not_waited_for_till_the_end():
    """Here of seven, the least that there is."""
    with serving(read_and_send()) as server:
        assert "too slow" in unknown(server, TimeLimit(total=60, silence=7))


def test_a_response_that_trickles_ends_with_the_time_for_all_of_it():
    def trickle(connection: Connection) -> None:
        for byte in CREATED.replace(b"4", b"999"):
            connection.send(bytes([byte]))
            connection.server.over.wait(0.1)

    with serving(read_and(trickle)) as server:
        assert "timed out" in unknown(server, SOON)


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        (b"", "Empty reply"),
        (CREATED[:10], ""),
        (CREATED[:-2], "2 bytes missing"),
        (b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nid", ""),
    ],
    ids=["nothing", "half a head", "half a body", "half a chunk"],
)
def test_a_connection_that_is_closed_after_it_was_read(sent, reason):
    with serving(read_and(lambda connection: connection.send(sent))) as server:
        assert reason in unknown(server)


def test_a_connection_that_is_reset_after_it_was_read():
    with serving(read_and(Connection.reset)) as server:
        assert "reset" in unknown(server)


def test_a_connection_that_is_reset_before_it_was_read():
    """What had been read of it is known to the server only."""

    def read_nothing(connection: Connection) -> None:
        connection.socket.recv(1)
        connection.reset()

    with serving(read_nothing) as server:
        [end] = one_after_another(server.url, b"first")
        assert isinstance(end, NoResponse)
        assert end.outcome is Outcome.UNKNOWN


@pytest.mark.parametrize(
    "garbage",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"<html>201 Created</html>",
        b"\x00\xff" * 500,
        b"HTTP/1.1 2o1 Created\r\n\r\n",
        b"HTTP/1.1 201 Created\r\nContent-Length: many\r\n\r\nid-1",
        b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\nid-1",
        b"HTTP/1.1 201 Created\r\n" + b"X: " + b"x" * 1_000_000,
    ],
)
def test_what_is_no_http(garbage):
    with serving(read_and_send(garbage)) as server:
        assert "timed out" not in unknown(server)


ENDLESS = {
    "of no length": b"",
    "of a length": b"Content-Length: 1000000000\r\n",
    "in chunks": b"Transfer-Encoding: chunked\r\n",
}


@pytest.mark.parametrize("header", ENDLESS.values(), ids=ENDLESS)
def test_a_body_without_end_is_not_read_to_it(header):
    def send_without_end(connection: Connection) -> None:
        connection.send(b"HTTP/1.1 201 Created\r\n" + header + b"\r\n")
        for data in forever(b"400\r\n" + b"x" * 1024 + b"\r\n"):
            connection.send(data)

    with serving(read_and(send_without_end)) as server:
        assert "file size" in unknown(server)


def test_nor_are_headers_without_end():
    def send_without_end(connection: Connection) -> None:
        connection.send(b"HTTP/1.1 201 Created\r\n")
        for data in forever(b"X: x\r\n" * 100):
            connection.send(data)

    with serving(read_and(send_without_end)) as server:
        assert "headers" in unknown(server)


@pytest.mark.parametrize("error", sorted({getattr(pycurl, name) for name in dir(pycurl) if name.startswith("E_")}))
def test_whatever_the_error_what_has_left_is_never_known_to_be_unsent(error):
    assert outcome_of(error, sent=1) is Outcome.UNKNOWN


# Responses that are whole --------------------------------------------------------------------------------------------


def test_a_redirection_is_not_followed():
    with serving(answer_all) as elsewhere:
        moved = b"HTTP/1.1 307 Moved\r\nLocation: %b\r\nContent-Length: 0\r\n\r\n" % elsewhere.url.encode()
        with serving(read_and_send(moved)) as server:
            assert one_after_another(server.url, b"first") == [Response(307)]
            assert (server.received, elsewhere.connections) == ([b"first"], 0)


def test_continue_is_not_asked_for_and_no_answer():
    heads = []

    def go_on_first(connection: Connection) -> None:
        heads.append(connection.read_head())
        connection.send(b"HTTP/1.1 100 Continue\r\n\r\n" + CREATED)
        connection.wait_for_the_end()

    with serving(go_on_first) as server:
        assert one_after_another(server.url, b"first") == [TAKEN]
    assert b"expect" not in heads[0].lower()


def test_an_answer_before_the_message_was_read_is_one():
    def turn_away(connection: Connection) -> None:
        connection.read_head()
        connection.send(b"HTTP/1.1 413 Too large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
        connection.wait_for_the_end()

    with serving(turn_away) as server:
        assert one_after_another(server.url, b"first") == [Response(413)]


def test_a_body_as_long_as_it_may_be():
    body = b"x" * LONGEST_BODY
    with serving(read_and_send(b"HTTP/1.1 201 Created\r\nContent-Length: %d\r\n\r\n" % len(body) + body)) as server:
        assert one_after_another(server.url, b"first") == [Response(201, body)]


def test_the_environments_proxy_is_not_asked(monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    with serving(answer_all) as server:
        assert one_after_another(server.url, b"first") == [TAKEN]


# TLS -----------------------------------------------------------------------------------------------------------------


class Authority:
    """One that vouches for certificates, as a region's own does."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.key = folder, ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "an authority of tests")])
        own = self._signed(self.name, self.key, "", days=1, is_authority=True)
        self.file = folder / "authority.pem"
        self.file.write_bytes(own.public_bytes(serialization.Encoding.PEM))
        self.hashed = folder / "hashed"
        """A folder as OpenSSL reads it: files have the hash of the name for theirs. (Its name is lower-case ASCII, so
        that OpenSSL's own spelling of it, over which it counts the hash, is the same.)"""
        self.hashed.mkdir()
        digest = hashlib.sha1(self.name.public_bytes()[2:]).digest()  # noqa: S324  OpenSSL's choice
        (self.hashed / f"{int.from_bytes(digest[:4], 'little'):08x}.0").write_bytes(self.file.read_bytes())

    def server(self, host: str, days: int = 1) -> ssl.SSLContext:
        """What a server of this name speaks TLS with. Its certificate is valid for so many days from now."""
        key, folder = ec.generate_private_key(ec.SECP256R1()), self.folder
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
        (folder / "server.pem").write_bytes(
            self._signed(name, key, host, days).public_bytes(serialization.Encoding.PEM)
            + key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "server.pem")
        return context

    def _signed(self, name, key, host, days, is_authority=False) -> x509.Certificate:
        now = datetime.now(UTC)
        builder = (
            x509.CertificateBuilder(self.name, name, key.public_key(), x509.random_serial_number())
            .not_valid_before(now - timedelta(days=2))
            .not_valid_after(now + timedelta(days=days))
            .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        )
        if host:
            builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        return builder.sign(self.key, hashes.SHA256())


@pytest.fixture(scope="module")
def authority(tmp_path_factory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def trusted(authority, monkeypatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))


@contextmanager
def https(tls: ssl.SSLContext) -> Iterator[tuple[Server, str]]:
    with serving(answer_all, tls) as server:
        yield server, f"https://localhost:{server.port}/"


def test_a_certificate_that_the_machine_trusts(authority, trusted):
    with https(authority.server("localhost")) as (server, url):
        assert one_after_another(url, b"first", b"second") == [TAKEN, TAKEN]
        assert server.connections == 1


def test_one_that_a_folder_vouches_for_as_debian_has_it(authority, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere")
    monkeypatch.setenv("SSL_CERT_DIR", str(authority.hashed))
    with https(authority.server("localhost")) as (_, url):
        assert one_after_another(url, b"first") == [TAKEN]


def test_a_machine_that_trusts_nobody_trusts_certifis(monkeypatch, tmp_path, authority):
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere")
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    assert "BEGIN CERTIFICATE" in Path(trusted_certificates()[pycurl.CAINFO] or "").read_text()
    with https(authority.server("localhost")) as (server, url):
        known_unsent(url)
        assert server.received == []


@pytest.mark.parametrize("host", ["sms.example", "localhost.example"])
def test_a_certificate_of_another_host(host, authority, trusted):
    with https(authority.server(host)) as (server, url):
        assert "subject name" in known_unsent(url)
        assert server.received == []


def test_one_that_has_expired(authority, trusted):
    with https(authority.server("localhost", days=-1)) as (server, url):
        assert "expired" in known_unsent(url)
        assert server.received == []


def test_one_that_nobody_vouches_for(authority, certificate, trusted):
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(*certificate)
    with https(tls) as (server, url):
        assert "certificate" in known_unsent(url)
        assert server.received == []


def test_tls_of_long_ago(authority, trusted):
    tls = authority.server("localhost")
    tls.set_ciphers("DEFAULT:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1"):
        tls.minimum_version, tls.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    with https(tls) as (server, url):
        assert known_unsent(url)
        assert server.received == []


@pytest.mark.parametrize(
    "behave",
    [Connection.wait_for_the_end, Connection.close, Connection.reset, lambda connection: connection.send(CREATED)],
    ids=["silent", "closed", "reset", "no TLS"],
)
def test_a_server_that_speaks_no_tls(behave):
    with serving(behave) as server:
        assert known_unsent(f"https://localhost:{server.port}/", SOON)


# Many at once --------------------------------------------------------------------------------------------------------


def test_many_are_under_way_at_once_and_each_has_its_own_end():
    together = threading.Barrier(20, timeout=20)

    def wait_for_all(connection: Connection) -> None:
        body = connection.read()
        together.wait()
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))

    with serving(wait_for_all) as server:
        ended = exchange({n: post(server.url, b"number %d" % n) for n in range(20)})
        assert ended == {n: Response(200, b"number %d" % n) for n in range(20)}


def test_a_request_takes_nothing_over_from_the_one_before():
    heads = []

    def note_all(connection: Connection) -> None:
        while head := connection.read_head():
            heads.append(head)
            connection.socket.recv(5) if head.startswith(b"POST") else None
            connection.send(CREATED)

    with serving(note_all) as server, closing(HttpClient[int](at_once=1)) as client:
        for key, request in enumerate(
            [
                Request("POST", server.url, {"Authorization": "Basic secret"}, b"first"),
                Request("GET", server.url, {"Accept": "application/json"}),
                Request("POST", server.url, {}, b"third"),
            ]
        ):
            client.start(key, request)
            while not (ended := client.perform()):
                client.wait(5)
            assert ended == [(key, TAKEN)]
    assert [head.split(b" ")[0] for head in heads] == [b"POST", b"GET", b"POST"]
    assert [b"secret" in head for head in heads] == [True, False, False]
    assert [b"application/json" in head for head in heads] == [False, True, False]


def test_whoever_waits_can_be_woken_from_another_thread():
    with closing(HttpClient[int](at_once=1)) as client:
        threading.Timer(0.1, client.wake).start()
        client.wait(60)
        for _ in range(100_000):  # nor does it matter how often
            client.wake()


def test_what_is_under_way_is_broken_off_when_it_is_closed():
    come, broken_off = threading.Event(), threading.Event()

    def wait_for_more(connection: Connection) -> None:
        connection.read()
        come.set()
        if connection.socket.recv(1) == b"":
            broken_off.set()

    with serving(wait_for_more) as server:
        with closing(HttpClient[int](at_once=2)) as client:
            client.start(1, post(server.url))
            while not come.is_set():
                client.wait(0.1)
                client.perform()
        assert broken_off.wait(10)


# What is secret ------------------------------------------------------------------------------------------------------

SECRET = Request("POST", "http://user:s3cret@127.0.0.1/", {"Authorization": "s3cret"}, b"s3cret")


def test_nothing_secret_is_in_what_a_traceback_shows():
    assert "s3cret" not in repr(SECRET) + repr(Response(201, b"s3cret"))


@pytest.mark.parametrize(
    "request_",
    [
        Request("POST", "http://127.0.0.1/", {"X-To": "s3cret\r\nX-Other: x"}, b"body"),
        Request("POST", "http://127.0.0.1/", {"X-To": "s3cret\n"}, b"body"),
        Request("POST", "http://127.0.0.1/s3cret\0", {}, b"body"),
        Request("POST", "http://127.0.0.1/s3cret", {}, b""),
        Request("PUT", "http://127.0.0.1/s3cret", {}, b"body"),
    ],
)
def test_what_can_not_be_sent_as_it_is_is_not_sent_and_said_without_it(request_):
    with closing(HttpClient[int](at_once=1)) as client:
        with pytest.raises(ValueError, match=r"\w") as raised:
            client.start(1, request_)
        assert client.idle == 1
    assert "s3cret" not in str(raised.value)


def test_letters_beyond_ascii_in_a_password_go_as_utf_8():
    heads = []

    def note(connection: Connection) -> None:
        heads.append(connection.read_head())
        connection.send(CREATED)

    with serving(note) as server:
        exchange({1: Request("POST", server.url, {"X-Kannel-Password": "lösen"}, b"hej")})
    assert "X-Kannel-Password: lösen\r\n".encode() in heads[0]
