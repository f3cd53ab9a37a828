"""Every page of teleQ in each of the states that look different, made from the demonstration's town.

Each is a short function in one of the modules beside this one. It leads somebody's browser there, and waits for what
shows that it has come. The states of a chapter are gone through in order, and leave alone the cases that others need.
tests/browser/test_states.py looks at them all.
"""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.browser.town import Town

State = Callable[[Town], Page]
CATALOGUE: dict[str, dict[str, State]] = {}
"""By chapter and name."""


def state(chapter: str, name: str) -> Callable[[State], State]:
    """Puts the function into the catalogue."""

    def register(way: State) -> State:
        states = CATALOGUE.setdefault(chapter, {})
        assert name not in states, f"{chapter}: two are called {name}"
        states[name] = way
        return way

    return register


def shows(page: Page, *texts: str) -> Page:
    """The page, once all of this can be seen on it."""
    for text in texts:
        expect(page.get_by_text(text).locator("visible=true").first).to_be_visible()
    return page


def press(page: Page, button: str) -> Page:
    page.get_by_role("button", name=button, exact=True).click()
    return page
