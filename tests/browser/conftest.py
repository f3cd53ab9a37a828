"""The whole product behind a real browser: web, a real worker, the simulator in the provider's place."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.test import Client
from playwright.sync_api import BrowserContext, ConsoleMessage, Page

from cases import callbacks
from cases.models import Case
from local.supervisor import installed_browser
from sms.models import StandardText
from teleq.clock import database_now
from teleq.models import Queue, User
from tests.conftest import MOBILE, PASSWORD

# Playwright's loop runs in this thread, where Django would otherwise refuse to talk to the database.
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "1")

CHROMIUM = installed_browser()
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
THREE_CALLS = (
    "Hej. Vi har försökt nå dig tre gånger. Om du fortfarande vill komma i kontakt med oss, vänligen ring igen."
    " Häls. VC Spindeln"
)


# The browser ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    more = {"args": [*QUIET, "--disable-component-update", "--disable-sync", "--disable-lcd-text"]}
    return browser_type_launch_args | more | ({"executable_path": CHROMIUM} if CHROMIUM else {})


@pytest.fixture(scope="session")
def browser_context_args() -> dict[str, Any]:
    return {"locale": "sv-SE", "timezone_id": "Europe/Stockholm", "reduced_motion": "reduce"}


class Complaints:
    """What the browser's console complained of, violations of the security policy included: nothing, unless expected.

    That a form was answered with 409 or 422 is in the console too, and is how the product says what was wrong with it.
    """

    def __init__(self) -> None:
        self.heard: list[str] = []
        self._expected = ["status of 409", "status of 422"]

    def expect(self, *parts: str) -> None:
        self._expected += parts

    def listen(self, context: BrowserContext) -> None:
        """To every page that is opened in it."""
        context.on("console", self._note)
        context.on("weberror", lambda error: self.heard.append(str(error.error)))

    def _note(self, message: ConsoleMessage) -> None:
        if message.type == "error" and not any(part in message.text for part in self._expected):
            self.heard.append(message.text)


@pytest.fixture
def complaints() -> Iterator[Complaints]:
    complaints = Complaints()
    yield complaints
    assert complaints.heard == []


@pytest.fixture
def product(live_server: Any, settings: Any) -> str:
    """The product's address. Wake-ups reach a worker only in the tests that start one."""
    settings.TELEQ_URL = live_server.url
    return live_server.url


@pytest.fixture
def open_page(product: str, new_context: Callable[..., BrowserContext], complaints: Complaints) -> Callable[..., Page]:
    """A page of a browser of its own."""

    def make(width: int = 1280, **options: Any) -> Page:
        context = new_context(base_url=product, viewport={"width": width, "height": 900}, **options)
        context.set_default_timeout(15_000)
        complaints.listen(context)
        return context.new_page()

    return make


def session_cookie(user: User, product: str) -> dict[str, Any]:
    client = Client()
    client.force_login(user)
    session = client.cookies[django_settings.SESSION_COOKIE_NAME]
    return {"name": session.key, "value": session.value, "url": product, "httpOnly": True}


@pytest.fixture
def log_in(open_page: Callable[..., Page]) -> Callable[..., Page]:
    """A page at the work list, reached through the login page."""

    def enter(user: User, **options: Any) -> Page:
        page = open_page(**options)
        page.goto("/")
        page.get_by_label("Användarnamn").fill(user.username)
        page.get_by_label("Lösenord").fill(PASSWORD)
        page.get_by_role("button", name="Logga in").click()
        page.get_by_role("heading", name="Arbetslista").wait_for()
        return page

    return enter


@pytest.fixture
def sign_in(product: str, open_page: Callable[..., Page]) -> Callable[..., Page]:
    """A page that is signed in already, at this address."""

    def enter(user: User, address: str = "/", **options: Any) -> Page:
        page = open_page(**options)
        page.context.add_cookies([session_cookie(user, product)])
        page.goto(address)
        return page

    return enter


# The town ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def standard_text(queue: Queue) -> StandardText:
    return StandardText.objects.create(queue=queue, name="ring 3 gånger", text=THREE_CALLS)


@pytest.fixture
def book(queue: Queue) -> Callable[..., Case]:
    """The patient books a callback in an hour, unless said otherwise."""

    def booked(**columns: Any) -> Case:
        at = database_now() + timedelta(hours=1)
        values = {"queue": queue, "phone_number": MOBILE, "name": "Agda Andersson", "callback_at": at} | columns
        return callbacks.create(Case(**values), by=None)

    return booked


@pytest.fixture
def case(book: Callable[..., Case]) -> Case:
    return book()


@pytest.fixture
def open_case(sign_in: Callable[..., Page], nurse: User) -> Callable[..., Page]:
    """The case view, before the nurse unless another is named."""

    def show(case: Case, user: User = nurse, **options: Any) -> Page:
        return sign_in(user, f"/cases/{case.pk}/", **options)

    return show
