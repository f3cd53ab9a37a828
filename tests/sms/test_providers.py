"""What each provider is asked, and what its responses tell: plain values, by its documentation. Only what is known not
to have been sent is tried again."""

from __future__ import annotations

from base64 import b64encode
from urllib.parse import parse_qsl

import pytest

from sms.providers import PROVIDERS
from sms.providers.base import (
    Delivery,
    DeliveryReport,
    OutboundMessage,
    Outcome,
    Request,
    Response,
    form_encoded,
    http_failure,
)
from sms.providers.elks import Elks
from sms.providers.kannel import Kannel
from sms.providers.twilio import Twilio

REPORT_TO = "https://teleq.example.se/sms/receipts/x/1/token"
MESSAGE = OutboundMessage(1, "+46701740605", "VCSpindeln", "Hej! Å & ä + ö = 100 %\nVi ringer åter €", REPORT_TO)


@pytest.fixture(autouse=True)
def credentials(settings):
    settings.ELKS_URL = "https://api.46elks.com/a1/sms"
    settings.ELKS_USERNAME, settings.ELKS_PASSWORD = "u123", "lösen"
    settings.TWILIO_URL = "https://api.twilio.com"
    settings.TWILIO_ACCOUNT_SID, settings.TWILIO_AUTH_TOKEN = "AC0", "token"
    settings.KANNEL_URL = "http://kannel:13013/cgi-bin/sendsms"
    settings.KANNEL_USERNAME, settings.KANNEL_PASSWORD = "teleq", "secret"
    settings.TELEQ_URL = "https://teleq.example.se"


def basic(credentials: str) -> str:
    return f"Basic {b64encode(credentials.encode()).decode()}"


def form_of(request: Request) -> dict[str, str]:
    assert request.headers["Content-Type"] == "application/x-www-form-urlencoded"
    return dict(parse_qsl(request.body.decode("ascii"), strict_parsing=True, keep_blank_values=True))


def test_a_form_holds_any_text():
    text = "".join(map(chr, range(0x250))) + "€ 🙂"
    assert parse_qsl(form_encoded({"message": text, "to": "+46"}).decode("ascii")) == [("message", text), ("to", "+46")]


class Test46elks:
    def test_a_message(self):
        request = Elks().build_request(MESSAGE)
        assert (request.method, request.url) == ("POST", "https://api.46elks.com/a1/sms")
        assert request.headers["Authorization"] == basic("u123:lösen")
        assert form_of(request) == {
            "from": MESSAGE.sender,
            "to": MESSAGE.to,
            "message": MESSAGE.text,
            "whendelivered": REPORT_TO,
            "dontlog": "message",
        }

    def test_its_response(self):
        result = Elks().parse_response(Response(200, b'{"id": "s70df", "status": "created", "parts": 1}'))
        assert (result.outcome, result.provider_message_id, result.status) == (Outcome.ACCEPTED, "s70df", "created")

    @pytest.mark.parametrize("body", [b"", b"<html>", b"\xff\xfe", b"[]", b"7", b'{"id": ', b"[" * 100_000])
    def test_a_message_was_taken_whatever_the_body(self, body):
        assert Elks().parse_response(Response(200, body)).outcome is Outcome.ACCEPTED

    def test_how_a_status_is_asked_for(self):
        request = Elks().build_status_request("s70df")
        assert (request.method, request.url, request.body) == ("GET", "https://api.46elks.com/a1/sms/s70df", b"")
        assert request.headers["Authorization"] == basic("u123:lösen")

    def test_a_status(self):
        response = Response(200, b'{"id": "s70df", "status": "delivered"}')
        assert Elks().parse_status(response) == DeliveryReport(Delivery.DELIVERED, "delivered", "s70df")
        assert Elks().parse_status(Response(404)) is None


class TestTwilio:
    def test_a_message(self):
        request = Twilio().build_request(MESSAGE)
        assert (request.method, request.url) == (
            "POST",
            "https://api.twilio.com/2010-04-01/Accounts/AC0/Messages.json",
        )
        assert request.headers["Authorization"] == basic("AC0:token")
        assert form_of(request) == {
            "From": MESSAGE.sender,
            "To": MESSAGE.to,
            "Body": MESSAGE.text,
            "StatusCallback": REPORT_TO,
        }

    def test_its_responses(self):
        taken = Twilio().parse_response(Response(201, b'{"sid": "SM1", "status": "queued", "error_code": null}'))
        assert (taken.outcome, taken.provider_message_id, taken.status) == (Outcome.ACCEPTED, "SM1", "queued")
        stopped = Twilio().parse_response(Response(400, b'{"code": 21610, "message": "unsubscribed", "status": 400}'))
        assert (stopped.outcome, stopped.status, stopped.opted_out) == (Outcome.REJECTED, "HTTP 400, 21610", True)
        assert Twilio().parse_response(Response(500, b"<html>")).outcome is Outcome.UNKNOWN

    def test_how_a_status_is_asked_for(self):
        request = Twilio().build_status_request("SM1")
        assert (request.method, request.url) == (
            "GET",
            "https://api.twilio.com/2010-04-01/Accounts/AC0/Messages/SM1.json",
        )

    def test_a_status(self):
        body = b'{"sid": "SM1", "status": "undelivered", "error_code": 30003}'
        assert Twilio().parse_status(Response(200, body)) == DeliveryReport(
            Delivery.FAILED, "undelivered, 30003", "SM1"
        )
        assert Twilio().parse_status(Response(404)) is None


class TestKannel:
    def test_a_message(self):
        request = Kannel().build_request(MESSAGE)
        assert (request.method, request.url) == ("POST", "http://kannel:13013/cgi-bin/sendsms")
        assert request.body == MESSAGE.text.encode()
        assert request.headers == {
            "Content-Type": "text/plain; charset=UTF-8",
            "X-Kannel-Username": "teleq",
            "X-Kannel-Password": "secret",
            "X-Kannel-To": MESSAGE.to,
            "X-Kannel-From": MESSAGE.sender,
            "X-Kannel-Coding": "0",
            "X-Kannel-DLR-Mask": "31",
            "X-Kannel-DLR-Url": f"{REPORT_TO}?type=%d&id=%F",
        }

    @pytest.mark.parametrize(
        ("status", "body", "outcome"),
        [
            (202, b"0: Accepted for delivery", Outcome.ACCEPTED),
            (202, b"3: Queued for later delivery", Outcome.QUEUED),
            (503, b"Temporal failure, try again later.", Outcome.RETRY_LATER),
            (403, b"Not routable. Do not try again.", Outcome.REJECTED),
            (403, b"Authorization failed for sendsms", Outcome.SHUT),
            (400, b"Missing receiver number, rejected", Outcome.REJECTED),
        ],
    )
    def test_its_responses(self, status, body, outcome):
        assert Kannel().parse_response(Response(status, body)).outcome is outcome

    def test_it_can_not_be_asked(self):
        assert Kannel().build_status_request("1") is None


@pytest.mark.parametrize("provider", PROVIDERS.values())
def test_nothing_secret_and_nothing_of_the_patients_is_shown_by_a_request(provider):
    shown = repr(provider().build_request(MESSAGE))
    assert not [secret for secret in ("lösen", "token", "secret", "Basic", "Bearer", "+467", "Hej") if secret in shown]


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (429, Outcome.RETRY_LATER),
        (503, Outcome.RETRY_LATER),
        (400, Outcome.REJECTED),
        (401, Outcome.SHUT),
        (404, Outcome.SHUT),
        (500, Outcome.UNKNOWN),
        (502, Outcome.UNKNOWN),
        (504, Outcome.UNKNOWN),
        (302, Outcome.SHUT),
    ],
)
def test_a_status_is_taken_at_its_word(status, outcome):
    assert http_failure(status).outcome is outcome
