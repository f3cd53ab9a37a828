"""Every page of teleQ in each of its states (states/): WCAG 2.1 AA as far as axe can tell, in light and dark,
and nothing to scroll sideways for at 1280 and 320 pixels.

With TELEQ_STATES set to a folder each is left there as pictures to look at: wide, narrow, dark and as it is printed.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from playwright.sync_api import Error, Page

from tests.browser.accessible import NARROW, WIDE, faults
from tests.browser.states import account, admin, case, lists, stopped
from tests.browser.states.catalogue import CATALOGUE
from tests.browser.town import Town

pytestmark = pytest.mark.django_db(transaction=True)

MODULES = (lists, case, account, admin, stopped)
"""Imported for what they put into the catalogue."""
PICTURES = os.environ.get("TELEQ_STATES")


@pytest.fixture
def town(product, new_context) -> Town:
    return Town(product, new_context, {"viewport": WIDE})


@pytest.mark.parametrize("chapter", CATALOGUE)
def test_each_state_can_be_seen_and_used_by_everybody(chapter, town):
    found = {}
    for name, way in CATALOGUE[chapter].items():
        try:
            page = way(town)
            found[name] = faults(page)
            keep(page, chapter, name)
        except (AssertionError, Error) as error:  # the others are looked at all the same
            found[name] = [str(error).split("\nCall log")[0]]
    tell(found)


def test_every_page_of_admin_that_a_link_leads_to(town):
    found = {}
    for name, page in admin.by_links(town):
        found[name] = faults(page)
        keep(page, "Admin by links", name)
    assert len(found) > 40
    tell(found)


def tell(found: dict[str, list[str]]) -> None:
    """Fails where anything was found."""
    if wrong := [f"{name}: {fault}" for name, faults in found.items() for fault in faults]:
        pytest.fail("\n\n".join(wrong), pytrace=False)


def keep(page: Page, chapter: str, name: str) -> None:
    """As pictures, where somebody wants to look at them."""
    if not PICTURES:
        return
    folder = Path(PICTURES) / re.sub(r"\W+", "-", chapter)
    file = re.sub(r"\W+", "-", name)
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        for size in (WIDE, NARROW):
            page.set_viewport_size(size)
            page.screenshot(path=folder / f"{file} {scheme} {size['width']}.png", full_page=True, animations="disabled")
    page.set_viewport_size(WIDE)
    page.emulate_media(color_scheme="light", media="print")
    page.screenshot(path=folder / f"{file} printed.png", full_page=True, animations="disabled")
    page.emulate_media(media="screen")
