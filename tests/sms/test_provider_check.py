"""Asking a provider about the account: what it says, and that nothing is sent. Kannel itself: test_kannel.py."""

from __future__ import annotations

from typing import Any

import pytest

from local.servers import free_port
from sms.provider_check import check_providers
from tests.sms.wire import Wire, listening

SECRET = "hemligt-hos-leverantoren"


@pytest.fixture
def wire(settings: Any):
    with listening() as wire:
        settings.TELEQ_URL = "https://teleq.example.se"
        settings.ELKS_URL, settings.ELKS_USERNAME, settings.ELKS_PASSWORD = f"{wire.url}/a1/sms", "u1", SECRET
        settings.TWILIO_URL, settings.TWILIO_ACCOUNT_SID, settings.TWILIO_AUTH_TOKEN = wire.url, "AC1", SECRET
        yield wire


def asked(settings: Any, name: str) -> tuple[bool, str]:
    settings.SMS_PROVIDERS = [name]
    [checked] = check_providers()
    assert checked.name == name
    assert SECRET not in checked.account.told
    return checked.account.is_right, checked.account.told


ELKS = {"id": "u5a", "displayname": "VC", "mobilenumber": "+46700000000", "currency": "SEK", "balance": 9670500}


@pytest.mark.parametrize(
    ("response", "says"),
    [
        # 46elks' documentation has this very account, of 967,05 kronor.
        ((200, ELKS), (True, "Inloggningen fungerar. På kontot finns 967,05 SEK.")),
        ((200, ELKS | {"balance": 0}), (False, "Inloggningen fungerar, men kontot är tomt: 0,00 SEK.")),
        ((200, {"id": "u5a"}), (True, "Inloggningen fungerar.")),
        ((401, "Unauthorized"), (False, "Den tar inte emot namnet eller lösenordet (HTTP 401).")),
        ((404, "Not found"), (False, "Den svarade HTTP 404. Kontrollera adressen.")),
        ((200, "<html>an error page"), (False, "Den svarade HTTP 200. Kontrollera adressen.")),
    ],
)
def test_46elks_says_whether_it_lets_in_and_what_is_left_to_pay_with(response, says, wire: Wire, settings):
    wire.response = response
    assert asked(settings, "46elks") == says
    [request] = wire.requests
    assert (request.method, request.path, request.form) == ("GET", "/a1/me", {})


@pytest.mark.parametrize(
    ("response", "says"),
    [
        (
            (200, {"sid": "AC1", "status": "active", "type": "Full"}),
            (True, "Inloggningen fungerar och kontot är öppet."),
        ),
        (
            (200, {"sid": "AC1", "status": "suspended", "type": "Full"}),
            (False, "Inloggningen fungerar, men kontot är inte öppet: suspended."),
        ),
        (
            (200, {"sid": "AC1", "status": "active", "type": "Trial"}),
            (False, "Inloggningen fungerar, men kontot är ett provkonto: det når bara egna nummer."),
        ),
        ((401, {"code": 20003}), (False, "Den tar inte emot namnet eller lösenordet (HTTP 401).")),
    ],
)
def test_twilio_says_whether_it_lets_in_and_the_account_may_send(response, says, wire: Wire, settings):
    wire.response = response
    assert asked(settings, "twilio") == says
    [request] = wire.requests
    assert (request.method, request.path) == ("GET", "/2010-04-01/Accounts/AC1.json")


def test_one_that_does_not_answer_is_a_problem(wire, settings):
    settings.ELKS_URL = f"http://127.0.0.1:{free_port()}/a1/sms"
    is_right, told = asked(settings, "46elks")
    assert not is_right
    assert told.startswith("Den svarar inte: ")


def test_one_that_is_not_configured_is_not_asked(wire, settings):
    settings.ELKS_PASSWORD = ""
    assert asked(settings, "46elks") == (False, "Den är inte rätt inställd: manage.py check säger vad som saknas.")
    assert wire.requests == []


def test_each_of_several_is_asked(wire, settings):
    settings.SMS_PROVIDERS = ["twilio", "46elks"]
    wire.response = (200, ELKS | {"status": "active"})
    assert [(each.name, each.account.is_right) for each in check_providers()] == [("twilio", True), ("46elks", True)]
