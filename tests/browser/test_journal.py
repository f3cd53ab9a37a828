"""Kopiera till journal in a real browser; and two who see what a patient needs change."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from access.models import AccessEntry
from cases import callbacks, protected
from cases.models import Case
from teleq.changes import Change

pytestmark = pytest.mark.django_db(transaction=True)

CLIPBOARD = {"permissions": ["clipboard-read", "clipboard-write"]}


@pytest.fixture
def case(book) -> Case:
    return book(personal_identity_number="191212121212", reason="Yrsel", interpreter_language="arabiska")


def panel(page: Page):
    return page.locator("#journal")


def open_panel(page: Page) -> None:
    panel(page).get_by_role("heading", name="Kopiera till journal").click()


def copy(page: Page) -> None:
    page.get_by_role("button", name="Kopiera till journal").click()


def text_field(page: Page):
    return page.get_by_label("Text till journalen")


def add_note(page: Page, text: str) -> None:
    page.get_by_label("Ny anteckning").fill(text)
    page.get_by_role("button", name="Spara anteckningen").click()
    expect(page.get_by_text("Anteckningen är sparad.")).to_be_visible(timeout=20_000)


def in_clipboard(page: Page) -> str:
    return page.evaluate("navigator.clipboard.readText()")


def taken_out(case: Case) -> int:
    return AccessEntry.objects.filter(act="journal", case_id=case.pk).count()


def test_the_text_comes_when_it_is_asked_for_and_a_press_copies_it_whole(open_case, case):
    page = open_case(case, **CLIPBOARD)
    expect(text_field(page)).to_have_count(0)
    assert taken_out(case) == 0
    open_panel(page)
    expect(text_field(page)).to_be_visible()
    assert taken_out(case) == 1
    copy(page)
    expect(panel(page).get_by_role("status")).to_have_text("Kopierat")
    copied = in_clipboard(page)
    assert copied == text_field(page).input_value()
    assert copied.startswith(
        f"Återuppringning, VC Spindeln Rådgivning (ärende {case.pk} i teleQ)\nNamn: Agda Andersson\n"
    )
    assert "\nBehov av tolk: arabiska\n" in copied


def test_by_keyboard_alone(open_case, case):
    page = open_case(case, **CLIPBOARD)
    panel(page).locator("summary").focus()
    page.keyboard.press("Enter")
    expect(text_field(page)).to_be_visible()
    page.get_by_role("button", name="Kopiera till journal").focus()
    page.keyboard.press("Enter")
    expect(panel(page).get_by_role("status")).to_have_text("Kopierat")
    assert "Agda Andersson" in in_clipboard(page)


@pytest.mark.parametrize("clipboard", ["undefined", "{ writeText: () => Promise.reject(new Error('shut')) }"])
def test_without_a_clipboard_the_text_is_marked_and_one_presses_ctrl_c(clipboard, open_case, case):
    """As by plain HTTP on an address of a machine, and where the browser refuses."""
    page = open_case(case, **CLIPBOARD)
    page.add_init_script(f"Object.defineProperty(Navigator.prototype, 'clipboard', {{ get: () => ({clipboard}) }})")
    page.reload()
    open_panel(page)
    copy(page)
    expect(panel(page).get_by_role("status")).to_have_text("Texten är markerad. Tryck Ctrl+C.")
    field = text_field(page)
    expect(field).to_be_focused()
    assert field.evaluate("field => field.value.slice(field.selectionStart, field.selectionEnd) === field.value")


def test_a_text_from_before_a_note_is_not_there_to_be_copied(open_case, case):
    page = open_case(case, **CLIPBOARD)
    open_panel(page)
    expect(text_field(page)).to_be_visible()
    add_note(page, "Ring efter tolv.")
    expect(text_field(page)).to_have_count(0)
    expect(page.get_by_text("Ärendet har ändrats sedan texten visades.")).to_be_visible()
    page.get_by_role("button", name="Visa texten").or_(page.get_by_role("link", name="Visa texten")).click()
    expect(text_field(page)).to_have_value(re.compile(r"\nRing efter tolv\.\n"))
    copy(page)
    expect(panel(page).get_by_role("status")).to_have_text("Kopierat")
    assert "Ring efter tolv." in in_clipboard(page)


def test_nor_is_one_from_before_what_a_colleague_did(open_case, case, administrator):
    page = open_case(case)
    open_panel(page)
    expect(text_field(page)).to_be_visible()
    callbacks.add_note(case, "Anhörig ringde.", by=administrator)
    expect(page.get_by_text("Ärendet har ändrats sedan texten visades.")).to_be_visible(timeout=20_000)
    expect(text_field(page)).to_have_count(0)


def test_a_shut_panel_asks_anew_by_itself_when_it_is_opened(open_case, case):
    page = open_case(case)
    open_panel(page)
    expect(text_field(page)).to_be_visible()
    open_panel(page)  # shuts it
    expect(text_field(page)).to_be_hidden()
    add_note(page, "Ring efter tolv.")
    open_panel(page)
    expect(text_field(page)).to_have_value(re.compile(r"\nRing efter tolv\.\n"))


def test_of_a_protected_patient_it_is_asked_first(open_case, case, nurse):
    protected.mark(case, "Sekretessmarkering.", by=nurse, shown=protected.to_mark(case))
    page = open_case(case, **CLIPBOARD)
    open_panel(page)
    expect(page.get_by_text("Patienten har skyddade personuppgifter. Kopiera texten ändå?")).to_be_visible()
    assert taken_out(case) == 0
    page.get_by_role("link", name="Visa texten ändå").click()
    copy(page)
    expect(panel(page).get_by_role("status")).to_have_text("Kopierat")
    assert in_clipboard(page).startswith("Patienten har skyddade personuppgifter.\n")


def test_without_javascript_the_text_is_on_a_page_of_its_own(open_case, case):
    page = open_case(case, java_script_enabled=False)
    panel(page).locator("summary").click()
    page.get_by_role("link", name="Visa texten").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Kopiera till journal")
    expect(text_field(page)).to_have_value(re.compile("Behov av tolk: arabiska"))
    expect(page.get_by_role("button", name="Kopiera till journal")).to_be_hidden()
    page.get_by_role("link", name="Ärendet").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Agda Andersson")


# What a patient needs, at two desks ----------------------------------------------------------------------------------


def details(page: Page):
    page.get_by_role("heading", name="Ändra uppgifter").click()
    return page.locator("#details")


def test_a_colleague_sees_a_need_that_is_written_in_the_open_case_and_in_the_list(
    open_case, sign_in, case, nurse, administrator
):
    others, listed, mine = open_case(case, administrator), sign_in(administrator), open_case(case)
    form = details(mine)
    form.get_by_label("Behov av tolk").fill("teckenspråk")
    form.get_by_label("Önskar tala med").fill("läkare")
    form.get_by_role("button", name="Spara uppgifterna").click()
    expect(mine.get_by_text("Uppgifterna är sparade.")).to_be_visible(timeout=20_000)
    head = others.locator("#case-head")
    expect(head.get_by_text("Tolk: teckenspråk")).to_be_visible(timeout=20_000)
    expect(head.get_by_text("Önskar tala med: läkare")).to_be_visible()
    expect(head.locator("[data-changes=needs] .new")).to_have_text("Ändrat")
    expect(listed.locator(f"#case-{case.pk}")).to_contain_text(
        "Tolk: teckenspråk · Önskar tala med: läkare", timeout=20_000
    )


def test_a_need_that_a_colleague_changed_meanwhile_stops_the_save_and_keeps_what_was_typed(
    open_case, case, administrator
):
    page = open_case(case)
    form = details(page)
    form.get_by_label("Behov av tolk").fill("teckenspråk")
    change = {"interpreter_language": Change("arabiska", "kurdiska (sorani)")}
    callbacks.save_details(case, change, by=administrator)
    form.get_by_role("button", name="Spara uppgifterna").click()
    told = "Ändrat av Maria Ek till ”kurdiska (sorani)”. Du angav ”teckenspråk”. Ingenting är sparat."
    expect(form.get_by_text(told)).to_be_visible()
    expect(form.get_by_label("Behov av tolk")).to_have_value("teckenspråk")
    case.refresh_from_db()
    assert case.interpreter_language == "kurdiska (sorani)"
