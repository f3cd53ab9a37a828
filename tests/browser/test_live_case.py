"""The open case lives: what others do comes in by itself, is told and marked, and disturbs nothing that is done."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from django.db.models.functions import Now
from playwright.sync_api import Locator, Page, expect

from cases import acts, callbacks
from cases.models import Case, Note
from consent import register
from consent.models import Answer, ConsentText
from sms.models import InboundSms, Message
from sms.states import State
from teleq.changes import Change
from teleq.models import User
from tests.browser.accessible import check
from tests.browser.held import Held
from tests.browser.number_box import type_number
from tests.cases.protecting import mark

pytestmark = pytest.mark.django_db(transaction=True)

WRITTEN = "Ringer efter lunch"


def history(page: Page) -> Locator:
    return page.get_by_role("region", name="Historik")


def note(page: Page) -> Locator:
    return page.get_by_label("Ny anteckning")


def news(page: Page) -> Locator:
    return page.locator("#news")


def look_again(page: Page) -> None:
    """What the page does by itself every five seconds. Returns when the answer is on the page."""
    with page.expect_response("**/live/**"):
        page.evaluate("htmx.trigger('#live', 'poll')")
    page.evaluate("new Promise((done) => setTimeout(done))")


def send(case: Case, nurse, text: str = "Vi ringer igen.") -> Message:
    return callbacks.send_sms(case, text, token=text[:20], shown=case.phone_number.as_e164, by=nurse)


def reply(case: Case, text: str = "Jag kan inte då") -> None:
    InboundSms.objects.create(queue=case.queue, from_number=case.phone_number, text=text, provider="simulator")


def change(case: Case, by: User, **columns: str) -> None:
    changes = {name: Change(getattr(case, name), to) for name, to in columns.items()}
    callbacks.save_details(case, changes, by=by)


def answered_no(case: Case, by: User) -> None:
    seen = register.current(*case.consent_key).event_id
    provider = case.queue.care_provider
    register.answer_in_case(provider, case.phone_number, Answer.NO, by=by, case_id=case.pk, seen_event=seen)


def marked(page: Page, key: str) -> Locator:
    return page.locator(f"[data-changes={key}] .chip.new")


@pytest.fixture
def page(open_case, case, say) -> Iterator[Page]:
    """Somebody writes a note, with two words of it selected. Afterwards text, selection and focus are as they were."""
    say(Answer.YES)
    page = open_case(case)
    note(page).fill(WRITTEN)
    note(page).evaluate("(field) => field.setSelectionRange(7, 12)")
    yield page
    expect(note(page)).to_have_value(WRITTEN)
    expect(note(page)).to_be_focused()
    assert note(page).evaluate("({ selectionStart, selectionEnd }) => [selectionStart, selectionEnd]") == [7, 12]


class TestWhatComesInByItself:
    def test_a_colleague_takes_the_case(self, page, case, administrator):
        acts.take(case, by=administrator)
        look_again(page)
        expect(page.locator("#case-head").get_by_text("Pågår – Maria Ek")).to_be_visible()
        expect(history(page).get_by_text("Tog ärendet.")).to_be_visible()
        expect(news(page)).to_have_text("Maria Ek tog ärendet.")
        expect(history(page).get_by_role("listitem").first.get_by_text("Nytt", exact=True)).to_be_visible()
        expect(marked(page, "status")).to_have_text("Ändrat")

    def test_a_note(self, page, case, administrator):
        callbacks.add_note(case, "Hör illa. Ring dottern.", by=administrator)
        look_again(page)
        expect(history(page).get_by_text("Hör illa. Ring dottern.")).to_be_visible()
        expect(news(page)).to_have_text("Ny anteckning av Maria Ek.")

    def test_an_answer(self, page, case, administrator):
        answered_no(case, administrator)
        look_again(page)
        expect(page.get_by_label("Samtycke till SMS").locator("option:checked")).to_have_text("Nej")
        expect(page.get_by_text("SMS-utskick avböjt", exact=True)).to_be_visible()
        expect(page.get_by_role("button", name="Skicka SMS")).to_be_disabled()
        expect(news(page)).to_have_text("Samtycke till SMS ändrat till Nej.")
        expect(marked(page, "answer")).to_have_text("Ändrat")

    def test_stop_by_sms(self, page, case):
        register.withdraw(*case.consent_key)
        look_again(page)
        expect(page.get_by_text("SMS-utskick avböjt", exact=True)).to_be_visible()
        expect(news(page)).to_have_text("Samtycke till SMS ändrat till Nej.")

    def test_a_number(self, page, case, administrator):
        shown = case.phone_number.as_e164
        number = type(case.phone_number).from_string("+46701740606")
        callbacks.change_number(case, number, shown=shown, by=administrator)
        look_again(page)
        expect(page.get_by_label("Telefonnummer")).to_have_value(re.compile("70.?174.?06.?06"))
        expect(page.get_by_text("Samtycke till SMS saknas", exact=True)).to_be_visible()
        expect(marked(page, "number")).to_have_text("Ändrat")

    def test_other_details(self, page, case, administrator):
        change(case, administrator, reason="Recept")
        look_again(page)
        expect(page.locator("#case-head").get_by_text("Recept")).to_be_visible()
        expect(marked(page, "reason")).to_have_text("Ändrat")
        expect(page.get_by_label("Kontaktorsak")).to_have_value("Recept")

    def test_the_state_of_an_sms(self, page, case, nurse):
        send(case, nurse)
        look_again(page)
        expect(history(page).get_by_text("SMS: Väntar.")).to_be_visible()
        Message.objects.update(state=State.SENDING, claimed_at=Now())
        Message.objects.update(state=State.DELIVERED)
        look_again(page)
        expect(history(page).get_by_text("SMS: Levererat.")).to_be_visible()
        expect(news(page)).to_have_text("SMS:et är levererat.")
        expect(history(page).get_by_text("Ändrat", exact=True)).to_be_visible()

    def test_a_reply(self, page, case):
        reply(case)
        look_again(page)
        expect(page.get_by_role("heading", name="Nytt SMS från patienten")).to_be_visible()
        expect(history(page).get_by_text("Jag kan inte då")).to_be_visible()
        expect(news(page)).to_have_text("Nytt SMS från patienten.")

    def test_protected_personal_data(self, page, case, administrator):
        mark(case, administrator)
        look_again(page)
        expect(page.locator("#case-head").get_by_text("Skyddade personuppgifter")).to_be_visible()
        expect(news(page)).to_contain_text("Skyddade personuppgifter:")


def test_nothing_is_told_twice_and_the_marks_are_gone_when_the_nurse_acts(open_case, case, administrator):
    page = open_case(case)
    callbacks.add_note(case, "Hör illa.", by=administrator)
    look_again(page)
    expect(history(page).get_by_text("Nytt", exact=True)).to_have_count(1)
    with page.expect_response("**/live/**") as again:
        page.evaluate("htmx.trigger('#live', 'poll')")
    assert again.value.status == 204
    reply(case)
    look_again(page)
    expect(news(page)).to_have_text("Nytt SMS från patienten.")
    expect(history(page).get_by_text("Nytt", exact=True)).to_have_count(2)
    page.get_by_role("button", name="Ta ärendet").click()
    expect(page.get_by_text("Du har tagit ärendet.")).to_be_visible()
    expect(history(page).get_by_text("Nytt", exact=True)).to_have_count(0)


def test_what_a_colleague_did_meanwhile_comes_with_the_nurses_own_act_and_is_told(open_case, case, administrator):
    page = open_case(case)
    callbacks.add_note(case, "Hör illa.", by=administrator)
    page.get_by_role("button", name="Ta ärendet").click()
    expect(history(page).get_by_text("Hör illa.")).to_be_visible()
    expect(history(page).get_by_text("Nytt", exact=True)).to_have_count(1)
    expect(news(page)).to_have_text("Ny anteckning av Maria Ek.")


class TestWhatTheNurseIsDoing:
    def test_a_number_that_is_typed_stays_with_the_answer_it_was_shown_with(self, open_case, case, say, administrator):
        say(Answer.YES)
        page = open_case(case)
        type_number(page, "070-174 06 07")
        number = type(case.phone_number).from_string("+46701740606")
        callbacks.change_number(case, number, shown=case.phone_number.as_e164, by=administrator)
        look_again(page)
        expect(history(page).get_by_text("Telefonnumret ändrades.")).to_be_visible()
        expect(page.get_by_label("Telefonnummer")).to_have_value("070-174 06 07")
        expect(page.get_by_label("Samtycke till SMS").locator("option:checked")).to_have_text("Ja")
        page.get_by_role("button", name="Spara numret").click()
        expect(page.get_by_text("Numret har ändrats. Kontrollera svaret.")).to_be_visible()
        case.refresh_from_db()
        assert case.phone_number == number

    def test_comes_in_when_the_nurse_is_through(self, open_case, case, administrator):
        page = open_case(case)
        page.get_by_label("Telefonnummer").focus()
        answered_no(case, administrator)
        look_again(page)
        expect(history(page).get_by_text("Samtycke till SMS ändrat från Ej valt till Nej.")).to_be_visible()
        expect(page.get_by_label("Samtycke till SMS").locator("option:checked")).to_have_text("Ej valt")
        note(page).focus()
        look_again(page)
        expect(page.get_by_label("Samtycke till SMS").locator("option:checked")).to_have_text("Nej")

    def test_details_that_both_change_are_told_when_they_are_saved(self, open_case, case, administrator):
        page = open_case(case)
        page.get_by_text("Ändra uppgifter").click()
        page.get_by_label("Namn").fill("Berta")
        change(case, administrator, name="Bert")
        look_again(page)
        expect(page.get_by_role("heading", level=1)).to_have_text("Bert")
        expect(page.get_by_label("Namn")).to_have_value("Berta")
        page.get_by_role("button", name="Spara uppgifterna").click()
        expect(page.get_by_text("Ändrat av Maria Ek till ”Bert”. Du angav ”Berta”.")).to_be_visible()

    def test_text_that_is_marked_stays_marked(self, open_case, case, administrator):
        callbacks.add_note(case, "Hör illa.", by=administrator)
        page = open_case(case)
        history(page).get_by_text("Hör illa.").select_text()
        acts.take(case, by=administrator)
        look_again(page)
        expect(page.locator("#case-head").get_by_text("Pågår – Maria Ek")).to_be_visible()
        assert page.evaluate("getSelection().toString()") == "Hör illa."

    def test_a_text_that_is_opened_and_the_focus_on_it_stay(self, open_case, case, say, nurse):
        say(Answer.YES)
        send(case, nurse, "Vi ringer igen. " * 12)
        page = open_case(case)
        text = history(page).locator("details.cut-text")
        text.locator("summary").focus()
        page.keyboard.press("Enter")
        expect(text).to_have_attribute("open", "")
        reply(case)
        look_again(page)
        expect(history(page).get_by_text("Jag kan inte då")).to_be_visible()
        expect(text).to_have_attribute("open", "")
        expect(text.locator("summary")).to_be_focused()

    def test_a_button_that_is_held_down_is_pressed(self, open_case, case, administrator):
        page = open_case(case)
        page.get_by_role("button", name="Inget svar").hover()
        page.mouse.down()
        callbacks.add_note(case, "Hör illa.", by=administrator)
        change(case, administrator, name="Bert")
        look_again(page)
        page.mouse.up()
        expect(page.get_by_text("Försök 1 av 3", exact=True)).to_be_visible()
        expect(page.get_by_role("heading", level=1)).to_have_text("Bert")

    def test_a_question_stays(self, open_case, case, administrator):
        page = open_case(case)
        page.get_by_label("Skriv meddelande").fill("Hej")
        page.get_by_role("button", name="Råd givet").click()
        expect(page.get_by_text("Meddelandet är inte skickat.")).to_be_visible()
        callbacks.add_note(case, "Hör illa.", by=administrator)
        look_again(page)
        expect(history(page).get_by_text("Hör illa.")).to_be_visible()
        expect(page.get_by_text("Meddelandet är inte skickat.")).to_be_visible()

    def test_a_look_from_before_a_save_puts_nothing_back(self, open_case, case):
        page = open_case(case)
        reply(case)
        with Held(page, "**/live/**") as held:
            page.evaluate("htmx.trigger('#live', 'poll')")
        before = held.fetch()
        page.get_by_role("button", name="Råd givet").click()
        expect(history(page).get_by_text("Klart: Råd givet.")).to_be_visible()
        with page.expect_event("requestfinished"):
            held.answer(before)
        page.evaluate("new Promise((done) => setTimeout(done))")
        assert "Klart: Råd givet." in history(page).inner_text()

    def test_the_same_press_is_the_same_message_after_a_look(self, open_case, case, say, complaints):
        """What was accepted and whose response never came is pressed again."""
        complaints.expect("ERR_FAILED", "htmx:afterRequest", "htmx:sendError")
        say(Answer.YES)
        page = open_case(case)
        page.get_by_label("Skriv meddelande").fill("Hej")
        with Held(page, "**/sms/") as held:
            page.get_by_role("button", name="Skicka SMS").click()
        held.fetch()
        held.cut()
        expect(page.get_by_text("Det gick inte att nå teleQ. Ingenting sparades.")).to_be_visible()
        look_again(page)
        page.get_by_role("button", name="Skicka SMS").click()
        expect(page.get_by_text("SMS:et är på väg.")).to_be_visible()
        assert Message.objects.count() == 1


def test_the_page_asks_more_often_while_a_message_is_on_its_way(open_case, case, say, nurse):
    say(Answer.YES)
    page = open_case(case)
    page.get_by_label("Skriv meddelande").fill("Hej")
    page.get_by_role("button", name="Skicka SMS").click()
    expect(page.locator("#live")).to_have_attribute("data-live", "2")
    Message.objects.update(created_at=Message.objects.get().created_at - timedelta(minutes=2))
    look_again(page)
    expect(page.locator("#live")).to_have_attribute("data-live", "5")


def test_a_case_that_is_not_the_nurses_any_more_is_not_asked_for_again(open_case, case, nurse, complaints):
    complaints.expect("status of 404", "Response Status Error Code 404")
    page = open_case(case)
    nurse.memberships.all().delete()
    look_again(page)
    expect(page.locator("[data-live]")).to_have_count(0)


def test_a_session_that_has_ended_is_asked_for_on_the_page(open_case, case, complaints):
    complaints.expect("status of 401", "status of 403", "Response Status Error Code 401")
    page = open_case(case)
    note(page).fill(WRITTEN)
    page.context.clear_cookies()
    look_again(page)
    expect(page.get_by_role("dialog")).to_be_visible()
    expect(note(page)).to_have_value(WRITTEN)


# Messages where one looks --------------------------------------------------------------------------------------------

PLACES: dict[str, tuple[Callable[[Page], None], str]] = {
    "#case-head": (lambda page: page.get_by_role("button", name="Ta ärendet").click(), "Du har tagit ärendet."),
    "#number": (
        lambda page: (
            page.get_by_role("link", name="Ändra numret").click(),
            page.get_by_role("button", name="Spara numret").click(),
        ),
        "Numret är oförändrat.",
    ),
    "#details": (
        lambda page: (
            page.get_by_text("Ändra uppgifter").click(),
            page.get_by_role("button", name="Spara uppgifterna").click(),
        ),
        "Inget är ändrat.",
    ),
    "#notes": (
        lambda page: (note(page).fill("Hör illa."), page.get_by_role("button", name="Spara anteckningen").click()),
        "Anteckningen är sparad.",
    ),
    "#sms": (
        lambda page: (
            page.get_by_label("Skriv meddelande").fill("Hej"),
            page.get_by_role("button", name="Skicka SMS").click(),
        ),
        "SMS:et är på väg.",
    ),
    "#unread-sms": (
        lambda page: page.get_by_role("button", name="Markera som läst").click(),
        "SMS:et är markerat som läst.",
    ),
}


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
@pytest.mark.parametrize("part", PLACES)
def test_what_was_done_is_said_where_it_was_pressed(part, scripts, open_case, case, say):
    say(Answer.YES)
    reply(case)
    page = open_case(case, java_script_enabled=scripts)
    press, words = PLACES[part]
    press(page)
    said = page.locator(part).get_by_text(words, exact=True)
    expect(said).to_be_visible()
    expect(said).to_be_in_viewport()
    expect(page.locator("#flash p")).to_have_count(0)
    expect(page.get_by_role("status").get_by_text(words, exact=True)).to_have_count(1)


class TestWhatIsWrong:
    @pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
    def test_is_counted_and_the_first_field_is_in_focus(self, scripts, open_case, case):
        page = open_case(case, java_script_enabled=scripts)
        page.get_by_text("Ändra uppgifter").click()
        page.get_by_label("A-nummer").fill("12")
        page.get_by_label("Personnummer").fill("12")
        page.get_by_role("button", name="Spara uppgifterna").click()
        expect(page.get_by_text("Det är 2 fel i formuläret.")).to_be_visible()
        expect(page.get_by_label("A-nummer")).to_be_focused()
        page.locator(".summary").get_by_role("link", name="Personnummer").click()
        expect(page.get_by_label("Personnummer")).to_be_focused()

    def test_takes_no_focus_from_what_is_being_written_elsewhere(self, open_case, case):
        page = open_case(case)
        type_number(page, "12")
        with Held(page, "**/number/") as held:
            page.get_by_role("button", name="Spara numret").click()
        note(page).press_sequentially("Hör")
        held.let_go()
        expect(page.locator("#number .errorlist")).to_be_visible()
        expect(note(page)).to_be_focused()

    def test_is_in_focus_in_a_new_case(self, sign_in, nurse, case):
        page = sign_in(nurse, "/cases/new/")
        page.get_by_role("button", name="Skapa ärendet").click()
        expect(page.get_by_text(re.compile(r"Det är .* fel i formuläret\."))).to_be_visible()
        expect(page.locator("[aria-invalid=true]").first).to_be_focused()


def test_a_slow_save_says_so_on_its_button_without_its_changing_size(open_case, case):
    page = open_case(case)
    note(page).fill("Hör illa.")
    save = page.get_by_role("button", name="Spara anteckningen")
    before = save.bounding_box()
    assert before
    with Held(page, "**/notes/") as held:
        save.click()
    expect(page.locator("#save-note")).to_have_attribute("aria-busy", "true")
    now = page.locator("#save-note").bounding_box()
    assert now
    assert (now["width"], now["height"]) == (before["width"], before["height"])
    expect(news(page)).to_have_text("Sparar …")
    held.let_go()
    expect(history(page).get_by_text("Hör illa.")).to_be_visible()
    expect(page.locator("[aria-busy]")).to_have_count(0)
    expect(news(page)).to_be_empty()
    assert [note.text for note in Note.objects.all()] == ["Hör illa."]


def test_the_text_to_read_out_is_folded_away_while_a_yes_counts(open_case, case, care_provider):
    ConsentText.objects.create(care_provider=care_provider, text="Får vi skicka SMS till dig?")
    page = open_case(case)
    read_out = page.get_by_text("Får vi skicka SMS till dig?")
    expect(read_out).to_be_visible()
    page.get_by_label("Samtycke till SMS").select_option("Ja")
    expect(page.get_by_text("Gäller till")).to_be_visible()
    expect(read_out).to_be_hidden()
    page.get_by_text("Att läsa upp").click()
    expect(read_out).to_be_visible()


def test_what_is_new_said_or_wrong_can_be_used_by_everybody(open_case, case, say, nurse, administrator):
    say(Answer.YES)
    send(case, nurse, "Vi ringer igen. " * 12)
    page = open_case(case)
    page.get_by_role("button", name="Ta ärendet").click()
    expect(page.get_by_text("Du har tagit ärendet.")).to_be_visible()
    page.get_by_text("Ändra uppgifter").click()
    page.get_by_label("A-nummer").fill("12")
    page.get_by_label("Personnummer").fill("12")
    page.get_by_role("button", name="Spara uppgifterna").click()
    expect(page.get_by_text("Det är 2 fel i formuläret.")).to_be_visible()
    callbacks.add_note(case, "Hör illa. Ring dottern.", by=administrator)
    reply(case)
    look_again(page)
    expect(history(page).get_by_text("Nytt", exact=True)).to_have_count(2)
    check(page)
