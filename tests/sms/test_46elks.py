"""46elks, against a server that answers as its documentation says: send-sms, sms-delivery-reports, receive-sms."""

from __future__ import annotations

import http.client
from base64 import b64encode
from datetime import timedelta

import pytest

from consent.models import Answer, Consent
from sms import receipts
from sms.circuit_breaker import open_circuit
from sms.models import InboundSms, Message
from sms.states import State
from teleq.clock import database_now
from tests.fixtures.edge import Address

pytestmark = pytest.mark.django_db(transaction=True)

CREATED = {
    "id": "s70df59406a1b4643b96f3f91e0bfb7b0",
    "status": "created",
    "direction": "outgoing",
    "from": "VCSpindeln",
    "to": "+46701740620",
    "message": "Hej! Vi ringer åter.",
    "created": "2026-11-25T08:31:00.000000",
    "cost": 3500,
    "parts": 1,
}


@pytest.fixture(autouse=True)
def elks(settings, wire):
    settings.SMS_PROVIDERS = ["46elks"]
    settings.ELKS_URL = f"{wire.url}/a1/sms"
    settings.ELKS_USERNAME, settings.ELKS_PASSWORD = "u123", "secret"
    settings.SMS_INBOUND_PASSWORD = "inbound"
    settings.TELEQ_URL = "https://teleq.example.se"
    wire.response = (200, CREATED)


def state(message: Message) -> str:
    message.refresh_from_db()
    return message.state


def receipt_of(message: Message) -> str:
    return f"/sms/receipts/46elks/{message.pk}/{message.receipt_token}"


def test_a_message_is_posted_as_documented(send, wire, plain_queue):
    message = send()
    [request] = wire.requests
    assert (request.method, request.path) == ("POST", "/a1/sms")
    assert request.headers["authorization"] == f"Basic {b64encode(b'u123:secret').decode()}"
    assert request.form == {
        "to": "+46701740620",
        "from": plain_queue.outgoing_sms.sender,
        "message": "Hej! Vi ringer åter.",
        "whendelivered": f"https://teleq.example.se{receipt_of(message)}",
        "dontlog": "message",
    }
    assert (message.state, message.provider_message_id, message.provider_status) == (
        State.SENT,
        CREATED["id"],
        "created",
    )


@pytest.mark.parametrize(
    ("status", "becomes"),
    [(400, State.FAILED), (429, State.QUEUED), (503, State.QUEUED), (500, State.UNKNOWN)],
)
def test_an_error_is_taken_at_its_word(status, becomes, send, wire):
    wire.response = (status, "The message was not sent.")
    assert send().state == becomes
    assert not open_circuit()


@pytest.mark.parametrize(("status", "says"), [(401, "Unauthorized"), (403, "Not enough credits")])
def test_wrong_credentials_and_no_credit_stop_the_line_and_burn_nothing(status, says, send, wire):
    wire.response = (status, says)
    message = send()
    assert (message.state, message.attempts) == (State.QUEUED, 0)
    provider_state = open_circuit()
    assert provider_state
    assert provider_state.shut_status == f"HTTP {status}"
    wire.response = (200, CREATED)
    send()
    assert len(wire.requests) == 1  # it is left alone


@pytest.mark.parametrize(
    "odd", [{"id": None, "status": None}, {"id": 7, "status": ["x"]}, {"id": "a\0", "status": 200 * "b"}]
)
def test_an_odd_answer_costs_no_message_its_record(odd, send, wire):
    wire.response = (200, odd)
    assert send().state == State.SENT


def test_an_answer_that_can_not_be_read_was_an_answer(send, wire):
    wire.response = (200, "<html>")
    message = send()
    assert (message.state, message.provider_message_id) == (State.SENT, "")


@pytest.mark.parametrize(("told", "becomes"), [("delivered", State.DELIVERED), ("failed", State.FAILED)])
def test_a_report_is_final_however_often_and_in_whatever_order(told, becomes, send, client):
    message = send()
    for status in ("sent", told, told, "sent", "failed", "delivered"):
        answer = client.post(receipt_of(message), {"id": CREATED["id"], "status": status})
        assert answer.status_code == 204
    assert state(message) == becomes
    assert message.provider_status == told


def test_a_report_from_elsewhere_is_turned_away_where_its_addresses_are_configured(send, client, settings):
    settings.ELKS_ADDRESSES = ["176.10.154.199"]
    message = send()
    report = {"id": CREATED["id"], "status": "delivered"}
    assert client.post(receipt_of(message), report).status_code == 403
    assert state(message) == State.SENT
    assert client.post(receipt_of(message), report, REMOTE_ADDR="176.10.154.199").status_code == 204
    assert state(message) == State.DELIVERED


def test_behind_a_proxy_the_address_is_the_one_that_the_proxy_saw(send, client, settings):
    settings.ELKS_ADDRESSES = ["176.10.154.199"]
    settings.BEHIND_PROXY = True
    message = send()
    report = {"id": CREATED["id"], "status": "delivered"}
    forged = {"X-Forwarded-For": "176.10.154.199, 203.0.113.9"}
    assert client.post(receipt_of(message), report, headers=forged).status_code == 403
    seen = {"X-Forwarded-For": "203.0.113.9, 176.10.154.199"}
    assert client.post(receipt_of(message), report, headers=seen).status_code == 204


@pytest.mark.parametrize(
    ("behind_proxy", "headers"),
    [
        (False, {"X-Forwarded-For": "176.10.154.199"}),
        (False, {"Forwarded": "for=176.10.154.199"}),
        (True, {"Forwarded": "for=176.10.154.199"}),
        (True, {"X-Real-Ip": "176.10.154.199"}),
        (True, {"X-Forwarded-For": "176.10.154.199, "}),
        (True, {}),
    ],
)
def test_its_addresses_are_not_to_be_had_by_a_header(behind_proxy, headers, send, client, settings):
    settings.ELKS_ADDRESSES, settings.BEHIND_PROXY = ["176.10.154.199"], behind_proxy
    report = {"id": CREATED["id"], "status": "delivered"}
    assert client.post(receipt_of(send()), report, headers=headers).status_code == 403


@pytest.mark.parametrize("seen", ["2001:9B0:2:902:0::199", "::ffff:176.10.154.199"])
def test_an_address_is_the_same_however_it_is_written(seen, send, client, settings):
    settings.ELKS_ADDRESSES = ["2001:9b0:2:902::199", "176.10.154.199"]
    report = {"id": CREATED["id"], "status": "delivered"}
    assert client.post(receipt_of(send()), report, REMOTE_ADDR=seen).status_code == 204


def a_long_time_later() -> None:
    Message.objects.update(state_at=database_now() - timedelta(hours=73))


@pytest.mark.parametrize(
    ("answer", "becomes"),
    [
        ((200, {**CREATED, "status": "delivered"}), State.DELIVERED),
        ((200, {**CREATED, "status": "failed"}), State.FAILED),
        ((200, {**CREATED, "status": "sent"}), State.UNKNOWN),
        ((404, "No such message"), State.UNKNOWN),
    ],
)
def test_what_is_never_reported_is_asked_for_after_three_days(answer, becomes, send, wire):
    message = send()
    receipts.settle_unreported()
    assert state(message) == State.SENT
    a_long_time_later()
    wire.response = answer
    receipts.settle_unreported()
    assert (wire.requests[-1].method, wire.requests[-1].path) == ("GET", f"/a1/sms/{CREATED['id']}")
    assert state(message) == becomes


@pytest.mark.parametrize("id_", ["../../me", "x/../../numbers", "?x=1", "%2e%2e", ".."])
def test_an_id_that_leads_elsewhere_is_not_asked_for(id_, send, wire):
    wire.response = (200, CREATED | {"id": id_})
    message = send()
    a_long_time_later()
    receipts.settle_unreported()
    assert [request.method for request in wire.requests] == ["POST"]
    assert state(message) == State.UNKNOWN


INBOUND = {
    "id": "s1f2b0a5e8a7c4f1ab4d5a2b0c1d2e3f4",
    "from": "+46701740605",
    "to": "+46701740699",
    "message": "STOPP",
    "direction": "incoming",
    "created": "2026-11-25T08:31:00.000000",
}
PASSWORD = {"Authorization": f"Basic {b64encode(b'teleq:inbound').decode()}"}


@pytest.fixture
def ours(queue):
    queue.outgoing_sms.sender = INBOUND["to"]
    queue.outgoing_sms.save()


def test_stopp_is_a_nej_and_the_answer_is_no_sms(ours, say, client):
    say(Answer.YES)
    for _ in range(2):  # told of again
        answer = client.post("/sms/inbound/46elks", INBOUND, headers=PASSWORD)
        assert (answer.status_code, answer.content) == (204, b"")
    assert Consent.objects.get().answer == Answer.NO
    assert InboundSms.objects.count() == 1


@pytest.mark.parametrize("password", ["", "Basic dGVsZXE6d3Jvbmc=", "Bearer inbound", "Basic åäö", "Basic"])
def test_whoever_lacks_the_password_says_nothing(password, ours, say, client, settings, caplog):
    say(Answer.YES)
    headers = {"Authorization": password}
    assert client.post("/sms/inbound/46elks", INBOUND, headers=headers).status_code == 403
    assert "An inbound SMS from 46elks was turned away" in caplog.text  # else every STOPP could be lost in silence
    settings.SMS_INBOUND_PASSWORD = ""
    assert client.post("/sms/inbound/46elks", INBOUND, headers=headers).status_code == 403
    assert Consent.objects.get().answer == Answer.YES


# Through the web server, and the proxy before it ----------------------------------------------------------------------

ONLY_FROM = {
    "SMS_PROVIDERS": "46elks",
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
    edge = proxy(**ONLY_FROM)
    assert {edge.ask(REPORT, **form(headers)).status for headers in FORGED} == {403}
    assert edge.ask(REPORT, **form({}), source="127.0.0.2").status == 204


def test_nor_without_a_proxy(serve):
    web = serve(**ONLY_FROM, TELEQ_URL="https://teleq.example.se")
    assert {posted(web, headers) for headers in FORGED} == {403}
    assert posted(web, {}, source="127.0.0.2") == 204


def posted(web: Address, headers: dict[str, str], source: str = "127.0.0.1") -> int:
    connection = http.client.HTTPConnection(*web, timeout=30, source_address=(source, 0))
    asked = form({"Host": "localhost"} | headers)
    connection.request("POST", REPORT.split()[1], asked["body"], asked["headers"])
    status = connection.getresponse().status
    connection.close()
    return status
