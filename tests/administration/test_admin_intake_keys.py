"""Nycklar för telefonsystem: made by the operator, shown once, revoked for good."""

from __future__ import annotations

import logging
import re
from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from access.models import Session
from intake import keys
from intake.models import IntakeKey
from teleq.clock import database_now
from teleq.models import CareProvider, User
from tests.administration.forms import errors, said, text_of

pytestmark = pytest.mark.django_db

LIST, ADD = "/admin/intake/intakekey/", "/admin/intake/intakekey/add/"


@pytest.fixture
def operators(client: Client, operator: User) -> Client:
    """The operator's browser."""
    client.force_login(operator)
    return client


@pytest.fixture
def key(care_provider: CareProvider, operator: User) -> IntakeKey:
    key = IntakeKey(care_provider=care_provider, name="Växeln i Sundvik")
    keys.make_key(key, by=operator)
    return IntakeKey.objects.get()


def page_of(key: IntakeKey, act: str = "change") -> str:
    return f"/admin/intake/intakekey/{key.pk}/{act}/"


def make(client: Client, care_provider: CareProvider, **more: object):
    return client.post(ADD, {"care_provider": care_provider.pk, "name": "Växeln i Sundvik"} | more)


def key_in(response) -> str:
    [field] = re.findall(r"<input[^>]+teleq_[^>]+>", response.content.decode())
    assert " readonly" in field
    return re.search(r'value="(teleq_[\w-]+)"', field)[1]


def opens(key: str) -> bool:
    return Client().get("/api/v1/queues", headers={"Authorization": f"Bearer {key}"}).status_code == 200


# Making --------------------------------------------------------------------------------------------------------------


def test_a_new_key_is_shown_in_the_answer_and_opens_the_intake_api(operators, operator, care_provider):
    response = make(operators, care_provider)
    assert response.status_code == 200
    assert "Nyckeln visas bara nu. Kopiera den innan du lämnar sidan." in text_of(response)
    assert opens(key_in(response))
    made = IntakeKey.objects.get()
    assert (made.care_provider, made.name, made.created_by) == (care_provider, "Växeln i Sundvik", operator)
    assert abs(made.created_at - database_now()) < timedelta(minutes=1)


def test_a_key_is_nowhere_but_in_that_answer(operators, care_provider, caplog):
    caplog.set_level(logging.DEBUG)
    with CaptureQueriesContext(connection) as queries:
        response = make(operators, care_provider)
    key = key_in(response)
    assert "no-store" in response["Cache-Control"]
    kept = [
        *(f"{name}: {value}" for name, value in response.headers.items()),
        *(morsel.OutputString() for morsel in response.cookies.values()),
        *said(response),
        *(str(session.get_decoded()) for session in Session.objects.all()),
        *(f"{entry} {entry.change_message}" for entry in LogEntry.objects.all()),
        *(query["sql"] for query in queries),
        caplog.text,
    ]
    assert [place for place in kept if key in place] == []
    for address in (LIST, page_of(IntakeKey.objects.get()), page_of(IntakeKey.objects.get(), "history"), "/admin/"):
        assert "teleq_" not in text_of(operators.get(address))


@pytest.mark.parametrize("missing", ["care_provider", "name"])
def test_a_key_is_somebodys_and_has_a_name(missing, operators, care_provider):
    post = {"care_provider": care_provider.pk, "name": "Växeln", missing: ""}
    assert errors(operators.post(ADD, post), missing) == ["Det här måste fyllas i."]
    assert not IntakeKey.objects.exists()


# Looking -------------------------------------------------------------------------------------------------------------


def test_the_list_says_whose_a_key_is_who_made_it_and_whether_it_is_valid(operators, key, operator):
    made = f"{timezone.localtime(key.created_at):%H.%M}"
    row = rf"Växeln i Sundvik Vårdgivare 1 [^<]*{made} {operator}"
    assert re.search(f"{row} Giltig", text_of(operators.get(LIST)))
    IntakeKey.objects.update(revoked_at="2026-11-24T23:30:00Z")  # the next day in Stockholm
    assert re.search(f"{row} Återkallad 25 november 2026", text_of(operators.get(LIST)))


def test_a_key_is_looked_at_and_not_changed(operators, key, other_care_provider):
    page = operators.get(page_of(key))
    assert "Växeln i Sundvik" in text_of(page)
    assert 'name="name"' not in page.content.decode()
    post = {"name": "Bytt", "care_provider": other_care_provider.pk}
    assert operators.post(page_of(key), post).status_code == 403
    key.refresh_from_db()
    assert (key.name, key.care_provider.name) == ("Växeln i Sundvik", "Vårdgivare 1")


def test_the_list_costs_as_many_queries_with_many_keys_as_with_few(operators, key, operator, other_care_provider):
    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            operators.get(LIST)
        return len(queries)

    few = cost()
    for number in range(20):
        keys.make_key(IntakeKey(care_provider=other_care_provider, name=f"Växel {number}"), by=operator)
    assert cost() == few


# Revoking ------------------------------------------------------------------------------------------------------------


def test_a_key_is_revoked_after_a_question_of_its_own(operators, care_provider):
    secret = key_in(make(operators, care_provider))
    key = IntakeKey.objects.get()
    assert f'href="{page_of(key, "revoke")}">Återkalla nyckeln</a>' in operators.get(page_of(key)).content.decode()

    question = operators.get(page_of(key, "revoke"))
    assert "Det går inte att ångra." in text_of(question)
    assert opens(secret)

    answer = operators.post(page_of(key, "revoke"), follow=True)
    assert answer.redirect_chain == [(page_of(key), 302)]
    assert "Nyckeln är återkallad." in text_of(answer)
    assert "Återkalla nyckeln" not in text_of(answer)
    assert not opens(secret)
    key.refresh_from_db()
    assert abs(key.revoked_at - database_now()) < timedelta(minutes=1)


def test_a_key_that_is_revoked_stays_so_since_then(operators, key):
    IntakeKey.objects.update(revoked_at="2026-11-01T12:00:00Z")
    assert "Nyckeln är redan återkallad." in text_of(operators.get(page_of(key, "revoke")))
    operators.post(page_of(key, "revoke"))
    key.refresh_from_db()
    assert key.revoked_at.isoformat() == "2026-11-01T12:00:00+00:00"
    assert not LogEntry.objects.exists()


def test_who_revoked_a_key_is_on_record(operators, operator, key):
    operators.post(page_of(key, "revoke"))
    entry = LogEntry.objects.get()
    assert (entry.user, entry.object_id, entry.get_change_message()) == (operator, str(key.pk), "Återkallade nyckeln.")


def test_a_key_that_is_not_there_is_not_found(operators):
    assert operators.get("/admin/intake/intakekey/999999/revoke/").status_code == 404
    assert operators.post("/admin/intake/intakekey/999999/revoke/").status_code == 404


# For which queues, and until when -------------------------------------------------------------------------------------


def test_a_key_may_be_for_some_queues_and_end_on_a_day(operators, care_provider, queue, plain_queue):
    last = timezone.localdate() + timedelta(days=12)
    response = make(operators, care_provider, queues=[queue.pk], until=last.isoformat())
    listed = Client().get("/api/v1/queues", headers={"Authorization": f"Bearer {key_in(response)}"}).json()
    assert [each["id"] for each in listed] == [queue.pk]
    page = text_of(operators.get(page_of(IntakeKey.objects.get())))
    assert "VC Spindeln Rådgivning" in page
    assert "VC Spindeln Tidbokning" not in page
    assert "Nyckeln går ut om 12 dagar" in page


def test_a_new_key_is_given_a_year_unless_another_day_is_chosen(operators):
    day = timezone.localdate() + timedelta(days=365)
    assert f'name="until" value="{day}"' in operators.get(ADD).content.decode()


def test_another_care_providers_queue_is_refused_at_the_field(operators, care_provider, other_queue):
    response = make(operators, care_provider, queues=[other_queue.pk])
    assert errors(response, "queues") == ["VC Spindeln Rådgivning hör inte till Vårdgivare 1."]
    assert not IntakeKey.objects.exists()


def test_a_day_that_has_been_is_refused_at_the_field(operators, care_provider):
    yesterday = timezone.localdate() - timedelta(days=1)
    assert errors(make(operators, care_provider, until=yesterday.isoformat()), "until") == ["Dagen har redan varit."]


@pytest.mark.parametrize(
    ("days", "said"), [(0, "går ut idag"), (1, "går ut imorgon"), (12, "går ut om 12 dagar"), (31, None), (None, None)]
)
def test_the_operator_is_told_in_time_on_the_first_page_of_admin(days, said, operators, key):
    IntakeKey.objects.update(until=None if days is None else timezone.localdate() + timedelta(days=days))
    page = text_of(operators.get("/admin/"))
    assert (f"Nyckeln Växeln i Sundvik för Vårdgivare 1 {said}." in page) is bool(said)
    assert ("går ut" in page) is bool(said)


def test_nobody_else_is_told(client, administrator, key):
    IntakeKey.objects.update(until=timezone.localdate())
    client.force_login(administrator)
    assert "Växeln" not in text_of(client.get("/admin/"))


def test_the_list_says_when_a_key_has_ended_and_when_it_was_last_used(operators, key):
    assert "Har inte använts" in text_of(operators.get(LIST))
    IntakeKey.objects.update(until="2026-11-20", last_used_at="2026-11-20T22:59:00Z")
    page = text_of(operators.get(LIST))
    assert "Gick ut 20 november 2026" in page
    assert "20 november 2026 23.59" in page


# Byt nyckel ----------------------------------------------------------------------------------------------------------


def change(client: Client, key: IntakeKey, hours: int = 24, seen: str = ""):
    return client.post(page_of(key, "new-secret"), {"hours": hours, "seen": seen})


def test_a_key_is_changed_and_the_old_one_works_meanwhile(operators, operator, care_provider):
    old = key_in(make(operators, care_provider))
    key = IntakeKey.objects.get()
    assert f'href="{page_of(key, "new-secret")}">Byt nyckel</a>' in operators.get(page_of(key)).content.decode()
    assert "Den gamla nyckeln gäller" in text_of(operators.get(page_of(key, "new-secret")))

    response = change(operators, key)
    assert "Nyckeln visas bara nu. Kopiera den innan du lämnar sidan." in text_of(response)
    assert "Den gamla nyckeln gäller till" in text_of(response)
    assert "no-store" in response["Cache-Control"]
    assert (opens(old), opens(key_in(response))) == (True, True)
    entry = LogEntry.objects.filter(object_id=key.pk).latest("action_time")
    assert entry.user == operator
    assert entry.get_change_message().startswith("Bytte nyckel. Den gamla gäller till ")
    assert "teleq_" not in entry.get_change_message()
    assert "teleq_" not in text_of(operators.get(page_of(key)))


def test_a_key_in_wrong_hands_is_changed_at_once(operators, care_provider):
    old = key_in(make(operators, care_provider))
    response = change(operators, IntakeKey.objects.get(), hours=0)
    assert "Den gamla nyckeln gäller inte längre." in text_of(response)
    assert (opens(old), opens(key_in(response))) == (False, True)


def test_pressing_twice_changes_it_once(operators, care_provider):
    make(operators, care_provider)
    key = IntakeKey.objects.get()
    new = key_in(change(operators, key))
    again = operators.post(page_of(key, "new-secret"), {"hours": 24, "seen": ""}, follow=True)
    assert said(again) == ["Nyckeln har bytts sedan sidan visades. Ingen ny nyckel skapades."]
    assert opens(new)
    key.refresh_from_db()
    assert opens(key_in(change(operators, key, seen=key.changed_at.isoformat())))


def test_the_new_one_is_given_a_last_day_where_the_old_one_had_one(operators, key):
    def field() -> str:
        return re.search(r'<input type="date"[^>]*>', operators.get(page_of(key, "new-secret")).content.decode())[0]

    assert "value=" not in field()
    today = timezone.localdate()
    IntakeKey.objects.update(until=today + timedelta(days=12))
    next_year = today + timedelta(days=365)
    assert f'value="{next_year}"' in field()
    operators.post(page_of(key, "new-secret"), {"hours": 24, "seen": "", "until": str(next_year)})
    key.refresh_from_db()
    assert key.until == next_year


def test_a_last_day_that_has_been_is_refused_and_nothing_is_changed(operators, key):
    post = {"hours": 24, "seen": "", "until": str(timezone.localdate() - timedelta(days=1))}
    assert "Dagen har redan varit." in text_of(operators.post(page_of(key, "new-secret"), post))
    key.refresh_from_db()
    assert key.changed_at is None


def test_a_time_that_is_not_offered_is_not_taken(operators, key):
    assert change(operators, key, hours=9999).status_code == 200
    key.refresh_from_db()
    assert key.changed_at is None


def test_a_revoked_key_is_not_changed(operators, key):
    keys.revoke_key(key)
    assert "Nyckeln är återkallad och går inte att byta." in text_of(operators.get(page_of(key, "new-secret")))
    assert said(operators.post(page_of(key, "new-secret"), {"hours": 24}, follow=True)) == [
        "Nyckeln är återkallad och går inte att byta."
    ]
    assert "Byt nyckel" not in text_of(operators.get(page_of(key)))
