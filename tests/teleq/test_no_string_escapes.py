"""No string on the screen escapes the catalogue: every page and what its buttons answer, in a language in which all
strings stand in marks. What is read outside them, and is no data, has been forgotten. What only machines ask for
(`teleq.middleware.probes`) is no page.

Read are texts, titles and labels, also those that only screen readers or scripts take from the page. What is handed to
a patient is Swedish, and says so: lang="sv"; the runbook is English: lang="en".
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from html.parser import HTMLParser
from typing import Any

import pytest
from django.conf import settings
from django.db import transaction
from django.test import Client
from django.utils import timezone
from django.utils.translation import override, trans_real

from cases import acts, callbacks
from cases.free_times import coming_holidays
from cases.models import Case, Draft, NoAnswer, Note, Priority, ProtectionMark, Status
from consent import register
from consent.models import Answer, ConsentText
from demo.data import PATIENTS
from intake.models import IntakeKey
from sms import inbound
from sms.models import InboundSms, Message, Refusal, StandardText, UnplacedSms
from sms.providers import PROVIDERS
from sms.providers.base import Reply
from sms.states import State
from teleq.handbook.pages import INDEX, PAGES, read_page
from teleq.middleware.probes import PROBES
from teleq.models import CareProvider, Outcome, OutgoingSms, Queue, User
from tests.cases.desk import Button, Form, forms_on
from tests.cases.protecting import mark
from tests.database_roles import past_the_triggers
from tests.teleq.test_promise_9_table import NUMBER, ROUTES, World, address_of
from tests.teleq.test_promise_9_table import world as world  # noqa: PLC0414  a fixture

pytestmark = [pytest.mark.django_db, pytest.mark.slow]

PEOPLE = ["nurse", "queue_admin", "provider_admin", "reviewer", "operator"]
NOT_WORDS = {"teleQ", "SMS", "min", "h", *(name for _, name in settings.LANGUAGES)}
"""The product's name, what is written alike in every language, and the languages' names, each in itself."""


# A language in which every string stands in marks ---------------------------------------------------------------------


class Marked:
    """Django's translation object for it."""

    def gettext(self, text: str) -> str:
        """With a context before it, Django asks for both in one."""
        return f"⟦{text.rpartition(trans_real.CONTEXT_SEPARATOR)[2]}⟧"

    def ngettext(self, one: str, several: str, number: int) -> str:
        return f"⟦{one if number == 1 else several}⟧"

    def pgettext(self, context: str, text: str) -> str:
        return self.gettext(text)

    def npgettext(self, context: str, one: str, several: str, number: int) -> str:
        return self.ngettext(one, several, number)

    def to_language(self) -> str:
        return "en"


@pytest.fixture
def in_marks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(trans_real._translations, "en", Marked())


def outside(text: str) -> str:
    """What of a text stands outside all marks."""
    while (inner := re.sub("⟦[^⟦⟧]*⟧", "", text)) != text:
        text = inner
    return text


# What is read on a page -----------------------------------------------------------------------------------------------

VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
NOT_READ = {"script", "style", "textarea", "blockquote"}
"""Scripts, and what people have written."""
READ = ("title", "alt", "label", "placeholder", "aria-label", "aria-description", "aria-roledescription")
FOR_SCRIPTS = re.compile(r"[A-ZÅÄÖ][a-zåäö]+|[a-zåäö]+ [a-zåäö]+|[åäöÅÄÖ]")
"""Of a data attribute, what is a word to be read; else it is a name, an address or a time."""


class Reader(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.texts: list[str] = []
        """Of attributes: each by itself."""
        self.read: list[str] = []
        """What stands between the tags. Marks may be begun in one element and ended in another."""
        self.not_read: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attributes}
        is_swedish, is_secret = given.get("lang") == "sv" and tag != "html", given.get("class") == "key"
        is_runbook = tag == "article" and given.get("lang") == "en"
        if self.not_read or tag in NOT_READ or is_swedish or is_secret or is_runbook:
            self.not_read += [] if tag in VOID else [tag]
            if tag != "textarea":
                return
        self.texts += [given[name] for name in READ if name in given]
        if tag == "input" and given.get("type") in ("submit", "button", "reset"):
            self.texts.append(given.get("value", ""))
        self.texts += [
            value
            for name, value in given.items()
            if name.startswith("data-") and FOR_SCRIPTS.search(outside(value)) and not value.startswith(("/", "{", "#"))
        ]

    def handle_endtag(self, tag: str) -> None:
        if self.not_read and self.not_read[-1] == tag:
            self.not_read.pop()

    def handle_data(self, data: str) -> None:
        if not self.not_read:
            self.read.append(data)


@dataclass
class Escaped:
    """Gathers what is outside the marks, with the page on which it was read first."""

    data: list[str]
    found: dict[str, str] = field(default_factory=dict)

    def read(self, where: str, content_type: str, body: str) -> None:
        if content_type.startswith("text/html"):
            reader = Reader(body)
            texts: Iterable[str] = [*reader.texts, *outside("\0".join(reader.read)).split("\0")]
        elif content_type.startswith("text/csv"):
            texts = [cell for row in csv.reader(io.StringIO(body)) for cell in row]
        elif content_type.startswith("text/plain"):
            texts = [body]
        else:
            return
        for text in texts:
            rest = re.sub(r"\{\w+\}", "", outside(text))  # placeholders are alike in every language
            for known in self.data:
                rest = rest.replace(known, " ")
            words = [word for word in re.findall(r"[^\W\d_]+", rest) if word not in NOT_WORDS]
            if words:
                self.found.setdefault(re.sub(r"\s+", " ", text).strip()[:200], where)


def data_of(world: World) -> list[str]:
    """What people have written and are called, the longest first. Holidays' names are a library's, and the handbook is
    Swedish."""
    columns: list[tuple[Any, tuple[str, ...]]] = [
        (User, ("first_name", "last_name", "username")),
        (CareProvider, ("name",)),
        (Queue, ("unit", "name", "responsible")),
        (Case, ("name", "reason", "personal_identity_number", "interpreter_language", "speak_with")),
        (Note, ("text",)),
        (Draft, ("text",)),
        (Message, ("text",)),
        (InboundSms, ("text",)),
        (UnplacedSms, ("text", "sender")),
        (StandardText, ("name", "text")),
        (ConsentText, ("text",)),
        (IntakeKey, ("name",)),
        (ProtectionMark, ("reason",)),
        (OutgoingSms, ("sender", "confirmation_text", "reminder_text")),
    ]
    words = {word for model, names in columns for row in model.objects.values_list(*names) for word in row if word}
    with override("en"):
        holidays = {name for _, name in coming_holidays(timezone.localdate())}
    handbook = {read_page(name).title for name in (INDEX, *PAGES)}
    patients = {patient.name for patient in PATIENTS if patient.name}  # of the demonstration: "Telefon" lists them
    return sorted({*words, *PROVIDERS, *holidays, *handbook, *patients}, key=len, reverse=True)


# Somebody who opens everything ----------------------------------------------------------------------------------------


@dataclass
class Somebody:
    """Opens pages and presses what is on them. What they do is undone, and each request comes with the same session."""

    user: User | None
    escaped: Escaped

    def __post_init__(self) -> None:
        self.client = Client(raise_request_exception=True)
        if self.user:
            self.client.force_login(self.user)
        self.cookies = dict(self.client.cookies)

    def open(self, where: str, address: str) -> list[tuple[str, Form]]:
        """Read a page. Returns its forms, with the page's address."""
        return self._ask(where, "get", address, {})

    def press(self, where: str, address: str, form: Form, button: Button | None, **typed: str) -> None:
        data = form.fields | ({button.name: button.value} if button and button.name else {}) | typed
        to = (button and button.formaction) or form.attributes.get("action") or address
        name = " ".join((button.label if button else "").split())
        self._ask(f"{where} [{outside(name) or name}]", form.attributes.get("method", "get"), to, data)

    def _ask(self, where: str, method: str, address: str, data: dict[str, str]) -> list[tuple[str, Form]]:
        self.client.cookies.clear()
        for name, morsel in self.cookies.items():
            self.client.cookies[name] = morsel.value
        with transaction.atomic():
            response = getattr(self.client, method.lower())(address, data, follow=True)
            transaction.set_rollback(True)
        content_type = response.headers.get("Content-Type", "")
        body = b"".join(response) if response.streaming else response.content
        is_signed_out = self.user is not None and response.request["PATH_INFO"].startswith("/login/")
        if not is_signed_out and "loggutdrag" not in response.headers.get("Content-Disposition", ""):
            self.escaped.read(where, content_type, body.decode(errors="replace"))
        is_page = response.status_code == 200 and content_type.startswith("text/html")
        html = body.decode(errors="replace") if is_page else ""
        return [(response.request["PATH_INFO"], form) for form in forms_on(html)]

    def open_and_press_all(self, where: str, address: str, seen: set[tuple[str, str]]) -> None:
        """Each form as it stands on its page, and with all that can be written taken away."""
        for page, form in self.open(where, address):
            action = re.sub(r"\d+", "n", form.attributes.get("action") or page)
            for button in form.buttons or [None]:
                pressed = (action, f"{button.name}={button.value}" if button else "")
                if pressed in seen or "logout" in action:
                    continue
                seen.add(pressed)
                self.press(where, page, form, button)
                written = {name: "" for name in form.fields if name != "csrfmiddlewaretoken"}
                self.press(where, page, form, button, **written)
                kept = {"id", "seen", "shown", "token", "press", "initial"}
                odd = {
                    name: "?!"
                    for name, value in form.fields.items()
                    if name != "csrfmiddlewaretoken" and not any(part in name for part in kept)
                }
                self.press(where, page, form, button, **odd)


# What there is to be seen ---------------------------------------------------------------------------------------------


@pytest.fixture
def states(world: World) -> list[Case]:
    """Cases that stand differently, beside the one of the world."""
    nurse, admin, queue = world.people["nurse"], world.people["queue_admin"], world.queue
    Queue.objects.filter(pk=queue.pk).update(responsible="Överläkare Granit, 1234")
    OutgoingSms.objects.filter(queue=queue).update(confirmation_on=True, reminder_on=True)
    numbers = iter(range(10, 60))

    def make(**columns: Any) -> Case:
        at = timezone.now() + columns.pop("after", timedelta(hours=2))
        number = columns.pop("phone_number", f"+467017406{next(numbers)}")
        made = Case(queue=Queue.objects.get(pk=queue.pk), phone_number=number, callback_at=at, name="Topas", **columns)
        return callbacks.create(made, by=nurse)

    def seen(case: Case) -> int:
        return case.events.latest_act().pk

    def answer(case: Case, *answers: Answer) -> None:
        for each in answers:
            current = register.current(*case.consent_key)
            register.answer_in_case(
                queue.care_provider, case.phone_number, each, by=nurse, case_id=case.pk, seen_event=current.event_id
            )

    def written_to(case: Case, state: State, refusal: Refusal | str = "") -> Case:
        answer(case, Answer.YES)
        message = callbacks.send_sms(case, "Zafir", token=f"{case.pk}", shown=str(case.phone_number), by=nurse)
        with past_the_triggers():
            Message.objects.filter(pk=message.pk).update(state=state, refusal=refusal, claimed_at=timezone.now())
        return case

    late, theirs, mine, tried, done, cancelled, protected, wrong, moved, undone = (
        make(priority=Priority.URGENT, reason="Topas") for _ in range(10)
    )
    Case.objects.filter(pk=late.pk).update(callback_at=timezone.now() - timedelta(minutes=45))
    acts.take(theirs, by=admin, seen=seen(theirs))
    acts.call(mine, shown=str(mine.phone_number), by=nurse, seen=seen(mine))
    for _ in range(3):
        acts.record_attempt(tried, reached=False, by=nurse, seen=seen(tried), how=NoAnswer.VOICEMAIL, next_at=None)
    acts.close(done, Status.DONE, by=nurse, seen=seen(done), outcome=Outcome.ADVICE)
    acts.close(cancelled, Status.CANCELLED, by=nurse, seen=seen(cancelled))
    mark(protected, admin)
    acts.record_attempt(wrong, reached=False, by=nurse, seen=seen(wrong), how=NoAnswer.WRONG_NUMBER, next_at=None)
    callbacks.move(moved, moved.callback_at + timedelta(days=2), by=None)
    acts.take(undone, by=nurse, seen=seen(undone))
    acts.take_over(undone, by=admin, seen=seen(undone), sure=True)
    answered = make(personal_identity_number="198108292389", a_number=NUMBER)
    answer(answered, Answer.YES, Answer.NO, Answer.UNSET, Answer.YES)
    answer(make(), Answer.NO)
    landline = make(phone_number="+46317410000")
    inbound.receive("simulator", Reply(str(answered.phone_number), "+46701740699", "STOPP", "2"))
    InboundSms.objects.create(queue=queue, from_number=mine.phone_number, text="Beryll", provider="simulator")
    callbacks.add_note(mine, "Onyx", by=admin)
    sent = [written_to(make(), state) for state in State if state != State.REFUSED]
    refused = [written_to(make(), State.REFUSED, refusal) for refusal in Refusal]
    states = [late, theirs, mine, tried, done, cancelled, protected, wrong, moved, undone, answered, landline]
    return [*states, *sent, *refused]


def asked_for(states: list[Case]) -> Iterator[tuple[str, str]]:
    for place, case in enumerate(states):
        yield f"case {place}", f"/cases/{case.pk}/"
    for question in ("?rebook=1", "?edit=number", "?dial=1"):
        yield f"case{question}", f"/cases/{states[2].pk}/{question}"
    for question in ("?status=all", "?status=done&sort=status", "?status=mine", "?page=2"):
        yield f"list{question}", f"/{question}"
    yield "live list", "/cases/list/?status=all"


@pytest.fixture
def escaped(world: World, states: list[Case], in_marks: None) -> Iterator[Escaped]:
    User.objects.update(language="en")
    gathered = Escaped(data_of(world))
    yield gathered
    listed = "\n".join(f"{where}: {text!r}" for text, where in gathered.found.items())
    assert not gathered.found, f"{len(gathered.found)} texts outside the marks:\n{listed}"


def test_every_page_and_what_its_buttons_answer(world, escaped, states):
    seen: set[tuple[str, str]] = set()
    for who in PEOPLE:
        somebody = Somebody(User.objects.get(username=who), escaped)
        for route in ROUTES:
            if not route.startswith("/api/") and route not in PROBES:
                somebody.open_and_press_all(f"{who} {route}", address_of(route, world), seen)
        for where, address in asked_for(states) if who == "nurse" else ():
            somebody.open_and_press_all(where, address, seen)
    assert len(seen) > 100


def test_whoever_is_not_signed_in(world, escaped, settings):
    settings.LANGUAGE_CODE = "en"
    somebody, seen = Somebody(None, escaped), set()
    for route in ROUTES:
        if not route.startswith(("/api/", "/sms/")) and route not in PROBES:
            somebody.open_and_press_all(route, address_of(route, world), seen)
    assert seen


def test_what_is_outside_the_marks_is_found():
    page = (
        '<p title="⟦Ett⟧">⟦Två ⟦tre⟧⟧ 17 <b>fyra</b></p><i lang="sv">fem</i> data'
        '<a data-new="Sex sju" data-id="x-y">⟦Åtta⟧ – teleQ</a>'
    )
    escaped = Escaped(["data"])
    escaped.read("here", "text/html", page)
    assert set(escaped.found) == {"fyra", "Sex sju"}
