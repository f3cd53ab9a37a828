"""The proxy that production has before it, nginx itself: slow clients, TLS, limits, and who a client says that it is.

Skipped where nginx isn't installed; .ci/run installs it.
"""

from __future__ import annotations

import http.client
import re
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress

import pytest

from access.models import SignIn
from tests.fixtures.edge import Address, Proxy
from tests.teleq.test_uploads import CHUNKED, EIGHTY_MB, FILE, WORDS, left_in

pytestmark = pytest.mark.django_db(transaction=True)

HOST = b"Host: localhost\r\n"
SLOW = {
    "headers": b"GET /login/ HTTP/1.1\r\n" + HOST + b"X-Slow: ",
    "body": b"POST /login/ HTTP/1.1\r\n"
    + HOST
    + b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 50000\r\n\r\nlogin=",
    "reading": b"GET /login/ HTTP/1.1\r\n" + HOST + b"\r\n",
}
"""What each kind of slow client begins with. It goes on a byte at a time: sending, or reading."""


@contextmanager
def slow_clients(connect: Callable[[], socket.socket], how_many: int) -> Iterator[list[socket.socket]]:
    """So many of all kinds, each of which does something now and then, so that no time limit ends it."""
    clients, ended = [], threading.Event()
    for number in range(how_many):
        client = connect()
        client.sendall(list(SLOW.values())[number % len(SLOW)])
        clients.append(client)

    def go_on() -> None:
        while not ended.wait(0.2):
            for number, client in enumerate(clients):
                with suppress(OSError):
                    if number % len(SLOW) < 2:
                        client.sendall(b"x")
                    else:
                        client.recv(1)

    dripping = threading.Thread(target=go_on)
    dripping.start()
    yield clients
    ended.set()
    dripping.join()
    for client in clients:
        client.close()


def test_fifty_slow_clients_keep_nobody_waiting(proxy):
    edge = proxy()
    with slow_clients(edge.connect, 50) as clients:
        for _ in range(20):
            assert edge.ask("GET /login/").status == 200
        still_there = [client for client in clients if is_open(client)]
    assert len(still_there) == 50  # none had been given up while the pages were answered


def is_open(client: socket.socket) -> bool:
    try:
        client.getpeername()
        client.settimeout(0.01)
        return client.recv(1) != b""
    except (TimeoutError, ssl.SSLWantReadError):
        return True
    except OSError:
        return False


def test_a_request_reaches_the_product_only_when_all_of_it_is_here(proxy):
    """More than the product has threads: were they let through, the page would have to wait for one of them."""
    edge = proxy(WEB_CONCURRENCY="1", WEB_THREADS="1")
    with slow_clients(edge.connect, 9):
        assert edge.ask("GET /login/").status == 200


def test_it_is_https_and_says_so(proxy):
    edge = proxy()
    plain = http.client.HTTPConnection(*edge.http, timeout=30)
    plain.request("GET", "/cases/?page=2", headers={"Host": "teleq.example.se"})
    answer = plain.getresponse()
    assert (answer.status, answer.headers["Location"]) == (301, "https://teleq.example.se/cases/?page=2")
    plain.close()

    page = edge.ask("GET /login/")
    assert page["Strict-Transport-Security"] == "max-age=31536000; includeSubDomains"
    assert page["Server"] == "nginx"  # and not which
    [token] = [value for name, value in page.headers if name.lower() == "set-cookie"]
    assert re.fullmatch(r"__Host-csrftoken=\w+; expires=[^;]+; Max-Age=\d+; Path=/; SameSite=Lax; Secure", token), token

    with socket.create_connection(edge.https, timeout=30) as client:
        old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
        old.set_ciphers("ALL:@SECLEVEL=0")
        old.minimum_version, old.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
        with pytest.raises((ssl.SSLError, ConnectionError)):
            old.wrap_socket(client)


def test_an_upload_of_80_mb_is_refused_by_its_length_and_nothing_of_it_kept(proxy):
    edge = proxy()
    for length in (b"Content-Length: %d" % EIGHTY_MB, CHUNKED):
        with edge.connect() as client:
            client.sendall(b"POST /login/ HTTP/1.1\r\n" + HOST + length + b"\r\n\r\n")
            piece = FILE + b"x" * 2**16
            with suppress(OSError):
                for _ in range(10):  # 600 kB
                    client.sendall(b"%x\r\n%s\r\n" % (len(piece), piece) if length == CHUNKED else piece)
            told = client.makefile("rb").read().decode()
            assert told.startswith("HTTP/1.1 413 ")
            assert WORDS in told
    assert left_in(edge.folder / "body") == []


# Limits --------------------------------------------------------------------------------------------------------------


def at_once(edge: Proxy, request: str, times: int, **options: object) -> list[int]:
    with ThreadPoolExecutor(20) as pool:
        return [answer.status for answer in pool.map(lambda _: edge.ask(request, **options), range(times))]


def test_the_api_answers_too_many_with_429_and_when_to_try_again_and_others_as_ever(proxy):
    edge = proxy()
    SignIn.objects.all().delete()
    answers = at_once(edge, "GET /api/v1/openapi.json", 250)
    assert set(answers) == {200, 429}
    assert answers.count(200) >= 60
    told = next(answer for answer in iter(lambda: edge.ask("GET /api/v1/openapi.json"), None) if answer.status == 429)
    assert (told["Retry-After"], told.text) == ("5", '{"detail": "För många anrop. Försök igen om en stund."}')
    assert edge.ask("GET /api/v1/openapi.json", source="127.0.0.9").status == 200
    assert edge.ask("GET /login/").status == 200


def test_a_providers_reports_wait_their_turn_and_none_is_turned_away(proxy):
    edge = proxy()
    assert set(at_once(edge, "GET /sms/receipts/kannel/1/t?type=1", 400)) == {404}  # not configured: the product's word


# Who a client says that it is -----------------------------------------------------------------------------------------

ELKS = {
    "SMS_PROVIDER": "46elks",
    "ELKS_USERNAME": "u1",
    "ELKS_PASSWORD": "p1",
    "ELKS_ADDRESSES": "127.0.0.2",
    "SMS_INBOUND_PASSWORD": "k9Vt3qXw7ZbN1mLp5RsYd8Hf",
}
REPORT = "POST /sms/receipts/46elks/1/token"
FORGED = [
    {"X-Forwarded-For": "127.0.0.2"},
    {"X-Forwarded-For": "127.0.0.2, 127.0.0.2"},
    {"x_forwarded_for": "127.0.0.2"},
    {"Forwarded": "for=127.0.0.2"},
    {"X-Real-IP": "127.0.0.2"},
    {"Remote-Addr": "127.0.0.2"},
]


def form(headers: dict[str, str]) -> dict[str, object]:
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    return {"body": b"id=1&status=delivered", "headers": kind | headers}


def test_46elks_addresses_are_not_to_be_had_by_a_header_behind_the_proxy(proxy):
    edge = proxy(**ELKS)
    assert {edge.ask(REPORT, **form(headers)).status for headers in FORGED} == {403}
    assert edge.ask(REPORT, **form({}), source="127.0.0.2").status == 204


def test_nor_without_a_proxy(serve):
    web = serve(**ELKS, TELEQ_URL="https://teleq.example.se")
    assert {posted(web, headers) for headers in FORGED} == {403}
    assert posted(web, {}, source="127.0.0.2") == 204


def posted(web: Address, headers: dict[str, str], source: str = "127.0.0.1") -> int:
    connection = http.client.HTTPConnection(*web, timeout=30, source_address=(source, 0))
    asked = form({"Host": "localhost"} | headers)
    connection.request("POST", REPORT.split()[1], asked["body"], asked["headers"])
    status = connection.getresponse().status
    connection.close()
    return status
