"""The proxy that production has before it, nginx itself: slow clients, TLS and limits.

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
from tests.concurrency import wait_until
from tests.database_roles import as_owner
from tests.fixtures.edge import Proxy
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
    """So many of all kinds. Each does something now and then, so that no time limit ends it."""
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


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of the protocols that are tried
def test_it_is_https_and_says_so(proxy):
    edge = proxy()
    plain = http.client.HTTPConnection(*edge.http, timeout=30)
    plain.request("GET", "/cases/?page=2", headers={"Host": "teleq.example.se"})
    answer = plain.getresponse()
    assert (answer.status, answer.headers["Location"]) == (301, "https://teleq.example.se/cases/?page=2")
    plain.close()
    for address in ("/api/v1/queues", "/sms/inbound/kannel"):
        plain.request("POST", address, headers={"Host": "teleq.example.se"})
        assert plain.getresponse().status == 403  # and is not led on: the key has been sent in clear
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


def test_a_recording_passes_where_it_is_taken_and_nothing_as_large_does_elsewhere(proxy):
    """Who sends it isn't signed in: the product says so, having been given all of it."""
    through = proxy()
    recording = FILE + b"x" * (2 * 2**20) + b"\r\n--b--\r\n"
    kind = {"Content-Type": "multipart/form-data; boundary=b"}
    assert through.ask("POST /admin/recordings/1/sv/announcement:7/", recording, kind).status == 403
    for path in ("/admin/recordings/", "/admin/recordings/1/sv/", "/admin/recordings/audio/1/", "/admin/reserve/"):
        assert through.ask(f"POST {path}", recording, kind).status == 413
    too_large = recording + b"x" * (2**20)
    assert through.ask("POST /admin/recordings/1/sv/goodbye/", too_large, kind).status == 413


def test_the_api_answers_too_many_with_429_and_when_to_try_again_and_others_as_ever(proxy):
    edge = proxy()
    with as_owner():
        SignIn.objects.all().delete()
    answers = at_once(edge, "GET /api/v1/openapi.json", 250)
    assert set(answers) == {200, 429}
    assert answers.count(200) >= 60
    told = next(answer for answer in iter(lambda: edge.ask("GET /api/v1/openapi.json"), None) if answer.status == 429)
    assert told["Strict-Transport-Security"] == "max-age=31536000; includeSubDomains"
    assert told["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert told["X-Content-Type-Options"] == "nosniff"
    assert (told["Retry-After"], told.text) == ("5", '{"detail": "För många anrop. Försök igen om en stund."}')
    assert edge.ask("GET /api/v1/openapi.json", source="127.0.0.9").status == 200
    assert edge.ask("GET /login/").status == 200


def test_a_providers_reports_wait_their_turn_and_none_is_turned_away(proxy):
    edge = proxy()
    assert set(at_once(edge, "GET /sms/receipts/kannel/1/t?type=1", 400)) == {404}  # not configured: the product's word


# What is asked from within --------------------------------------------------------------------------------------------


WITHIN = ["/status", "/metrics", "/readyz"]
SPELT = [*WITHIN, "/%73tatus", "//status", "/./metrics", "/x/../status", "/status?x=1", "/status/", "/readyz%20"]


def test_the_world_is_told_nothing_of_how_the_product_is_doing_however_it_asks(proxy):
    token = "w4Fq-8dKzT1mVbC9rYxE3nLh"
    edge = proxy(STATUS_TOKEN=token)
    for path in SPELT:
        told = edge.ask(f"GET {path}", headers={"Authorization": f"Bearer {token}"})
        assert told.status == 404, path
        assert "lanes" not in told.text, path
        assert "teleq_" not in told.text, path
    assert edge.ask("GET /healthz").text == "ok\n"


def test_a_request_has_one_id_in_the_proxys_log_and_in_its_response_whatever_the_client_says(proxy):
    edge = proxy()
    response = edge.ask("GET /login/", headers={"X-Request-ID": "0123456789abcdef0123456789abcdef"})
    request_id = response["X-Request-ID"]
    assert re.fullmatch(r"[0-9a-f]{32}", request_id)
    assert request_id != "0123456789abcdef0123456789abcdef"
    log = edge.folder / "nginx.log"
    wait_until(lambda: request_id in log.read_text())  # it is written once the response has left
