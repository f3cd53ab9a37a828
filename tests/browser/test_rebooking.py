""" "Boka om" in a browser: with scripts and without, and by two nurses."""

from __future__ import annotations

from datetime import date

import pytest
from playwright.sync_api import Page, expect

from cases.models import Case
from teleq.models import Queue
from tests.browser.held import Held
from tests.conftest import make_queue
from tests.intake.telephone_system import an_open_day, at, keep_open

pytestmark = pytest.mark.django_db(transaction=True)

SCRIPTS = pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])


@pytest.fixture
def day(queue: Queue) -> date:
    """Of an open day that is among the first ones shown."""
    keep_open(queue, "08:00", "10:00")
    return an_open_day(queue)


def opened(page: Page) -> Page:
    page.get_by_text("Boka om", exact=True).click()
    return page


def shown(page: Page, scripts: bool) -> Page:
    """Opened, with the free times: by themselves, or by the link."""
    opened(page)
    if not scripts:
        page.get_by_role("link", name="Visa lediga tider").click()
    page.get_by_label("Annan tid").wait_for()
    return page


def free(page: Page, day: date, clock: str):
    return page.locator(f"ul[aria-labelledby='day-{day}']").get_by_role("button", name=clock)


def is_at(case: Case, day: date, clock: str) -> bool:
    case.refresh_from_db()
    return case.callback_at == at(day, clock)


@SCRIPTS
def test_a_free_time_is_booked_with_one_press(scripts, open_case, case, day):
    page = shown(open_case(case, java_script_enabled=scripts), scripts)
    free(page, day, "09.00").click()
    expect(page.get_by_text("Ärendet är ombokat till ")).to_be_visible()
    expect(page.get_by_text("Tiden ändrades. Från ")).to_be_visible()
    assert is_at(case, day, "09:00")


@SCRIPTS
def test_days_are_leafed_through_and_the_address_holds_no_more_than_a_date(scripts, open_case, case, day):
    page = shown(open_case(case, java_script_enabled=scripts), scripts)
    first = page.locator(".days h3").first.get_attribute("id")
    expect(page.get_by_role("link", name="Tidigare dagar")).to_be_disabled()
    page.get_by_role("link", name="Senare dagar").click()
    expect(page.locator(f"#{first}")).to_have_count(0)
    page.get_by_role("link", name="Tidigare dagar").click()
    expect(page.locator(f"#{first}")).to_be_visible()


def test_what_is_typed_elsewhere_and_in_it_is_still_there(open_case, case, day):
    page = opened(open_case(case))
    page.get_by_label("Annan tid").fill(f"{day}T08:20")
    page.get_by_label("Skriv meddelande").fill("Hej, vi ringer")
    page.get_by_role("link", name="Senare dagar").click()
    expect(page.get_by_role("link", name="Tidigare dagar")).to_be_enabled()
    expect(page.get_by_role("link", name="Senare dagar")).to_be_focused()
    expect(page.get_by_label("Annan tid")).to_have_value(f"{day}T08:20")
    expect(page.get_by_label("Skriv meddelande")).to_have_value("Hej, vi ringer")
    page.get_by_role("button", name="Spara tiden").click()
    expect(page.get_by_text("Ärendet är ombokat till ")).to_be_visible()
    expect(page.get_by_label("Skriv meddelande")).to_have_value("Hej, vi ringer")
    assert is_at(case, day, "08:20")


def test_after_a_booking_the_days_are_shown_anew(open_case, case, day):
    page = opened(open_case(case))
    free(page, day, "09.00").click()
    expect(free(page, day, "09.00 nu")).to_be_visible()


def test_enter_in_another_time_saves_that_time(open_case, case, day):
    page = opened(open_case(case))
    page.get_by_label("Annan tid").fill(f"{day}T08:20")
    page.get_by_label("Annan tid").press("Enter")
    expect(page.get_by_text("Ärendet är ombokat till ")).to_be_visible()
    assert is_at(case, day, "08:20")


def test_two_presses_of_one_time_are_one_booking(open_case, case, day):
    page = opened(open_case(case))
    with Held(page, f"**/cases/{case.pk}/rebook/") as held:
        free(page, day, "09.00").click()
    free(page, day, "09.00").click()
    held.let_go()
    expect(page.get_by_text("Ärendet är ombokat till ")).to_be_visible()
    case.refresh_from_db()
    assert case.booking == 2


@SCRIPTS
def test_of_two_nurses_the_second_is_told_what_stands(scripts, open_case, case, administrator, day):
    left_open = shown(open_case(case, java_script_enabled=scripts), scripts)
    other = opened(open_case(case, administrator))
    free(other, day, "09.00").click()
    expect(other.get_by_text("Ärendet är ombokat till ")).to_be_visible()
    free(left_open, day, "09.30").click()
    expect(left_open.get_by_text("Ändrat av Maria Ek till ")).to_be_visible()
    assert is_at(case, day, "09:00")
    expect(left_open.get_by_label("Annan tid")).to_have_value(f"{day}T09:30")
    left_open.get_by_role("button", name="Spara tiden").click()
    expect(left_open.get_by_text("Ärendet är ombokat till ")).to_be_visible()
    assert is_at(case, day, "09:30")


@SCRIPTS
def test_a_case_is_moved_to_a_queue_of_ones_own(scripts, open_case, case, plain_queue):
    page = shown(open_case(case, java_script_enabled=scripts), scripts)
    page.get_by_label("Flytta till en annan kö").select_option(str(plain_queue))
    page.get_by_role("button", name="Flytta ärendet").click()
    expect(page.get_by_text("Ärendet är flyttat till VC Spindeln Tidbokning.")).to_be_visible()
    expect(page.get_by_text("Kö: VC Spindeln Tidbokning")).to_be_visible()


@SCRIPTS
def test_before_a_case_leaves_ones_queues_what_is_written_is_asked_about(scripts, open_case, case, care_provider):
    strange = make_queue(care_provider, "Hjärtmottagning", True)
    page = shown(open_case(case, java_script_enabled=scripts), scripts)
    page.get_by_label("Ny anteckning").fill("Ringer efter lunch")
    page.get_by_label("Flytta till en annan kö").select_option(str(strange))
    page.get_by_role("button", name="Flytta ärendet").click()
    expect(page.get_by_text("Anteckningen är inte sparad och försvinner om ärendet flyttas.")).to_be_visible()
    expect(page.get_by_label("Ny anteckning")).to_have_value("Ringer efter lunch")
    page.get_by_role("button", name="Flytta ändå").click()
    expect(page.get_by_text("kan inte öppna ärendet längre")).to_be_visible()
    expect(page.get_by_role("heading", name="Arbetslista")).to_be_visible()
    assert Case.objects.get(pk=case.pk).queue == strange
