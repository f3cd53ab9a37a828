"""What is said as files: the same words at the same address, a patient's digits at one that is gone with the call."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from administration.retention import remove_batch
from local.servers import RETENTION
from telephony import voices, wav
from telephony.conversation import Reply
from telephony.models import Call, Recording, SpokenFile
from telephony.recordings import record
from tests.database_roles import acting_as
from tests.telephony.conftest import recorded, sound

pytestmark = pytest.mark.django_db

MP3 = b"\xff\xfb\x90\x64" + b"\0" * 200
STEREO = wav.write(wav.Form(wav.PCM, 2, 8000, 16), b"\1\2\3\4" * 20)


@pytest.fixture
def call(caller) -> Call:
    return caller().row


def addresses(call: Call, *said: str, private: bool = False) -> list[str]:
    return [file.address for file in voices.files(call, Reply(said=list(said), private=private))]


def heard(address: str):
    return Client().get(f"/telefon/ljud/{address}")


# Addresses -----------------------------------------------------------------------------------------------------------


def test_the_same_words_have_the_same_address_in_every_call(caller):
    first, second = caller().row, caller(calls_from="+46701740690").row
    [address] = addresses(first, "sv:at", "sv:number_10")
    assert addresses(second, "sv:at", "sv:number_10") == [address]
    assert addresses(second, "sv:number_10", "sv:at") != [address]
    assert SpokenFile.objects.filter(address=address).count() == 1


def test_recorded_anew_it_has_another_address_and_the_old_one_still_plays(call, care_provider):
    [before] = addresses(call, "sv:at", "sv:number_10")
    old = heard(before).content
    record(care_provider, "sv", "at", words="vid", audio=sound("vid"), by=None)
    [after] = addresses(call, "sv:at", "sv:number_10")
    assert after != before
    assert heard(before).content == old != heard(after).content


def test_a_sound_that_is_uploaded_once_more_keeps_its_address(call, care_provider):
    [before] = addresses(call, "sv:at")
    same = bytes(Recording.objects.current(care_provider.pk).get(sentence="at").audio)
    record(care_provider, "sv", "at", words="klockan", audio=same, by=None)
    assert addresses(call, "sv:at") == [before]


def test_one_file_has_the_sounds_one_after_the_other(call, care_provider):
    [address] = addresses(call, "sv:at", "sv:number_10", "sv:number_30")
    current = Recording.objects.current(care_provider.pk)
    parts = [wav.read(bytes(current.get(sentence=key).audio)).sound for key in ("at", "number_10", "number_30")]
    played = heard(address)
    assert wav.read(played.content).sound == b"".join(parts)
    assert played["Content-Type"] == "audio/wav"


def test_what_is_the_same_for_everybody_may_be_kept_for_ever(call):
    [address] = addresses(call, "sv:booked")
    kept = heard(address)["Cache-Control"]
    assert set(kept.split(", ")) == {"public", "max-age=31536000", "immutable"}


def test_a_provider_may_ask_for_the_head_alone(call):
    [address] = addresses(call, "sv:booked")
    assert Client().head(f"/telefon/ljud/{address}").status_code == 200


def test_an_mp3_stands_alone_and_as_it_is(call, care_provider):
    record(care_provider, "sv", "number_10", words="tio", audio=MP3, by=None)
    files = addresses(call, "sv:about", "sv:at", "sv:number_10", "sv:number_30", "sv:booked")
    assert len(files) == 3
    assert [heard(address)["Content-Type"] for address in files] == ["audio/wav", "audio/mpeg", "audio/wav"]
    assert heard(files[1]).content == MP3


def test_two_mp3s_are_two_files(call, care_provider):
    for key in ("at", "number_10"):
        record(care_provider, "sv", key, words=key, audio=MP3 + key.encode(), by=None)
    assert len(addresses(call, "sv:at", "sv:number_10")) == 2


def test_sound_of_another_form_is_a_file_of_its_own(call, care_provider):
    record(care_provider, "sv", "number_10", words="tio", audio=STEREO, by=None)
    files = addresses(call, "sv:at", "sv:number_10", "sv:number_30")
    assert [wav.read(heard(address).content).form.channels for address in files] == [1, 2, 1]


def test_an_address_that_nobody_has_made_is_none():
    assert heard("x" * 43).status_code == 404


# A patient's digits --------------------------------------------------------------------------------------------------


def test_digits_have_a_random_address_that_nobody_keeps(call):
    first, second = (addresses(call, "sv:number_1", "sv:number_2", private=True) for _ in range(2))
    assert first != second
    assert len(first[0]) >= 43
    played = heard(first[0])
    assert played.status_code == 200
    assert {"no-store", "private"} <= set(played["Cache-Control"].split(", "))


def test_digits_that_are_read_back_are_gone_when_the_call_ends(caller):
    call = caller().press("2").press("0701740606#")
    address = urlsplit(call.action["ivr"]).path
    assert Client().get(address).status_code == 200
    call.hang_up()
    assert Client().get(address).status_code == 404


def test_the_log_holds_no_address_of_digits(caller, logged):
    call = caller().press("2").press("0701740606#")
    private = SpokenFile.objects.get(call_id=call.row.pk).address
    call.hang_up()
    heard(private)
    assert private not in logged.getvalue()


# Cost ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("words", [2, 40])
def test_what_has_been_said_before_costs_two_statements_however_long_it_is(words, call):
    said = Reply(said=["sv:at", *(f"sv:number_{number}" for number in range(words))])
    voices.files(call, said)
    with CaptureQueriesContext(
        connection,
    ) as queries:
        voices.files(call, said)
    assert len(queries) == 2
    assert not any("INSERT" in query["sql"] or "UPDATE" in query["sql"] for query in queries)


@pytest.mark.parametrize("words", [2, 40])
def test_to_play_it_costs_one_statement_however_long_it_is(words, call):
    [address] = addresses(call, *(f"sv:number_{number}" for number in range(words)))
    file = SpokenFile.objects.get(address=address)
    with CaptureQueriesContext(connection) as queries:
        voices.sound(file)
    assert len(queries) == 1


def test_the_sound_is_not_read_to_find_an_address(call):
    with CaptureQueriesContext(connection) as queries:
        addresses(call, "sv:at", "sv:booked")
    assert not any('"audio"' in query["sql"] for query in queries)


# Retention -----------------------------------------------------------------------------------------------------------


def made(file: str, days_ago: float) -> None:
    SpokenFile.objects.filter(address=file).update(made_at=timezone.now() - timedelta(days=days_ago))


def a_night_goes_by(kind: str) -> int:
    with acting_as(RETENTION):
        return remove_batch(kind)


def test_a_shared_file_that_nothing_is_said_by_goes_after_ninety_days_and_is_made_again(call):
    [old], [new] = addresses(call, "sv:at"), addresses(call, "sv:booked")
    made(old, 91)
    made(new, 89)
    assert a_night_goes_by("spoken_files") == 1
    assert heard(old).status_code == 404
    assert heard(new).status_code == 200
    assert addresses(call, "sv:at") == [old]
    assert heard(old).status_code == 200


def test_a_shared_file_that_is_still_said_stays(call):
    [address] = addresses(call, "sv:at")
    made(address, 60)
    addresses(call, "sv:at")
    assert timezone.now() - SpokenFile.objects.get(address=address).made_at < timedelta(hours=1)


def test_digits_whose_call_has_no_end_on_record_go_after_a_day(call):
    [old], [new] = (addresses(call, "sv:number_1", private=True) for _ in range(2))
    made(old, 1.1)
    assert a_night_goes_by("spoken_files") == 1
    assert (heard(old).status_code, heard(new).status_code) == (404, 200)


def replaced(care_provider, key: str, days_ago: float) -> Recording:
    old = recorded(care_provider, key, f"{key} förut")
    recorded(care_provider, key, f"{key} nu")
    Recording.objects.filter(pk=old.pk).update(replaced_at=timezone.now() - timedelta(days=days_ago))
    return old


def test_a_replaced_recording_goes_after_a_week_when_no_file_names_it(call, care_provider):
    old, lately = replaced(care_provider, "at", 7.1), replaced(care_provider, "about", 6.9)
    named = recorded(care_provider, "booked", "förut")
    [address] = addresses(call, "sv:booked")
    recorded(care_provider, "booked", "nu")
    Recording.objects.filter(pk=named.pk).update(replaced_at=timezone.now() - timedelta(days=30))
    current = Recording.objects.current(care_provider.pk).count()
    while a_night_goes_by("recordings"):
        pass
    assert not Recording.objects.filter(pk=old.pk).exists()
    assert Recording.objects.filter(pk__in=[lately.pk, named.pk]).count() == 2
    assert Recording.objects.current(care_provider.pk).count() == current
    made(address, 91)
    a_night_goes_by("spoken_files")
    assert a_night_goes_by("recordings") == 1
    assert not Recording.objects.filter(pk=named.pk).exists()
