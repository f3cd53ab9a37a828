"""The work list changes while it is open, and nothing moves under whoever is in it: two and three nurses."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import Locator, Page, expect

from cases import acts, presence
from cases.models import Case, Status
from sms.models import InboundSms
from teleq.models import Membership, User

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def karim(make_user, queue, plain_queue) -> User:
    user = make_user("karim", "Karim", "Noor")
    Membership.objects.bulk_create(Membership(user=user, queue=each) for each in (queue, plain_queue))
    return user


@pytest.fixture
def day(book) -> list[Case]:
    """Five cases of the day after tomorrow, so that none passes from one section to another while a test goes on."""
    at = (timezone.localtime() + timedelta(days=2)).replace(hour=10, minute=0, second=0, microsecond=0)
    return [
        book(name=name, phone_number=f"+467017406{number}", callback_at=at + timedelta(minutes=10 * number))
        for number, name in enumerate(("Agda Ek", "Bo Dahl", "Cecilia Frid", "Disa Gran", "Elis Holm"), start=10)
    ]


def ask(page: Page) -> None:
    """The page asks for what has changed, as it does every five seconds; and has put the answer in place."""
    page.evaluate(
        """() => new Promise((done) => {
             const list = document.getElementById("work-list");
             list.addEventListener("htmx:afterRequest", () => setTimeout(done), { once: true });
             htmx.trigger(list, "poll");
           })"""
    )


def rows(page: Page) -> Locator:
    return page.locator("tr[id^=case-]")


def row(page: Page, case: Case) -> Locator:
    return page.locator(f"#case-{case.pk}")


def names(page: Page) -> list[str]:
    return [text.splitlines()[0] for text in page.locator("tr[id^=case-] [data-label=Patient] a").all_inner_texts()]


def away(page: Page) -> None:
    """The pointer is not in the list."""
    page.mouse.move(5, 5)


def test_what_a_colleague_does_is_seen_within_a_few_seconds_by_itself(sign_in, nurse, karim, day):
    page = sign_in(nurse)
    expect(row(page, day[1])).to_contain_text("Väntar")
    colleague = sign_in(karim, f"/cases/{day[1].pk}/")
    colleague.get_by_role("button", name="Ta ärendet").click()
    expect(row(page, day[1])).to_contain_text("Pågår – Karim Noor", timeout=30_000)


def test_three_nurses_and_a_patient_are_seen_in_their_rows(sign_in, nurse, administrator, karim, day):
    anna, maria = sign_in(nurse), sign_in(administrator)
    acts.take(day[0], by=karim)
    presence.note(karim, day[2])
    presence.note(nurse, day[2])
    InboundSms.objects.create(queue=day[3].queue, from_number=day[3].phone_number, text="Ja tack", provider="simulator")
    for page, others in ((anna, "Öppet hos Karim Noor"), (maria, "Öppet hos Karim Noor, Anna Lind")):
        ask(page)
        expect(row(page, day[0])).to_contain_text("Pågår – Karim Noor")
        expect(row(page, day[2]).get_by_text(others, exact=True)).to_be_visible()
        expect(row(page, day[3])).to_contain_text("Nytt SMS")
        expect(rows(page)).to_have_count(5)


def test_nothing_that_has_not_changed_is_touched(sign_in, nurse, day):
    page = sign_in(nurse)
    away(page)
    page.evaluate("for (const row of document.querySelectorAll('tr[id]')) row.same = true")
    ask(page)
    Case.objects.filter(pk=day[1].pk).update(reason="Recept")
    ask(page)
    expect(row(page, day[1])).to_contain_text("Recept")
    assert page.evaluate("[...document.querySelectorAll('tr[id]')].every((row) => row.same)")
    assert names(page) == ["Agda Ek", "Bo Dahl", "Cecilia Frid", "Disa Gran", "Elis Holm"]


def test_the_keyboard_stays_where_it_is_while_its_row_changes_and_goes_elsewhere(sign_in, nurse, karim, day):
    page = sign_in(nurse)
    away(page)
    link = row(page, day[2]).get_by_role("link")
    link.focus()
    acts.take(day[2], by=karim)
    Case.objects.filter(pk=day[2].pk).update(callback_at=timezone.now() + timedelta(days=9), reason="Recept")
    ask(page)
    expect(row(page, day[2])).to_contain_text("Pågår – Karim Noor")
    expect(row(page, day[2])).to_contain_text("Recept")
    expect(link).to_be_focused()
    assert names(page)[2] == "Cecilia Frid"
    expect(page.get_by_role("button", name="1 ändring – visa")).to_be_visible()
    page.keyboard.press("Shift+Tab")
    while page.evaluate("document.activeElement.closest('#rows') !== null"):
        page.keyboard.press("Shift+Tab")
    ask(page)
    expect(rows(page).last).to_contain_text("Cecilia Frid")


def test_rows_wait_while_the_pointer_is_in_the_list_until_they_are_asked_for(sign_in, nurse, book, day):
    page = sign_in(nurse)
    row(page, day[4]).hover()
    Case.objects.filter(pk=day[0].pk).update(status=Status.DONE)
    Case.objects.filter(pk=day[4].pk).update(callback_at=timezone.now() + timedelta(hours=-1))
    book(name="Frida Ny", phone_number="+46701740699")
    ask(page)
    assert names(page) == ["Agda Ek", "Bo Dahl", "Cecilia Frid", "Disa Gran", "Elis Holm"]
    expect(row(page, day[0])).to_contain_text("Inte längre i listan")
    show = page.get_by_role("status").get_by_role("button", name="3 ändringar – visa")
    expect(show).to_be_visible()
    ask(page)
    expect(show).to_be_visible()
    assert names(page)[0] == "Agda Ek"
    show.click()
    expect(rows(page).first).to_contain_text("Elis Holm")
    assert names(page) == ["Elis Holm", "Frida Ny", "Bo Dahl", "Cecilia Frid", "Disa Gran"]
    expect(page.get_by_role("rowheader", name="Försenade")).to_be_visible()
    expect(show).to_be_hidden()
    expect(page.get_by_role("heading", level=1)).to_be_focused()


def test_rows_change_at_once_while_nobody_is_in_the_list(sign_in, nurse, book, day):
    page = sign_in(nurse)
    away(page)
    Case.objects.filter(pk=day[0].pk).update(status=Status.DONE)
    book(name="Frida Ny", phone_number="+46701740699")
    ask(page)
    assert names(page) == ["Frida Ny", "Bo Dahl", "Cecilia Frid", "Disa Gran", "Elis Holm"]
    expect(page.get_by_role("status").get_by_role("button")).to_have_count(0)
    expect(page.get_by_role("navigation", name="Köer")).to_contain_text("Alla köer 5 öppna")


def test_what_is_selected_stays_so(sign_in, nurse, book, day):
    page = sign_in(nurse)
    away(page)
    page.evaluate(
        "(id) => getSelection().selectAllChildren(document.querySelector(`#${id} [data-label=Telefonnummer]`))",
        f"case-{day[1].pk}",
    )
    chosen = page.evaluate("getSelection().toString()")
    assert chosen == "070-174 06 11"
    Case.objects.filter(pk=day[1].pk).update(reason="Recept")
    book(name="Frida Ny", phone_number="+46701740699")
    ask(page)
    expect(row(page, day[1])).to_contain_text("Recept")
    assert page.evaluate("getSelection().toString()") == chosen
    expect(page.get_by_role("button", name="1 ändring – visa")).to_be_visible()


def test_an_empty_list_fills_and_empties(sign_in, nurse, book):
    page = sign_in(nurse)
    away(page)
    expect(page.get_by_text("Inga ärenden att visa.")).to_be_visible()
    case = book()
    ask(page)
    expect(row(page, case)).to_contain_text("Agda Andersson")
    Case.objects.filter(pk=case.pk).update(status=Status.DONE)
    ask(page)
    expect(page.get_by_text("Inga ärenden att visa.")).to_be_visible()


def test_how_late_a_case_is_is_counted_in_the_page(sign_in, nurse, book):
    page = sign_in(nurse)
    page.clock.install(time=timezone.now())
    case = book(callback_at=timezone.now() - timedelta(seconds=5))
    page.route("**/cases/list/**", lambda route: None)  # which would tell the page what the time is
    page.goto("/")
    late = row(page, case).locator("time")
    expect(late).to_have_text("under 1 min försenad")
    page.clock.run_for(61_000)
    expect(late).to_have_text("1 min försenad")
    page.clock.run_for(58 * 60_000)
    expect(late).to_have_text("59 min försenad")
    page.clock.run_for(120_000)
    expect(late).to_have_text("1 h 1 min försenad")


def test_updated_tells_when_teleq_last_answered(sign_in, nurse, day, complaints):
    complaints.expect("ERR_", "htmx:afterRequest", "htmx:sendError")
    page = sign_in(nurse)
    updated = page.locator("#updated")
    shown = updated.inner_text()
    page.wait_for_function("(shown) => document.getElementById('updated').textContent !== shown", arg=shown)
    page.route("**/cases/list/**", lambda route: route.abort())
    ask(page)
    last = updated.text_content().removeprefix("Uppdaterad ")
    expect(page.get_by_text(f"Ingen kontakt med teleQ sedan {last}")).to_be_visible()
    expect(updated).to_be_hidden()
    expect(page.locator("#failure")).to_be_hidden()
    page.unroute("**/cases/list/**")
    ask(page)
    expect(updated).to_be_visible()
    expect(page.get_by_text("Ingen kontakt med teleQ")).to_have_count(0)


def test_back_from_a_case_is_the_same_place_in_the_same_list(sign_in, nurse, queue, book):
    at = (timezone.localtime() + timedelta(days=2)).replace(hour=10, minute=0, second=0, microsecond=0)
    cases = [book(name=f"Namn {n}", callback_at=at + timedelta(minutes=n)) for n in range(40)]
    address = f"/?queue={queue.pk}&status=waiting&sort=-time"
    page = sign_in(nurse, address)
    row(page, cases[2]).get_by_role("link").click()
    page.get_by_role("link", name="‹ Arbetslista").click()
    page.wait_for_url(f"**{address}#case-{cases[2].pk}")
    expect(row(page, cases[2])).to_be_in_viewport()
    expect(page.get_by_label("Status")).to_have_value("waiting")


def test_a_case_that_has_left_the_list_leads_back_to_where_one_was(sign_in, nurse, book):
    at = (timezone.localtime() + timedelta(days=2)).replace(hour=10, minute=0, second=0, microsecond=0)
    cases = [book(name=f"Namn {n}", callback_at=at + timedelta(minutes=n)) for n in range(50)]
    page = sign_in(nurse)
    row(page, cases[45]).scroll_into_view_if_needed()
    row(page, cases[45]).get_by_role("link").click()
    page.get_by_role("button", name="Råd givet").first.click()
    expect(page.get_by_role("button", name="Öppna igen")).to_be_visible()
    page.get_by_role("link", name="‹ Arbetslista").click()
    expect(row(page, cases[44])).to_be_in_viewport()
    expect(row(page, cases[0])).not_to_be_in_viewport()


@pytest.fixture
def full_day(book: Callable[..., Case], karim: User) -> list[Case]:
    """Thirty cases in all four sections, with all that stands in a row."""
    now = timezone.now()
    cases = []
    for n in range(30):
        at = now + timedelta(minutes=(n - 8) * 5) if n < 16 else now + timedelta(days=2, minutes=n)
        cases.append(
            book(
                name=f"Margareta Lindqvist-Söderström {n}",
                reason="Ont i halsen sedan i måndags, feber och svårt att svälja; vill veta om hon ska komma in",
                phone_number=f"+467017406{n + 10}",
                callback_at=at,
                priority=1 if n % 9 == 0 else 2,
            )
        )
    acts.take(cases[3], by=karim)
    presence.note(karim, cases[5])
    return cases


def test_twenty_rows_are_seen_at_1280_by_900(sign_in, nurse, full_day):
    page = sign_in(nurse)
    bottoms = rows(page).evaluate_all("(rows) => rows.map((row) => row.getBoundingClientRect().bottom)")
    assert len([bottom for bottom in bottoms if bottom <= 900]) >= 20
    for heading in ("Försenade", "Att ringa nu", "Kommande dagar"):
        expect(page.get_by_role("rowheader", name=heading)).to_be_visible()


def test_a_long_reason_is_cut_on_its_line_and_whole_where_the_keyboard_is(sign_in, nurse, full_day):
    page = sign_in(nurse)
    reason = row(page, full_day[2]).locator(".cut")
    expect(reason).to_have_attribute("title", full_day[2].reason)
    assert reason.evaluate("(reason) => reason.scrollWidth > reason.clientWidth")
    row(page, full_day[2]).get_by_role("link").focus()
    assert reason.evaluate("(reason) => reason.scrollWidth <= reason.clientWidth")
