"""Providers' own lists of SMS, fetched whole: by pages, in spite of limits, and never half a list for a whole one.

As 46elks' and Twilio's documentation describes theirs: docs/sms-history; message resource, paging.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from sms import listing
from sms.listing import NotListed
from sms.providers.base import Delivery, Response
from sms.providers.elks import Elks
from sms.providers.kannel import Kannel
from sms.providers.twilio import Twilio
from tests.sms.elks_server import elks_on_loopback

SINCE = datetime(2026, 11, 26, 12, 30, tzinfo=UTC)
OURS, PATIENT = "+46766861004", "+46701740605"


@pytest.fixture(autouse=True)
def asked_again_at_once(monkeypatch):
    monkeypatch.setattr(listing, "ASK_AGAIN", (0, 0))


@pytest.fixture
def elks(settings):
    with elks_on_loopback() as server:
        settings.ELKS_URL, settings.ELKS_USERNAME, settings.ELKS_PASSWORD = server.url, "u123", "secret"
        settings.TELEQ_URL = "https://teleq.example.se"
        yield server


@pytest.fixture
def twilio(settings):
    settings.TWILIO_URL = "https://api.twilio.com"
    settings.TWILIO_ACCOUNT_SID, settings.TWILIO_AUTH_TOKEN = "AC123", "token"
    return Twilio()


# 46elks --------------------------------------------------------------------------------------------------------------


def test_all_pages_are_fetched_and_nothing_from_before(elks):
    elks.add("outgoing", "teleQ", PATIENT, status="delivered")
    since = datetime.now(UTC)
    for number in range(7):
        elks.add("outgoing", OURS, f"+4670174061{number}", status="failed" if number else "created")
    elks.add("incoming", PATIENT, OURS, message="Stopp")
    found = listing.fetch(Elks(), since)
    assert sorted(sms.to for sms in found.sent) == [f"+4670174061{number}" for number in range(7)]
    assert {sms.report.delivery for sms in found.sent} == {Delivery.FAILED, Delivery.NOT_FINAL}
    assert {sms.text for sms in found.sent} == {""}
    [reply] = found.replies
    assert (reply.from_number, reply.to_number, reply.text) == (PATIENT, OURS, "Stopp")
    assert elks.pages == 3
    assert all(since <= sms.at <= datetime.now(UTC) for sms in found.sent)


def test_whoever_asks_too_often_asks_again(elks):
    elks.add("outgoing", OURS, PATIENT, status="created")
    elks.turned_away = 2
    assert len(listing.fetch(Elks(), datetime.now(UTC) - timedelta(hours=1)).sent) == 1


def test_a_list_that_is_not_given_at_last_is_none(elks):
    elks.turned_away = 3
    with pytest.raises(NotListed, match="HTTP 429"):
        listing.fetch(Elks(), SINCE)


def test_a_server_that_is_gone_gives_no_list(settings, elks):
    settings.ELKS_URL = "http://127.0.0.1:9/a1/sms"
    with pytest.raises(NotListed):
        listing.fetch(Elks(), SINCE)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, b""),
        (200, b"[]"),
        (200, b'{"data": null}'),
        (200, b'{"data": ["s1"]}'),
        (200, b'{"data": [{"id": "s1", "direction": "outgoing", "created": "yesterday"}]}'),
        (401, b'{"data": []}'),
    ],
)
def test_what_is_no_list_is_not_taken_for_an_empty_one(settings, status, body):
    with pytest.raises(ValueError):  # noqa: PT011  whatever it says
        Elks().parse_list(Response(status, body), SINCE)


# Twilio --------------------------------------------------------------------------------------------------------------

LISTED = b"""{"messages": [
    {"sid": "SM1", "direction": "outbound-api", "from": "+46766861004", "to": "+46701740605", "body": "Hej",
     "status": "delivered", "error_code": null, "date_sent": "Thu, 26 Nov 2026 13:00:00 +0000"},
    {"sid": "SM2", "direction": "outbound-api", "from": "+46766861004", "to": "+46701740606", "body": "Hej",
     "status": "undelivered", "error_code": 30003, "date_sent": null,
     "date_created": "Thu, 26 Nov 2026 12:45:00 +0000"},
    {"sid": "SM3", "direction": "inbound", "from": "+46701740605", "to": "+46766861004", "body": " Unsubscribe ",
     "status": "received", "date_sent": "Thu, 26 Nov 2026 12:40:00 +0000"},
    {"sid": "SM4", "direction": "inbound", "from": "+46701740606", "to": "+46766861004", "body": "Ring mig",
     "status": "received", "date_sent": "Thu, 26 Nov 2026 12:40:00 +0000"},
    {"sid": "SM5", "direction": "outbound-api", "from": "+46766861004", "to": "+46701740607", "body": "Hej",
     "status": "sent", "date_sent": "Thu, 26 Nov 2026 02:00:00 +0000"}
  ], "next_page_uri": "%s"}"""
NEXT = b"/2010-04-01/Accounts/AC123/Messages.json?PageSize=200&Page=1&PageToken=PA1"


def test_twilio_is_asked_by_the_day_and_gives_more_than_was_asked_for(twilio):
    request = twilio.build_list_request(SINCE)
    assert request.method == "GET"
    assert request.url.endswith("/2010-04-01/Accounts/AC123/Messages.json?PageSize=200&DateSent%3E=2026-11-26")
    page = twilio.parse_list(Response(200, LISTED % NEXT), SINCE)
    assert [(sms.to, sms.text, sms.report.delivery) for sms in page.sent] == [
        ("+46701740605", "Hej", Delivery.DELIVERED),
        ("+46701740606", "Hej", Delivery.FAILED),
    ]
    assert page.sent[0].at == datetime(2026, 11, 26, 13, tzinfo=UTC)
    assert [(reply.text, reply.opted_out) for reply in page.replies] == [(" Unsubscribe ", True), ("Ring mig", False)]
    assert page.following.url == f"https://api.twilio.com{NEXT.decode()}"
    assert page.following.headers == request.headers


@pytest.mark.parametrize(
    "elsewhere", [b"@evil.example/x", b"/2010-04-01/Accounts/AC999/Messages.json?Page=1", b"https://evil.example/"]
)
def test_twilio_does_not_lead_our_password_elsewhere(twilio, elsewhere):
    with pytest.raises(ValueError, match="no list of ours"):
        twilio.parse_list(Response(200, LISTED % elsewhere), SINCE)


def test_pages_that_lead_round_in_a_circle_end(settings, wire):
    settings.TWILIO_URL = wire.url
    settings.TWILIO_ACCOUNT_SID, settings.TWILIO_AUTH_TOKEN = "AC123", "token"
    wire.response = (200, (LISTED % NEXT).decode())
    with pytest.raises(NotListed, match="circle"):
        listing.fetch(Twilio(), SINCE)


# All of them ---------------------------------------------------------------------------------------------------------


def test_kannel_has_no_list(settings):
    assert listing.fetch(Kannel(), SINCE) is None


def test_each_provider_is_told_of_by_itself(settings, elks):
    """Those that are configured, and those that have sent and are no longer."""
    settings.SMS_PROVIDERS = ["46elks", "kannel"]
    settings.KANNEL_URL = "http://kannel:13013/cgi-bin/sendsms"
    settings.KANNEL_USERNAME = settings.KANNEL_PASSWORD = "secret"
    settings.TWILIO_ACCOUNT_SID = ""
    lists = listing.fetch_all({"twilio"}, SINCE)
    assert (lists.had, lists.without, lists.failed) == (["46elks"], ["kannel", "twilio"], {})
    assert listing.fetch_all(set(), SINCE, go_on_without=["46elks"]).without == ["46elks", "kannel"]
    elks.down = True
    assert list(listing.fetch_all(set(), SINCE).failed) == ["46elks"]
