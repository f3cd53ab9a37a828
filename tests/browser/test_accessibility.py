"""WCAG 2.1 AA as far as axe can tell, on every page in each of its states, wide and narrow."""

from __future__ import annotations

from datetime import timedelta

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from cases.models import Case, Status
from consent.models import Answer, Consent
from sms.models import SimulatedSms
from teleq.models import database_now
from tests.conftest import LANDLINE, MOBILE

pytestmark = pytest.mark.django_db(transaction=True)

WIDTHS = pytest.mark.parametrize("width", [1280, 320])


def check(page: Page) -> None:
    findings = Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]})
    assert findings.violations_count == 0, findings.generate_report()
    assert page.get_by_role("heading", level=1).count() == 1
    assert page.evaluate("document.documentElement.lang").startswith("sv")
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


def make_case(queue, **options) -> Case:
    at = database_now() + timedelta(hours=1)
    return Case.objects.create(**{"queue": queue, "name": "Agda", "phone_number": MOBILE, "callback_at": at} | options)


@WIDTHS
def test_the_login(open_page, product, width, db):
    page = open_page(width=width)
    page.goto(f"{product}/login/")
    check(page)
    page.get_by_label("Användarnamn").fill("ingen")
    page.get_by_label("Lösenord").fill("fel")
    page.get_by_role("button", name="Logga in").click()
    expect(page.get_by_role("listitem")).to_be_visible()
    check(page)


@WIDTHS
def test_the_work_list_the_search_and_a_new_case(sign_in, product, nurse, queue, plain_queue, say, width):
    page = sign_in(nurse, width=width)
    check(page)
    for status in Status:
        taken = nurse if status == Status.ONGOING else None
        make_case(queue, status=status, assignee=taken, reason="Ont i halsen")
    make_case(plain_queue, phone_number="+46701740606", callback_at=database_now() - timedelta(hours=1))
    for answer in Answer:
        say(answer)
        page.goto(f"{product}/?status=all")
        check(page)
    search = page.get_by_label("Sök telefonnummer eller personnummer")
    for text in ("070-174 06 05", "070-174 06 99", "hej"):
        search.fill(text)
        page.get_by_role("button", name="Sök").click()
        check(page)
    page.goto(f"{product}/cases/new/")
    check(page)
    page.get_by_label("Telefonnummer").fill("hej")
    page.get_by_label("Personnummer").fill("19121212-1213")
    page.get_by_role("button", name="Skapa ärendet").click()
    expect(page.get_by_text("Skriv ett giltigt personnummer")).to_be_visible()
    check(page)
    page.goto(f"{product}/cases/999999/")
    check(page)


@WIDTHS
def test_the_case_view_in_each_state(sign_in, product, nurse, queue, plain_queue, say, width):
    page = sign_in(nurse, width=width)
    case = make_case(queue, a_number=MOBILE, personal_identity_number="191212121212")
    address = f"{product}/cases/{case.pk}/"
    for answer in (Answer.YES, Answer.NO, Answer.UNSET):
        say(answer)
        page.goto(address)
        check(page)
    say(Answer.YES)
    Consent.objects.update(answered_at="2024-01-01T00:00Z", valid_until="2025-03-01T00:00Z")
    page.goto(address)
    check(page)
    landline = make_case(queue, phone_number=LANDLINE)
    say(Answer.YES, number=LANDLINE)
    for other in (landline, make_case(plain_queue), make_case(queue, status=Status.DONE)):
        page.goto(f"{product}/cases/{other.pk}/")
        check(page)


@WIDTHS
def test_the_case_view_with_something_wrong_in_each_form(sign_in, product, nurse, queue, say, width):
    say(Answer.YES)
    case = make_case(queue)
    page = sign_in(nurse, width=width)
    page.goto(f"{product}/cases/{case.pk}/")
    page.get_by_label("Telefonnummer").fill("07")
    page.get_by_role("button", name="Spara numret").click()
    expect(page.get_by_text("Skriv ett giltigt telefonnummer")).to_be_visible()
    check(page)
    page.goto(f"{product}/cases/{case.pk}/")
    page.get_by_role("button", name="Skicka SMS").click()
    expect(page.get_by_text("Skriv ett meddelande.")).to_be_visible()
    check(page)
    page.get_by_role("button", name="Lägg till svar").click()
    expect(page.get_by_text("Välj en standardtext.")).to_be_visible()
    page.get_by_role("button", name="Spara anteckningen").click()
    expect(page.get_by_text("Skriv en anteckning.")).to_be_visible()
    check(page)
    page.get_by_text("Ändra uppgifter").click()
    page.get_by_label("Personnummer").fill("hej")
    page.get_by_role("button", name="Spara uppgifterna").click()
    expect(page.get_by_text("Skriv ett giltigt personnummer")).to_be_visible()
    check(page)


@WIDTHS
def test_the_simulator(sign_in, product, nurse, width):
    page = sign_in(nurse, width=width)
    page.goto(f"{product}/simulator/")
    check(page)
    SimulatedSms.objects.create(to_number=MOBILE, sender="teleQ", text="Hej!", callback_url="http://127.0.0.1/")
    page.reload()
    check(page)
