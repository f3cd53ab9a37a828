"""The demonstration's stand-in for 46elks' network, with a teleQ that responds with what the test says."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client

from demo import telephone
from demo.models import SimulatedCall
from telephony.models import Announcement, PatientsNumber, SpokenFile
from tests.sms.wire import Wire, listening
from tests.telephony.conftest import recorded

pytestmark = pytest.mark.django_db

TO = "+46846500450"


@pytest.fixture
def teleq(settings: Any) -> Iterator[Wire]:
    with listening() as wire:
        settings.TELEQ_URL = wire.url
        settings.VOICE_SECRET = "hemligt"
        yield wire


@pytest.fixture
def address(care_provider) -> str:
    """Of a file that says "Tryck 1."."""
    recording = recorded(care_provider, "offer_choices", "Tryck 1.")
    SpokenFile.objects.create(address="a1", recordings=[recording.pk])
    return "http://elsewhere.example/telefon/ljud/a1"


def told(teleq: Wire) -> list[tuple[str, str | None]]:
    """Where and what it was told came of each action."""
    return [(request.path, request.form.get("result")) for request in teleq.requests]


def done(call: SimulatedCall) -> list[str]:
    call.refresh_from_db()
    return [line["what"] for line in call.log]


@pytest.fixture
def asked(teleq: Wire, address: str) -> SimulatedCall:
    """A call in which one key is waited for."""
    teleq.response = (200, {"ivr": address, "next": f"{teleq.url}/next", "whenhangup": f"{teleq.url}/end", "repeat": 1})
    call = telephone.ring("+46701740660", TO)
    teleq.requests.clear()
    teleq.response = (200, {"hangup": "reject"})
    return call


def test_a_call_is_told_of_as_46elks_tells_of_it(teleq, address):
    teleq.response = (200, {"ivr": address, "next": f"{teleq.url}/next"})
    call = telephone.ring("anonymous", TO)
    [request] = teleq.requests
    assert (request.method, request.path) == ("POST", "/telefon/46elks/samtal/hemligt")
    assert request.form == {"direction": "incoming", "callid": call.call_id, "from": "anonymous", "to": TO}


def test_what_is_said_is_in_the_log_with_its_language_its_seconds_and_the_address_of_its_sound(asked):
    [line] = asked.log
    assert line["parts"] == [{"language": "sv", "words": "Tryck 1."}]
    assert line["audio"] == "/telefon/ljud/a1"  # where the page itself is, whatever teleQ calls its own address
    assert line["seconds"] == 1


def test_a_key_is_told_and_what_teleq_responds_is_done(asked, teleq):
    telephone.press(asked, "1")
    assert told(teleq) == [("/next", "1"), ("/end", None)]
    assert asked.is_over
    assert done(asked) == ["said", "pressed", "ended"]


def test_no_key_is_told_when_the_file_has_been_played_as_often_as_teleq_says(asked, teleq):
    asked.action["repeat"] = 2
    telephone.wait(asked)
    assert told(teleq) == []
    telephone.wait(asked)
    assert told(teleq)[0] == ("/next", "failed")
    assert done(asked) == ["said", "waited", "said", "waited", "ended"]


@pytest.mark.parametrize(
    ("pressed", "result"),
    [
        (["0701740661#"], "0701740661"),
        (["07", "01", "740661", "#"], "0701740661"),
        (["#"], "#"),
        (["123456789012345", "6"], "123456789012345"),
    ],
)
def test_several_keys_are_told_at_hash_or_when_there_are_enough(pressed, result, asked, teleq):
    asked.action["digits"] = 15
    for keys in pressed:
        telephone.press(asked, keys)
    assert told(teleq)[0] == ("/next", result)


def test_keys_that_have_come_when_the_time_is_out_are_told(asked, teleq):
    asked.action["digits"] = 15
    telephone.press(asked, "123")
    assert told(teleq) == []
    telephone.wait(asked)
    assert told(teleq)[0] == ("/next", "123")


@pytest.mark.parametrize("then", ["address", "action"])
def test_what_comes_after_a_result_may_stand_in_the_action_itself(then, asked, teleq):
    asked.action["1"] = f"{teleq.url}/one" if then == "address" else {"hangup": "reject"}
    telephone.press(asked, "1")
    assert told(teleq) == [*([("/one", "1")] if then == "address" else []), ("/end", None)]


@pytest.mark.parametrize(
    ("act", "result"),
    [(telephone.person_is_busy, "busy"), (telephone.nobody_answers, "failed")],
)
def test_a_person_who_is_not_reached_is_told(act, result, asked, teleq):
    asked.action = {"connect": "+46846500459", "next": f"{teleq.url}/next"}
    act(asked)
    assert told(teleq)[0] == ("/next", result)


def test_a_person_who_answers_is_told_when_they_have_hung_up(asked, teleq):
    asked.action = {"connect": "+46846500459", "next": f"{teleq.url}/next"}
    telephone.answer(asked)
    assert told(teleq) == []
    telephone.person_hangs_up(asked)
    assert told(teleq)[0] == ("/next", "success")


def test_hanging_up_is_told_once_and_nothing_can_be_pressed_after_it(asked, teleq):
    telephone.hang_up(asked)
    assert told(teleq) == [("/end", None)]
    for act in (telephone.hang_up, telephone.wait, telephone.person_hangs_up):
        act(asked)
    telephone.press(asked, "1")
    assert told(teleq) == [("/end", None)]


def test_what_is_no_action_of_46elks_is_an_error(asked, teleq):
    teleq.response = (200, {"dance": "tango"})
    with pytest.raises(telephone.NotUnderstood, match="dance"):
        telephone.press(asked, "1")


def test_files_without_an_end_are_an_error_and_no_endless_loop(asked, teleq, address):
    teleq.response = (200, {"play": address, "next": f"{teleq.url}/next"})
    with pytest.raises(telephone.NotUnderstood, match="no end"):
        telephone.press(asked, "1")


# The page ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def page(nurse) -> Client:
    client = Client()
    client.force_login(nurse)
    return client


@pytest.mark.parametrize("status", [None, 500, 403])
def test_a_teleq_that_does_not_respond_is_told_of_and_the_call_stays_where_it_was(status, asked, teleq, page):
    if status:
        teleq.response = (status, "")
    else:
        teleq.shutdown()
        teleq.server_close()
    response = page.post(f"/telephone/{asked.pk}/act/", {"keys": "1"}, follow=True)
    assert "teleQ svarar inte. Försök igen." in response.content.decode()
    assert done(asked) == ["said"]
    assert asked.waits_for_keys


def test_a_call_that_teleq_does_not_take_is_none(teleq, page, care_provider, queue):
    greeting = Announcement.objects.create(care_provider=care_provider, words="Hej.")
    PatientsNumber.objects.create(care_provider=care_provider, number=TO, greeting=greeting, queue=queue)
    teleq.response = (500, "")
    response = page.post("/telephone/ring/", {"to_number": TO, "from_number": "anonymous"})
    assert response.status_code == 422
    assert "teleQ svarar inte. Ring igen." in response.content.decode()
    assert not SimulatedCall.objects.exists()


@pytest.mark.parametrize("keys", ["", "a", "1 2", "²"])
def test_what_is_no_key_is_refused_with_words(keys, asked, teleq, page):
    response = page.post(f"/telephone/{asked.pk}/act/", {"keys": keys}, follow=True)
    assert "Tryck 0–9, * eller #." in response.content.decode()
    assert told(teleq) == []


def test_what_is_no_number_is_refused_at_its_field_and_is_still_there(page):
    response = page.post("/telephone/ring/", {"from_number": "anonymous", "typed": "070-abc"})
    told = response.content.decode()
    assert response.status_code == 422
    assert "Skriv ett giltigt telefonnummer" in told
    assert 'value="070-abc"' in told


def test_only_this_page_may_play_sound(page, asked):
    for address, may in (
        ("/telephone/", True),
        (f"/telephone/{asked.pk}/", True),
        ("/simulator/", False),
        ("/", False),
    ):
        assert ("media-src 'self'" in page.get(address)["Content-Security-Policy"]) is may


def test_nobody_has_it_without_signing_in(asked):
    for address in ("/telephone/", f"/telephone/{asked.pk}/"):
        assert Client().get(address)["Location"].startswith("/login/")
