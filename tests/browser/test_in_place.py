"""The case view saves in place: what is typed, chosen or opened meanwhile is still there, however slow the answer."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from cases import acts
from cases.models import Status
from consent.models import Answer, Consent
from sms.models import Message
from tests.browser.held import Held
from tests.browser.number_box import type_number

pytestmark = pytest.mark.django_db(transaction=True)


def button(page: Page, name: str) -> Locator:
    return page.get_by_role("button", name=name, exact=True)


def answer(page: Page) -> Locator:
    return page.get_by_label("Samtycke till SMS")


def told(page: Page) -> Locator:
    return page.get_by_role("region", name="Historik")


def expect_chosen(page: Page, label: str) -> None:
    expect(answer(page).locator("option:checked")).to_have_text(label)


def stored(case) -> list[str]:
    """All answers that were ever stored for the case's number."""
    events = Consent.history().filter(phone_number=case.phone_number).order_by("pgh_id")
    return [event.answer for event in events]


def expect_number_first(page: Page) -> None:
    """Beside the number that isn't dialled, and beside the SMS that isn't sent."""
    for reason in ("#call-reason", "#sms-reason"):
        expect(page.locator(reason)).to_have_text("Spara numret först")


def is_the_same_page(page: Page) -> Callable[[], bool]:
    page.evaluate("window.same = true")
    return lambda: page.evaluate("window.same === true")


class TestTheButtonsAtTheTop:
    def test_save_without_a_word_being_lost(self, open_case, case, say):
        say(Answer.YES)
        page = open_case(case)
        same = is_the_same_page(page)
        page.get_by_label("Skriv meddelande").fill("Hej, vi ringer")
        page.get_by_label("Ny anteckning").fill("Ringer efter lunch")
        page.get_by_text("Ändra uppgifter").click()
        page.get_by_label("Kontaktorsak").fill("Recept")
        type_number(page, "070-174 06 06")
        head = page.locator("#case-head")
        for name, shown in (
            ("Ta ärendet", "Pågår – Anna Lind"),
            ("Fick svar", "Försök 1 av 3"),
            ("Släpp ärendet", "Inget svar"),
            ("Inget svar", "Försök 2 av 3"),
            ("Avboka", "Avbokat"),
        ):
            button(page, name).click()
            expect(head.get_by_text(shown).first).to_be_visible()
        for sentence in ("Tog ärendet.", "Uppringning utan svar. Försök 2 av 3.", "Avbokat."):
            expect(told(page).get_by_text(sentence)).to_be_visible()
        expect(page.get_by_label("Skriv meddelande")).to_have_value("Hej, vi ringer")
        expect(page.get_by_label("Ny anteckning")).to_have_value("Ringer efter lunch")
        expect(page.get_by_label("Kontaktorsak")).to_have_value("Recept")
        expect(page.get_by_label("Telefonnummer")).to_have_value("070-174 06 06")
        expect(page.locator("#sms-reason")).to_have_text("Spara numret först")
        expect(button(page, "Skicka SMS")).to_be_disabled()
        expect(answer(page)).to_be_disabled()
        assert same()

    def test_tell_who_was_quicker_and_keep_the_message(self, open_case, case, administrator):
        page = open_case(case)
        page.get_by_label("Skriv meddelande").fill("Hej")
        acts.take(case, by=administrator)
        button(page, "Ta ärendet").click()
        expect(page.get_by_text("Maria Ek har redan tagit ärendet.")).to_be_visible()
        expect(page.locator("#case-head").get_by_text("Pågår – Maria Ek")).to_be_visible()
        expect(page.get_by_label("Skriv meddelande")).to_have_value("Hej")

    def test_leave_the_keyboard_on_the_button_or_at_the_top(self, open_case, case):
        page = open_case(case)
        button(page, "Inget svar").focus()
        page.keyboard.press("Enter")
        expect(page.get_by_text("Försök 1 av 3", exact=True)).to_be_visible()
        expect(button(page, "Ta nästa ärende")).to_be_focused()  # one is through with this one
        button(page, "Ta ärendet").focus()
        page.keyboard.press("Enter")
        expect(button(page, "Släpp ärendet")).to_be_visible()
        expect(page.get_by_role("heading", level=1)).to_be_focused()
        page.keyboard.press("Tab")
        expect(button(page, "Ring 070-174 06 05")).to_be_focused()

    def test_pressed_twice_while_it_is_slow_are_pressed_once_and_another_comes_after(self, open_case, case):
        page = open_case(case)
        with Held(page, "**/act/") as held:
            button(page, "Inget svar").click()
        button(page, "Inget svar").click()
        button(page, "Ej nådd").click()
        held.let_go()
        expect(button(page, "Öppna igen")).to_be_visible()
        case.refresh_from_db()
        assert (case.status, case.attempts) == (Status.DONE, 1)


def test_changed_details_are_saved_without_a_word_being_lost(open_case, case):
    page = open_case(case)
    same = is_the_same_page(page)
    page.get_by_label("Skriv meddelande").fill("Hej")
    type_number(page, "070-174 06 06")
    page.get_by_text("Ändra uppgifter").click()
    page.get_by_label("Namn").fill("Berit Testsson")
    page.get_by_label("Kontaktorsak").fill("Recept")
    button(page, "Spara uppgifterna").click()
    expect(page.get_by_text("Uppgifterna är sparade.")).to_be_visible()
    expect(page.get_by_role("heading", level=1)).to_have_text("Berit Testsson")
    expect(page.locator("#case-head").get_by_text("Recept")).to_be_visible()
    expect(told(page).get_by_text("Uppgifterna ändrades.")).to_be_visible()
    expect(button(page, "Spara uppgifterna")).to_be_focused()
    expect(page.get_by_label("Skriv meddelande")).to_have_value("Hej")
    expect(page.get_by_label("Telefonnummer")).to_have_value("070-174 06 06")
    assert same()


class TestAnAnswerWhileAnotherIsBeingSaved:
    def test_is_the_one_that_is_stored_and_shown(self, open_case, case):
        page = open_case(case)
        with Held(page, "**/consent/") as held:
            answer(page).select_option("Ja")
        answer(page).select_option("Nej")
        held.let_go()
        expect(page.get_by_text("SMS-utskick avböjt", exact=True)).to_be_visible()
        expect(told(page).get_by_text("Samtycke till SMS ändrat från Ja till Nej.")).to_be_visible()
        expect_chosen(page, "Nej")
        expect(button(page, "Spara svaret")).to_be_hidden()
        assert stored(case) == [Answer.YES, Answer.NO]

    def test_may_be_chosen_back_and_forth_and_the_last_counts(self, open_case, case):
        page = open_case(case)
        with Held(page, "**/consent/") as held:
            answer(page).select_option("Ja")
        for label in ("Nej", "Ej valt", "Nej", "Ja"):
            answer(page).select_option(label)
        with page.expect_response("**/consent/"):
            held.let_go()
        expect(page.get_by_text("Gäller till")).to_be_visible()
        expect(button(page, "Spara svaret")).to_be_hidden()
        expect_chosen(page, "Ja")
        assert stored(case)[-1] == Answer.YES

    def test_may_be_chosen_by_keyboard_and_is_saved_when_one_leaves_the_list(self, open_case, case):
        page = open_case(case)
        answer(page).focus()
        page.keyboard.press("ArrowUp")
        expect(answer(page)).to_have_attribute("data-changed", "true")  # the browser tells of it a moment later
        with Held(page, "**/consent/") as held:
            page.keyboard.press("Enter")
        page.keyboard.press("ArrowUp")
        held.let_go()
        expect(told(page).get_by_text("Samtycke till SMS ändrat från Ej valt till Nej.")).to_be_visible()
        expect_chosen(page, "Ja")
        expect(answer(page)).to_be_focused()
        expect(button(page, "Spara svaret")).to_be_visible()
        page.get_by_label("Ny anteckning").click()
        expect(told(page).get_by_text("Samtycke till SMS ändrat från Nej till Ja.")).to_be_visible()
        assert stored(case) == [Answer.NO, Answer.YES]

    def test_is_not_left_behind_without_a_question(self, open_case, case):
        page = open_case(case)
        questions: list[str] = []
        page.on("dialog", lambda dialog: (questions.append(dialog.type), dialog.dismiss()))
        with Held(page, "**/consent/") as held:
            answer(page).select_option("Ja")
        answer(page).select_option("Nej")
        page.get_by_role("link", name="‹ Arbetslista").click(no_wait_after=True)
        expect(button(page, "Spara svaret")).to_be_visible()
        held.let_go()
        expect(page.get_by_text("SMS-utskick avböjt", exact=True)).to_be_visible()
        assert questions == ["beforeunload"]

    def test_is_not_stored_over_what_a_colleague_saved_and_the_nurse_is_told(self, open_case, case, say):
        page = open_case(case)
        say(Answer.NO)
        posted: list[str] = []
        page.on("request", lambda request: request.method == "POST" and posted.append(request.url))
        with Held(page, "**/consent/") as held:
            answer(page).select_option("Ja")
        answer(page).select_option("Ej valt")
        held.let_go()
        expect(page.get_by_text("Svaret har ändrats av någon annan. Ingenting sparades")).to_be_visible()
        expect_chosen(page, "Nej")
        assert len(posted) == 1
        assert stored(case) == [Answer.NO]

    def test_can_still_be_saved_when_the_first_did_not_get_through(self, open_case, case, complaints):
        complaints.expect("ERR_INTERNET_DISCONNECTED", "ERR_FAILED", "htmx:afterRequest", "htmx:sendError")
        page = open_case(case)
        with Held(page, "**/consent/") as held:
            answer(page).select_option("Ja")
        answer(page).select_option("Nej")
        held.cut()
        expect(page.get_by_text("Det gick inte att nå teleQ. Ingenting sparades.")).to_be_visible()
        expect_chosen(page, "Nej")
        button(page, "Spara svaret").click()
        expect(page.get_by_text("SMS-utskick avböjt", exact=True)).to_be_visible()
        assert stored(case) == [Answer.NO]


class TestWhatIsDoneWhileAnAnswerIsBeingSaved:
    def test_an_sms_leaves_only_if_the_answer_lets_it(self, open_case, case, say):
        say(Answer.YES)
        page = open_case(case)
        page.get_by_label("Skriv meddelande").fill("Hej")
        with Held(page, "**/consent/") as held:
            answer(page).select_option("Nej")
        button(page, "Skicka SMS").click()
        held.let_go()
        expect(page.get_by_text("SMS-utskick avböjt", exact=True)).to_be_visible()
        expect(button(page, "Skicka SMS")).to_be_disabled()
        expect(page.get_by_label("Skriv meddelande")).to_have_value("Hej")
        assert not Message.objects.exists()

    def test_a_number_that_is_typed_stays_and_shuts(self, open_case, case):
        page = open_case(case)
        with Held(page, "**/consent/") as held:
            answer(page).select_option("Ja")
        type_number(page, "070-174 06 06")
        held.let_go()
        expect(page.get_by_text("Svaret är sparat.")).to_be_visible()
        expect(page.get_by_label("Telefonnummer")).to_have_value("070-174 06 06")
        expect_number_first(page)
        expect(button(page, "Skicka SMS")).to_be_disabled()

    def test_a_button_at_the_top_is_pressed_after_it(self, open_case, case):
        page = open_case(case)
        with Held(page, "**/consent/") as held:
            answer(page).select_option("Ja")
        button(page, "Ta ärendet").click()
        held.let_go()
        expect(page.locator("#case-head").get_by_text("Pågår – Anna Lind")).to_be_visible()
        expect_chosen(page, "Ja")
        assert stored(case) == [Answer.YES]


def test_words_that_are_written_while_a_message_is_sent_are_kept_and_it_is_sent_once(open_case, case, say):
    say(Answer.YES)
    page = open_case(case)
    page.get_by_label("Skriv meddelande").fill("Hej")
    with Held(page, "**/sms/") as held:
        button(page, "Skicka SMS").dblclick()
    page.get_by_label("Skriv meddelande").press_sequentially(", vi")
    held.let_go()
    expect(page.get_by_text("SMS:et är på väg.")).to_be_visible()
    expect(page.get_by_label("Skriv meddelande")).to_have_value("Hej, vi")
    assert [message.text for message in Message.objects.all()] == ["Hej"]


def test_a_message_field_that_was_made_larger_stays_so(open_case, case, standard_text):
    page = open_case(case)
    message = page.get_by_label("Skriv meddelande")
    box = message.bounding_box()
    page.mouse.move(box["x"] + box["width"] - 4, box["y"] + box["height"] - 4)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] - 4, box["y"] + box["height"] + 96)
    page.mouse.up()
    larger = message.bounding_box()["height"]
    assert larger > box["height"] + 50
    page.get_by_label("Standardtexter").select_option(standard_text.name)
    button(page, "Lägg till svar").click()
    expect(message).to_have_value(standard_text.text)
    assert message.bounding_box()["height"] == larger
