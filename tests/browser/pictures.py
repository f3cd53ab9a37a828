"""The handbook's pictures and README's, each made from the demonstration: what is opened, and which part of it is shown.

`bin/pictures` makes all of them anew.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from playwright.sync_api import Locator, Page, expect

from cases import acts
from demo.data import T
from tests.browser.town import FREE_NUMBER, Town

Shot = Callable[[Town], Page | Locator]
PICTURES: dict[str, Shot] = {}
"""The handbook's, by name: docs/handbok/bilder."""
SCREENSHOTS: dict[str, Shot] = {}
"""README's: docs/screenshots."""


def picture(name: str, among: dict[str, Shot] = PICTURES) -> Callable[[Shot], Shot]:
    def register(shot: Shot) -> Shot:
        assert name not in among
        among[name] = shot
        return shot

    return register
