"""What an attacker tries with a browser: forged posts, stored scripts, ways to be led elsewhere, columns no form has,
another's session. Asked of every address, by every role (OWASP ASVS 5: V1, V3, V7, V8)."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator
from html import unescape
from urllib.parse import urljoin, urlsplit

import pytest
from django.apps import apps
from django.db import DatabaseError, models, transaction
from django.test import Client
from django.urls import reverse
from django.utils.html import escape
from phonenumber_field.modelfields import PhoneNumberField

from cases.models import Case
from teleq.middleware.probes import PROBES
from teleq.models import Membership, Queue, Role, User
from tests.cases.desk import forms_on
from tests.conftest import PASSWORD
from tests.database_roles import past_the_triggers
from tests.intake.telephone_system import TelephoneSystem
from tests.teleq.test_promise_9_table import ROUTES, World, address_of, posted, world

__all__ = ["world"]

pytestmark = [pytest.mark.django_db, pytest.mark.slow]

PEOPLE = ["nurse", "queue_admin", "provider_admin", "reviewer", "operator"]


@pytest.fixture
def as_role(world: World) -> Callable[..., Client]:
    def signed_in(role: str, **options: object) -> Client:
        client = Client(raise_request_exception=False, **options)
        client.force_login(world.people[role])
        return client

    return signed_in


# Forged posts (CSRF) -------------------------------------------------------------------------------------------------

SHOWN_OTHERWISE = (
    "/telefon/",
    "/api/v1/callbacks",
    "/api/v1/queues",
    "/sms/receipts/",
    "/sms/inbound/",
    "/simulator/send",
    "/simulator/credits",
)
"""Programs post there, who show a key and have no cookies."""


@pytest.mark.parametrize("role", PEOPLE)
def test_a_post_from_another_site_does_nothing_anywhere(role, as_role, world):
    client = as_role(role, enforce_csrf_checks=True)
    taken = []
    for route in ROUTES:
        if route.startswith(("/api/", *SHOWN_OTHERWISE)) or route in PROBES:  # which take no post at all
            continue
        address, data = address_of(route, world), posted(route, world)
        for headers in ({}, {"Origin": "https://evil.example"}, {"HX-Request": "true"}, {"X-CSRFToken": "a" * 32}):
            with transaction.atomic():
                status = client.post(address, data, headers=headers).status_code
                transaction.set_rollback(True)
            if status not in (403, 409):  # 409 tells an open page that somebody else has signed in
                taken.append(f"{status} {route} {headers}")
    assert taken == []


def test_what_programs_post_to_takes_no_cookie_for_a_key(as_role, world):
    for role in PEOPLE:
        client = as_role(role)
        for route in ROUTES:
            if route.startswith(SHOWN_OTHERWISE):
                response = client.post(address_of(route, world), posted(route, world))
                assert response.status_code in (204, 401, 403, 404, 405), (
                    route
                )  # 204: the report is of no message, and nobody is told


# Scripts in what is stored (XSS) -------------------------------------------------------------------------------------

SCRIPT = "<img src=x onerror=alert(1)>'\"><script>alert(1)</script>"


SIGNED_IN_BY = ("password", "session_data")


def texts() -> Iterator[tuple[type[models.Model], str]]:
    """Every column of ours that may hold whatever somebody has written."""
    for model in apps.get_models():
        if model._meta.app_label in {
            "teleq",
            "access",
            "consent",
            "sms",
            "cases",
            "intake",
            "telephony",
            "administration",
            "demo",
        }:
            for field in model._meta.concrete_fields:
                written = isinstance(field, (models.CharField, models.TextField)) and not field.choices
                written = written and not isinstance(field, PhoneNumberField) and field.name not in SIGNED_IN_BY
                if written and not field.primary_key and (field.max_length or 1000) >= len(SCRIPT):
                    yield model, field.name


def write_everywhere(script: str) -> set[str]:
    """Into each row, past all forms and triggers. Where a constraint takes no such thing, it stays as it was."""
    written = set()
    for model, name in texts():
        try:
            with past_the_triggers():
                if model._default_manager.update(**{name: script}):
                    written.add(f"{model._meta.label}.{name}")
        except DatabaseError:
            continue
    return written


@pytest.mark.parametrize("role", PEOPLE)
def test_a_script_that_is_stored_is_shown_as_text_on_every_page(role, as_role, world):
    """The pages are asked for before too: by then there is something of everything to be shown."""
    client = as_role(role)
    assert {"cases.Case.name", "cases.Note.text", "sms.InboundSms.text", "teleq.Queue.unit"} <= write_everywhere(SCRIPT)
    shown, unescaped = set(), []
    for route in ROUTES:
        for method in ("get", "post"):
            with transaction.atomic():
                response = getattr(client, method)(address_of(route, world), posted(route, world))
                transaction.set_rollback(True)
            assert response.status_code < 500, route
            html = response.content.decode(errors="replace")
            if response.headers.get("Content-Type", "").startswith("text/html"):
                if "<img src=x" in html or "<script>alert" in html:
                    unescaped.append(f"{method} {route}")
                if escape(SCRIPT) in html:
                    shown.add(route)
    assert unescaped == []
    assert shown


ALSO_EMPTY = ("stoppade-sms", "arenden-efter-svar")
"""Tables to which no link leads where there is nothing in them."""


def test_no_page_has_a_script_or_a_style_within_itself_and_no_table_a_formula(as_role, world):
    """The Content-Security-Policy forbids the first, so that one which is let in by mistake does nothing either. The
    second is for who opens in Excel what a page gives to download."""
    write_everywhere('=HYPERLINK("https://evil.example","Klicka") och ännu mer att läsa för den som gör det')
    found, tables = [], set()
    for role in PEOPLE:
        client = as_role(role)
        for route in ROUTES:
            address = address_of(route, world)
            response = client.get(address)
            if not response.headers.get("Content-Type", "").startswith("text/html"):
                assert not response.headers.get("Content-Type", "").startswith("text/csv"), "read it as one of a page"
                continue
            policy = response.headers["Content-Security-Policy"]
            assert "unsafe" not in policy, route
            html = response.content.decode()
            found += [f"{route}: {each}" for each in re.findall(r"<script(?![^>]* src=)[^>]*>|\son\w+=|\sstyle=", html)]
            links = re.findall(r'href="([^"]*csv=)([^"]*)"', html)
            for link, key in {(link, key) for link, itself in links for key in (itself, *ALSO_EMPTY)}:
                table = client.get(urljoin(address, unescape(link + key)))
                assert table.headers["Content-Type"].startswith("text/csv"), key
                rows = csv.reader(table.content.decode("utf-8-sig").splitlines(), delimiter=";")
                assert not [cell for row in rows for cell in row if cell.startswith(("=", "+", "-", "@", "\t"))]
                tables.add(key)
    assert [each for each in found if "application/json" not in each] == []
    assert {"nyckeltal", "per-ko", "kontakt-samma-dag", "arenden-efter-svar", "stoppade-sms"} <= tables, (
        "an empty one too"
    )


# Being led elsewhere -------------------------------------------------------------------------------------------------

LEADING = ("Location", "HX-Redirect", "HX-Location", "HX-Push-Url")
EVIL = ["https://evil.example/", "//evil.example/", "/\\evil.example/", "https:evil.example", "javascript:alert(1)"]


@pytest.mark.parametrize("elsewhere", EVIL)
def test_no_address_leads_to_another_site(elsewhere, as_role, world):
    led = []
    asked = dict.fromkeys(("next", "return_to", "redirect", "url", "back", "_popup", "to"), elsewhere)
    for role in (None, *PEOPLE):
        client = as_role(role) if role else Client(raise_request_exception=False)
        for route in ROUTES:
            address = address_of(route, world)
            for method in ("get", "post"):
                with transaction.atomic():
                    query = {"query_params": asked} if method == "post" else {}
                    data = {**posted(route, world), **asked} if method == "post" else asked
                    headers = {"Referer": elsewhere, "HX-Current-URL": elsewhere}
                    response = getattr(client, method)(address, data, headers=headers, **query)
                    transaction.set_rollback(True)
                to = [response.headers.get(name, "") for name in LEADING]
                led += [f"{method} {route}: {where}" for where in to if leads_away(where)]
    assert led == []


def leads_away(where: str) -> bool:
    """As a browser reads it: a backslash is a slash there."""
    parts = urlsplit(where.replace("\\", "/"))
    return bool(parts.netloc and parts.netloc != "testserver") or parts.scheme not in ("", "http")


@pytest.mark.parametrize("elsewhere", EVIL)
def test_whoever_signs_in_is_not_led_to_another_site(elsewhere, nurse):
    for where in (f"?next={elsewhere}", ""):
        client = Client()
        given = {"login": nurse.username, "password": PASSWORD, "next": elsewhere}
        response = client.post(reverse("account_login") + where, given)
        assert response.status_code == 302
        assert response["Location"] == "/"


# Another's session ---------------------------------------------------------------------------------------------------


def test_a_session_that_somebody_was_given_is_not_the_one_that_they_sign_in_to(nurse, world):
    given = Client()
    given.get(reverse("account_login"))
    session = given.session
    session["planted"] = True
    session.save()
    planted = session.session_key
    victim = Client()
    victim.cookies["sessionid"] = planted
    victim.post(reverse("account_login"), {"login": nurse.username, "password": PASSWORD})
    assert victim.cookies["sessionid"].value != planted
    attacker = Client()
    attacker.cookies["sessionid"] = planted
    assert attacker.get("/").status_code == 302


def test_a_session_is_nobodys_once_its_owner_has_signed_out(nurse):
    client = Client()
    client.force_login(nurse)
    kept = client.cookies["sessionid"].value
    assert client.get("/").status_code == 200
    client.post(reverse("account_logout"))
    thief = Client()
    thief.cookies["sessionid"] = kept
    assert thief.get("/").status_code == 302


# Columns that no form has (mass assignment) --------------------------------------------------------------------------


def columns(row: models.Model) -> dict[str, object]:
    stored = type(row)._default_manager.filter(pk=row.pk).values().get()
    return {name: value for name, value in stored.items() if name not in ("updated_at", "last_login", "password")}


def everything_else(model: type[models.Model], world: World, other: Queue) -> dict[str, str]:
    """A value for each column, by the names that forms and attackers give them."""
    told = {
        **{field.name: "7" for field in model._meta.concrete_fields},
        **{field.attname: "7" for field in model._meta.concrete_fields},
    }
    return told | {
        **{"queue": str(other.pk), "queue_id": str(other.pk), "status": "done", "is_superuser": "on", "is_staff": "on"},
        **{"care_provider": str(other.care_provider_id), "role": Role.ADMINISTRATOR, "author": "1", "user": "1"},
        **{"hsa_id": "SE2321000016-1ABC", "username": "someone", "is_active": "", "created_by": "1", "id": "1"},
    }


def test_a_form_of_the_case_changes_no_column_that_it_does_not_show(as_role, world, other_queue):
    client, case = as_role("nurse"), world.case
    page = client.get(reverse("cases:case", args=[case.pk])).content.decode()
    extra, before, tried = everything_else(Case, world, other_queue), columns(case), 0
    for form in forms_on(page):
        action = form.attributes.get("action") or form.attributes.get("hx-post", "")
        if not action.startswith("/cases/") or action.endswith("/act/"):  # whose buttons are there to change columns
            continue
        tried += 1
        with transaction.atomic():
            client.post(action, {**extra, **form.fields, **{b.name: b.value for b in form.buttons if b.name}})
            after = columns(case)
            transaction.set_rollback(True)
        assert after == before, action
    assert tried >= 3


@pytest.mark.parametrize("role", PEOPLE)
def test_nobody_makes_themselves_more_than_they_are(role, as_role, world, other_queue):
    user = world.people[role]
    client, before = as_role(role), columns(user)
    rights = list(Membership.objects.filter(user=user).values()), list(user.provider_roles.values())
    extra = everything_else(User, world, other_queue)
    for route in ROUTES:
        if "<" in route and "/user/" in route:
            continue  # Admin's page for another user, which is asked below
        with transaction.atomic():
            client.post(address_of(route, world), {**extra, **posted(route, world)})
            after = columns(user)
            now = list(Membership.objects.filter(user=user).values()), list(user.provider_roles.values())
            transaction.set_rollback(True)
        assert after == before, route
        assert now == rights, route


def test_an_administrator_makes_nobody_a_superuser(as_role, world):
    nurse = world.people["nurse"]
    for role in ("queue_admin", "provider_admin"):
        client = as_role(role)
        address = reverse("admin:teleq_user_change", args=[nurse.pk])
        forms = forms_on(client.get(address).content.decode())
        form = next(form for form in forms if form.attributes.get("id") == "user_form")
        with transaction.atomic():
            extra = {"is_superuser": "on", "is_staff": "on", "password": "x", "username": nurse.username}
            client.post(address, {**extra, **form.fields, "_save": "Spara"} | extra)
            nurse.refresh_from_db()
            transaction.set_rollback(True)
        assert not (nurse.is_superuser or nurse.is_staff)


def test_a_telephone_system_sets_nothing_that_the_api_does_not_ask_for(world):
    system: TelephoneSystem = world.keys["own_key"]
    before = columns(world.case)
    asked = {"callback_at": world.case.callback_at.isoformat(), "status": "done", "queue_id": 7, "name": "Bytt"}
    system.post(
        f"/callbacks/{world.case.pk}/move", {**asked, "assignee": 1, "attempts": 9, "phone_number": "+46701740699"}
    )
    after = columns(world.case)
    assert {name for name in after if after[name] != before[name]} <= {"callback_at", "booking"}
