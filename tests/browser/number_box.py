"""Telefonnummer in the case, which is read until "Ändra" is pressed."""

from __future__ import annotations

from playwright.sync_api import Page


def type_number(page: Page, number: str) -> None:
    change = page.get_by_role("link", name="Ändra numret")
    if change.is_visible():
        change.click()
    page.get_by_label("Telefonnummer").fill(number)
