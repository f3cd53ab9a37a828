"""The case view by keyboard, while something typed is not saved yet, and when the connection fails."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from consent import register
from consent.models import Answer
from sms.models import Message
from tests.browser.number_box import type_number
from tests.conftest import PASSWORD

pytestmark = pytest.mark.django_db(transaction=True)


def saves(page: Page) -> list[str]:
    """The forms that the page posts from now on."""
    posted: list[str] = []
    page.on("request", lambda request: request.method == "POST" and posted.append(request.url.split("/")[-2]))
    return posted


def stored(case) -> str | None:
    consent = register.current(*case.consent_key).consent
    return consent and consent.answer


class TestTheClosedList:
    """Browsers fire `change` at every arrow key."""

    def test_arrow_keys_save_nothing_and_leaving_it_saves_once(self, open_case, case):
        page = open_case(case)
        posted = saves(page)
        answer = page.get_by_label("Samtycke till SMS")
        answer.focus()
        page.keyboard.press("ArrowUp")
        page.keyboard.press("ArrowUp")
        expect(answer.locator("option:checked")).to_have_text("Ja")
        expect(page.get_by_role("button", name="Spara svaret")).to_be_visible()
        assert posted == []
        page.get_by_label("Skriv meddelande").click()
        expect(page.get_by_text("Svaret är sparat.")).to_be_visible()
        expect(page.get_by_role("button", name="Spara svaret")).to_be_hidden()
        expect(page.get_by_label("Skriv meddelande")).to_be_focused()
        assert posted == ["consent"]
        assert stored(case) == Answer.YES

    def test_the_tab_key_past_its_buttons_saves_too(self, open_case, case, lapsing):
        lapsing(Answer.YES)
        page = open_case(case)
        posted = saves(page)
        page.get_by_label("Samtycke till SMS").focus()
        page.keyboard.press("ArrowDown")
        for button in ("Spara svaret", "Bekräfta svaret"):
            page.keyboard.press("Tab")
            expect(page.get_by_role("button", name=button)).to_be_focused()
        assert posted == []
        page.keyboard.press("Tab")
        expect(page.get_by_text("SMS-utskick avböjt", exact=True)).to_be_visible()
        expect(page.locator("summary", has_text="Att läsa upp")).to_be_focused()
        assert posted == ["consent"]
        assert stored(case) == Answer.NO

    def test_enter_saves_and_one_stays_in_the_list(self, open_case, case):
        page = open_case(case)
        posted = saves(page)
        answer = page.get_by_label("Samtycke till SMS")
        answer.focus()
        page.keyboard.press("ArrowUp")
        expect(answer).to_have_attribute("data-changed", "true")  # the browser tells of it a moment later
        page.keyboard.press("Enter")
        expect(page.get_by_text("SMS-utskick avböjt", exact=True)).to_be_visible()
        expect(answer).to_be_focused()
        assert posted == ["consent"]
        assert stored(case) == Answer.NO

    def test_its_button_saves_once(self, open_case, case):
        page = open_case(case)
        posted = saves(page)
        answer = page.get_by_label("Samtycke till SMS")
        answer.focus()
        page.keyboard.press("ArrowUp")
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        expect(page.get_by_text("SMS-utskick avböjt", exact=True)).to_be_visible()
        expect(answer).to_be_focused()
        assert posted == ["consent"]

    def test_a_choice_made_with_the_mouse_is_saved_at_once_after_typing_too(self, open_case, case):
        page = open_case(case)
        page.get_by_label("Skriv meddelande").press_sequentially("Hej")
        answer = page.get_by_label("Samtycke till SMS")
        answer.click()
        answer.select_option("Ja")
        expect(page.get_by_text("Gäller till")).to_be_visible()
        assert stored(case) == Answer.YES


def test_a_standard_text_is_added_and_sent_without_a_mouse(open_case, case, say, standard_text):
    say(Answer.YES)
    page = open_case(case)
    page.get_by_label("Standardtexter").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_label("Skriv meddelande")).to_have_value(standard_text.text)
    expect(page.get_by_role("button", name="Lägg till svar")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Skicka SMS")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_text("SMS:et är på väg.")).to_be_visible()
    assert Message.objects.get().text == standard_text.text


class TestNothingTypedIsLost:
    def test_a_message_stays_while_the_answer_and_a_note_are_saved(self, open_case, case):
        page = open_case(case)
        message = page.get_by_label("Skriv meddelande")
        message.fill("Hej € 😀")
        expect(page.get_by_text("8 av 70 tecken – 1 SMS")).to_be_visible()
        page.get_by_label("Samtycke till SMS").select_option("Ja")
        expect(page.get_by_text("Gäller till")).to_be_visible()
        page.get_by_label("Ny anteckning").fill("Ringer efter lunch")
        page.get_by_role("button", name="Spara anteckningen").click()
        expect(page.get_by_role("region", name="Historik").get_by_text("Ringer efter lunch")).to_be_visible()
        expect(page.get_by_label("Ny anteckning")).to_have_value("")
        expect(message).to_have_value("Hej € 😀")

    def test_a_note_stays_while_the_answer_is_saved_and_a_message_is_sent(self, open_case, case):
        page = open_case(case)
        page.get_by_label("Ny anteckning").fill("Ringer efter lunch")
        page.get_by_label("Samtycke till SMS").select_option("Ja")
        page.get_by_label("Skriv meddelande").fill("Hej")
        page.get_by_role("button", name="Skicka SMS").click()
        expect(page.get_by_text("SMS:et är på väg.")).to_be_visible()
        expect(page.get_by_label("Ny anteckning")).to_have_value("Ringer efter lunch")


def call(page: Page) -> Locator:
    return page.get_by_role("button", name=re.compile("^Ring 070"))


class TestAnUnsavedNumber:
    def expect_shut(self, page: Page) -> None:
        expect(page.locator("#sms-reason")).to_have_text("Spara numret först")
        expect(page.locator("#call-reason")).to_have_text("Spara numret först")
        expect(call(page)).to_be_disabled()
        expect(page.get_by_role("button", name="Skicka SMS")).to_be_disabled()
        expect(page.get_by_label("Samtycke till SMS")).to_be_disabled()
        expect(page.get_by_role("button", name="Bekräfta svaret")).to_be_disabled()

    def test_shuts_answer_and_sms_until_it_is_saved_or_taken_back(self, open_case, case, lapsing):
        lapsing(Answer.YES)
        lapsing(Answer.YES, "+46701740606")
        page = open_case(case)
        number = page.get_by_label("Telefonnummer")
        type_number(page, "070-174 06 06")
        self.expect_shut(page)

        number.fill("070-174 06 05")
        expect(page.get_by_role("button", name="Skicka SMS")).to_be_enabled()
        expect(call(page)).to_be_enabled()
        expect(page.locator("#call-reason")).to_be_empty()
        expect(page.get_by_label("Samtycke till SMS")).to_be_enabled()

        number.fill("070-174 06 06")
        self.expect_shut(page)
        page.get_by_role("button", name="Spara numret").click()
        expect(page.get_by_text("Numret är sparat.")).to_be_visible()
        expect(page.get_by_text("Spara numret först")).to_have_count(0)
        expect(call(page)).to_have_accessible_name("Ring 070-174 06 06")
        expect(call(page)).to_be_enabled()
        expect(page.get_by_role("button", name="Skicka SMS")).to_be_enabled()
        expect(page.get_by_label("Samtycke till SMS")).to_be_enabled()

    def test_shows_the_other_numbers_own_answer_when_it_is_saved(self, open_case, case, say):
        say(Answer.YES)
        page = open_case(case)
        type_number(page, "070-174 06 06")
        page.get_by_label("Telefonnummer").press("Enter")
        expect(page.get_by_label("Samtycke till SMS").locator("option:checked")).to_have_text("Ej valt")
        expect(page.get_by_text("Samtycke till SMS saknas", exact=True)).to_be_visible()
        expect(page.get_by_role("button", name="Skicka SMS")).to_be_disabled()

    def test_stays_and_shuts_while_a_standard_text_is_added(self, open_case, case, lapsing, standard_text):
        lapsing(Answer.YES)
        page = open_case(case)
        type_number(page, "070-174 06 06")
        page.get_by_label("Standardtexter").select_option("ring 3 gånger")
        page.get_by_role("button", name="Lägg till svar").click()
        expect(page.get_by_label("Skriv meddelande")).to_have_value(standard_text.text)
        expect(page.get_by_label("Telefonnummer")).to_have_value("070-174 06 06")
        self.expect_shut(page)

    def test_that_is_no_number_keeps_them_shut(self, open_case, case, lapsing):
        lapsing(Answer.YES)
        page = open_case(case)
        type_number(page, "070-174")
        page.get_by_role("button", name="Spara numret").click()
        expect(page.get_by_text("Skriv ett giltigt telefonnummer")).to_be_visible()
        self.expect_shut(page)
        type_number(page, "070-174 06 05")
        page.get_by_role("button", name="Spara numret").click()
        expect(page.get_by_role("button", name="Skicka SMS")).to_be_enabled()


class TestWhenItFails:
    def test_without_a_connection_it_says_so_and_keeps_the_text(self, open_case, case, say, complaints):
        complaints.expect("ERR_INTERNET_DISCONNECTED", "htmx:afterRequest", "htmx:sendError")
        say(Answer.YES)
        page = open_case(case)
        page.get_by_label("Skriv meddelande").fill("Hej")
        page.context.set_offline(True)
        page.get_by_role("button", name="Skicka SMS").click()
        failure = page.get_by_text("Det gick inte att nå teleQ. Ingenting sparades. Försök igen.")
        expect(failure).to_be_visible()
        expect(page.get_by_label("Skriv meddelande")).to_have_value("Hej")

        page.context.set_offline(False)
        with page.expect_response("**/sms/count/"):
            page.get_by_label("Skriv meddelande").fill("Hej!")
        expect(failure).to_be_visible()
        page.get_by_role("button", name="Skicka SMS").click()
        expect(page.get_by_text("SMS:et är på väg.")).to_be_visible()
        expect(failure).to_be_hidden()
        assert [message.text for message in Message.objects.all()] == ["Hej!"]

    def test_an_answer_that_was_not_saved_can_be_saved_again(self, open_case, case, complaints):
        complaints.expect("ERR_INTERNET_DISCONNECTED", "htmx:afterRequest", "htmx:sendError")
        page = open_case(case)
        page.context.set_offline(True)
        page.get_by_label("Samtycke till SMS").select_option("Nej")
        expect(page.get_by_text("Det gick inte att nå teleQ. Ingenting sparades. Försök igen.")).to_be_visible()
        page.context.set_offline(False)
        page.get_by_role("button", name="Spara svaret").click()
        expect(page.get_by_text("SMS-utskick avböjt", exact=True)).to_be_visible()
        assert stored(case) == Answer.NO

    def test_after_the_session_has_ended_one_signs_in_in_another_tab_and_goes_on(
        self, open_case, case, say, nurse, complaints
    ):
        complaints.expect("status of 401", "Response Status Error Code 401")
        say(Answer.YES)
        page = open_case(case)
        page.get_by_label("Skriv meddelande").fill("Hej")
        page.context.clear_cookies(name="sessionid")
        page.get_by_role("button", name="Skicka SMS").click()
        signed_out = page.get_by_role("dialog", name="Du är utloggad")
        expect(signed_out).to_be_visible()
        expect(page.locator("#SmsForm_text")).to_have_value("Hej")

        other_tab = page.context.new_page()
        other_tab.goto("/")
        other_tab.get_by_label("Användarnamn").fill(nurse.username)
        other_tab.get_by_label("Lösenord").fill(PASSWORD)
        other_tab.get_by_role("button", name="Logga in").click()
        expect(other_tab.get_by_role("heading", name="Arbetslista")).to_be_visible()

        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")  # as when one comes back to the tab
        expect(signed_out).to_be_hidden()
        expect(page.get_by_text("SMS:et är på väg.")).to_be_visible()
        assert Message.objects.get().text == "Hej"
