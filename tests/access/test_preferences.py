"""How one's own pages look, and which language they speak: chosen on Ditt konto."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from teleq.models import ColourScheme, Language, User
from tests.conftest import PASSWORD

pytestmark = pytest.mark.django_db

SHOWN = {"initial-colour_scheme": "", "initial-language": "sv"}


@pytest.fixture
def browser(nurse: User) -> Client:
    client = Client()
    assert client.login(username=nurse.username, password=PASSWORD)
    return client


def chosen(nurse: User) -> tuple[str, str]:
    nurse.refresh_from_db()
    return nurse.colour_scheme, nurse.language


def colour_scheme_of(page: bytes) -> list[bytes]:
    return re.findall(rb'<meta name="color-scheme" content="([^"]*)">', page)


def test_before_anything_is_chosen_pages_are_as_the_computer_is_set_and_swedish(browser, nurse):
    page = browser.get("/konto/")
    assert colour_scheme_of(page.content) == [b"light dark"]
    assert b'<html lang="sv">' in page.content
    for label in ("Utseende", "Språk", "Som datorn", "Ljust", "Mörkt", "Svenska", "English"):
        assert label in page.content.decode()
    assert colour_scheme_of(Client().get("/login/").content) == [b"light dark"]


def test_both_are_saved_with_one_press_and_hold_on_every_page(browser, nurse):
    answer = browser.post("/konto/", {**SHOWN, "colour_scheme": "dark", "language": "en"}, follow=True)
    assert answer.redirect_chain == [("/konto/", 302)]
    assert chosen(nurse) == (ColourScheme.DARK, Language.ENGLISH)
    for address in ("/konto/", "/", "/cases/new/"):
        page = browser.get(address)
        assert colour_scheme_of(page.content) == [b"dark"]
        assert b'<html lang="en">' in page.content


def test_they_hold_in_admin_and_are_nobody_elses(administrator, colleague):
    User.objects.filter(pk=administrator.pk).update(colour_scheme=ColourScheme.DARK)
    client = Client()
    client.force_login(administrator)
    assert colour_scheme_of(client.get("/admin/").content) == [b"dark"]
    client.force_login(colleague)
    assert colour_scheme_of(client.get("/").content) == [b"light dark"]


def test_it_is_said_that_they_are_saved(browser):
    answer = browser.post("/konto/", {**SHOWN, "colour_scheme": "light", "language": "sv"}, follow=True)
    assert "Utseende och språk är sparade." in answer.content.decode()


def test_a_page_left_open_undoes_nothing_that_it_did_not_show(browser, nurse):
    User.objects.filter(pk=nurse.pk).update(colour_scheme=ColourScheme.DARK)  # chosen in another tab
    browser.post("/konto/", {**SHOWN, "colour_scheme": "", "language": "en"})
    assert chosen(nurse) == (ColourScheme.DARK, Language.ENGLISH)


@pytest.mark.parametrize("wrong", [{"colour_scheme": "pink"}, {"language": "fi"}, {"language": ""}])
def test_what_is_not_among_the_choices_is_not_saved(browser, nurse, wrong):
    answer = browser.post("/konto/", {**SHOWN, "colour_scheme": "dark", "language": "en"} | wrong)
    assert answer.status_code == 422
    assert 'class="errorlist"' in answer.content.decode()
    assert chosen(nurse) == (ColourScheme.SYSTEM, Language.SWEDISH)


def test_nothing_else_of_the_user_is_changed(browser, nurse):
    before = User.objects.values().get(pk=nurse.pk)
    browser.post(
        "/konto/", {**SHOWN, "colour_scheme": "dark", "language": "sv", "first_name": "X", "is_superuser": "1"}
    )
    changed = {name for name, value in User.objects.values().get(pk=nurse.pk).items() if value != before[name]}
    assert changed == {"colour_scheme"}
