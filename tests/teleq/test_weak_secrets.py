"""Outside the demonstration nothing starts with a secret that can be guessed."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys

import pytest

from access.checks import sign_in_is_safe
from sms.checks import configuration_errors
from teleq.weak_secrets import weaknesses
from tests.conftest import ROOT

pytestmark = pytest.mark.slow

STRONG = "k9Vt3qXw7ZbN1mLp5RsYd8HfGjKc2QaEuTiOoPzWxSv"


@pytest.mark.parametrize(
    ("secret", "said"),
    [
        ("kort", "is 4 characters long"),
        ("a" * 60, "has only 1 different characters"),
        ("abab" * 20, "has only 2 different characters"),
        ("django-insecure-k9Vt3qXw7ZbN1mLp5RsYd8HfGjKc2QaEu", "looks like an example"),
        ("CHANGEME-k9Vt3qXw7ZbN1mLp5RsYd8HfGjKc2QaEuTiOoPz", "looks like an example"),
    ],
)
def test_a_weak_secret_key_is_refused_with_the_reason(secret, said, settings):
    settings.TELEQ_DEMO, settings.SECRET_KEY = False, secret
    [problem] = sign_in_is_safe()
    assert problem.msg.startswith(f"SECRET_KEY {said}")
    assert len(secret) < 5 or secret not in problem.msg


def test_a_strong_one_is_taken_and_in_the_demonstration_any(settings):
    settings.TELEQ_DEMO, settings.SECRET_KEY = False, STRONG
    assert sign_in_is_safe() == []
    settings.TELEQ_DEMO, settings.SECRET_KEY = True, "x"
    assert sign_in_is_safe() == []


def test_a_weak_password_of_a_provider_is_refused(settings):
    settings.TELEQ_DEMO, settings.SMS_PROVIDERS = False, ["kannel"]
    settings.KANNEL_URL = settings.KANNEL_USERNAME = settings.KANNEL_PASSWORD = "http://x.invalid"
    settings.SMS_INBOUND_PASSWORD = "kort"
    assert list(configuration_errors()) == ["SMS_INBOUND_PASSWORD is 4 characters long; it must be 20 at least."]
    settings.SMS_INBOUND_PASSWORD = STRONG
    assert list(configuration_errors()) == []


def test_what_the_product_makes_itself_is_strong():
    assert [list(weaknesses(secrets.token_urlsafe(50), 40)) for _ in range(200)] == [[]] * 200


def test_the_start_is_stopped_with_a_clear_line():
    environment = os.environ | {"TELEQ_DEMO": "", "SECRET_KEY": "hemlig", "HTTPS_ONLY": "false"}
    command = [sys.executable, "manage.py", "check"]
    answer = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, encoding="utf-8", check=False)
    assert answer.returncode != 0
    assert "SECRET_KEY is 6 characters long; it must be 40 at least." in answer.stderr
