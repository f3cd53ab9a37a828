"""Statistik in a browser: what its bars look like where there is little room, few colours, or paper."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator, Page, expect

from cases import acts
from cases.models import Status
from consent.models import Answer
from teleq.models import Outcome
from tests.conftest import MOBILE

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def page(sign_in, administrator, nurse, book, say) -> Page:
    """Of a queue with three cases: one reached, one not reached, one not called."""
    reached, not_reached, _ = book(), book(phone_number="+46701740606"), book(phone_number="+46701740607")
    say(Answer.YES, MOBILE, case_id=reached.pk)
    acts.record_attempt(reached, reached=True, by=nurse)
    acts.close(reached, Status.DONE, outcome=Outcome.ADVICE, by=nurse)
    acts.record_attempt(not_reached, reached=False, by=nurse)
    page = sign_in(administrator)
    page.goto("/admin/statistics/")
    return page


def chart(page: Page, title: str) -> Locator:
    return page.get_by_role("region", name=title, exact=True)


def same_day(page: Page) -> Locator:
    """The one bar of Kontakt samma dag: a part for each of the three cases."""
    return chart(page, "Kontakt samma dag").get_by_role("img")


def colours(bar: Locator) -> list[str]:
    """Of the bar's parts."""
    return bar.locator("rect[class]").evaluate_all("parts => parts.map(part => getComputedStyle(part).fill)")


def test_at_320_px_bars_have_a_width_and_nothing_scrolls_sideways(page):
    page.set_viewport_size({"width": 320, "height": 800})
    widths = (
        same_day(page)
        .locator("rect[class]")
        .evaluate_all("parts => parts.map(part => part.getBoundingClientRect().width)")
    )
    assert len(widths) == 3
    assert min(widths) > 30  # a third each of what there is beside the words
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


def test_a_bar_is_told_in_words_and_its_table_says_the_same(page):
    told = same_day(page).get_attribute("aria-label")
    assert told.endswith(": Kontakt samma dag 1, Försök samma dag, inte nådd 1, Inget försök samma dag 1")
    part = chart(page, "Kontakt samma dag")
    part.get_by_text("Tabell").click()
    expect(part.get_by_role("row").nth(1).get_by_role("cell")).to_have_text(["1", "1", "1", "33,3"])


def test_parts_differ_by_pattern_and_not_by_colour_alone(page):
    patterns = (
        same_day(page).locator("rect[fill]").evaluate_all("parts => parts.map(part => part.getAttribute('fill'))")
    )
    assert patterns == ["url(#pattern-1)", "url(#pattern-2)"]
    for pattern in patterns:
        expect(page.locator(f"pattern{pattern[4:-1]}")).to_have_count(1)


def test_in_forced_colours_bars_are_drawn_in_the_systems_own(page):
    page.emulate_media(forced_colors="active")
    text, ground = page.evaluate(
        """() => {
            const probe = document.body.appendChild(document.createElement('div'));
            probe.style.cssText = 'color: CanvasText; background: Canvas; forced-color-adjust: none';
            const style = getComputedStyle(probe);
            return [style.color, style.backgroundColor];
        }"""
    )
    assert text != ground
    assert colours(same_day(page)) == [text, ground, ground]  # the second and third have patterns in the text's colour
    assert page.locator("pattern .mark").first.evaluate("mark => getComputedStyle(mark).fill") == text


def test_on_paper_the_tables_are_there_and_what_is_pressed_is_not(page):
    page.emulate_media(media="print")
    expect(page.get_by_role("button", name="Visa")).to_be_hidden()
    expect(page.get_by_role("link", name="Hämta som CSV").first).to_be_hidden()
    expect(same_day(page)).to_be_visible()
    expect(chart(page, "Kontakt samma dag").get_by_role("table")).to_be_visible()


def test_a_queue_and_a_period_are_chosen_and_stand_in_the_address(page, plain_queue):
    page.get_by_label(str(plain_queue)).check()
    page.get_by_role("button", name="Denna vecka").click()
    expect(page.get_by_role("button", name="Denna vecka")).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_label(str(plain_queue))).to_be_checked()
    expect(chart(page, "Kontakt samma dag")).to_contain_text("Inget ärende räknas.")
    assert f"queue={plain_queue.pk}" in page.url
    assert "period=this_week" in page.url
