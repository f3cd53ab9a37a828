"""What pages look like: long words, names from right to left, narrow, large, dark, in forced colours, on paper."""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserType, Locator, Page, expect

from cases import acts, callbacks, presence
from cases.models import Case, NoAnswer, Priority
from consent.models import Answer
from demo.models import SimulatedSms
from sms.models import InboundSms, StandardText
from teleq.clock import database_now
from teleq.models import ColourScheme, Queue, User
from tests.browser.conftest import session_cookie
from tests.conftest import MOBILE

pytestmark = pytest.mark.django_db(transaction=True)

LONG = "Ö" * 100
ARABIC, HEBREW = "محمد", "דוד"
WIDE, NARROW = 1280, 320
TWICE = "--blink-settings=defaultFontSize=32"
"""Chromium's setting "Teckenstorlek", at 200 %: 16 is as it comes."""


@pytest.fixture
def karim(make_user: Callable[..., User], queue: Queue, plain_queue: Queue) -> User:
    user = make_user("karim", "Karim", "Noor")
    for each in (queue, plain_queue):
        each.memberships.create(user=user)
    return user


# Words that are too long ---------------------------------------------------------------------------------------------


@pytest.fixture
def endless(book: Callable[..., Case], nurse: User, karim: User, queue: Queue, plain_queue: Queue) -> Case:
    """A hundred letters without a space wherever somebody can write them; returns the case that has most of them."""
    User.objects.filter(pk=nurse.pk).update(first_name=LONG, last_name="")
    User.objects.filter(pk=karim.pk).update(first_name=LONG, last_name=ARABIC)
    Queue.objects.filter(pk=plain_queue.pk).update(name=LONG)
    Queue.objects.filter(pk=queue.pk).update(unit=LONG, responsible=LONG)
    StandardText.objects.create(queue=queue, name=LONG[:60], text=LONG)
    nurse.refresh_from_db()
    karim.refresh_from_db()
    case = book(name=LONG, reason=LONG, priority=Priority.URGENT, callback_at=database_now() - timedelta(hours=30))
    theirs = book(name=LONG, reason=LONG, queue=plain_queue, phone_number="+46701740611")
    book(name=ARABIC, reason=f"{HEBREW}, 10.30", phone_number="+46701740612")
    acts.take(theirs, by=karim)
    presence.note(karim, case)
    callbacks.add_note(case, LONG, by=nurse)
    for _ in range(3):
        acts.record_attempt(case, reached=False, how=NoAnswer.BUSY, by=nurse)
    for number in (MOBILE, "+46701740699"):
        InboundSms.objects.create(queue=queue, from_number=number, text=LONG, provider="simulator")
    SimulatedSms.objects.create(to_number=MOBILE, sender="teleQ", text=LONG, callback_url="http://127.0.0.1/")
    return case


STICKS_OUT = """() => {
  const isCut = (each) => each && (getComputedStyle(each).overflowX !== 'visible' || isCut(each.parentElement));
  return [...document.querySelectorAll('body *')]
    .filter((each) => each.checkVisibility() && each.getBoundingClientRect().right > innerWidth + 1)
    .filter((each) => each.getBoundingClientRect().width > 1 && !isCut(each.parentElement))
    .map((each) => each.outerHTML.slice(0, 90));
}"""
"""What reaches past the window, but for what is cut on its line with an ellipsis, or scrolls with its table."""


def check_that_nothing_is_out_of_view(page: Page) -> None:
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"), page.url
    tables = page.locator(".table")
    assert all(tables.evaluate_all("(all) => all.map((table) => table.scrollWidth <= table.clientWidth)")), page.url
    assert page.evaluate(STICKS_OUT) == [], page.url


def pages_with(case: Case) -> list[str]:
    theirs = Case.objects.filter(assignee__isnull=False).exclude(pk=case.pk).get()
    return [
        *("/", f"/cases/{case.pk}/", f"/cases/{case.pk}/?rebook=1", f"/cases/{theirs.pk}/"),
        *("/inbound/", "/cases/new/", "/konto/", "/simulator/"),
    ]


@pytest.mark.parametrize("width", [WIDE, NARROW])
def test_a_word_without_end_pushes_nothing_out_of_view(sign_in, nurse, endless, width):
    page = sign_in(nurse, width=width)
    for address in pages_with(endless):
        page.goto(address)
        check_that_nothing_is_out_of_view(page)
    page.get_by_label("Sök ärende").fill(LONG[:50])
    page.get_by_role("button", name="Sök").click()
    expect(page.get_by_role("heading", name="Sökresultat")).to_be_visible()
    check_that_nothing_is_out_of_view(page)


def test_all_columns_of_the_list_are_seen_and_the_patient_has_room(sign_in, nurse, endless):
    page = sign_in(nurse)
    last = page.get_by_role("columnheader", name="Samtycke till SMS").bounding_box()
    assert last
    assert last["x"] + last["width"] <= WIDE
    link = page.get_by_role("link", name=ARABIC, exact=True)
    assert link.evaluate("(link) => link.closest('td').clientWidth") > 120


@pytest.fixture
def in_large_text(
    browser_type: BrowserType,
    browser_type_launch_args: dict[str, Any],
    browser_context_args: dict[str, Any],
    product: str,
) -> Iterator[Callable[..., Page]]:
    """A page in a browser where the size of text is set to 200 %."""
    args = [*browser_type_launch_args["args"], TWICE]
    browser: Browser = browser_type.launch(**browser_type_launch_args | {"args": args})

    def enter(user: User, width: int) -> Page:
        context = browser.new_context(
            base_url=product, viewport={"width": width, "height": 900}, **browser_context_args
        )
        context.add_cookies([session_cookie(user, product)])  # type: ignore[list-item]
        return context.new_page()

    yield enter
    browser.close()


@pytest.mark.parametrize("width", [WIDE, NARROW])
def test_with_text_of_twice_the_size_nothing_is_out_of_view(in_large_text, nurse, endless, width):
    page = in_large_text(nurse, width)
    for address in pages_with(endless):
        page.goto(address)
        assert page.evaluate("getComputedStyle(document.body).fontSize") == "32px"
        check_that_nothing_is_out_of_view(page)


# From right to left --------------------------------------------------------------------------------------------------


def left_of(place: Locator) -> float:
    box = place.bounding_box()
    assert box
    return box["x"]


def test_two_names_from_right_to_left_stand_in_the_order_of_the_sentence(open_case, sign_in, nurse, make_user, case):
    for username, name in (("a", ARABIC), ("h", HEBREW)):
        user = make_user(username, name, "")
        case.queue.memberships.create(user=user)
        presence.note(user, case)
    for page in (sign_in(nurse), open_case(case)):
        told = page.locator(".open-at")
        expect(told).to_contain_text("Öppet hos")
        names = told.locator("bdi")
        expect(names).to_have_count(2)
        assert left_of(names.first) < left_of(names.last)


def test_a_name_from_right_to_left_leaves_what_follows_it_where_it_is(open_case, sign_in, nurse, book):
    case = book(name=ARABIC, reason=f"{HEBREW} 10.30")
    callbacks.add_note(case, f"{ARABIC} 070-174 06 05", by=nurse)
    page = open_case(case)
    heading = page.get_by_role("heading", level=1)
    expect(heading.locator("bdi")).to_have_css("direction", "rtl")
    expect(heading).to_have_css("direction", "ltr")
    assert left_of(heading) < left_of(page.locator("[data-changes=status]"))
    expect(page.locator(".written")).to_have_css("direction", "rtl")
    page.get_by_label("Skriv meddelande").fill(ARABIC)
    expect(page.get_by_label("Skriv meddelande")).to_have_css("direction", "rtl")
    row = sign_in(nurse).locator(f"#case-{case.pk}")
    expect(row.get_by_role("link").locator("bdi")).to_have_css("direction", "rtl")
    expect(row.locator(".cut")).to_have_css("direction", "rtl")


# Light and dark ------------------------------------------------------------------------------------------------------

COLOURS = """() => ['backgroundColor', 'color'].map((name) => {
  const [r, g, b] = getComputedStyle(document.body)[name].match(/[\\d.]+/g).map(Number);
  return Math.round((r + g + b) / 3);
})"""


def is_dark(page: Page) -> bool:
    background, text = page.evaluate(COLOURS)
    assert abs(background - text) > 150, f"{background}, {text}"
    return background < text


@pytest.mark.parametrize("system", ["light", "dark"])
@pytest.mark.parametrize("chosen", ColourScheme)
def test_a_page_is_as_the_user_has_chosen_or_else_as_the_computer_is_set(sign_in, nurse, case, system, chosen):
    User.objects.filter(pk=nurse.pk).update(colour_scheme=chosen)
    page = sign_in(nurse, color_scheme=system)
    for address in ("/", f"/cases/{case.pk}/", "/konto/"):
        page.goto(address)
        assert is_dark(page) == ((chosen or system) == "dark")


def test_the_sign_in_is_as_the_computer_is_set(open_page):
    page = open_page(color_scheme="dark")
    page.goto("/login/")
    assert is_dark(page)


def test_it_is_chosen_on_ditt_konto_by_keyboard(sign_in, nurse):
    page = sign_in(nurse, "/konto/", color_scheme="light")
    page.get_by_label("Utseende").select_option("Mörkt")
    page.get_by_role("button", name="Spara").press("Enter")
    expect(page.get_by_text("Utseende och språk är sparade.")).to_be_visible()
    assert is_dark(page)
    expect(page.get_by_label("Utseende")).to_have_value("dark")


@pytest.mark.parametrize("width", [WIDE, NARROW])
def test_everything_can_be_read_in_the_dark(sign_in, nurse, karim, case, book, say, width):
    say(Answer.NO)
    acts.take(book(phone_number="+46701740611"), by=karim)
    acts.record_attempt(book(phone_number="+46701740612"), reached=False, how=NoAnswer.WRONG_NUMBER, by=nurse)
    book(priority=Priority.URGENT, callback_at=database_now() - timedelta(hours=2), phone_number="+46701740613")
    page = sign_in(nurse, color_scheme="dark", width=width)
    theirs = Case.objects.get(assignee=karim)
    for address in ("/", f"/cases/{case.pk}/", f"/cases/{theirs.pk}/", "/konto/", "/simulator/", "/cases/new/"):
        page.goto(address)
        findings = Axe().run(page, options={"runOnly": ["color-contrast"], "preload": False})
        assert findings.violations_count == 0, f"{address}: {findings.generate_report()}"


def test_the_focus_is_seen_in_the_head(sign_in, nurse):
    page = sign_in(nurse)
    for link in ("Arbetslista", str(nurse)):
        page.get_by_role("banner").get_by_role("link", name=link).focus()
        page.keyboard.press("Shift+Tab")
        page.keyboard.press("Tab")
        focused = page.locator(":focus")
        expect(focused).to_have_text(link)
        expect(focused).to_have_css("outline-color", "rgb(255, 255, 255)")
        expect(focused).to_have_css("outline-width", "3px")
    expect(page.get_by_role("banner")).to_have_css("background-color", "rgb(8, 72, 92)")


# Forced colours, and less motion -------------------------------------------------------------------------------------


def width_of(place: Locator, side: str) -> float:
    return float(place.evaluate(f"(element) => parseFloat(getComputedStyle(element).{side})"))


def test_with_forced_colours_lines_tell_what_colours_told(sign_in, nurse, case, book, say):
    say(Answer.NO)
    mine = book(phone_number="+46701740611")
    acts.take(mine, by=nurse)
    page = sign_in(nurse, forced_colors="active")
    current, other = page.get_by_role("link", name="Alla köer"), page.get_by_role("link", name=str(case.queue))
    assert width_of(current, "borderBottomWidth") > width_of(other, "borderBottomWidth")
    in_head = page.get_by_role("banner").get_by_role("link", name="Arbetslista")
    assert width_of(in_head, "borderBottomWidth") >= 4
    first = page.locator(f"#case-{mine.pk} td").first
    assert width_of(first, "borderLeftWidth") > width_of(page.locator(f"#case-{case.pk} td").first, "borderLeftWidth")
    for place in (in_head, page.get_by_role("link", name=case.name).first, page.get_by_role("button", name="Visa")):
        place.focus()
        page.keyboard.press("Shift+Tab")
        page.keyboard.press("Tab")
        expect(place).to_be_focused()
        expect(place).to_have_css("outline-style", "solid")
        assert width_of(place, "outlineWidth") >= 2

    page.goto(f"/cases/{case.pk}/")
    shut, open_one = page.get_by_role("button", name="Skicka SMS"), page.get_by_role("button", name="Lägg till svar")
    expect(shut).to_be_disabled()
    expect(shut).to_have_css("border-top-style", "dashed")
    expect(open_one).to_have_css("border-top-style", "solid")


def test_what_has_changed_moves_only_for_those_who_want_motion(sign_in, nurse, case):
    for motion, animation in (("reduce", "none"), ("no-preference", "changed")):
        page = sign_in(nurse)
        page.emulate_media(reduced_motion=motion)
        row = page.locator(f"#case-{case.pk}")
        row.evaluate("(row) => row.classList.add('changed')")
        expect(row).to_have_css("animation-name", animation)


# On paper ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def told(case: Case, nurse: User, say: Callable[..., Any]) -> Case:
    """A case of an ordinary day: calls, a message, a note, a reply."""
    say(Answer.YES)
    callbacks.send_sms(case, "Vi har försökt nå dig. " * 8 + "Slut.", token="1", shown=MOBILE, by=nurse)
    for _ in range(3):
        acts.record_attempt(case, reached=False, how=NoAnswer.BUSY, by=nurse)
    callbacks.add_note(case, "Vill bli uppringd före lunch. " * 10, by=nurse)
    InboundSms.objects.create(queue=case.queue, from_number=MOBILE, text="Ring gärna i morgon.", provider="simulator")
    return case


def test_a_case_on_paper_is_what_is_stored_and_no_buttons(open_case, told):
    Case.objects.filter(pk=told.pk).update(reason="Ont i halsen", personal_identity_number="191212121212")
    page = open_case(told)
    page.emulate_media(media="print")
    for role in ("button", "navigation", "banner", "searchbox"):
        for shown in page.get_by_role(role).all():
            expect(shown).to_be_hidden()
    for text in ("Agda Andersson", "Ont i halsen", "19121212-1212", "Försök 3 av 3", "Ring gärna i morgon."):
        expect(page.get_by_text(text).first).to_be_visible()
    expect(page.get_by_text("Vill bli uppringd före lunch.").first).to_be_visible()
    expect(page.get_by_text("Boka om")).to_be_hidden()
    for field, value in (("Telefonnummer", "070-174 06 05"), ("Samtycke till SMS", "yes")):
        box = page.get_by_label(field)
        expect(box).to_have_value(value)
        expect(box).to_be_visible()
        expect(box).to_have_css("border-top-width", "0px")
        expect(box).to_have_css("appearance", "none")
    sent = page.locator(".cut-text > summary > span").first
    assert sent.evaluate(
        "(text) => text.getBoundingClientRect().bottom <= text.closest('li').getBoundingClientRect().bottom"
    )
    expect(sent).to_have_css("display", "inline")  # whole, and not cut after two lines


def test_a_case_takes_one_or_two_pages_of_paper(open_case, told):
    paper = open_case(told).pdf(format="A4")
    assert 1 <= len(re.findall(rb"/Type\s*/Page\b", paper)) <= 2


def test_what_is_being_written_is_printed_as_text(open_case, told):
    page = open_case(told)
    page.get_by_label("Ny anteckning").fill("Mår bättre. " * 60)
    expect(page.get_by_text("Utkast sparat")).to_be_visible()
    page.emulate_media(media="print")
    note = page.get_by_label("Ny anteckning")
    expect(note).to_be_visible()
    assert note.evaluate("(box) => box.scrollHeight <= box.clientHeight + 1")
    expect(page.get_by_label("Skriv meddelande")).to_be_hidden()


@pytest.mark.parametrize("chosen", [ColourScheme.SYSTEM, ColourScheme.DARK])
def test_paper_is_light(sign_in, nurse, case, chosen):
    User.objects.filter(pk=nurse.pk).update(colour_scheme=chosen)
    page = sign_in(nurse, f"/cases/{case.pk}/", color_scheme="dark")
    page.emulate_media(media="print", color_scheme="dark")
    text = page.get_by_role("heading", level=1).evaluate("(heading) => getComputedStyle(heading).color")
    assert text == "rgb(23, 32, 42)"


def test_the_list_on_paper_is_a_list(sign_in, nurse, case, book):
    book(name=LONG, reason=LONG, phone_number="+46701740611")
    page = sign_in(nurse)
    page.set_viewport_size({"width": 700, "height": 1000})  # as wide as A4
    page.emulate_media(media="print")
    expect(page.get_by_role("columnheader", name="Patient")).to_be_visible()
    expect(page.locator(f"#case-{case.pk}")).to_have_css("display", "table-row")
    expect(page.get_by_text("Agda Andersson")).to_be_visible()
    expect(page.get_by_role("heading", name="Arbetslista")).to_be_visible()
    for name in ("Ta nästa ärende", "Visa", "Sök", "Logga ut"):
        expect(page.get_by_role("button", name=name)).to_be_hidden()
    assert page.evaluate("document.documentElement.scrollWidth <= 700")


# What can't be undone ------------------------------------------------------------------------------------------------


def test_avboka_stands_apart_from_klart_and_looks_like_what_it_is(open_case, case):
    page = open_case(case)
    for width in (WIDE, NARROW):
        page.set_viewport_size({"width": width, "height": 900})
        cancel = page.get_by_role("button", name="Avboka", exact=True)
        group = page.get_by_role("group", name="Klart").bounding_box()
        box = cancel.bounding_box()
        assert group
        assert box
        apart = max(box["x"] - (group["x"] + group["width"]), box["y"] - (group["y"] + group["height"]))
        assert apart >= 40
        expect(cancel).to_have_css("color", "rgb(156, 28, 28)")


# The first view ------------------------------------------------------------------------------------------------------


def test_the_first_view_of_a_full_list_is_under_60_kb(sign_in, nurse, book):
    for n in range(50):
        book(
            name=f"Margareta Lindqvist-Söderström {n}", reason=f"Ont i halsen {n}", phone_number=f"+4670174{n + 610:04}"
        )
    page = sign_in(nurse)
    expect(page.locator("tr[id]")).to_have_count(50)
    linked = page.evaluate(
        "[...document.querySelectorAll('link[href], script[src]')].map(({ href, src }) => href || src)"
    )
    assert len(linked) > 8
    first = page.request.get("/", headers={"Accept-Encoding": "gzip"})
    assert first.headers["content-encoding"] == "gzip"
    # Each file as production compresses it, once, with gzip; here it is served as it is.
    sizes = [len(gzip.compress(page.request.get(address).body())) for address in [page.url, *linked]]
    assert sum(sizes) < 60_000
