"""What is large or holds a file is refused before it is read, and leaves nothing behind; but for the one address that
takes a file (tests/administration/test_recordings.py), which keeps it in memory."""

from __future__ import annotations

import re
import select
import socket
from contextlib import suppress
from pathlib import Path

import pytest
from django.core.files.uploadhandler import FileUploadHandler
from django.urls import reverse

from telephony import recordings
from telephony.sentences import said_in
from teleq import uploads
from tests.fixtures.edge import Address

pytestmark = pytest.mark.slow

HEAD = b"Host: localhost\r\nAccept: text/html\r\nConnection: close\r\nContent-Type: multipart/form-data; boundary=b\r\n"
FILE = b'--b\r\nContent-Disposition: form-data; name="f"; filename="f.bin"\r\n\r\n'
EIGHTY_MB = 80 * 2**20
SAID, CHUNKED = b"Content-Length: %d" % EIGHTY_MB, b"Transfer-Encoding: chunked"
WORDS = "Det som skickades är för stort eller innehåller en fil. Ingenting sparades."


def upload(address: Address, path: str, length: bytes) -> tuple[bytes, int]:
    """The response to a file of 80 MB, of which no more is sent once it has begun to come; and how much was sent."""
    sent, piece, response = 0, b"x" * 2**16, b""
    with socket.create_connection(address, timeout=30) as client:
        client.sendall(b"POST %s HTTP/1.1\r\n%s%s\r\n\r\n" % (path.encode(), HEAD, length))
        if length == CHUNKED:
            piece = b"%x\r\n%s\r\n" % (len(piece), piece)
            client.sendall(b"%x\r\n%s\r\n" % (len(FILE), FILE))
        else:
            client.sendall(FILE)
        with suppress(ConnectionError):
            while sent < EIGHTY_MB and not select.select([client], [], [], 0.05)[0]:
                client.sendall(piece)
                sent += len(piece)
        with suppress(ConnectionError):
            while more := client.recv(2**16):
                response += more
    return response, sent


@pytest.mark.django_db(transaction=True)
def test_an_anonymous_upload_of_80_mb_is_refused_before_it_is_there_and_leaves_no_file(web, tmp_path):
    for path in ("/login/", "/", "/sms/inbound/simulator", "/api/v1/callbacks"):
        response, sent = upload(web, path, SAID)
        assert re.match(rb"HTTP/1.1 413 ", response), response[:200]
        assert WORDS in response.decode()
        assert sent < EIGHTY_MB / 10
    response, _ = upload(web, "/login/", CHUNKED)  # which doesn't say how long it is
    assert re.match(rb"HTTP/1.1 4\d\d ", response), response[:200]
    assert left_in(tmp_path / "files") == []


def left_in(folder: Path) -> list[str]:
    """gunicorn's own files have no name while it runs."""
    return [file.name for file in folder.rglob("*")]


@pytest.mark.django_db
def test_a_small_file_is_refused_too_in_words(client, nurse):
    client.force_login(nurse)
    body = FILE + b"x\r\n--b--\r\n"
    answer = client.post("/cases/search/", body, content_type="multipart/form-data; boundary=b", headers=BROWSER)
    assert answer.status_code == 413
    assert WORDS in answer.content.decode()


BROWSER = {"Accept": "text/html"}


@pytest.mark.django_db
@pytest.mark.parametrize("large", [{"query": "x" * 600_000}, {f"field-{n}": "x" for n in range(1100)}])
def test_what_is_too_large_is_said_to_a_person_in_words(large, client, nurse):
    client.force_login(nurse)
    answer = client.post("/cases/search/", large, headers=BROWSER)
    assert (answer.status_code, WORDS in answer.content.decode()) == (413, True)


@pytest.mark.django_db
def test_to_a_machine_in_json(client):
    told = client.post("/api/v1/callbacks", b"x" * 600_000, content_type="application/json")
    assert (told.status_code, "detail" in told.json()) == (401, True)  # its key is asked for first


@pytest.mark.django_db
def test_a_form_with_all_that_a_nurse_may_write_is_taken(client, nurse):
    client.force_login(nurse)
    assert client.post("/sms/count/", {"text": "å" * 100_000}).status_code == 200


def test_no_handler_of_uploads_is_there_that_could_write_a_file(settings):
    assert settings.FILE_UPLOAD_HANDLERS == ["teleq.uploads.NoFiles"]
    assert issubclass(uploads.InMemory, FileUploadHandler)
    assert settings.DATA_UPLOAD_MAX_NUMBER_FILES == 1


@pytest.mark.django_db(transaction=True)
def test_nor_is_a_file_left_where_one_is_taken(web, tmp_path):
    upload(web, "/admin/recordings/1/sv/goodbye/", SAID)
    upload(web, "/admin/recordings/1/sv/goodbye/", b"Content-Length: %d" % (2 * 2**20))
    assert left_in(tmp_path / "files") == []


def proxys_limits(settings) -> tuple[int, list[tuple[str, int]]]:
    """In kB: everywhere, and at the addresses that have one of their own."""
    proxy = (Path(settings.BASE_DIR) / "proxy" / "nginx.conf.template").read_text()
    own = re.findall(r"location ~ (\S+) \{\s+client_max_body_size (\d+)k;", proxy)
    [everywhere, *others] = re.findall(r"client_max_body_size (\d+)k;", proxy)
    assert len(others) == len(own)
    return int(everywhere), [(address, int(limit)) for address, limit in own]


def test_the_proxy_takes_no_more_than_the_product(settings):
    everywhere, [(address, limit)] = proxys_limits(settings)
    assert everywhere * 1024 == settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    assert limit * 1024 == uploads.largest_form(recordings.LARGEST)
    for sentence in [*said_in("en"), "announcement:17"]:
        assert re.search(address, reverse("admin:recording", args=[1, "sv", sentence]))
    for other in ("admin:recordings", "admin:reserve", "admin:login", "account_login"):
        assert not re.search(address, reverse(other))
    assert not re.search(address, reverse("admin:recordings_language", args=[1, "sv"]))
    assert not re.search(address, reverse("admin:recording_audio", args=[1]))
