"""WCAG 2.1 AA as far as axe can tell."""

from __future__ import annotations

from typing import Any

from axe_playwright_python.sync_playwright import Axe, AxeResults
from playwright.sync_api import Page, expect

WIDE, NARROW = {"width": 1280, "height": 900}, {"width": 320, "height": 900}
EVERY_RULE = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"],
    "resultTypes": ["violations"],
    "preload": False,  # it would write style sheets of its own into the page, which the security policy stops
}
BY_COLOURS = {**EVERY_RULE, "runOnly": {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}}
"""What another colour scheme can change."""


def check(page: Page) -> None:
    """Nothing for axe to find, light and dark; nothing to scroll sideways for, wide or narrow; one heading; Swedish."""
    found = faults(page)
    assert found == [], f"{page.title()}: " + "\n".join(found)


def faults(page: Page) -> list[str]:
    """What is wrong with the page, in words. It is left wide and light."""
    expect(page.locator("html[lang=sv]")).to_have_count(1)
    expect(page.get_by_role("heading", level=1)).not_to_have_count(0)
    found = []
    if (headings := page.locator("h1:not(dialog *)").count()) != 1:
        found.append(f"{headings} h1")
    if page.locator("[tabindex]:not([tabindex='0'], [tabindex='-1'])").count():
        found.append("an order of its own for Tab")
    page.set_viewport_size(WIDE)
    found += [f"1280 px: {fault}" for fault in [*axe(page, EVERY_RULE), *overflow(page)]]
    page.emulate_media(color_scheme="dark")
    found += [f"dark: {fault}" for fault in axe(page, BY_COLOURS)]
    page.emulate_media(color_scheme="light")
    page.set_viewport_size(NARROW)
    found += [f"320 px: {fault}" for fault in overflow(page)]
    page.set_viewport_size(WIDE)
    return found


def axe(page: Page, options: dict[str, Any]) -> list[str]:
    if not page.evaluate("'axe' in window"):
        page.evaluate(Axe().axe_script)
    results = AxeResults(page.evaluate("options => axe.run(document, options)", options))
    return [results.generate_report()] if results.violations_count else []


def overflow(page: Page) -> list[str]:
    """WCAG 1.4.10: nothing to scroll sideways for."""
    fits = page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    return [] if fits else ["it has to be scrolled sideways"]
