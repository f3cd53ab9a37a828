"""Two nurses with the same case open, and a third with the list: all that the one does on her page, the others see."""

from __future__ import annotations

import re
from datetime import date

import pytest
from playwright.sync_api import Locator, Page, expect

from cases.models import Case
from consent.models import Answer
from teleq.models import User
from tests.browser.number_box import type_number
from tests.browser.test_rebooking import free, shown
from tests.browser.test_ringing import NO_DIALOG, button
from tests.intake.telephone_system import an_open_day, keep_open

pytestmark = pytest.mark.django_db(transaction=True)

WRITTEN = "Ringer efter lunch"
SOON = 30_000
"""Milliseconds, on a busy machine. The pages ask every five seconds."""


@pytest.fixture
def day(queue) -> date:
    keep_open(queue, "08:00", "10:00")
    return an_open_day(queue)


@pytest.fixture
def anna(open_case, case, say, day) -> Page:
    """She has the case open and writes a note in it."""
    say(Answer.YES)
    page = open_case(case)
    note(page).fill(WRITTEN)
    return page


@pytest.fixture
def maria(open_case, case, administrator, anna) -> Page:
    page = open_case(case, administrator)
    page.add_init_script(NO_DIALOG)
    page.reload()
    return page


@pytest.fixture
def karims_row(sign_in, third, case) -> Locator:
    return sign_in(third).locator(f"#case-{case.pk}")


@pytest.fixture
def third(make_user, queue) -> User:
    user = make_user("karim", "Karim", "Haddad")
    user.memberships.create(queue=queue, role="nurse")
    return user


def note(page: Page) -> Locator:
    return page.get_by_label("Ny anteckning")


def test_what_one_does_comes_in_at_the_others_by_itself(anna: Page, maria: Page, karims_row, case: Case, day: date):
    expect(anna.get_by_text("Öppet hos Maria Ek")).to_be_visible(timeout=SOON)
    expect(maria.get_by_text("Öppet hos Anna Lind")).to_be_visible(timeout=SOON)

    note(maria).fill("Hör illa.")
    maria.locator("#save-note").click()
    expect(anna.get_by_role("region", name="Historik").get_by_text("Hör illa.")).to_be_visible(timeout=SOON)

    maria.get_by_label("Skriv meddelande").fill("Vi ringer igen.")
    button(maria, "Skicka SMS").click()
    expect(anna.locator("#sms-state")).to_contain_text("Väntar", timeout=SOON)

    maria.get_by_label("Samtycke till SMS").select_option("Nej")
    expect(anna.get_by_text("SMS-utskick avböjt", exact=True)).to_be_visible(timeout=SOON)
    expect(karims_row).to_contain_text("Nej", timeout=SOON)

    free(shown(maria, scripts=True), day, "09.00").click()
    expect(anna.locator("#case-head")).to_contain_text("09.00", timeout=SOON)
    expect(karims_row).to_contain_text("09.00", timeout=SOON)

    type_number(maria, "070-174 06 06")
    button(maria, "Spara numret").click()
    expect(anna.get_by_label("Telefonnummer")).to_have_value(re.compile("70.?174.?06.?06"), timeout=SOON)

    button(maria, "Ring 070-174 06 06").click()
    expect(anna.get_by_text(re.compile("Maria Ek har ärendet sedan"))).to_be_visible(timeout=SOON)
    expect(karims_row).to_contain_text("Pågår – Maria Ek", timeout=SOON)

    button(maria, "Upptaget").click()
    expect(button(anna, "Ring 070-174 06 06")).to_be_visible(timeout=SOON)
    expect(karims_row).to_contain_text("1 av 3", timeout=SOON)

    button(maria, "Råd givet").click()
    expect(anna.get_by_text("Klart: Råd givet.")).to_be_visible(timeout=SOON)
    expect(note(anna)).to_have_value(WRITTEN)
    expect(note(anna)).to_be_focused()
    case.refresh_from_db()
    assert (case.status, case.outcome) == ("done", "advice")


def test_an_undone_outcome_comes_back_at_the_others(anna: Page, maria: Page, karims_row):
    button(maria, "Råd givet").click()
    expect(anna.get_by_text("Klart: Råd givet.")).to_be_visible(timeout=SOON)
    expect(karims_row).to_have_count(0, timeout=SOON)
    button(maria, "Ångra Klart").click()
    expect(button(anna, "Råd givet")).to_be_visible(timeout=SOON)
    expect(anna.get_by_text(re.compile("Ångrade"))).to_be_visible(timeout=SOON)
    expect(karims_row).to_be_visible(timeout=SOON)


def test_taking_over_is_seen_by_whoever_had_it(anna: Page, maria: Page, karims_row):
    button(anna, "Ta ärendet").click()
    expect(maria.get_by_text(re.compile("Anna Lind har ärendet sedan"))).to_be_visible(timeout=SOON)
    button(maria, "Ta över ärendet").click()
    button(maria, "Ja, ta över").click()  # asked once, as Anna has it open
    expect(anna.get_by_text(re.compile(r"Maria Ek tog över ärendet \d\d\.\d\d\."))).to_be_visible(timeout=SOON)
    expect(karims_row).to_contain_text("Pågår – Maria Ek", timeout=SOON)
    expect(note(anna)).to_have_value(WRITTEN)
