"""Ringing in a browser: one press dials once, two nurses, the number's box, what is typed, and without scripts."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from cases import acts
from cases.models import Status
from consent.models import Answer
from sms.models import StandardText

pytestmark = pytest.mark.django_db(transaction=True)

RING = "Ring 070-174 06 05"
NO_DIALOG = "addEventListener('click', (event) => event.target.closest('#dial') && event.preventDefault(), true)"
"""The browser's question whether a telephone may be opened would take the next press."""


def button(page: Page, name: str) -> Locator:
    return page.get_by_role("button", name=name, exact=True)


@pytest.fixture
def ring(open_case):
    """The case open before a nurse, in a browser with a telephone."""

    def show(case, *user, **options) -> Page:
        page = open_case(case, *user, **options)
        if options.get("java_script_enabled", True):
            page.add_init_script(NO_DIALOG)
            page.reload()
        return page

    return show


def dialled(page: Page) -> Locator:
    return page.locator("#dial[data-dialled]")


def test_one_press_takes_the_case_and_dials_once(ring, case):
    page = ring(case)
    presses: list[str] = []
    page.on("request", lambda request: request.method == "POST" and presses.append(request.url))
    button(page, RING).dblclick()
    expect(dialled(page)).to_have_attribute("data-dialled", "tel:+46701740605")
    expect(page.get_by_text("Pågår – Anna Lind")).to_be_visible()
    expect(page.get_by_text(re.compile(r"Pågående samtal sedan \d\d\.\d\d"))).to_be_visible()
    expect(button(page, RING)).to_be_focused()
    assert len(presses) == 1
    page.reload()
    expect(button(page, "Ringde inte")).to_be_visible()
    expect(page.locator("#dial")).to_have_count(0)


def test_of_two_nurses_with_the_same_case_open_one_dials(ring, case, nurse, administrator):
    anna, maria = ring(case), ring(case, administrator)
    button(anna, RING).click()
    expect(dialled(anna)).to_have_count(1)
    button(maria, RING).click()
    expect(maria.get_by_text(re.compile("Inget ändrades: Anna Lind har ärendet och ringde"))).to_be_visible()
    expect(maria.locator("#dial")).to_have_count(0)
    expect(button(maria, RING)).to_have_count(0)


def test_a_link_to_the_page_that_dials_dials_nobody(ring, case, nurse):
    acts.call(case, by=nurse)
    page = ring(case)
    page.goto(f"/cases/{case.pk}/?dial=1")
    expect(page.locator("#dial")).to_have_count(1)
    expect(dialled(page)).to_have_count(0)


def test_a_case_is_called_three_times_and_closed_with_five_presses(ring, case, say, queue):
    """Inget svar, three times, each as it went; the SMS; and the end."""
    say(Answer.YES)
    StandardText.objects.create(queue=queue, name="ring 3 gånger", text="Ring oss.", after_last_attempt=True)
    page = ring(case)
    for how, attempt in (("Upptaget", 1), ("Telefonsvarare", 2), ("Inget svar", 3)):
        button(page, how).click()
        expect(page.locator("#case-head").get_by_text(f"Försök {attempt} av 3")).to_be_visible()
    expect(page.get_by_label("Skriv meddelande")).to_have_value("Ring oss.")
    button(page, "Skicka SMS").click()
    expect(page.get_by_text("SMS:et är på väg.")).to_be_visible()
    button(page, "Avsluta ärendet: Ej nådd").click()
    expect(page.get_by_text("Ärendet är klart: Ej nådd.")).to_be_visible()
    case.refresh_from_db()
    assert (case.status, case.outcome, case.attempts) == (Status.DONE, "not_reached", 3)


def test_an_outcome_is_undone(ring, case):
    page = ring(case)
    button(page, "Tid bokad").click()
    expect(page.locator("#case-head").get_by_text("Tid bokad")).to_be_visible()
    button(page, "Ångra Klart").click()
    expect(page.get_by_text("Det är ångrat.")).to_be_visible()
    history = page.get_by_role("region", name="Historik")
    for sentence in ("Ångrade Klart.", "Klart: Tid bokad. Fick svar. Försök 1 av 3."):
        expect(history.get_by_text(sentence)).to_be_visible()
    expect(button(page, RING)).to_be_visible()
    case.refresh_from_db()
    assert (case.status, case.attempts) == (Status.WAITING, 0)


def test_a_time_that_is_typed_stays_while_something_else_is_saved(ring, case):
    page = ring(case)
    page.get_by_label("Nästa försök").fill("2027-01-15T10:30")
    page.get_by_label("Samtycke till SMS").select_option("Ja")
    expect(page.get_by_text("Svaret är sparat.")).to_be_visible()
    expect(page.get_by_label("Nästa försök")).to_have_value("2027-01-15T10:30")
    page.get_by_label("Nästa försök").press("Enter")  # the time is about Inget svar: nobody is called
    expect(page.get_by_text(re.compile("Inget svar är registrerat"))).to_be_visible()
    expect(page.locator("#dial")).to_have_count(0)


def test_a_time_that_has_passed_is_said_at_its_field(ring, case):
    page = ring(case)
    page.get_by_label("Nästa försök").fill("2026-01-15T10:30")
    button(page, "Inget svar").click()
    expect(page.locator("#no-answer").get_by_text("Tiden har redan passerat.")).to_be_visible()
    expect(page.get_by_label("Nästa försök")).to_have_value("2026-01-15T10:30")


class TestTheNumbersBox:
    def box(self, page: Page) -> Locator:
        return page.get_by_label("Telefonnummer")

    def test_is_read_until_andra_is_pressed_and_taken_back_by_avbryt(self, ring, case):
        page = ring(case)
        expect(self.box(page)).not_to_be_editable()
        expect(button(page, "Spara numret")).to_be_hidden()
        change = page.get_by_role("link", name="Ändra numret")
        change.focus()
        page.keyboard.press("Enter")
        expect(self.box(page)).to_be_focused()
        page.keyboard.type("070-174 06 06")  # what stood there was selected
        expect(self.box(page)).to_have_value("070-174 06 06")
        expect(button(page, RING)).to_be_disabled()
        page.get_by_role("link", name="Avbryt ändringen").click()
        expect(self.box(page)).to_have_value("070-174 06 05")
        expect(self.box(page)).not_to_be_editable()
        expect(change).to_be_focused()
        expect(button(page, RING)).to_be_enabled()

    def test_is_taken_back_by_escape(self, ring, case):
        page = ring(case)
        page.get_by_role("link", name="Ändra numret").click()
        page.keyboard.type("07")
        page.keyboard.press("Escape")
        expect(self.box(page)).to_have_value("070-174 06 05")
        expect(self.box(page)).not_to_be_editable()

    def test_stays_open_while_something_else_is_saved_and_closes_when_it_is(self, ring, case):
        page = ring(case)
        page.get_by_role("link", name="Ändra numret").click()
        page.keyboard.type("070-174 06 06")
        page.get_by_label("Ny anteckning").fill("Hej")
        button(page, "Ta ärendet").click()
        expect(page.get_by_text("Pågår – Anna Lind")).to_be_visible()
        expect(self.box(page)).to_have_value("070-174 06 06")
        button(page, "Spara numret").click()
        expect(page.get_by_text("Numret är sparat.")).to_be_visible()
        expect(self.box(page)).not_to_be_editable()
        expect(button(page, "Ring 070-174 06 06")).to_be_enabled()

    def test_that_was_wrong_is_said_to_be_right(self, ring, case):
        page = ring(case)
        button(page, "Fel nummer").click()
        told = page.get_by_text("Automatiska SMS skickas inte förrän numret är ändrat eller bekräftat.")
        expect(told).to_be_visible()
        button(page, "Numret stämmer").click()
        expect(page.get_by_text("Numret är bekräftat.")).to_be_visible()
        expect(told).to_have_count(0)


def test_all_of_it_with_the_keyboard_alone(ring, case):
    page = ring(case)
    button(page, RING).focus()
    page.keyboard.press("Enter")
    expect(dialled(page)).to_have_count(1)
    for name in ("Fick svar", "Inget svar", "Upptaget", "Telefonsvarare", "Fel nummer"):
        page.keyboard.press("Tab")
        expect(button(page, name)).to_be_focused()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Space")
    expect(page.get_by_text(re.compile("Inget svar är registrerat: Telefonsvarare."))).to_be_visible()
    button(page, "Ångra Telefonsvarare").press("Enter")
    expect(page.get_by_text("Det är ångrat.")).to_be_visible()
    expect(page.get_by_role("heading", level=1)).to_be_focused()


def test_all_of_it_without_scripts(ring, case):
    page = ring(case, java_script_enabled=False)
    button(page, RING).click()
    dial = page.get_by_role("link", name="Slå numret 070-174 06 05")
    expect(dial).to_be_focused()
    expect(dial).to_have_attribute("href", "tel:+46701740605")
    page.get_by_role("link", name="Ändra numret").click()
    box = page.get_by_label("Telefonnummer")
    expect(box).to_be_focused()
    box.fill("070-174 06 06")
    page.get_by_role("link", name="Avbryt ändringen").click()
    expect(box).to_have_value("070-174 06 05")
    button(page, "Fel nummer").click()
    expect(page.get_by_text(re.compile("Inget svar är registrerat: Fel nummer."))).to_be_visible()
    button(page, "Numret stämmer").click()
    button(page, "Råd givet").click()
    expect(page.get_by_text("Ärendet är klart: Råd givet.")).to_be_visible()
    button(page, "Ångra Klart").click()
    expect(page.get_by_text("Det är ångrat.")).to_be_visible()
