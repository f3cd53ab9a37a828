"""Promise 9 as a table: every address and method, by every role, by the answer's status and by what it holds.

The addresses come from the resolver: a new one fails the test until it has a row in `role_table.txt`, which says what
it answers whom. Everything that is asked for belongs to one care provider. Which words an answer may hold follows from
the role alone, by the rules at the end, and not from the table.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from django.contrib import admin
from django.db import transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone

from access import access_log, second_person
from access.models import AccessEntry, SecondPersonRequest
from administration.log_review import reviews
from administration.models import LogReview
from administration.queues import create_queue
from administration.rights import ask_for_right
from cases import callbacks, finding
from cases.models import Case
from consent import register
from consent.models import Answer as ConsentAnswer
from consent.models import ConsentText
from intake.models import IntakeKey
from sms import inbound
from sms.models import InboundSms, StandardText, UnplacedSms
from sms.providers.base import Reply
from telephony.models import Recording
from teleq.models import CareProvider, CareProviderRole, Membership, OutgoingSms, ProviderRole, Queue, Role, User
from tests.intake.telephone_system import TelephoneSystem, connect
from tests.telephony.conftest import recorded

pytestmark = [pytest.mark.django_db, pytest.mark.slow]

TABLE = Path(__file__).with_name("role_table.txt")
ROLES = {
    "anonymous": "Ingen",
    "nurse": "Medarbetare",
    "queue_admin": "Administratör, kö",
    "provider_admin": "Administratör, vårdgivare",
    "reviewer": "Loggranskare",
    "operator": "Systemförvaltare",
    "other": "Annan vårdgivare",
    "expired": "Slutat",
    "own_key": "Nyckel",
    "other_key": "Annans nyckel",
}
METHODS = ["GET", "POST", "PUT", "DELETE"]

NUMBER = "+46701740687"
WRITTEN_NUMBERS = ("+46701740687", "0701740687", "070-174 06 87", "701740687")
PERSON = "201505054385"
OF_PATIENT = ("Qvintus", "Zafir", "Onyx", "Topas", "Beryll", "Agat", "20150505-4385", PERSON)
"""What the patient is called, has said, been written to and about: nobody has typed it into what is asked."""
OF_CASE = ("Qvintus", "Zafir", "Onyx", "Topas", "Beryll", "Agat")
"""All of it but by which number and personnummer the patient is known."""
OF_UNIT = ("Granit", "Porfyr", "Gnejs", "Diabas", "Kvartslind")
"""The unit, its texts, its care provider and who works there."""
FOUND = "/cases/found/<slug:search_id>/"
SEARCH_ID = "x-Y_1234"
"""Of a search for the number, which everybody has made."""


# Every address -------------------------------------------------------------------------------------------------------


def routes(resolver: URLResolver, before: str = "/") -> Iterator[str]:
    for pattern in resolver.url_patterns:
        route = before + str(pattern.pattern).replace("^", "").replace("$", "").replace("\\Z", "")
        if isinstance(pattern, URLPattern):
            yield re.sub(r"\(\?P<(\w+)>[^)]*\)", r"<\1>", route)
        else:
            yield from routes(pattern, route)


ROUTES = sorted(set(routes(get_resolver())))


# What there is, all of one care provider's ---------------------------------------------------------------------------


@dataclass
class World:
    people: dict[str, User]
    keys: dict[str, TelephoneSystem]
    queue: Queue
    case: Case
    inbound: InboundSms
    unplaced: UnplacedSms
    request: SecondPersonRequest
    review: LogReview
    recording: Recording
    rows: dict[str, Any] = field(default_factory=dict)


@pytest.fixture
def world(make_user: Callable[..., User], care_provider: CareProvider, other_queue: Queue) -> World:
    CareProvider.objects.filter(pk=care_provider.pk).update(name="Region Diabas")
    queue = create_queue(Queue(care_provider=care_provider, unit="VC Granit", name="Rådgivning"))
    OutgoingSms.objects.filter(queue=queue).update(consent_required=True)
    people = {name: make_user(name, name.title(), "Kvartslind") for name in list(ROLES)[1:8]}
    for name, role in (("nurse", Role.NURSE), ("queue_admin", Role.ADMINISTRATOR)):
        Membership.objects.create(user=people[name], queue=queue, role=role)
    for name, role in (("provider_admin", ProviderRole.ADMINISTRATOR), ("reviewer", ProviderRole.LOG_REVIEWER)):
        CareProviderRole.objects.create(user=people[name], care_provider=care_provider, role=role)
    User.objects.filter(pk=people["operator"].pk).update(is_superuser=True)
    people["operator"].refresh_from_db()
    other = people["other"]
    User.objects.filter(pk=other.pk).update(last_name="Ute")
    Membership.objects.create(user=other, queue=other_queue, role=Role.ADMINISTRATOR)
    for role in ProviderRole:
        CareProviderRole.objects.create(user=other, care_provider=other_queue.care_provider, role=role)
    yesterday = timezone.localdate() - timedelta(days=1)
    User.objects.filter(pk=people["expired"].pk).update(last_name="Borta")
    ended = {"user": people["expired"], "until": yesterday}
    Membership.objects.create(queue=queue, role=Role.ADMINISTRATOR, **ended)
    for role in ProviderRole:
        CareProviderRole.objects.create(care_provider=care_provider, role=role, **ended)

    ConsentText.objects.create(care_provider=care_provider, text="Gnejs?")
    standard = StandardText.objects.create(queue=queue, name="Porfyr", text="Porfyr.")
    soon = (timezone.now() + timedelta(hours=1)).replace(second=0, microsecond=0)
    case = callbacks.create(
        Case(
            queue=queue,
            phone_number=NUMBER,
            name="Qvintus Hemlig",
            reason="Topas",
            personal_identity_number=PERSON,
            callback_at=soon,
        ),
        by=people["nurse"],
    )
    register.answer_in_case(
        care_provider, NUMBER, ConsentAnswer.YES, by=people["nurse"], case_id=case.pk, seen_event=None
    )
    callbacks.add_note(case, "Onyx", by=people["nurse"])
    callbacks.send_sms(case, "Zafir", token="1", shown=NUMBER, by=people["nurse"])
    replied = InboundSms.objects.create(queue=queue, from_number=NUMBER, text="Beryll", provider="simulator")
    inbound.receive("kannel", Reply(NUMBER, "+46701740698", "Agat", "1"))
    unplaced = UnplacedSms.objects.get()
    inbound.hand_over_unplaced(unplaced.pk, care_provider)
    asked = ask_for_right(people["operator"], queue, Role.NURSE, until=None, why="Porfyr", by=people["operator"])
    assert second_person.may_confirm(people["queue_admin"], asked)
    keys = {
        "own_key": connect(care_provider, by=people["operator"]),
        "other_key": connect(other_queue.care_provider, by=people["operator"], name="Annan"),
    }
    rows = {"sms.standardtext": standard, "intake.intakekey": IntakeKey.objects.get(care_provider=care_provider)}
    rows["teleq.user"] = people["nurse"]
    rows["teleq.queue"] = queue
    rows["teleq.outgoingsms"] = queue.outgoing_sms
    rows["teleq.careprovider"] = care_provider
    rows["consent.consenttext"] = ConsentText.objects.get(text="Gnejs?")
    review = review_of(case, by=people["reviewer"])
    recording = recorded(care_provider, "booked", "Gnejs.")
    return World(people, keys, queue, case, replied, unplaced, asked, review, recording, rows)


def review_of(case: Case, *, by: User) -> LogReview:
    """With the one look that there has been at the case."""
    nurse = User.objects.get(username="nurse")
    access_log.note(
        nurse, access_log.Act.VIEW, case.phone_number, PERSON, queue=case.queue, case_id=case.pk, had_case=True
    )
    today = timezone.localdate()
    drawn = LogReview(
        care_provider=case.queue.care_provider, rule="random", since=today, until=today, size=10, made_by=by
    )
    begun = reviews.begin(drawn)
    assert begun is not None
    return begun


def address_of(route: str, world: World) -> str:
    """The address of the care provider's own row, where the route is of one."""
    model = next((m for m in admin.site._registry if f"/{m._meta.app_label}/{m._meta.model_name}/" in route), None)
    row = world.rows.get(model._meta.label_lower) if model else None
    told = {
        "case_id": world.case.pk,
        "callback_id": world.case.pk,
        "queue_id": world.queue.pk,
        "inbound_id": world.inbound.pk,
        "search_id": SEARCH_ID,
        "object_id": row.pk if row else 1,
        "key_id": row.pk if row else 1,
        "review_id": world.review.pk,
        "provider_id": world.queue.care_provider_id,
        "language": "sv",
        "sentence": "booked",
        "recording_id": world.recording.pk,
        "kind": "membership",
        "given_id": Membership.objects.get(user=world.people["nurse"]).pk,
        "name": "reminder_text",
        "page": "medarbetare",
        "provider": "simulator",
        "app_label": "teleq",
    }
    return re.sub(r"<(?:\w+:)?(\w+)>", lambda match: str(told.get(match[1], 1)), route)


def posted(route: str, world: World) -> dict[str, Any]:
    """What would open or do something, where the form is one that shows patients' data."""
    number = {"query": NUMBER}
    case = world.case
    return {
        "/cases/search/": number,
        "/admin/patient-data/": {**number, "act": "show"},
        "/admin/log-extract/": {**number, "with_names": "on"},
        "/admin/log-reviews/": {"rule": "random"},
        "/admin/teleq/outgoingsms/check/": {"phone_number": NUMBER, "queue": world.queue.pk, "kind": "manual"},
        "/admin/unplaced-sms/": {"sms": world.unplaced.pk},
        "/admin/second-person/": {"withdraw": world.request.pk},
        "/admin/sms-stop/": {"why": "Porfyr."},
        "/cases/<int:case_id>/act/": {"act": "take", "seen_event": case.events.latest_act().pk},
        "/cases/<int:case_id>/notes/": {"text": "Ringer.", "press": "5f0d1f3e-6d4a-4c3c-9d0e-0d0b1f9f9a12"},
        "/api/v1/callbacks": {
            "queue": world.queue.pk,
            "call_id": "c1",
            "callback_at": case.callback_at.isoformat(),
            "a_number": "+46701740699",
        },
        "/api/v1/callbacks/<callback_id>/move": {"callback_at": case.callback_at.isoformat()},
    }.get(route, {})


# Asking --------------------------------------------------------------------------------------------------------------


@dataclass
class Browser:
    """Of one role. What it does is undone, and each request comes with the session that it began with."""

    role: str
    world: World
    noted: list[AccessEntry] = field(default_factory=list)
    """What the last request has left in the access log."""

    def __post_init__(self) -> None:
        self.client = Client(raise_request_exception=True)
        if self.role in self.world.people:
            self.client.force_login(self.world.people[self.role])
            session = self.client.session
            session[finding.KEPT] = {SEARCH_ID: NUMBER}
            session.save()
        self.session = self.client.cookies.get("sessionid")
        key = self.world.keys.get(self.role)
        self.headers = key._headers if key else {}

    def ask(self, method: str, route: str) -> tuple[str, str]:
        """The answer's status and what it holds."""
        address, data = address_of(route, self.world), posted(route, self.world) if method == "POST" else {}
        self.client.cookies.clear()
        if self.session:
            self.client.cookies["sessionid"] = self.session.value
        as_json = route.startswith("/api/")
        body = json.dumps(data) if as_json else urlencode(data)
        content_type = "application/json" if as_json else "application/x-www-form-urlencoded"
        query = {} if method == "GET" else {"data": body, "content_type": content_type}
        with transaction.atomic():
            response = getattr(self.client, method.lower())(address, headers=self.headers, **query)
            self.noted = list(AccessEntry.objects.all())
            transaction.set_rollback(True)
        status = str(response.status_code)
        to_login = status == "302" and response["Location"].startswith(("/login/", "/admin/login/"))
        return ("login" if to_login else status), response.content.decode(errors="replace") + str(response.headers)


def expected() -> dict[tuple[str, str], list[str]]:
    """By route and method what each role is answered."""
    rows = [line.split() for line in TABLE.read_text().splitlines() if line.startswith("/")]
    return {(route, method): statuses for route, methods, *statuses in rows for method in methods.split(",")}


def test_every_address_and_method_has_a_row_and_no_row_is_of_an_address_that_is_gone():
    print(TABLE.read_text())  # noqa: T201  pytest -rA shows it
    assert set(expected()) == {(route, method) for route in ROUTES for method in METHODS}
    assert {len(statuses) for statuses in expected().values()} == {len(ROLES)}


@pytest.mark.parametrize("methods", [("GET", "POST"), pytest.param(("PUT", "DELETE"), marks=pytest.mark.slow)])
@pytest.mark.parametrize("role", ROLES)
def test_everybody_is_answered_as_the_table_says_and_is_shown_nothing_of_others(role, methods, world):
    browser, place = Browser(role, world), list(ROLES).index(role)
    wrong, table = [], expected()
    for route in ROUTES:
        for method in methods:
            status, holds = browser.ask(method, route)
            told = table.get((route, method))
            if told is None or told[place] != status:
                wrong.append(f"{method} {route}: {status}, and not {told and told[place]}")
            wrong += [f"{method} {route} holds {word}" for word in foreign(role, route, method) if word in holds]
    assert wrong == []


@pytest.mark.parametrize(
    ("role", "method", "route", "words"),
    [
        ("nurse", "GET", "/", ["Qvintus", "070-174 06 87"]),
        ("nurse", "GET", "/cases/<int:case_id>/", ["Qvintus", "Zafir", "Onyx", "Topas", "Gnejs", "20150505-4385"]),
        ("nurse", "GET", FOUND, ["Qvintus"]),
        ("queue_admin", "POST", "/admin/patient-data/", ["Qvintus", "Zafir", "Onyx", "Beryll", "Agat"]),
        ("provider_admin", "POST", "/admin/patient-data/", ["Qvintus", "Zafir", "Onyx", "Beryll", "Agat"]),
        ("provider_admin", "POST", "/admin/unplaced-sms/", ["Agat", *WRITTEN_NUMBERS[:1]]),
        ("reviewer", "GET", "/admin/access/rightschange/", ["Ändrade behörigheter"]),
        (
            "reviewer",
            "GET",
            "/admin/log-reviews/<int:review_id>/",
            ["20150505-4385", "070-174 06 87", "Nurse Kvartslind"],
        ),
        ("reviewer", "POST", "/admin/log-extract/", ["VC Granit", "Öppnade ärendet", "Nurse Kvartslind"]),
        ("provider_admin", "POST", "/admin/log-extract/", ["VC Granit", "Öppnade ärendet", "Nurse Kvartslind"]),
    ],
)
def test_what_is_hidden_from_others_is_there_to_be_seen(role, method, route, words, world):
    _, holds = Browser(role, world).ask(method, route)
    assert [word for word in words if word not in holds] == []


# Which words an answer may hold --------------------------------------------------------------------------------------

CASES = ("/", "/cases/", "/inbound/")
PATIENTS_IN_ADMIN = (
    "/admin/lost-callbacks/",
    "/admin/patient-data/",
    "/admin/stopped-sms/",
    "/admin/teleq/outgoingsms/check/",
    "/admin/unplaced-sms/",
)
ONE_REVIEW = "/admin/log-reviews/<int:review_id>/"
LOG_IN_ADMIN = ("/admin/log-extract/", "/admin/log-reviews/", ONE_REVIEW)
"""What tells of looks at patients."""


def foreign(role: str, route: str, method: str) -> tuple[str, ...]:
    """The words that must not be in the answer to this role."""
    in_cases = route == "/" or route.startswith(CASES[1:])
    in_admin = route in PATIENTS_IN_ADMIN
    works_there = role in ("nurse", "queue_admin") and in_cases
    administers = role in ("queue_admin", "provider_admin") and in_admin
    if role == "reviewer" and route == ONE_REVIEW:
        return OF_CASE  # whose data were looked at, and nothing of what they are
    if works_there or administers or (role == "own_key" and route.startswith("/api/")):
        patients: tuple[str, ...] = ()
    else:
        patients = (
            OF_PATIENT if method == "POST" or route == FOUND else (*OF_PATIENT, *WRITTEN_NUMBERS)
        )  # whoever asks has typed it
    units = OF_UNIT if role in ("anonymous", "other", "expired", "other_key") else ()
    return patients + units
