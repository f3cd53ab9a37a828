"""The house, where imports don't show it. Which way they go is held by import-linter (pyproject.toml)."""

from __future__ import annotations

from contextlib import closing

import pytest

from sms.http_client import HttpClient, exchange
from sms.providers import PROVIDERS
from sms.providers.base import OutboundMessage
from tests.fixtures.one_door import went_round


@pytest.mark.parametrize("provider", PROVIDERS.values())
def test_promise_1_whoever_else_hands_a_message_over_is_found_out_whichever_way(provider, settings):
    nobody = "http://127.0.0.1:9"
    settings.TELEQ_URL = settings.KANNEL_URL = settings.ELKS_URL = settings.TWILIO_URL = nobody
    settings.TWILIO_ACCOUNT_SID = "AC0"
    message = OutboundMessage(1, "+46701740605", "teleQ", "Hej!", "https://teleq.example.se/sms/receipts/x/1/token")
    exchange({1: provider().build_request(message)})
    assert went_round.pop() == "sms.http_client"
    with closing(HttpClient[int](at_once=1)) as client:
        client.start(1, provider().build_request(message))
    assert went_round.pop().endswith("test_house")
