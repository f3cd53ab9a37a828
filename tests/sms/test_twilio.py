"""Twilio, against a server that answers as its documentation says: message resource, status callbacks, webhooks."""

from __future__ import annotations

from base64 import b64encode
from datetime import timedelta

import pytest
from django.db import transaction

from consent.models import Answer, Consent
from sms import receipts, tasks
from sms.circuit_breaker import open_circuit
from sms.models import InboundSms, Message, Refusal
from sms.states import State
from teleq.clock import database_now
from teleq.twilio import signature
from tests.concurrency import in_another_connection

pytestmark = pytest.mark.django_db(transaction=True)

SID = "SM1234567890abcdef1234567890abcdef"
QUEUED = {"sid": SID, "status": "queued", "error_code": None, "num_segments": "1", "price": None}
ACCOUNT, TOKEN = "AC123", "token"


@pytest.fixture(autouse=True)
def twilio(settings, wire):
    settings.SMS_PROVIDERS = ["twilio"]
    settings.TWILIO_URL = wire.url
    settings.TWILIO_ACCOUNT_SID, settings.TWILIO_AUTH_TOKEN = ACCOUNT, TOKEN
    settings.TELEQ_URL = "https://teleq.example.se"
    wire.response = (201, QUEUED)


def state(message: Message) -> str:
    message.refresh_from_db()
    return message.state


def receipt_of(message: Message) -> str:
    return f"/sms/receipts/twilio/{message.pk}/{message.receipt_token}"


def signed(path: str, form: dict[str, str]) -> dict[str, str]:
    return {"X-Twilio-Signature": signature(TOKEN, f"https://teleq.example.se{path}", form)}


def test_the_signature_is_the_documentations_own_example():
    form = {
        "CallSid": "CA1234567890ABCDE",
        "Caller": "+12349013030",
        "Digits": "1234",
        "From": "+12349013030",
        "To": "+18005551212",
    }
    url = "https://mycompany.com/myapp.php?foo=1&bar=2"
    assert signature("12345", url, form) == "0/KCTR6DLpKmkAf8muzZqo1nDgQ="


def test_a_message_is_posted_as_documented(send, wire, plain_queue):
    message = send()
    [request] = wire.requests
    assert (request.method, request.path) == ("POST", f"/2010-04-01/Accounts/{ACCOUNT}/Messages.json")
    assert request.headers["authorization"] == f"Basic {b64encode(b'AC123:token').decode()}"
    assert request.form == {
        "To": "+46701740620",
        "From": plain_queue.outgoing_sms.sender,
        "Body": "Hej! Vi ringer åter.",
        "StatusCallback": f"https://teleq.example.se{receipt_of(message)}",
    }
    assert (message.state, message.provider_message_id, message.provider_status) == (State.SENT, SID, "queued")


@pytest.mark.parametrize(
    ("status", "code", "becomes"),
    [
        (400, 21211, State.FAILED),  # not a number
        (400, 21610, State.FAILED),  # the patient has told Twilio to stop
        (429, 20429, State.QUEUED),
        (503, 20503, State.QUEUED),
        (500, 20500, State.UNKNOWN),
    ],
)
def test_an_error_is_taken_at_its_word(status, code, becomes, send, wire):
    wire.response = (status, {"code": code, "message": "…", "status": status})
    message = send()
    assert (message.state, message.provider_status) == (becomes, f"HTTP {status}, {code}")
    assert not open_circuit()


@pytest.mark.parametrize(("status", "code"), [(401, 20003), (403, 20005), (404, 20404)])
def test_an_account_that_may_not_send_stops_the_line_and_burns_nothing(status, code, send, wire):
    wire.response = (status, {"code": code, "message": "…", "status": status})
    message = send()
    assert (message.state, message.attempts) == (State.QUEUED, 0)
    provider_state = open_circuit()
    assert provider_state
    assert provider_state.shut_status == f"HTTP {status}, {code}"


@pytest.mark.parametrize(
    ("told", "becomes"),
    [
        ({"MessageStatus": "delivered"}, State.DELIVERED),
        ({"MessageStatus": "read"}, State.DELIVERED),
        ({"MessageStatus": "undelivered", "ErrorCode": "30003"}, State.FAILED),
        ({"MessageStatus": "failed", "ErrorCode": "30007"}, State.FAILED),
        ({"MessageStatus": "canceled"}, State.FAILED),
        ({"MessageStatus": "sending"}, State.SENT),
        ({"MessageStatus": "something new", "NewField": "1"}, State.SENT),
    ],
)
def test_a_signed_report_is_believed(told, becomes, send, client):
    message = send()
    form = {"MessageSid": SID, **told}
    answer = client.post(receipt_of(message), form, headers=signed(receipt_of(message), form))
    assert answer.status_code == 204
    assert state(message) == becomes


def test_a_report_that_is_not_signed_by_twilio_is_turned_away(send, client):
    message = send()
    form = {"MessageSid": SID, "MessageStatus": "delivered"}
    other = {"MessageSid": SID, "MessageStatus": "failed"}
    for headers in ({}, signed("/elsewhere", form), signed(receipt_of(message), other)):
        assert client.post(receipt_of(message), form, headers=headers).status_code == 403
    assert state(message) == State.SENT


@pytest.mark.parametrize(
    ("answer", "becomes"),
    [
        ((200, {**QUEUED, "status": "delivered"}), State.DELIVERED),
        ((200, {**QUEUED, "status": "undelivered", "error_code": 30005}), State.FAILED),
        ((200, {**QUEUED, "status": "sent"}), State.UNKNOWN),
        ((500, "…"), State.UNKNOWN),
    ],
)
def test_what_is_never_reported_is_asked_for_after_three_days(answer, becomes, send, wire):
    message = send()
    Message.objects.update(state_at=database_now() - timedelta(hours=73))
    wire.response = answer
    receipts.settle_unreported()
    assert (wire.requests[-1].method, wire.requests[-1].path) == (
        "GET",
        f"/2010-04-01/Accounts/{ACCOUNT}/Messages/{SID}.json",
    )
    assert state(message) == becomes


def answer_of(message: Message) -> str:
    """What the sweep makes of it; it counts before."""
    tasks.sweep()
    return Consent.objects.get(phone_number=message.to_number, care_provider=message.queue.care_provider).answer


class TestThePatientHasToldTwilioToStop:
    """Error 21610: a withdrawal like any other, with the care provider of the message."""

    @pytest.fixture(autouse=True)
    def said_ja(self, say, other_care_provider):
        say(Answer.YES, number="+46701740620")
        say(Answer.YES, number="+46701740620", provider=other_care_provider)

    @pytest.fixture
    def told_at_once(self, send, wire):
        wire.response = (400, {"code": 21610, "message": "…", "status": 400})
        return send()

    def test_at_hand_over_it_fails_and_withdraws(self, told_at_once, other_care_provider):
        assert state(told_at_once) == State.FAILED
        assert answer_of(told_at_once) == Answer.NO
        assert Consent.objects.get(care_provider=other_care_provider).answer == Answer.YES

    def test_it_counts_before_it_is_the_answer(self, told_at_once, send, wire):
        wire.response = (201, QUEUED)
        assert send().refusal == Refusal.DECLINED
        assert len(wire.requests) == 1

    def test_in_a_delivery_report_it_fails_and_withdraws(self, send, client):
        message = send()
        form = {"MessageSid": SID, "MessageStatus": "undelivered", "ErrorCode": "21610"}
        client.post(receipt_of(message), form, headers=signed(receipt_of(message), form))
        assert state(message) == State.FAILED
        assert answer_of(message) == Answer.NO

    def test_the_same_report_told_again_withdraws_no_later_ja(self, send, say, client):
        message = send()
        form = {"MessageSid": SID, "MessageStatus": "failed", "ErrorCode": "21610"}
        client.post(receipt_of(message), form, headers=signed(receipt_of(message), form))
        assert answer_of(message) == Answer.NO
        say(Answer.YES, number="+46701740620")
        client.post(receipt_of(message), form, headers=signed(receipt_of(message), form))
        assert answer_of(message) == Answer.YES

    def test_asked_for_after_three_days_it_fails_and_withdraws(self, send, wire):
        message = send()
        Message.objects.update(state_at=database_now() - timedelta(hours=73))
        wire.response = (200, {**QUEUED, "status": "undelivered", "error_code": 21610})
        receipts.settle_unreported()
        assert state(message) == State.FAILED
        assert answer_of(message) == Answer.NO

    @pytest.mark.parametrize("code", [21211, 30003, 30007])
    def test_another_error_withdraws_nothing(self, code, send, wire):
        wire.response = (400, {"code": code, "message": "…", "status": 400})
        assert answer_of(send()) == Answer.YES

    def test_no_answer_is_waited_for_while_messages_are_held(self, send, client):
        """Somebody holds the answer: what became of the message is recorded all the same."""
        message = send()
        form = {"MessageSid": SID, "MessageStatus": "undelivered", "ErrorCode": "21610"}
        headers = signed(receipt_of(message), form)
        with transaction.atomic():
            list(Consent.objects.select_for_update())
            told = in_another_connection(lambda: client.post(receipt_of(message), form, headers=headers))
            assert told.result(20).status_code == 204
            assert state(message) == State.FAILED
        assert answer_of(message) == Answer.NO


@pytest.mark.parametrize(
    ("opt_out_type", "text", "becomes"),
    [
        ("STOP", "AVSLUTA", Answer.NO),  # a word of the account's own
        ("STOP", "STOPP", Answer.NO),
        ("START", "START", Answer.YES),
        ("HELP", "HJÄLP", Answer.YES),
        ("", "AVSLUTA", Answer.YES),
        ("HELP", "STOPP", Answer.NO),  # the text counts as any other
    ],
)
def test_what_twilio_takes_for_a_stop_withdraws_and_nothing_else_sets_anything(
    opt_out_type, text, becomes, queue, say, client
):
    queue.outgoing_sms.sender = "+46701740699"
    queue.outgoing_sms.save()
    say(Answer.YES)
    form = {"MessageSid": "SM9", "From": "+46701740605", "To": "+46701740699", "Body": text}
    if opt_out_type:
        form["OptOutType"] = opt_out_type
    client.post("/sms/inbound/twilio", form, headers=signed("/sms/inbound/twilio", form))
    assert Consent.objects.get().answer == becomes
    told = InboundSms.objects.get()
    assert (told.text, told.withdrawal, bool(told.read_at)) == (text, becomes == Answer.NO, becomes == Answer.NO)


def test_start_after_a_nej_makes_no_ja(queue, say, client):
    queue.outgoing_sms.sender = "+46701740699"
    queue.outgoing_sms.save()
    say(Answer.NO)
    form = {"MessageSid": "SM9", "From": "+46701740605", "To": "+46701740699", "Body": "START", "OptOutType": "START"}
    client.post("/sms/inbound/twilio", form, headers=signed("/sms/inbound/twilio", form))
    assert Consent.objects.get().answer == Answer.NO


def test_stopp_is_a_nej_when_twilio_says_so(queue, say, client):
    queue.outgoing_sms.sender = "+46701740699"
    queue.outgoing_sms.save()
    say(Answer.YES)
    form = {"MessageSid": "SM9", "From": "+46701740605", "To": "+46701740699", "Body": "Stopp"}
    assert client.post("/sms/inbound/twilio", form).status_code == 403
    assert Consent.objects.get().answer == Answer.YES
    answer = client.post("/sms/inbound/twilio", form, headers=signed("/sms/inbound/twilio", form))
    assert (answer.status_code, answer.content) == (204, b"")
    assert Consent.objects.get().answer == Answer.NO
    assert InboundSms.objects.get().withdrawal
