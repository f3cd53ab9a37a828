"""A part of a sound can be asked for, as Safari does before it plays any (RFC 9110, section 14)."""

from __future__ import annotations

import pytest
from django.test import Client

from telephony import voices, wav
from telephony.conversation import Reply
from telephony.recordings import record
from tests.telephony.conftest import recorded

pytestmark = pytest.mark.django_db


@pytest.fixture(params=["what is said", "a recording in Admin"])
def fetch(request, caller, care_provider, client, provider_administrator):
    """Fetches a sound from one of the addresses that have any."""
    if request.param == "what is said":
        [file] = voices.files(caller().row, Reply(said=["sv:at", "sv:number_10"]))
        browser, address = Client(), f"/telefon/ljud/{file.address}"
    else:
        client.force_login(provider_administrator)
        recording = recorded(care_provider, "goodbye", "Tack och hej då.")
        browser, address = client, f"/admin/recordings/audio/{recording.pk}/"

    def fetched(wanted: str = "", method: str = "get", **headers: str):
        headers |= {"Range": wanted} if wanted else {}
        return getattr(browser, method)(address, headers={name.replace("_", "-"): it for name, it in headers.items()})

    return fetched


@pytest.fixture
def whole(fetch) -> bytes:
    return fetch().content


def test_without_a_range_it_is_whole_and_says_that_parts_can_be_had(fetch, whole):
    response = fetch()
    assert response.status_code == 200
    assert response["Accept-Ranges"] == "bytes"
    assert "Content-Range" not in response
    assert whole[:4] == b"RIFF"


def test_safari_gets_the_two_bytes_that_it_asks_for_first(fetch, whole):
    response = fetch("bytes=0-1")
    assert (response.status_code, response.content) == (206, b"RI")
    assert response["Content-Range"] == f"bytes 0-1/{len(whole)}"
    assert response["Content-Length"] == "2"
    assert response["Content-Type"] == "audio/wav"


def test_one_byte_is_a_part(fetch, whole):
    assert (fetch("bytes=0-0").content, fetch(f"bytes={len(whole) - 1}-").content) == (b"R", whole[-1:])


def test_an_open_range_is_the_rest(fetch, whole):
    response = fetch("bytes=4-")
    assert (response.status_code, response.content) == (206, whole[4:])
    assert response["Content-Range"] == f"bytes 4-{len(whole) - 1}/{len(whole)}"


def test_a_range_that_ends_too_late_ends_with_the_sound(fetch, whole):
    response = fetch("bytes=4-99999999")
    assert (response.status_code, response.content) == (206, whole[4:])


@pytest.mark.parametrize("last", [10, 99_999_999])
def test_a_suffix_is_the_last_bytes_and_of_too_many_all(last, fetch, whole):
    response = fetch(f"bytes=-{last}")
    assert (response.status_code, response.content) == (206, whole[-last:])
    assert response["Content-Range"].endswith(f"-{len(whole) - 1}/{len(whole)}")


@pytest.mark.parametrize("wanted", ["bytes=99999999-", "bytes=99999999-100000000", "bytes=-0"])
def test_where_there_are_no_such_bytes_it_says_how_many_there_are(wanted, fetch, whole):
    response = fetch(wanted)
    assert (response.status_code, response.content) == (416, b"")
    assert response["Content-Range"] == f"bytes */{len(whole)}"
    assert "immutable" not in response.get("Cache-Control", "")


@pytest.mark.parametrize(
    "wanted", ["bytes=5-2", "bytes=-", "bytes=", "bytes", "seconds=0-1", "bytes=0-1,4-5", "bytes=a-b", "bytes=--5"]
)
def test_what_can_not_be_read_and_several_parts_at_once_are_not_heeded(wanted, fetch, whole):
    response = fetch(wanted)
    assert (response.status_code, response.content) == (200, whole)


def test_a_part_is_of_the_same_sound_as_the_parts_before(fetch, whole):
    version = fetch()["ETag"]
    assert fetch("bytes=0-1", If_Range=version).status_code == 206
    for another in ('"another"', f"W/{version}", "Fri, 27 Nov 2026 08:00:00 GMT"):
        response = fetch("bytes=0-1", If_Range=another)
        assert (response.status_code, response.content) == (200, whole)


def test_another_sound_has_another_version(fetch, care_provider, client, provider_administrator):
    client.force_login(provider_administrator)
    other = recorded(care_provider, "booked", "Tiden är bokad.")
    assert client.get(f"/admin/recordings/audio/{other.pk}/")["ETag"] != fetch()["ETag"]


def test_nothing_of_it_is_compressed(client, care_provider, provider_administrator):
    """A part of what was compressed in one way fits nothing that is compressed in another."""
    client.force_login(provider_administrator)
    silence = wav.write(wav.Form(wav.PCM, 1, 8000, 16), b"\0" * 8000)
    recording = record(care_provider, "sv", "goodbye", words="…", audio=silence, by=None)
    for wanted, length in (({}, len(silence)), ({"Range": "bytes=0-3999"}, 4000)):
        address = f"/admin/recordings/audio/{recording.pk}/"
        response = client.get(address, headers={"Accept-Encoding": "gzip", **wanted})
        assert "Content-Encoding" not in response
        assert len(response.content) == length
        assert response["ETag"].startswith('"')
    page = client.get("/admin/recordings/", headers={"Accept-Encoding": "gzip"})
    assert page["Content-Encoding"] == "gzip"


def test_the_head_has_no_parts(fetch, whole):
    response = fetch("bytes=0-1", method="head")
    assert response.status_code == 200
    assert response["Content-Length"] == str(len(whole))


def test_a_part_of_what_is_the_same_for_everybody_may_be_kept_and_no_other(caller, care_provider):
    call = caller().row
    [shared] = voices.files(call, Reply(said=["sv:booked"]))
    [private] = voices.files(call, Reply(said=["sv:number_1"], private=True))
    kept, not_kept = (
        Client().get(f"/telefon/ljud/{file.address}", headers={"Range": "bytes=0-1"}) for file in (shared, private)
    )
    assert (kept.status_code, not_kept.status_code) == (206, 206)
    assert "immutable" in kept["Cache-Control"]
    assert "no-store" in not_kept["Cache-Control"]
