"""What is handed to a provider on the internet goes over TLS, to that provider and to nobody else."""

from __future__ import annotations

import ssl

import pytest

from sms.circuit_breaker import open_circuit
from sms.providers import PROVIDERS
from sms.states import State
from tests.sms.wire import listening

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(params=["46elks", "twilio"])
def use(request, settings):
    """Send through this provider, at this address."""
    settings.SMS_PROVIDERS, settings.TELEQ_URL = [request.param], "https://teleq.example.se"
    settings.ELKS_USERNAME = settings.ELKS_PASSWORD = "x"
    settings.TWILIO_ACCOUNT_SID, settings.TWILIO_AUTH_TOKEN = "AC0", "x"

    def at(url: str) -> list[str]:
        settings.ELKS_URL, settings.TWILIO_URL = f"{url}/a1/sms", url
        return list(PROVIDERS[request.param].configuration_errors())

    return at


@pytest.mark.parametrize(
    "url", ["http://api.example.se", "HTTP://api.example.se", "ftp://127.0.0.1", "//x", "127.0.0.1"]
)
def test_an_address_without_tls_is_an_error_at_start(url, use, settings):
    name, shown = {"46elks": ("ELKS_URL", f"{url}/a1/sms"), "twilio": ("TWILIO_URL", url)}[settings.SMS_PROVIDERS[0]]
    assert use(url) == [f"{name} is {shown!r}; patients' numbers and texts go there, which needs https://."]


@pytest.mark.parametrize("url", ["https://api.example.se", "http://127.0.0.1:8080", "http://[::1]:8080"])
def test_https_is_not_nor_is_what_does_not_leave_this_machine(url, use):
    assert use(url) == []


def test_a_certificate_that_nobody_vouches_for_gets_no_message(use, send, wire, certificate):
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(*certificate)
    wire.socket = tls.wrap_socket(wire.socket, server_side=True)
    use(f"https://localhost:{wire.server_address[1]}")
    message = send()
    assert (message.state, message.provider_message_id) == (State.QUEUED, "")  # known not to have been sent
    assert wire.requests == []


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirection_is_not_followed(status, use, send, wire):
    with listening() as elsewhere:
        wire.response, wire.location = (status, ""), elsewhere.url
        use(wire.url)
        assert send().state == State.QUEUED
        assert len(wire.requests) == 1
        assert elsewhere.requests == []
    assert open_circuit()  # and the operator is told
