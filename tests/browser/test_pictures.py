"""The pictures of the handbook and of README can still be made. `bin/pictures` puts them in their places."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Page, ViewportSize

from tests.browser.pictures import PICTURES, SCREENSHOTS, Shown
from tests.browser.town import Town
from tests.conftest import ROOT

pytestmark = pytest.mark.django_db(transaction=True)

KEPT = bool(os.environ.get("TELEQ_PICTURES"))
"""Whether the pictures are put in their places: set by bin/pictures."""
ENDS = """Math.max(...Array.from(document.querySelectorAll("main > *, #content > *"),
    part => part.getBoundingClientRect().bottom))"""
"""How far down a page goes: teleQ's own, or one of Admin's."""


def take(shown: Shown, file: Path) -> None:
    """Of a page, what is seen of it without scrolling, down to where it ends."""
    page = shown if isinstance(shown, Page) else shown.page
    page.evaluate("document.activeElement.blur()")
    options: dict[str, Any] = {"path": file, "animations": "disabled", "caret": "hide"}
    if shown is page:
        size: ViewportSize | None = page.viewport_size
        assert size
        ends = page.evaluate(ENDS) + 24
        options["clip"] = {"x": 0, "y": 0, "width": size["width"], "height": min(size["height"], ends)}
    shown.screenshot(**options)
    with Image.open(file) as image:  # of 256 colours, as few as there are
        image.convert("RGB").quantize(256, dither=Image.Dither.NONE).save(file, optimize=True)


@pytest.mark.parametrize(
    ("shots", "folder", "height"),
    [(PICTURES, ROOT / "docs/handbok/bilder", 760), (SCREENSHOTS, ROOT / "docs/screenshots", 900)],
    ids=["handbook", "readme"],
)
def test_every_picture_can_be_made(shots, folder, height, product, new_context, tmp_path):
    town = Town(product, new_context, {"viewport": {"width": 1280, "height": height}, "color_scheme": "light"})
    made: Path = folder if KEPT else tmp_path
    wrong = {}
    for name, shot in shots.items():
        try:
            take(shot(town), made / f"{name}.png")
        except Exception as error:  # each is made, so that one that fails does not hide what others do
            wrong[name] = str(error).splitlines()[0]
    if KEPT:
        for left in {file for file in folder.glob("*.png") if file.stem not in shots}:
            left.unlink()
    assert wrong == {}
