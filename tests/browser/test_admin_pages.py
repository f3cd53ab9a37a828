"""Admin with names that are long, or written from right to left, by the keyboard and in forced colours."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from cases.models import ClosedDay
from intake.keys import make_key
from intake.models import IntakeKey
from sms.models import StandardText
from teleq.models import CareProvider, Membership, Queue, User
from tests.browser.accessible import NARROW, WIDE, overflow
from tests.intake.telephone_system import keep_open

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

LONG = "Ö" * 100
FROM_RIGHT_TO_LEFT = "مركز الرعاية"


@pytest.fixture
def town(queue: Queue, plain_queue: Queue, care_provider: CareProvider, nurse: User, operator: User) -> None:
    """Something in every list."""
    StandardText.objects.create(queue=queue, name="ring 3 gånger", text="Hej.")
    ClosedDay.objects.create(queue=queue, day="2026-12-23", reason="Planering")
    keep_open(queue)
    make_key(IntakeKey(care_provider=care_provider, name="Växeln"), by=operator)


def every_page(page: Page) -> Iterator[str]:
    """Each page that can be reached by links from the first one; of those that differ by their row only, one."""
    waiting, seen = ["/admin/"], set()
    while waiting:
        address = waiting.pop(0)
        kind = re.sub(r"(?<=/recordings/N/)\w+/[\w:]+", "one/sentence", re.sub(r"\d+", "N", address))
        if kind in seen:
            continue
        seen.add(kind)
        page.goto(address)
        yield address
        found: list[str] = page.evaluate("[...document.querySelectorAll('a[href]')].map(a => a.pathname)")
        waiting += [each for each in found if each.startswith("/admin/")]


@pytest.mark.parametrize("role", ["provider_administrator", "operator"])
def test_long_names_and_large_text_make_no_page_wider_than_the_screen(role, sign_in, request, town):
    Queue.objects.update(unit=LONG)
    Queue.objects.filter(pk=Queue.objects.earliest("pk").pk).update(name=FROM_RIGHT_TO_LEFT)
    CareProvider.objects.update(name=LONG)
    User.objects.filter(username="anna").update(first_name=LONG, last_name=LONG)
    StandardText.objects.update(name=LONG[:60])
    user = request.getfixturevalue(role)
    User.objects.filter(pk=user.pk).update(first_name=FROM_RIGHT_TO_LEFT, last_name=LONG)
    page = sign_in(user)
    for address in every_page(page):
        for size in (NARROW, WIDE):
            page.set_viewport_size(size)
            assert overflow(page) == [], f"{address} at {size['width']}"
        page.evaluate("document.documentElement.style.fontSize = '200%'")
        assert overflow(page) == [], f"{address} with large text"


def test_a_wide_table_scrolls_in_a_box_that_the_keyboard_reaches(sign_in, administrator, town):
    page = sign_in(administrator, "/admin/teleq/user/", width=320)
    box = page.get_by_role("group", name="Användare")
    assert box.evaluate("box => box.scrollWidth > box.clientWidth")
    box.focus()
    page.keyboard.press("ArrowRight")
    expect(box).not_to_have_js_property("scrollLeft", 0)


def test_where_the_keyboard_is_is_seen_on_links_buttons_and_fields(sign_in, administrator, queue, plain_queue):
    page = sign_in(administrator, f"/admin/teleq/outgoingsms/{queue.pk}/change/")
    row = page.get_by_role("navigation", name="Admin")
    for part in (
        row.get_by_role("link", name="Köer"),
        page.get_by_role("link", name="Historik"),
        page.get_by_role("textbox", name="Avsändare"),
        page.get_by_label("Aktivera samtycke till SMS"),
        page.get_by_role("button", name="Spara"),
    ):
        part.focus()
        page.keyboard.press("Shift+Tab")
        page.keyboard.press("Tab")
        expect(part).to_be_focused()
        assert part.evaluate("e => getComputedStyle(e).outlineStyle") == "solid"


def test_utgaende_sms_is_one_click_away_and_saved_from_where_one_is(sign_in, administrator, queue, plain_queue):
    Membership.objects.filter(user=administrator).exclude(queue=queue).delete()
    page = sign_in(administrator, "/admin/access/signin/")
    page.get_by_role("navigation", name="Admin").get_by_role("link", name="Utgående SMS").click()
    page.get_by_label("Aktivera samtycke till SMS").uncheck()
    page.get_by_role("button", name="Spara").click()
    expect(page.get_by_text("Sparat: utgående SMS")).to_be_visible()
    page.get_by_role("link", name="Historik").click()
    expect(page.get_by_text("Aktivera samtycke till SMS: på → av")).to_be_visible()


def test_on_paper_it_is_seen_what_is_ticked(sign_in, administrator, queue):
    page = sign_in(administrator, f"/admin/teleq/outgoingsms/{queue.pk}/change/")
    page.emulate_media(media="print")
    box = page.get_by_label("Aktivera samtycke till SMS")
    assert box.evaluate("e => getComputedStyle(e).appearance") == "auto"
    assert box.bounding_box()["width"] > 10


def test_in_forced_colours_the_row_still_says_where_one_is(sign_in, administrator, queue, plain_queue):
    page = sign_in(administrator, "/admin/teleq/queue/")
    page.emulate_media(forced_colors="active")
    here = page.get_by_role("navigation", name="Admin").get_by_role("link", name="Köer")
    assert here.evaluate("e => getComputedStyle(e).borderBottomStyle") == "solid"
