"""Signing in, in a browser: a code, a passkey, an identity provider, a link, two people at one computer."""

from __future__ import annotations

import pytest
import requests
from django.test import Client
from oidc_provider_mock import run_server_in_thread
from playwright.sync_api import Page, expect

from access import invitations, second_person
from access.models import SecondPersonRequest, SignIn
from teleq.models import User
from tests.access.authenticator_app import add_app, code, type_password
from tests.browser.accessible import check
from tests.conftest import PASSWORD

pytestmark = pytest.mark.django_db(transaction=True)

NEW = "fyra-stora-granar"


@pytest.fixture(autouse=True)
def in_production(settings) -> None:
    """As far as it concerns the second factor."""
    settings.SECOND_FACTOR_REQUIRED = True


def type_in(page: Page, user: User, password: str = PASSWORD) -> None:
    page.goto("/login/")
    page.get_by_label("Användarnamn").fill(user.username)
    page.get_by_label("Lösenord").fill(password)
    page.get_by_role("button", name="Logga in", exact=True).click()


def with_app(user: User) -> str:
    """The user has added an app. Returns its key."""
    type_password(client := Client(), user)
    return add_app(client)


def has_authenticator(page: Page, **options: object) -> None:
    """A virtual one is plugged in (WebAuthn, by Chromium's own means)."""
    chromium = page.context.new_cdp_session(page)
    chromium.send("WebAuthn.enable")
    about = {"protocol": "ctap2", "transport": "usb", "automaticPresenceSimulation": True} | options
    chromium.send("WebAuthn.addVirtualAuthenticator", {"options": about})


def is_at_work(page: Page) -> None:
    expect(page.get_by_role("heading", name="Arbetslista")).to_be_visible()


def add_passkey(page: Page) -> None:
    page.get_by_role("link", name="Lägg till en passkey").click()
    check(page)
    page.get_by_label("Namn på passkeyn").fill("Min nyckel")
    page.get_by_role("button", name="Lägg till").click()
    expect(page.get_by_role("heading", name="Reservkoder")).to_be_visible()


def test_a_code_from_an_app(open_page, nurse):
    page = open_page()
    type_in(page, nurse)
    expect(page.get_by_text("Lägg till en andra faktor innan du fortsätter.")).to_be_visible()
    check(page)
    page.get_by_role("link", name="Lägg till en app").click()
    check(page)
    key = page.locator(".key").inner_text()
    page.get_by_label("Kod", exact=True).fill("000000")
    page.get_by_role("button", name="Lägg till").click()
    expect(page.get_by_text("Koden är fel")).to_be_visible()
    check(page)
    page.get_by_label("Kod", exact=True).fill(code(page.locator(".key").inner_text(), -1))
    assert page.locator(".key").inner_text() == key
    page.get_by_role("button", name="Lägg till").click()
    expect(page.get_by_role("heading", name="Reservkoder")).to_be_visible()
    check(page)
    page.get_by_role("link", name="Jag har sparat koderna").click()
    is_at_work(page)

    page.get_by_role("button", name="Logga ut").click()
    type_in(page, nurse)
    check(page)
    page.get_by_label("Kod", exact=True).fill(code(key))
    page.keyboard.press("Enter")
    is_at_work(page)


def test_a_passkey(open_page, nurse):
    page = open_page()
    has_authenticator(page)
    type_in(page, nurse)
    add_passkey(page)
    page.goto("/")
    page.get_by_role("button", name="Logga ut").click()
    type_in(page, nurse)
    check(page)
    page.get_by_role("button", name="Använd passkey").click()
    is_at_work(page)
    assert SignIn.objects.filter(what="signed_in", method="webauthn", user=nurse).exists()


def test_another_ones_passkey_does_not_do(open_page, nurse, administrator):
    hers = open_page()
    has_authenticator(hers)
    type_in(hers, nurse)
    add_passkey(hers)
    page = open_page()
    has_authenticator(page)
    type_in(page, administrator)
    add_passkey(page)
    page.goto("/")
    page.get_by_role("button", name="Logga ut").click()
    type_in(page, nurse)
    page.get_by_role("button", name="Använd passkey").click()
    expect(page.get_by_text("Det gick inte att använda passkeyn, eller så avbröts det.")).to_be_visible()
    check(page)


def test_a_passkey_that_is_removed_does_no_more(open_page, nurse):
    page = open_page()
    has_authenticator(page)
    type_in(page, nurse)
    add_passkey(page)
    page.goto("/konto/")
    page.get_by_role("link", name="Ta bort Min nyckel").click()
    page.get_by_role("button", name="Ta bort").click()
    expect(page.get_by_text("Lägg till en annan andra faktor först.")).to_be_visible()  # the only one stays
    check(page)


@pytest.mark.parametrize("java_script_enabled", [True, False])
def test_a_link_password_and_app_with_and_without_javascript(java_script_enabled, open_page, nurse, administrator):
    page = open_page(java_script_enabled=java_script_enabled)
    page.goto(invitations.make_link(nurse, by=administrator))
    page.get_by_label("Nytt lösenord").fill("anna-anna-anna")
    page.get_by_label("Lösenordet igen").fill("anna-anna-anna")
    page.get_by_role("button", name="Spara och logga in").click()
    expect(page.get_by_text("Lösenordet innehåller ditt namn")).to_be_visible()
    page.get_by_label("Nytt lösenord").fill(NEW)
    page.get_by_label("Lösenordet igen").fill(NEW)
    page.get_by_role("button", name="Spara och logga in").click()
    page.get_by_role("link", name="Lägg till en app").click()
    page.get_by_label("Kod", exact=True).fill(code(page.locator(".key").inner_text()))
    page.get_by_role("button", name="Lägg till").click()
    page.get_by_role("link", name="Jag har sparat koderna").click()
    is_at_work(page)


def test_two_people_at_one_computer(open_page, nurse, administrator):
    keys = {user: with_app(user) for user in (nurse, administrator)}
    page = open_page()
    for user in (nurse, administrator):
        type_in(page, user)  # the one before has just left
        page.get_by_label("Kod", exact=True).fill(code(keys[user]))
        page.get_by_role("button", name="Logga in").click()
        is_at_work(page)
        expect(page.get_by_role("link", name=str(user))).to_be_visible()


def test_an_identity_provider(open_page, nurse, settings, complaints):
    """The provider is another origin: the sign-in page's policy lets the form through, and no other page's does."""
    complaints.expect("ERR_NAME_NOT_RESOLVED", "status of 404", "status of 403")  # of the provider's own page; refused
    User.objects.filter(pk=nurse.pk).update(hsa_id="SE2321000016-1ABC")
    with run_server_in_thread() as server:
        there = f"http://localhost:{server.server_port}"
        claims = {"employeeHsaId": "SE2321000016-1ABC", "acr": "loa3"}
        requests.put(f"{there}/users/anna", json=claims, timeout=10).raise_for_status()
        settings.OIDC_SERVER_URL, settings.OIDC_CLIENT_ID, settings.OIDC_CLIENT_SECRET = there, "teleq", "hemligt"
        settings.OIDC_ACR = ["loa3"]
        page = open_page()
        page.goto("/cases/new/")
        check(page)
        page.get_by_role("button", name="Logga in med SITHS").click()
        page.locator("input[name=sub]").fill("anna")
        page.locator("input[name=sub]").press("Enter")
        expect(page.get_by_role("heading", name="Nytt ärende")).to_be_visible()
        expect(page.get_by_role("link", name="Anna Lind")).to_be_visible()
        page.get_by_role("button", name="Logga ut").click()

        requests.put(f"{there}/users/anna", json=claims | {"acr": "loa2"}, timeout=10).raise_for_status()
        page.get_by_role("button", name="Logga in med SITHS").click()
        page.locator("input[name=sub]").fill("anna")
        page.locator("input[name=sub]").press("Enter")
        expect(page.get_by_text("hade inte tillräcklig tillitsnivå")).to_be_visible()
        check(page)


def test_the_administrators_pages(open_page, nurse, administrator, operator):
    key = with_app(administrator)
    act = SecondPersonRequest.Act.RESET_SECOND_FACTOR
    second_person.ask(act, nurse, operator, "Tappade telefonen.")
    type_password(Client(), nurse, "fel")
    page = open_page()
    type_in(page, administrator)
    page.get_by_label("Kod", exact=True).fill(code(key))
    page.get_by_role("button", name="Logga in").click()
    is_at_work(page)
    for address in ("invitation/", "second-factor/"):
        page.goto(f"/admin/teleq/user/{nurse.pk}/{address}")
        check(page)
    page.goto("/admin/second-person/")
    check(page)
    page.get_by_role("button", name="Bekräfta").click()
    expect(page.get_by_text("Återställ andra faktorn för Anna Lind är utfört.")).to_be_visible()
    check(page)
    for address in ("signin", "rightschange"):
        page.goto(f"/admin/access/{address}/")
        check(page)


def test_ones_own_pages(open_page, nurse):
    key = with_app(nurse)
    page = open_page()
    type_in(page, nurse)
    page.get_by_label("Kod", exact=True).fill(code(key))
    page.get_by_role("button", name="Logga in").click()
    page.get_by_role("link", name="Anna Lind").click()
    check(page)
    page.get_by_role("link", name="Byt lösenord").click()
    check(page)
    page.get_by_label("Nuvarande lösenord").fill("fel")
    page.get_by_label("Nytt lösenord").fill("kort")
    page.get_by_label("Lösenordet igen").fill("annat")
    page.get_by_role("button", name="Byt lösenord").click()
    expect(page.get_by_text("Lösenordet är fel.")).to_be_visible()
    check(page)
    for address in ("app/ta-bort/", "reservkoder/", "reservkoder/nya/"):
        page.goto(f"/konto/{address}")
        check(page)
