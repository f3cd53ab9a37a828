"""How a reply is written for each provider, and how its requests are read, as its documentation says."""

from __future__ import annotations

from urllib.parse import urlsplit
from xml.etree import ElementTree

import pytest
from django.test import Client

from cases.models import Case
from telephony import voices
from telephony.checks import voice_secret_is_strong
from telephony.models import Announcement, Call, QueueByPhone, Recording, SpokenFile
from telephony.providers import PROVIDERS
from teleq.twilio import signature
from tests.conftest import MOBILE
from tests.telephony.caller import IDS
from tests.telephony.conftest import NUMBER

pytestmark = pytest.mark.django_db

TOKEN = "twilio-token"


# 46elks --------------------------------------------------------------------------------------------------------------


def test_46elks_asks_for_one_key_within_ten_seconds_and_repeats_nothing_by_itself(caller, settings):
    action = caller().action
    assert set(action) == {"whenhangup", "ivr", "digits", "timeout", "repeat", "next"}
    assert (action["digits"], action["timeout"], action["repeat"]) == (1, 10, 1)
    for name in ("ivr", "next", "whenhangup"):
        assert action[name].startswith(f"{settings.TELEQ_URL}/telefon/")


def test_46elks_asks_for_as_many_digits_as_a_number_can_have(caller):
    assert caller().press("2").action["digits"] == 15


def test_46elks_plays_the_last_words_to_their_end_whatever_is_pressed_and_hangs_up(caller):
    action = caller().press("9").action
    assert set(action) == {"whenhangup", "play", "skippable"}
    assert action["skippable"] is False


def test_46elks_is_told_whom_to_connect_to_after_the_words(number, caller):
    number.person_number = "+46846500460"
    number.save()
    call = caller().press("0")
    assert call.said == "Samtalet kopplas."
    assert call.action["connect"] == "+46846500460"


def test_46elks_plays_an_mp3_by_itself_as_it_can_not_be_put_together(number, caller, care_provider):
    mp3 = Announcement.objects.create(care_provider=care_provider, words="Inspelad som MP3.")
    Recording.objects.create(
        care_provider=care_provider,
        language="sv",
        sentence=mp3.sentence,
        words="Inspelad som MP3.",
        audio=b"ID3sound",
        content_type=Recording.MP3,
        form=Recording.MP3,
        digest="d" * 64,
    )
    number.greeting = mp3
    number.save()
    call = caller()
    assert call.said.startswith("Vid livshotande tillstånd, lägg på och ring 112. Inspelad som MP3. Vi ringer dig")
    call.press("1")
    assert Case.objects.exists()


@pytest.mark.parametrize("told", ["failed", "success"])
def test_46elks_tells_of_silence(told, caller):
    assert caller().press(told).said.startswith("Vi hörde ingen knapptryckning.")


def test_46elks_tells_that_the_caller_hung_up_in_a_result_too(caller):
    call = caller()
    response = call.client.post(urlsplit(call.action["next"]).path, {"callid": call.call_id, "result": "hangup"})
    assert response.status_code == 204
    assert call.row.ended_at


def test_only_46elks_own_addresses_are_heard_where_they_are_configured(number, settings):
    settings.ELKS_ADDRESSES = ["176.10.154.199"]
    form = {"callid": "c1", "from": MOBILE, "to": NUMBER}
    path = f"/telefon/46elks/samtal/{settings.VOICE_SECRET}"
    assert Client(REMOTE_ADDR="192.0.2.1").post(path, form).status_code == 403
    assert Client(REMOTE_ADDR="176.10.154.199").post(path, form).status_code == 200


# Twilio --------------------------------------------------------------------------------------------------------------


class TwilioCall:
    """A call as Twilio tells of it."""

    def __init__(self, settings, calls_from: str = MOBILE) -> None:
        self.settings, self.calls_from, self.call_id = settings, calls_from, f"CA{next(IDS)}"
        self.path = f"/telefon/twilio/samtal/{settings.VOICE_SECRET}"
        self.twiml = self.post(self.path, CallStatus="ringing")

    def post(self, path: str, status: int = 200, **form: str) -> ElementTree.Element | None:
        form = {"CallSid": self.call_id, "From": self.calls_from, "To": NUMBER, "CallStatus": "in-progress"} | form
        signed = signature(TOKEN, f"{self.settings.TELEQ_URL}{path}", form)
        response = Client().post(path, form, headers={"X-Twilio-Signature": signed})
        assert response.status_code == status, response.status_code
        return ElementTree.fromstring(response.content) if response.content else None  # noqa: S314  ours

    @property
    def gather(self) -> ElementTree.Element:
        found = self.twiml.find("Gather")
        assert found is not None, ElementTree.tostring(self.twiml)
        return found

    def press(self, keys: str) -> TwilioCall:
        self.twiml = self.post(urlsplit(self.gather.get("action")).path, Digits=keys)
        return self


@pytest.fixture
def twilio(settings, number):
    settings.TWILIO_AUTH_TOKEN = TOKEN
    return lambda **told: TwilioCall(settings, **told)


def test_twilio_gathers_one_key_of_any_kind_while_it_plays(twilio):
    call = twilio()
    told = dict(call.gather.attrib)
    told.pop("action")
    assert told == {
        "input": "dtmf",
        "method": "POST",
        "actionOnEmptyResult": "true",
        "numDigits": "1",
        "timeout": "10",
        "finishOnKey": "",
    }
    assert [each.tag for each in call.gather] == ["Play"]


def test_twilio_books_and_hangs_up_after_the_last_words(twilio):
    call = twilio().press("1")
    assert Case.objects.get().phone_number == MOBILE
    assert [each.tag for each in call.twiml] == ["Play", "Hangup"]


def test_twilio_ends_a_number_on_hash_and_leaves_hash_alone_to_silence(twilio, queue):
    assert twilio().press("2").gather.get("finishOnKey") == "#"
    QueueByPhone.objects.create(queue=queue, asks_personal_identity=True)
    call = twilio()
    assert (call.gather.get("finishOnKey"), call.gather.get("numDigits")) == ("", "12")
    assert "omkring" in said(call.press("#"))


def said(call: TwilioCall) -> str:
    addresses = [play.text.rpartition("/")[2] for play in call.twiml.iter("Play")]
    return " ".join(voices.words(SpokenFile.objects.get(address=address)) for address in addresses)


@pytest.mark.parametrize("calls_from", ["anonymous", "+266696687", "Restricted", "+7378742833", "+86282452253", ""])
def test_a_withheld_number_at_twilio_is_none(calls_from, twilio):
    assert "Numret du ringer från går inte att ringa upp." in said(twilio(calls_from=calls_from))


def test_twilio_dials_a_person_and_tells_whether_they_answered(twilio, number):
    number.person_number = "+46846500460"
    number.save()
    call = twilio().press("0")
    dial = call.twiml.find("Dial")
    assert dial.text == "+46846500460"
    call.twiml = call.post(urlsplit(dial.get("action")).path, DialCallStatus="no-answer")
    assert "Ingen kan svara just nu." in said(call)


def test_twilio_tells_that_the_call_is_over_at_the_address_where_it_came(twilio):
    call = twilio()
    call.post(call.path, status=204, CallStatus="completed")
    assert Call.objects.get().ended_at


def test_what_is_not_signed_by_twilio_is_turned_away(twilio, settings):
    call = twilio()
    form = {"CallSid": "CA1", "From": MOBILE, "To": NUMBER, "Digits": "1"}
    path = urlsplit(call.gather.get("action")).path
    for signed in ("", "wrong", signature("another", f"{settings.TELEQ_URL}{path}", form)):
        assert Client().post(path, form, headers={"X-Twilio-Signature": signed}).status_code == 403
    assert not Case.objects.exists()


# Both ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", PROVIDERS)
def test_without_its_secrets_a_provider_is_not_there(name, settings):
    settings.VOICE_SECRET = ""
    assert Client().post(f"/telefon/{name}/samtal/x", {}).status_code == 404


def test_a_short_secret_stops_the_start(settings):
    settings.TELEQ_DEMO, settings.VOICE_SECRET = False, "kort"
    assert [error.msg for error in voice_secret_is_strong()] == [
        "VOICE_SECRET is 4 characters long; it must be 20 at least."
    ]
