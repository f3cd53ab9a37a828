"""What an administrator works with in Admin: the week of a queue, its checklist, standard texts, stopped SMS."""

from __future__ import annotations

from datetime import time

import pytest
from playwright.sync_api import Page, expect

from cases import callbacks
from cases.models import TelephoneHours
from sms.models import StandardText
from teleq.models import Queue
from tests.browser.accessible import check
from tests.conftest import MOBILE

pytestmark = pytest.mark.django_db(transaction=True)

SCRIPTS = pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without scripts"])


@pytest.fixture
def address(queue: Queue) -> str:
    TelephoneHours.objects.create(queue=queue, weekday=0, opens=time(8), closes=time(12))
    return f"/admin/teleq/queue/{queue.pk}/change/"


def day(page: Page, name: str):
    return page.get_by_role("group", name=name)


@SCRIPTS
def test_a_week_is_written_copied_and_saved(scripts, sign_in, administrator, address, queue):
    page = sign_in(administrator, address, java_script_enabled=scripts)
    page.get_by_label("Vårdenhet").fill("VC Tallen")
    page.get_by_role("button", name="Lägg till tid: Måndag").click()
    expect(page.get_by_label("Måndag 2: öppnar")).to_be_focused()
    page.get_by_label("Måndag 2: öppnar").fill("13:00")
    page.get_by_label("Måndag 2: stänger").fill("16:00")
    page.get_by_role("button", name="Kopiera till alla vardagar: Måndag").click()
    expect(page.get_by_text("Måndag är kopierad till alla vardagar. Det gäller när du har sparat.")).to_be_visible()
    expect(page.get_by_role("button", name="Kopiera till alla vardagar: Måndag")).to_be_focused()
    for each in ("Tisdag", "Onsdag", "Torsdag", "Fredag"):
        expect(page.get_by_label(f"{each} 2: stänger")).to_have_value("16:00")
    expect(page.get_by_label("Lördag: öppnar")).to_have_value("")
    page.get_by_role("button", name="Ta bort: Fredag 1").click()
    expect(page.get_by_role("button", name="Lägg till tid: Fredag")).to_be_focused()
    expect(page.get_by_label("Fredag: öppnar")).to_have_value("13:00")
    expect(page.get_by_label("Vårdenhet")).to_have_value("VC Tallen")
    assert queue.telephone_hours.count() == 1
    page.get_by_role("button", name="Spara", exact=True).last.click()
    expect(page.get_by_role("heading", name="Köer")).to_be_visible()
    queue.refresh_from_db()
    assert queue.unit == "VC Tallen"
    both = ["08.00–12.00", "13.00–16.00"]
    hours = [str(each) for each in queue.telephone_hours.all()]
    assert hours == [f"{name} {each}" for name in ("Måndag", "Tisdag", "Onsdag", "Torsdag") for each in both] + [
        "Fredag 13.00–16.00"
    ]


@SCRIPTS
def test_enter_in_a_field_saves_and_presses_no_button_of_the_week(scripts, sign_in, administrator, address, queue):
    page = sign_in(administrator, address, java_script_enabled=scripts)
    page.get_by_label("Vårdenhet").fill("VC Tallen")
    page.get_by_label("Vårdenhet").press("Enter")
    expect(page.get_by_role("heading", name="Köer")).to_be_visible()
    queue.refresh_from_db()
    assert queue.unit == "VC Tallen"


def test_the_week_is_filled_in_with_the_keyboard_alone(sign_in, administrator, queue):
    page = sign_in(administrator, f"/admin/teleq/queue/{queue.pk}/change/")
    page.get_by_label("Måndag: öppnar").fill("08:00")
    page.get_by_label("Måndag: stänger").fill("12:00")
    page.get_by_label("Måndag: stänger").focus()
    for _ in range(10):  # a field for a time has several stops within it
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == "copy-0":
            break
    page.keyboard.press("Space")
    expect(page.get_by_label("Fredag: stänger")).to_have_value("12:00")
    expect(page.get_by_role("button", name="Kopiera till alla vardagar: Måndag")).to_be_focused()


def test_the_pages_are_accessible_in_each_state(sign_in, administrator, address, queue, book):
    page = sign_in(administrator, address)
    page.get_by_text("Helgdagar som alltid är stängda").click()
    check(page)
    page.get_by_label("Måndag: öppnar").fill("13:00")
    page.get_by_label("Tisdag: öppnar").fill("08:00")
    page.get_by_role("button", name="Lägg till tid: Onsdag").click()
    expect(page.get_by_label("Onsdag 2: öppnar")).to_be_focused()
    page.get_by_role("button", name="Spara", exact=True).last.click()
    expect(page.get_by_text("Skriv när telefontiden stänger.")).to_be_visible()
    expect(page.get_by_text("Telefontiden måste stänga efter att den har öppnat.")).to_be_visible()
    check(page)
    page.goto("/admin/teleq/queue/")
    expect(page.get_by_text("saker kvar").first).to_be_visible()
    check(page)

    case = book(name="Berit Wilhelmina Testsson-Långefternamnsson")
    callbacks.send_sms(case, "Hej", token="1", shown=MOBILE, by=administrator)
    page.goto("/admin/stopped-sms/")
    expect(page.get_by_role("cell", name="Samtycke till SMS saknas")).to_be_visible()
    check(page)
    page.get_by_label("Från").fill("")
    page.get_by_role("button", name="Visa").click()
    expect(page.get_by_text("Välj en dag.")).to_be_visible()
    check(page)


def test_a_standard_text_is_counted_and_read_as_it_is_typed(sign_in, administrator, queue):
    page = sign_in(administrator, "/admin/sms/standardtext/add/")
    page.get_by_label("Kö").select_option(str(queue))
    text = page.get_by_role("textbox", name="Text")
    text.fill("Häls. BUP")
    expect(page.get_by_text("9 av 160 tecken – 1 SMS")).to_be_visible()
    expect(page.get_by_text("”BUP” kan avslöja vilken vård det gäller")).to_be_visible()
    check(page)
    text.fill("Hej {namn}")
    expect(page.get_by_text("{namn} fylls inte i här")).to_be_visible()
    check(page)
    assert not StandardText.objects.exists()
