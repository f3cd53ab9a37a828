"""What is missing or wrong in the environment is said at start, in words that tell what to do."""

import pytest
from django.core.checks import run_checks

from sms import checks


@pytest.fixture
def problems(settings):
    def of(provider: str, **environment: object) -> list[str]:
        settings.SMS_PROVIDERS = [provider]
        for name, value in environment.items():
            setattr(settings, name, value)
        return list(checks.configuration_errors())

    return of


@pytest.mark.parametrize(
    ("provider", "names"),
    [
        ("kannel", ["KANNEL_URL", "KANNEL_USERNAME", "KANNEL_PASSWORD"]),
        ("46elks", ["ELKS_USERNAME", "ELKS_PASSWORD"]),
        ("twilio", ["TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN"]),
    ],
)
def test_missing_credentials_are_named(provider, names, problems):
    said = problems(provider, TELEQ_URL="https://teleq.example.se")
    assert said == [f"{provider}: {name} is not set." for name in names]
    assert problems(provider, **dict.fromkeys(names, "x")) == []


@pytest.mark.parametrize("provider", ["46elks", "twilio"])
def test_a_provider_on_the_internet_needs_an_address_there_to_report_to(provider, problems):
    said = problems(provider, TELEQ_URL="http://127.0.0.1:8000")
    assert f"{provider}: TELEQ_URL is 'http://127.0.0.1:8000', where it reports delivery, which needs https://." in said


def test_an_address_that_is_none_is_said_at_start(problems):
    secrets = {"TELEQ_URL": "https://teleq.example.se", "ELKS_USERNAME": "x", "ELKS_PASSWORD": "x"}
    [said] = problems("46elks", ELKS_ADDRESSES=["176.10.154.199", "2001:9b0:2:902::199", "elks.example.se"], **secrets)
    assert said.startswith("46elks: ELKS_ADDRESSES has 'elks.example.se' in it, which is no IP address")


def test_the_simulator_is_for_the_demonstration_only(problems):
    assert problems("simulator", TELEQ_DEMO=True) == []
    assert problems("simulator", TELEQ_DEMO=False) == [
        "simulator: it sends nothing. It is allowed in the demonstration only."
    ]


def test_an_unknown_provider_is_told_which_there_are(problems):
    [said] = problems("46eks")
    assert said == "SMS_PROVIDERS has '46eks' in it, which is none of: simulator, kannel, 46elks, twilio."


def test_without_a_password_for_what_comes_in_it_is_said_that_stopp_does_not_work(settings):
    settings.SMS_PROVIDERS, settings.SMS_INBOUND_PASSWORD = ["kannel"], ""
    settings.KANNEL_URL = settings.KANNEL_USERNAME = settings.KANNEL_PASSWORD = "x"
    [warning] = [message for message in run_checks() if message.id == "sms.W001"]
    assert "STOPP" in warning.msg
    settings.SMS_INBOUND_PASSWORD = "secret"
    assert not [message for message in run_checks() if message.id == "sms.W001"]


def test_a_password_for_replies_that_kannel_breaks_in_two_is_told(settings):
    settings.SMS_PROVIDERS = ["kannel"]
    for length, told in ((51, 0), (52, 1)):
        settings.SMS_INBOUND_PASSWORD = "x" * length
        warnings = [warning for warning in checks.configuration_warnings() if "STOPP does not work" in warning]
        assert len(warnings) == told
    settings.SMS_PROVIDERS = ["46elks"]
    assert list(checks.configuration_warnings()) == []
