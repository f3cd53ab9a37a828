"""The demonstration's town behind a browser: its people, each signed in once, and its patients' cases."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import BrowserContext, Page

from cases import callbacks
from cases.models import Case
from demo import loader
from demo.data import M, R, T
from sms.models import InboundSms
from teleq.models import Queue, User
from tests.browser.conftest import session_cookie

QUEUES = {R: ("VC Spindeln", "Rådgivning"), T: ("VC Spindeln", "Tidbokning"), M: ("VC Myran", "Rådgivning")}
FREE_NUMBER = "070-174 06 60"
"""That no patient of the demonstration has."""


@dataclass
class Town:
    address: str
    new_context: Callable[..., BrowserContext]
    options: dict[str, Any] = field(default_factory=dict)
    _pages: dict[str, Page] = field(default_factory=dict)

    def __post_init__(self) -> None:
        assert loader.load()

    def page(self, username: str, address: str = "/") -> Page:
        """The page of somebody's own browser, at this address; "" is nobody's."""
        if username not in self._pages:
            self._pages[username] = self.new_page(username)
        page = self._pages[username]
        page.goto(address)
        return page

    def new_page(self, username: str) -> Page:
        """Of a browser of its own, signed in, for what is done to the browser itself."""
        context = self.new_context(base_url=self.address, **self.options)
        context.set_default_timeout(20_000)
        if username:
            context.add_cookies([session_cookie(self.user(username), self.address)])
        return context.new_page()

    def case_page(self, case: Case, username: str = "anna", more: str = "") -> Page:
        return self.page(username, f"/cases/{case.pk}/{more}")

    def user(self, username: str) -> User:
        return User.objects.get(username=username)

    def queue(self, key: str = R) -> Queue:
        unit, name = QUEUES[key]
        return Queue.objects.select_related("outgoing_sms", "care_provider").get(unit=unit, name=name)

    def case(self, name: str, key: str = R) -> Case:
        """The patient's, in one of the queues."""
        return Case.objects.select_related("queue__care_provider").get(name=name, queue=self.queue(key))

    def book(self, like: str = "Agda Andersson", **columns: Any) -> Case:
        """One more case of a patient's, unless the columns are another's."""
        first = self.case(like)
        values = {
            "queue": first.queue,
            "name": first.name,
            "phone_number": first.phone_number,
            "personal_identity_number": first.personal_identity_number,
            "callback_at": first.callback_at,
            "reason": "Blodtryck, egna värden",
        }
        return callbacks.create(Case(**values | columns), by=None)

    def receive(self, number: object, text: str, key: str = R) -> InboundSms:
        """An SMS from a patient's number, sent to the queue's."""
        return InboundSms.objects.create(
            queue=self.queue(key), from_number=str(number), text=text, provider="simulator"
        )
