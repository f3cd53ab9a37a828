"""A desk to sit at: pages whose buttons are pressed as a browser presses them, and two desks at the same time."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from html.parser import HTMLParser

from django.db import transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from cases.models import Case
from sms.models import Message
from teleq.models import User
from tests.concurrency import in_another_connection, wait_until_a_connection_waits_for_a_lock

OTHER_MOBILE = "+46701740606"


def in_a_month(clock: str = "10:30") -> str:
    """As the browser's field for a time writes it."""
    return f"{timezone.localdate() + timedelta(days=30)}T{clock}"


def messages_of(case: Case) -> list[Message]:
    return list(Message.objects.filter(case_message__case=case).order_by("id"))


# Pages ---------------------------------------------------------------------------------------------------------------


@dataclass
class Button:
    label: str
    name: str
    value: str
    disabled: bool
    formaction: str = ""


@dataclass
class Form:
    attributes: dict[str, str]
    fields: dict[str, str] = field(default_factory=dict)
    buttons: list[Button] = field(default_factory=list)


class _Reader(HTMLParser):
    """Finds what a browser would post, where links lead, and what is to be read."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.links: list[str] = []
        self.words: list[str] = []
        self.rows: list[str] = []
        self.title = ""
        self._inside: list[str] = []
        self._select = self._textarea = self._button = None
        self._by_id: dict[str, Form] = {}
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        given = {name: value or "" for name, value in attrs}
        self.links += [given[name] for name in ("href", "action", "hx-post", "hx-get", "src") if name in given]
        if tag == "form":
            form = self._by_id.setdefault(given.get("id", f"form {len(self.forms)}"), Form({}))
            form.attributes = given
            self.forms.append(form)
            self._inside.append(tag)
        elif tag == "tr" and "section" not in given.get("class", ""):  # else it is the heading of the rows below
            self.rows.append("")
        elif tag == "title":
            self._inside.append(tag)
        elif "form" in given:  # it belongs to the form with this id, wherever that stands
            self._control(tag, given, self._by_id.setdefault(given["form"], Form({})))
        elif tag == "option" and self._select:
            self._option(given, *self._select)
        elif self._inside and self._inside[-1] == "form":
            self._control(tag, given, self.forms[-1])

    def _control(self, tag, given, form):
        name = given.get("name", "")
        if tag == "input" and name:
            form.fields[name] = given.get("value", "")
        elif tag == "textarea":
            self._textarea = form, name
            form.fields[name] = ""
        elif tag == "select":
            self._select = form, name
        elif tag == "button":
            self._button = Button("", name, given.get("value", ""), "disabled" in given, given.get("formaction", ""))
            form.buttons.append(self._button)

    def _option(self, given, form, name):
        if "selected" in given or name not in form.fields:
            form.fields[name] = given.get("value", "")

    def handle_endtag(self, tag):
        if self._inside and self._inside[-1] == tag:
            self._inside.pop()
        if tag == "textarea" and self._textarea:
            form, name = self._textarea
            form.fields[name] = form.fields[name].removeprefix("\n")
            self._textarea = None
        elif tag == "select":
            self._select = None
        elif tag == "button":
            self._button = None

    def handle_data(self, data):
        if self._inside and self._inside[-1] == "title":
            self.title += data
            return
        if self._textarea:
            form, name = self._textarea
            form.fields[name] += data
        if self._button:
            self._button.label += data
        if self.rows:
            self.rows[-1] += data
        self.words.append(data)


def forms_on(html: str) -> list[Form]:
    return _Reader(html).forms


def squeezed(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()


class Page:
    """A page as somebody has it open. Its buttons post what the page was shown with, and what was typed since."""

    def __init__(self, client: Client, response) -> None:
        self.client, self.status, self.html = client, response.status_code, response.content.decode()
        self.address = response.request["PATH_INFO"]
        self._read = _Reader(self.html)
        self.title = squeezed(self._read.title)
        self.links = self._read.links
        self.rows = [squeezed(row) for row in self._read.rows[1:]]

    @property
    def text(self) -> str:
        return squeezed("".join(self._read.words))

    def typed(self, name: str, beside: str) -> str:
        """What a field holds, in the form with this button."""
        return self._button(beside)[0].fields[name]

    def has_button(self, label: str) -> bool:
        return any(squeezed(button.label) == label for form in self._read.forms for button in form.buttons)

    def can_press(self, label: str) -> bool:
        return not self._button(label)[1].disabled

    def press(self, label: str, *, by_hand: bool = False, **typed: object) -> Page:
        """Press a button. A shut one can't be, except by hand: by somebody who writes the request himself."""
        form, button = self._button(label)
        assert by_hand or not button.disabled, f"{label} is shut"
        data = form.fields | ({button.name: button.value} if button.name else {}) | typed
        send = self.client.post if form.attributes.get("method") == "post" else self.client.get
        return Page(
            self.client, send(button.formaction or form.attributes.get("action") or self.address, data, follow=True)
        )

    def _button(self, label: str) -> tuple[Form, Button]:
        for form in self._read.forms:
            for button in form.buttons:
                if squeezed(button.label) == label:
                    return form, button
        raise AssertionError(f"no button {label!r}")


@dataclass
class Desk:
    client: Client

    def open(self, address: str) -> Page:
        return Page(self.client, self.client.get(address))

    def case(self, case: Case) -> Page:
        return self.open(reverse("cases:case", args=[case.pk]))

    def work_list(self, query: str = "") -> Page:
        return self.open(reverse("cases:work_list") + query)


def rebooking(desk: Desk, case: Case, first: str = "1") -> Page:
    """The case with "Boka om" open, at the days from this one on."""
    return desk.open(f"{reverse('cases:case', args=[case.pk])}?rebook={first}")


def desk_of(user: User) -> Desk:
    client = Client()
    client.force_login(user)
    return Desk(client)


# At the same time ----------------------------------------------------------------------------------------------------


def at_once(case: Case, *acts: Callable[[], object]) -> list[object]:
    """Run these at the same time, each in a connection of its own, let go when all of them wait for the case."""
    with transaction.atomic():
        Case.objects.select_for_update().get(pk=case.pk)
        futures = [in_another_connection(act) for act in acts]
        wait_until_a_connection_waits_for_a_lock(len(acts))
    return [future.exception(timeout=20) or future.result() for future in futures]


def said(page: Page) -> str:
    """What the page says of what was just done, wherever on it that stands."""
    return "\n".join(re.findall(r'<p class="flash[^"]*"[^>]*>(.*?)</p>', page.html, re.DOTALL))


def dials(page: Page) -> str:
    """The number that the page dials by itself or has the link in focus for, in E.164; empty where it dials nobody."""
    found = re.search(r'<a id="dial"[^>]* href="tel:([^"]+)" autofocus>', page.html)
    return found[1] if found else ""
