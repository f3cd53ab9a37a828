"""Finding a case from wherever one is, opening it, and coming back, with scripts and without."""

from __future__ import annotations

from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect

from cases import acts
from cases.models import Case, Status
from teleq.clock import database_now

pytestmark = pytest.mark.django_db(transaction=True)

BOX = "Sök ärende"
PERSON = "191212121212"


def search(page: Page, text: str) -> None:
    page.get_by_label(BOX).fill(text)
    page.get_by_label(BOX).press("Enter")


def expect_found(page: Page, *names: str) -> None:
    expect(page.get_by_role("heading", name="Sökresultat")).to_be_visible()
    expect(page.get_by_role("row").get_by_role("link")).to_have_text(list(names))


@pytest.mark.parametrize("scripts", [True, False])
def test_from_the_list_and_from_a_case_and_back_and_back_again(scripts, sign_in, nurse, book):
    book(name="Agda Andersson")
    book(name="Åsa Ek", phone_number="+46701740611")
    page = sign_in(nurse, java_script_enabled=scripts)
    search(page, "and ag")
    expect_found(page, "Agda Andersson")
    found = page.url
    page.get_by_role("link", name="Agda Andersson").click()
    expect(page.get_by_role("heading", name="Agda Andersson")).to_be_visible()
    search(page, "0611")
    expect_found(page, "Åsa Ek")
    assert "0611" not in page.url
    page.go_back()
    expect(page.get_by_role("heading", name="Agda Andersson")).to_be_visible()
    page.go_back()
    expect_found(page, "Agda Andersson")
    expect(page.get_by_label(BOX)).to_have_value("and ag")
    page.reload()
    expect_found(page, "Agda Andersson")
    other_tab = page.context.new_page()
    other_tab.goto(found)
    expect_found(other_tab, "Agda Andersson")
    page.go_back()
    expect(page.get_by_role("heading", name="Arbetslista")).to_be_visible()


def test_what_is_too_short_stands_in_the_box_with_the_focus(sign_in, nurse, case):
    page = sign_in(nurse, f"/cases/{case.pk}/")
    search(page, "0")
    expect(page.get_by_text("Skriv minst två bokstäver av namnet, eller tre siffror av numret.")).to_be_visible()
    expect(page.get_by_label(BOX)).to_have_value("0")
    expect(page.get_by_label(BOX)).to_be_focused()
    page.keyboard.press("End")
    page.keyboard.type("605")
    page.keyboard.press("Enter")
    expect_found(page, case.name)


@pytest.mark.parametrize("width", [1280, 320])
def test_a_patients_earlier_cases_open_from_the_case(width, sign_in, nurse, book):
    for days in range(1, 8):
        at = database_now() - timedelta(days=days)
        acts.close(book(personal_identity_number=PERSON, callback_at=at, reason="Recept"), Status.DONE, by=nurse)
    case: Case = book(personal_identity_number=PERSON)
    page = sign_in(nurse, f"/cases/{case.pk}/", width=width)
    section = page.get_by_role("region", name="Tidigare ärenden")
    expect(section.get_by_role("listitem")).to_have_count(5)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    section.get_by_role("link").first.click()
    expect(page).not_to_have_url(f"/cases/{case.pk}/")
    page.go_back()
    section.get_by_role("button", name="Visa alla").click()
    expect(page.get_by_text("8 ärenden.")).to_be_visible()
    assert "1212" not in page.url
