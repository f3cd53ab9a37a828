"""Two and three nurses side by side: who has a case open, who takes it over, and which case each is given."""

from __future__ import annotations

from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect

from cases import acts
from cases.models import Case, Presence, Priority, Status
from teleq.clock import database_now
from teleq.models import User
from tests.concurrency import wait_until
from tests.conftest import MOBILE

pytestmark = pytest.mark.django_db(transaction=True)

NEXT = "Ta nästa ärende"


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


@pytest.fixture
def third(make_user, queue) -> User:
    user = make_user("sara", "Sara", "Holm")
    queue.members.add(user)
    return user


def has_it(case: Case) -> User | None:
    case.refresh_from_db()
    return case.assignee


# Who has it open -----------------------------------------------------------------------------------------------------


def test_who_else_has_it_open_is_seen_and_is_gone_when_they_leave(open_case, case, administrator):
    theirs = open_case(case, administrator)
    page = open_case(case)
    expect(page.get_by_text("Öppet hos Maria Ek")).to_be_visible()
    theirs.reload()
    expect(theirs.get_by_text("Öppet hos Anna Lind")).to_be_visible()

    theirs.get_by_role("link", name="‹ Arbetslista").click()
    theirs.get_by_role("heading", name="Arbetslista").wait_for()
    wait_until(lambda: not Presence.objects.now().filter(user=administrator).exists())
    page.reload()
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    expect(page.get_by_text("Öppet hos")).to_have_count(0)


# Taking over ---------------------------------------------------------------------------------------------------------


def test_taking_over_is_asked_once_where_the_colleague_is_there(open_case, case, nurse, administrator):
    theirs = open_case(case, administrator)
    theirs.route("**/live/**", lambda route: route.fulfill(status=204))  # it is left as it is, however slow the rest is
    press(theirs, "Ta ärendet")
    expect(theirs.get_by_role("button", name="Släpp ärendet")).to_be_visible()

    page = open_case(case)
    page.get_by_label("Ny anteckning").fill("Ringer efter lunch")
    expect(page.get_by_role("button", name="Råd givet")).to_have_count(0)
    press(page, "Ta över ärendet")
    expect(page.get_by_text("Ta över ärendet från Maria Ek? Maria Ek kan vara mitt i ett samtal.")).to_be_visible()
    page.get_by_role("link", name="Nej").click()
    expect(page.get_by_text("Maria Ek har ärendet sedan")).to_be_visible()
    assert has_it(case) == administrator
    press(page, "Ta över ärendet")
    press(page, "Ja, ta över")
    expect(page.get_by_text("Du har tagit över ärendet.")).to_be_visible()
    expect(page.get_by_role("button", name="Släpp ärendet")).to_be_visible()
    expect(page.get_by_text("Tog över ärendet från Maria Ek.")).to_be_visible()
    expect(page.get_by_label("Ny anteckning")).to_have_value("Ringer efter lunch")
    assert has_it(case) == nurse

    press(theirs, "Inget svar")
    expect(theirs.get_by_text("Inget ändrades: Anna Lind tog över ärendet")).to_be_visible()
    expect(theirs.locator("#banner").get_by_text("Anna Lind tog över ärendet")).to_be_visible()
    expect(theirs.get_by_role("button", name="Ta över ärendet")).to_be_visible()
    expect(theirs.get_by_role("button", name="Inget svar")).to_have_count(0)


def test_with_the_keyboard_alone_and_no_is_where_one_stands(open_case, case, administrator):
    open_case(case, administrator)
    acts.take(case, by=administrator)
    page = open_case(case)
    page.get_by_role("button", name="Ta över ärendet").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="Nej")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Ta över ärendet")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="Nej")).to_be_focused()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Du har tagit över ärendet.")).to_be_visible()
    expect(page.get_by_role("heading", level=1)).to_be_focused()


def test_without_scripts_too(open_case, case, nurse, administrator):
    theirs = open_case(case, administrator, java_script_enabled=False)
    press(theirs, "Ta ärendet")
    page = open_case(case, java_script_enabled=False)
    press(page, "Ta över ärendet")
    page.get_by_role("link", name="Nej").click()
    press(page, "Ta över ärendet")
    press(page, "Ja, ta över")
    expect(page.get_by_text("Du har tagit över ärendet.")).to_be_visible()
    assert has_it(case) == nurse
    theirs.reload()
    expect(theirs.get_by_text("Anna Lind tog över ärendet")).to_be_visible()


# Ta nästa ärende -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
def test_three_who_ask_for_the_next_one_get_one_each(scripts, sign_in, book, nurse, administrator, third):
    at = database_now() - timedelta(minutes=30)
    cases = [book(name=f"Patient {number}", callback_at=at + timedelta(minutes=number)) for number in range(2)]
    cases.insert(0, book(name="Patient 9", callback_at=database_now(), priority=Priority.URGENT))
    users = [nurse, administrator, third]
    pages = [sign_in(user, java_script_enabled=scripts) for user in users]
    for page in pages:
        press(page, NEXT)
    for page, case in zip(pages, cases, strict=True):
        expect(page.get_by_role("heading", level=1)).to_have_text(case.name)
        expect(page.get_by_role("button", name="Släpp ärendet")).to_be_visible()
    assert [has_it(case) for case in cases] == users


def test_after_klart_the_next_one_is_a_key_away(open_case, book):
    first = book(callback_at=database_now() - timedelta(minutes=30), phone_number="+46701740607")
    later = book(name="Sven Svensson", callback_at=database_now() + timedelta(hours=3))
    page = open_case(first)
    page.get_by_role("button", name="Råd givet").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("Ärendet är klart: Råd givet.")).to_be_visible()
    expect(page.get_by_role("button", name=NEXT)).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_text("Inget ärende att ringa just nu. Nästa")).to_be_visible()
    expect(page.get_by_role("button", name="Ta ändå")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Sven Svensson")
    later.refresh_from_db()
    assert later.status == Status.ONGOING


def test_a_closed_case_that_is_only_read_takes_no_focus(open_case, case, nurse):
    acts.close(case, Status.DONE, by=nurse)
    page = open_case(case)
    expect(page.get_by_role("button", name=NEXT)).to_be_visible()
    expect(page.get_by_role("button", name=NEXT)).not_to_be_focused()


def test_a_shift_ends_with_one_press(sign_in, book, nurse):
    cases = [book(phone_number=number) for number in (MOBILE, "+46701740607")]
    for case in cases:
        acts.take(case, by=nurse)
    page = sign_in(nurse)
    press(page, "Släpp alla mina ärenden (2)")
    expect(page.get_by_text("2 ärenden är släppta.")).to_be_visible()
    assert [has_it(case) for case in cases] == [None, None]
