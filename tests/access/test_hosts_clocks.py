"""A web host's clock is two minutes off, and PostgreSQL's decides: who is still signed in, and which code counts."""

from __future__ import annotations

import time

import pytest
from django.test import Client

from tests.access.authenticator_app import add_app, code, is_in, type_password, words
from tests.access.test_sessions import WARNING, move_back

pytestmark = pytest.mark.django_db


@pytest.fixture(params=[-120, 120], ids=["behind", "ahead"])
def off(request, monkeypatch) -> int:
    """From here on this is another web host, whose clock is off by so many seconds."""
    right = time.time
    monkeypatch.setattr(time, "time", lambda: right() + request.param)
    return int(request.param)


@pytest.fixture
def key(client, nurse, in_production) -> str:
    """The nurse has an app, and has signed out."""
    type_password(client, nurse)
    key = add_app(client)
    client.post("/logout/")
    return key


def shown(key: str, off: int, later: int = 0) -> str:
    """What an app shows whose telephone's clock is right."""
    return code(key, later - off // 30)


@pytest.fixture
def browser(nurse) -> Client:
    """Signed in at a host whose clock is right."""
    client = Client()
    client.force_login(nurse)
    return client


def test_the_code_that_an_app_shows_lets_in(key, off, client, nurse):
    asked = type_password(client, nurse)
    client.post(asked.url, {"code": shown(key, off)})
    assert is_in(client)


def test_one_that_was_shown_two_minutes_ago_does_not(key, off, client, nurse):
    asked = type_password(client, nurse)
    for later in (-4, 4):
        client.post(asked.url, {"code": shown(key, off, later)})
        assert not is_in(client)


def test_an_app_is_added_by_the_code_that_it_shows(client, nurse, in_production, off):
    type_password(client, nurse)
    page = client.get("/konto/app/").content.decode()
    key = page.partition('Nyckel: <span class="key">')[2][:32]
    assert client.post("/konto/app/", {"code": shown(key, off)}).status_code == 302


@pytest.mark.parametrize(("minutes", "is_still_in"), [(29, True), (31, False)])
def test_a_session_ends_after_half_an_hour_whichever_host_is_asked(minutes, is_still_in, browser, off):
    move_back(browser, active=minutes)
    assert is_in(browser) == is_still_in


def test_and_its_end_is_told_two_minutes_before(browser, off):
    move_back(browser, active=27)
    assert WARNING not in words(browser.get("/konto/session/"))
    move_back(browser, active=1.5)
    assert WARNING in words(browser.get("/konto/session/"))


def test_what_is_done_at_another_host_gives_it_half_an_hour_and_no_more(browser, off):
    move_back(browser, active=20)
    assert is_in(browser)
    move_back(browser, active=29)
    assert is_in(browser)
    move_back(browser, active=31)
    assert not is_in(browser)
