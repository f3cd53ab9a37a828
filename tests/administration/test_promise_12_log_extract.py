"""Promise 12, the patient's side: at which unit and when somebody has looked (Loggutdrag)."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from access.access_log import Act
from access.models import AccessEntry
from teleq.models import ProviderRole, Queue, User
from tests.administration.forms import text_of
from tests.cases.desk import desk_of
from tests.conftest import MOBILE
from tests.fixtures.admin import with_role

pytestmark = pytest.mark.django_db

ADDRESS = "/admin/log-extract/"
PERSON = "191212121212"
OTHER_PERSON = "194803179805"
OTHER = "+46701740606"


@pytest.fixture
def client(log_reviewer) -> Client:
    client = Client()
    client.force_login(log_reviewer)
    return client


@pytest.fixture
def looked(nurse, queue) -> Callable[..., AccessEntry]:
    def look(user: User | None = nurse, place: Queue = queue, **columns) -> AccessEntry:
        values = {"act": Act.VIEW, "phone_number": MOBILE, "person": PERSON, **columns}
        return AccessEntry.objects.create(user=user, queue=place, care_provider=place.care_provider, **values)

    return look


def extract(client: Client, query: str = "070-174 06 05", **more: str) -> Any:
    return client.post(ADDRESS, {"query": query, **more})


def rows(answer: Any) -> list[tuple[str, ...]]:
    """Without their times."""
    return [row[1:] for row in answer.context["section"].rows]


ITSELF = ("Vårdgivare 1", "Tog fram loggutdrag")


@pytest.mark.parametrize("query", ["070-174 06 05", "19121212-1212"])
def test_it_has_unit_time_and_what_was_done_and_is_in_the_log_itself(query, client, case, nurse, log_reviewer):
    case.personal_identity_number = PERSON
    case.save(update_fields=["personal_identity_number"])
    desk_of(nurse).case(case).press("Ta ärendet")
    answer = extract(client, query)
    assert rows(answer)[-1] == ITSELF
    assert set(rows(answer)[:-1]) == {
        ("VC Spindeln", "Öppnade ärendet"),
        ("VC Spindeln", "Arbetade i ärendet"),
    }
    assert "Anna Lind" not in text_of(answer)
    noted = AccessEntry.objects.get(act=Act.LOG_EXTRACT)
    assert (noted.user, noted.roles) == (log_reviewer, "Loggranskare")
    assert noted.phone_number or noted.person


def test_names_are_told_where_they_are_asked_for(client, looked):
    looked()
    looked(None, act=Act.API_READ, intake_key_id=1, intake_key_name="Växeln")
    assert rows(extract(client, with_names="on")) == [
        ("VC Spindeln", "Öppnade ärendet", "Anna Lind"),
        ("VC Spindeln", "Läste ärendet genom telefonsystem", "Telefonsystem: Växeln"),
        (*ITSELF, "Lars Logg"),
    ]


def test_what_was_refused_showed_nobody_anything(client, looked):
    looked(act=Act.REFUSED)
    assert rows(extract(client)) == [ITSELF]


def test_it_has_what_was_noted_of_the_case_before_its_number_was_changed(client, looked, case):
    looked(phone_number=OTHER, person="", case_id=case.pk)
    assert rows(extract(client)) == [("VC Spindeln", "Öppnade ärendet"), ITSELF]


def test_of_a_person_it_has_nothing_of_who_shares_the_number(client, looked, book):
    book(personal_identity_number=PERSON)
    book(personal_identity_number=OTHER_PERSON)
    looked()
    looked(person=OTHER_PERSON, act=Act.CHANGE)
    assert rows(extract(client, "19121212-1212")) == [("VC Spindeln", "Öppnade ärendet"), ITSELF]
    assert "Numret används av flera personer" in text_of(extract(client))


def test_promise_9_it_has_nothing_of_another_care_provider(client, looked, outsider, other_queue):
    looked(outsider, other_queue)
    assert rows(extract(client)) == [ITSELF]
    assert not AccessEntry.objects.filter(act=Act.LOG_EXTRACT, care_provider=other_queue.care_provider).exists()


def test_who_has_two_care_providers_chooses_one(client, looked, log_reviewer, outsider, other_queue):
    with_role(log_reviewer, other_queue.care_provider, ProviderRole.LOG_REVIEWER)
    looked(outsider, other_queue)
    assert extract(client).status_code == 422
    chosen = extract(client, provider=str(other_queue.care_provider_id))
    assert rows(chosen) == [("VC Spindeln", "Öppnade ärendet"), ("Vårdgivare 2", "Tog fram loggutdrag")]


@pytest.mark.parametrize("name", ["=HYPERLINK(1)", "+46", "-1", "@SUM(A1)"])
def test_a_name_is_no_formula_in_the_csv(name, client, looked, nurse):
    User.objects.filter(pk=nurse.pk).update(first_name=name)
    looked()
    answer = extract(client, act="csv", with_names="on")
    assert answer["Content-Disposition"] == 'attachment; filename="loggutdrag.csv"'
    heads, row, _itself = csv.reader(io.StringIO(answer.content.decode("utf-8-sig")), delimiter=";")
    assert heads == ["När", "Vårdenhet", "Vad", "Vem"]
    assert row[1:] == ["VC Spindeln", "Öppnade ärendet", f"'{name} Lind"]


def test_neither_number_nor_personnummer_is_in_an_address_or_title(client, looked):
    looked()
    answer = extract(client)
    assert answer.wsgi_request.get_full_path() == ADDRESS
    assert "<title>Loggutdrag – teleQ Admin</title>" in answer.content.decode()
    assert client.get(ADDRESS, {"query": "070-174 06 05"}).context.get("section") is None


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("", "Skriv ett telefonnummer eller personnummer."),
        ("19121212-1213", "Skriv ett helt telefonnummer eller personnummer."),
    ],
)
def test_what_is_no_number_is_told_of_and_kept(query, said, client):
    answer = extract(client, query)
    assert answer.status_code == 422
    assert said in text_of(answer)
    assert f'value="{query}"' in answer.content.decode() or not query
    assert not AccessEntry.objects.filter(act=Act.LOG_EXTRACT).exists()


def test_it_is_a_fixed_number_of_queries(client, looked):
    def queries() -> int:
        with CaptureQueriesContext(connection) as made:
            assert extract(client, with_names="on").status_code == 200
        return len(made)

    extract(client)
    few = queries()
    for _ in range(40):
        looked()
    assert queries() == few


def test_who_signed_in_long_ago_is_asked_again(client, settings):
    settings.ACCOUNT_REAUTHENTICATION_TIMEOUT = -1
    answer = client.get(ADDRESS)
    assert answer.status_code == 302
    assert answer["Location"].startswith("/konto/bekrafta/?")
