"""What production starts with: Django's own checks of it, cookies, headers, and secrets that come as files."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from teleq.environment import Environment
from tests.conftest import ROOT

pytestmark = pytest.mark.slow

STRONG = "k9Vt3qXw7ZbN1mLp5RsYd8HfGjKc2QaEuTiOoPzWxSv_4e6r7-Bh3nMq"
PRODUCTION = {
    "TELEQ_DEMO": "",
    "DJANGO_ALLOW_ASYNC_UNSAFE": "",  # the browser's tests need it
    "SECRET_KEY": STRONG,
    "HTTPS_ONLY": "",
    "ALLOWED_HOSTS": "teleq.example.se",
    "BEHIND_PROXY": "true",
    "SMS_PROVIDERS": "kannel",
    "KANNEL_URL": "http://kannel:13013/cgi-bin/sendsms",
    "KANNEL_USERNAME": "teleq",
    "KANNEL_PASSWORD": STRONG,
    "SMS_INBOUND_PASSWORD": STRONG[:48],
    "TELEQ_URL": "https://teleq.example.se",
    "OIDC_SERVER_URL": "",
}


def manage(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    given = {name: value for name, value in (os.environ | PRODUCTION | environment).items() if value}
    command = [sys.executable, "-W", "error::RuntimeWarning", "manage.py", *arguments]
    return subprocess.run(command, cwd=ROOT, env=given, capture_output=True, encoding="utf-8", check=False)


def test_djangos_checks_of_a_deployment_find_nothing():
    told = manage("check", "--deploy", "--fail-level=WARNING")
    assert told.returncode == 0, told.stderr
    assert "System check identified no issues" in told.stdout


def settings_of_production(*names: str, **environment: str) -> list[str]:
    asked = "; ".join(f"print(settings.{name})" for name in names)
    told = manage("shell", "--no-imports", "-c", f"from django.conf import settings; {asked}", **environment)
    assert told.returncode == 0, told.stderr
    return told.stdout.splitlines()


def test_cookies_are_of_this_host_alone_and_of_https_alone_and_no_other_site_sends_them():
    names = ["SESSION_COOKIE_NAME", "CSRF_COOKIE_NAME"]
    for cookie in ("SESSION", "CSRF"):
        names += [f"{cookie}_COOKIE_{what}" for what in ("SECURE", "PATH", "DOMAIN", "SAMESITE")]
    told = settings_of_production(*names, "SESSION_COOKIE_HTTPONLY")
    assert told == ["__Host-sessionid", "__Host-csrftoken", *["True", "/", "None", "Lax"] * 2, "True"]
    over_http = settings_of_production(*names[:2], HTTPS_ONLY="false", TELEQ_DEMO="1")
    assert over_http == ["sessionid", "csrftoken"]  # a browser would take the other names from HTTPS only


@pytest.mark.parametrize("script", ["teleq.js", "drafts.js", "session.js"])
def test_the_scripts_find_the_token_by_either_name(script):
    [pattern] = re.findall(r"cookie\.match\(/(.+?)/\)", (ROOT / "static" / "js" / script).read_text())
    for cookie in ("csrftoken=abc", "a=b; __Host-csrftoken=abc; c=d"):
        assert re.search(pattern, cookie)[1] == "abc"


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/login/", "/static/css/teleq.css", "/no-such-page/", "/api/v1/queues"])
def test_every_answer_says_what_a_browser_may_not_do(path, client):
    answer = client.get(path)
    policy = answer["Permissions-Policy"].split(", ")
    assert {"camera=()", "microphone=()", "geolocation=()", "payment=()", "usb=()"} <= set(policy)
    assert answer["Cross-Origin-Resource-Policy"] == "same-origin"
    assert answer["Cross-Origin-Opener-Policy"] == "same-origin"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Referrer-Policy"] == "same-origin"
    assert "Access-Control-Allow-Origin" not in answer


# Secrets as files ----------------------------------------------------------------------------------------------------


@pytest.fixture
def secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file that A_SECRET_FILE names. Settings' own environment remembers files; this one is new."""
    file = tmp_path / "a_secret"
    monkeypatch.setenv("A_SECRET_FILE", str(file))
    monkeypatch.setattr(Environment, "ENVIRON", type(Environment.ENVIRON)())
    return file


def test_a_secret_is_read_from_the_file_that_is_named_without_the_line_end(secret):
    secret.write_text("lösen=ord 1 \n")
    assert Environment().str("A_SECRET") == "lösen=ord 1 "


def test_an_address_too(secret):
    secret.write_text("postgres://teleq:pass@host:5432/name\n")
    assert Environment().db("A_SECRET")["PASSWORD"] == "pass"


def test_an_empty_file_is_an_empty_secret(secret):
    secret.write_text("\n")
    assert Environment().str("A_SECRET", default="x") == ""


def test_without_a_file_the_variable_counts_as_ever(monkeypatch):
    monkeypatch.setenv("A_SECRET", "x")
    monkeypatch.setenv("A_SECRET_FILE", "")
    assert Environment().str("A_SECRET") == "x"


def test_a_file_that_is_not_there_stops_the_start_with_its_name(secret):
    with pytest.raises(ImproperlyConfigured, match=r"A_SECRET_FILE is '.*a_secret', which can't be read: No such file"):
        Environment().str("A_SECRET")


def test_one_that_is_no_text_does_and_tells_nothing_of_it(secret):
    secret.write_bytes(b"\xff\xfehemlig")
    with pytest.raises(ImproperlyConfigured, match="it is no text") as raised:
        Environment().str("A_SECRET")
    assert "hemlig" not in str(raised.value)


def test_a_secret_that_is_given_twice_stops_the_start(secret, monkeypatch):
    secret.write_text("one")
    monkeypatch.setenv("A_SECRET", "two")
    with pytest.raises(ImproperlyConfigured, match="A_SECRET and A_SECRET_FILE are both set"):
        Environment().str("A_SECRET")


SECRETS = ["SECRET_KEY", "DATABASE_URL", "REDIS_URL", "KANNEL_PASSWORD", "SMS_INBOUND_PASSWORD"]


def test_production_starts_with_nothing_but_files(tmp_path):
    files = {}
    for name in SECRETS:
        file = tmp_path / name
        file.write_text((os.environ | PRODUCTION)[name] + "\n")
        files |= {f"{name}_FILE": str(file), name: ""}
    assert settings_of_production("SECRET_KEY", "KANNEL_PASSWORD", **files) == [STRONG, STRONG]
