"""The whole product behind a real browser: web, a real worker, the simulator in the provider's place."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, ConsoleMessage, Page

from sms.models import StandardText
from teleq.models import Queue, User
from tests.conftest import PASSWORD

# Playwright's loop runs in this thread, where Django would otherwise refuse to talk to the database.
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "1")

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
THREE_CALLS = (
    "Hej. Vi har försökt nå dig tre gånger. Om du fortfarande vill komma i kontakt med oss, vänligen ring igen."
    " Häls. VC Spindeln"
)
EXPECTED_ANSWERS = (
    "status of 401",
    "status of 404",
    "status of 409",
    "status of 422",
    "ERR_INTERNET_DISCONNECTED",
    "htmx:afterRequest",
    "htmx:sendError",
)


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    more = {"args": [*QUIET, "--disable-component-update", "--disable-sync"]}
    return browser_type_launch_args | more | ({"executable_path": CHROMIUM} if CHROMIUM else {})


@pytest.fixture(scope="session")
def browser_context_args() -> dict[str, Any]:
    return {
        "locale": "sv-SE",
        "timezone_id": "Europe/Stockholm",
        "reduced_motion": "reduce",
    }


@pytest.fixture
def product(live_server: Any, settings: Any) -> str:
    """The product's address. Wake-ups reach a worker only in the tests that start one."""
    settings.TELEQ_URL = live_server.url
    return live_server.url


@pytest.fixture
def standard_text(queue: Queue) -> StandardText:
    return StandardText.objects.create(queue=queue, name="ring 3 gånger", text=THREE_CALLS)


@pytest.fixture
def complaints() -> Iterator[list[str]]:
    """What the browser's console complained of, the security policy's violations included. There must be nothing."""
    heard: list[str] = []
    yield heard
    assert heard == []


@pytest.fixture
def open_page(new_context: Callable[..., BrowserContext], complaints: list[str]) -> Callable[..., Page]:
    def note(message: ConsoleMessage) -> None:
        expected = any(part in message.text for part in EXPECTED_ANSWERS) or "Response Status Error" in message.text
        if message.type == "error" and not expected:
            complaints.append(message.text)

    def make(width: int = 1280, **options: Any) -> Page:
        page = new_context(**options).new_page()
        page.set_viewport_size({"width": width, "height": 900})
        page.set_default_timeout(15_000)
        page.on("console", note)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        return page

    return make


@pytest.fixture
def sign_in(product: str, open_page: Callable[..., Page]) -> Callable[..., Page]:
    """A page of its own browser, signed in as this user, at the work list."""

    def enter(user: User, **options: Any) -> Page:
        page = open_page(**options)
        page.goto(f"{product}/login/")
        page.get_by_label("Användarnamn").fill(user.username)
        page.get_by_label("Lösenord").fill(PASSWORD)
        page.get_by_role("button", name="Logga in").click()
        page.get_by_role("heading", name="Arbetslista").wait_for()
        return page

    return enter
