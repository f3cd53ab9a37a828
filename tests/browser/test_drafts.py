"""Drafts in a real browser: they survive Back, reload and another computer, and are nobody else's."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from cases.models import Case, Draft, Note
from consent.models import Answer
from sms.models import Message
from tests.browser.held import Held
from tests.cases.desk import in_a_month

pytestmark = pytest.mark.django_db(transaction=True)

MESSAGE, NOTE = "Skriv meddelande", "Ny anteckning"


def write(page: Page, label: str, text: str) -> None:
    """Letter by letter, and wait until it is kept."""
    field = page.get_by_label(label)
    field.focus()
    with page.expect_response("**/draft/**"):
        page.keyboard.insert_text(text)
    expect(page.get_by_text("Utkast sparat").first).to_be_visible()


def test_a_half_written_message_and_note_survive_a_reload_and_are_on_another_computer(open_case, case):
    page = open_case(case)
    write(page, MESSAGE, "Hej, vi har")
    write(page, NOTE, "Ringer efter")
    page.reload()
    for computer in (page, open_case(case)):
        expect(computer.get_by_label(MESSAGE)).to_have_value("Hej, vi har")
        expect(computer.get_by_label(NOTE)).to_have_value("Ringer efter")
        expect(computer.get_by_text("Utkast sparat")).to_have_count(2)


def test_what_was_written_in_the_last_moment_before_one_left_is_there_after_back(open_case, case):
    page = open_case(case)
    page.get_by_label(MESSAGE).fill("Hej, vi har")
    page.get_by_role("link", name="‹ Arbetslista").click()
    page.get_by_role("heading", name="Arbetslista").wait_for()
    page.go_back()
    expect(page.get_by_label(MESSAGE)).to_have_value("Hej, vi har")


def test_a_new_case_too(sign_in, nurse):
    page = sign_in(nurse, "/cases/new/")
    write(page, "Namn", "Agda Andersson")
    page.get_by_label("Telefonnummer").fill("070-174 06 05")
    page.get_by_role("button", name="Ta bort utkastet").click()
    expect(page.get_by_label("Namn")).to_have_value("")
    expect(page.get_by_label("Telefonnummer")).to_have_value("070-174 06 05")
    write(page, "Kontaktorsak", "Yrsel")
    page.goto("/")
    page.goto("/cases/new/")
    expect(page.get_by_label("Kontaktorsak")).to_have_value("Yrsel")


@pytest.mark.parametrize(("label", "what"), [(MESSAGE, "SMS"), (NOTE, "anteckning")])
def test_ta_bort_utkastet_empties_the_field_and_leaves_the_other(label, what, open_case, case):
    page = open_case(case)
    for each in (MESSAGE, NOTE):
        write(page, each, "Hej")
    page.get_by_role("button", name=f"Ta bort utkastet till {what}").click()
    expect(page.get_by_text("Utkastet är borttaget.")).to_be_visible()
    expect(page.get_by_label(label)).to_have_value("")
    expect(page.get_by_label({MESSAGE: NOTE, NOTE: MESSAGE}[label])).to_have_value("Hej")
    assert Draft.objects.count() == 1


def test_a_note_that_is_saved_at_once_leaves_no_draft_however_slow_the_draft_is(open_case, case):
    page = open_case(case)
    with Held(page, "**/draft/") as held:
        page.get_by_label(NOTE).fill("Ringer igen.")
        page.get_by_label(NOTE).blur()
    page.get_by_role("button", name="Spara anteckningen").click()
    held.let_go()
    expect(page.get_by_text("Anteckningen är sparad.")).to_be_visible()
    expect(page.get_by_label(NOTE)).to_have_value("")
    assert (Note.objects.get().text, Draft.objects.count()) == ("Ringer igen.", 0)


def test_a_new_case_that_is_made_at_once_leaves_none_either(sign_in, nurse, queue):
    page = sign_in(nurse, "/cases/new/")
    page.get_by_label("Kö").select_option(str(queue))
    page.get_by_label("Telefonnummer").fill("070-174 06 05")
    page.get_by_label("Tid").fill(in_a_month())
    with Held(page, "**/draft/") as held:
        page.get_by_label("Namn").fill("Agda Andersson")
        page.get_by_label("Namn").blur()
    page.get_by_role("button", name="Skapa ärendet").click()
    held.let_go()
    expect(page.get_by_text("Ärendet är skapat.")).to_be_visible()
    assert (Case.objects.get().name, Draft.objects.count()) == ("Agda Andersson", 0)


@pytest.mark.parametrize("scripts", [True, False], ids=["with JavaScript", "without JavaScript"])
class TestKlart:
    def test_saves_the_note_and_asks_about_the_message(self, open_case, case, scripts):
        page = open_case(case, java_script_enabled=scripts)
        page.get_by_label(NOTE).fill("Vill bli uppringd före lunch.")
        page.get_by_label(MESSAGE).fill("Hej, vi har")
        page.get_by_role("button", name="Råd givet", exact=True).click()
        expect(page.get_by_text("Meddelandet är inte skickat.")).to_be_visible()
        expect(page.get_by_label(NOTE)).to_have_value("Vill bli uppringd före lunch.")
        expect(page.get_by_label(MESSAGE)).to_have_value("Hej, vi har")
        case.refresh_from_db()
        assert case.is_open
        page.get_by_role("link", name="Till meddelandet").click()
        expect(page.get_by_label(MESSAGE)).to_be_in_viewport()
        page.get_by_role("button", name="Klart utan att skicka").click()
        expect(page.get_by_text("Ärendet är klart: Råd givet.")).to_be_visible()
        expect(page.get_by_role("region", name="Historik")).to_contain_text("Vill bli uppringd före lunch.")
        expect(page.get_by_label(MESSAGE)).to_have_value("")
        assert (Message.objects.count(), Draft.objects.count()) == (0, 0)

    def test_lets_the_message_be_sent_first(self, open_case, case, say, scripts):
        say(Answer.YES)
        page = open_case(case, java_script_enabled=scripts)
        page.get_by_label(MESSAGE).fill("Hej, vi ringer igen.")
        page.get_by_role("button", name="Råd givet", exact=True).click()
        expect(page.get_by_text("Meddelandet är inte skickat.")).to_be_visible()
        page.get_by_role("button", name="Skicka SMS").click()
        expect(page.get_by_text("SMS:et är på väg.")).to_be_visible()
        page.get_by_role("button", name="Råd givet", exact=True).click()
        expect(page.get_by_text("Ärendet är klart: Råd givet.")).to_be_visible()
        assert Message.objects.get().text == "Hej, vi ringer igen."
