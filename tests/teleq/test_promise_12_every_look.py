"""Promise 12: every look is on record. Each address is asked by each role, and its response is held against the log."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.models.functions import Now
from django.test import Client
from django.test.signals import template_rendered
from django.utils import timezone

from access import access_log
from access.models import AccessEntry
from cases.acts import close, take
from cases.models import Case, CaseEvent, Status
from sms.models import InboundSms
from tests.cases.desk import desk_of, in_a_month
from tests.concurrency import in_another_connection
from tests.conftest import MOBILE
from tests.database_roles import as_owner
from tests.teleq import test_promise_9_table as table

pytestmark = pytest.mark.slow

world = table.world
Act = AccessEntry.Act
ELSAS, TOLVANS = "201505054385", "191212121212"


def acts(**of_these: object) -> list[str]:
    return list(AccessEntry.objects.filter(**of_these).order_by("id").values_list("act", flat=True))


# Every address -------------------------------------------------------------------------------------------------------

WORDS = (*table.OF_PATIENT, *table.WRITTEN_NUMBERS)
OF_ONE = re.compile("<int:case_id>|<int:inbound_id>|<callback_id>")


def is_by(entry: AccessEntry, browser: table.Browser) -> bool:
    if browser.role in browser.world.people:
        return entry.user == browser.world.people[browser.role] and entry.session != "" and entry.address == "127.0.0.1"
    return entry.user is None and entry.intake_key_name != ""


def is_of_the_patient(entry: AccessEntry, case: Case) -> bool:
    return entry.phone_number == table.NUMBER or entry.person == table.PERSON or entry.case_id == case.pk


@pytest.mark.django_db
@pytest.mark.parametrize("role", table.ROLES)
def test_what_holds_a_patients_data_has_left_an_entry_and_so_has_what_was_refused(role, world):
    browser, missing = table.Browser(role, world), []
    for route in table.ROUTES:
        for method in ("GET", "POST"):
            status, holds = browser.ask(method, route)
            about = [each for each in browser.noted if is_by(each, browser) and is_of_the_patient(each, world.case)]
            seen = [entry for entry in about if entry.act != Act.REFUSED]
            # A form in Admin that is turned away shows what was typed in it, and nothing else.
            words = table.OF_PATIENT if status == "422" and route in table.PATIENTS_IN_ADMIN else WORDS
            if any(word in holds for word in words) and not seen:
                missing.append(f"{method} {route} shows the patient")
            if OF_ONE.search(route) and status in ("200", "201", "302", "409", "422") and not seen:
                missing.append(f"{method} {route} is of the patient")
            if OF_ONE.search(route) and status == "404" and not set(about) - set(seen):
                missing.append(f"{method} {route} was refused")
    assert [each for each in missing if "/draft/ is of" not in each] == []  # shows and tells nothing of the patient


@pytest.mark.django_db
@pytest.mark.parametrize("role", ["nurse", "queue_admin", "provider_admin", "reviewer", "operator"])
def test_who_may_not_see_a_page_of_patients_has_left_an_entry_too(role, world):
    browser = table.Browser(role, world)
    for route in (*table.PATIENTS_IN_ADMIN, *table.LOG_IN_ADMIN):
        status, _ = browser.ask("POST", route)
        assert any(entry.act == Act.REFUSED for entry in browser.noted) == (status == "403"), route


# Lists ---------------------------------------------------------------------------------------------------------------


@pytest.fixture
def family(book) -> list[Case]:
    """Two on one number."""
    return [book(name="Elsa", personal_identity_number=ELSAS), book(name="Tolvan", personal_identity_number=TOLVANS)]


@pytest.mark.django_db
def test_each_case_of_the_work_list_is_noted_once_as_shown_and_not_as_opened(family, nurse):
    desk = desk_of(nurse)
    desk.work_list()
    desk.work_list()
    noted = AccessEntry.objects.order_by("id")
    assert [(entry.act, entry.case_id, entry.person) for entry in noted] == [
        ("listed", family[0].pk, ELSAS),
        ("listed", family[1].pk, TOLVANS),
    ]


@pytest.mark.django_db
def test_only_the_page_that_is_shown_is_noted(book, nurse):
    for minute in range(51):
        book(callback_at=timezone.now() + timedelta(minutes=minute))
    desk_of(nurse).work_list("?page=2")
    assert acts() == ["listed"]


@pytest.mark.django_db
def test_a_search_is_noted_with_whom_it_showed_and_says_whether_there_was_a_case(family, nurse):
    client = desk_of(nurse).client
    client.post("/cases/search/", {"query": MOBILE}, follow=True)
    assert acts() == ["search", "hit", "hit"]
    client.post("/cases/search/", {"query": "070-174 06 99"}, follow=True)
    noted = AccessEntry.objects.filter(act=Act.SEARCH).order_by("id")
    assert list(noted.values_list("had_case", flat=True)) == [True, False]


@pytest.mark.django_db
def test_a_case_shows_the_others_on_its_number_and_they_are_noted_as_that(family, nurse):
    desk = desk_of(nurse)
    assert "Tolvan" in desk.case(family[0]).text
    desk.case(family[0])
    assert acts(case_id=family[0].pk) == ["view", "view"]
    assert acts(case_id=family[1].pk) == ["related"]


@pytest.mark.django_db
def test_a_person_to_choose_whose_case_is_closed_is_noted_too(family, nurse):
    close(family[1], Status.DONE, by=nurse)
    assert "19121212-1212" in desk_of(nurse).case(family[0]).html
    assert acts(person=TOLVANS) == ["related"]


@pytest.mark.django_db
def test_a_reply_says_whether_the_patient_has_had_a_case(queue, nurse, book):
    close(book(phone_number="+46701740699"), Status.DONE, by=nurse)
    for number in (MOBILE, "+46701740699"):
        InboundSms.objects.create(queue=queue, from_number=number, text="Hej", provider="simulator")
    desk_of(nurse).open("/inbound/")
    noted = AccessEntry.objects.values_list("phone_number", "act", "had_case")
    assert set(noted) == {(MOBILE, "inbound", False), ("+46701740699", "inbound", True)}


# What is shown again -------------------------------------------------------------------------------------------------


def look_again(client: Client, case: Case, **headers: str) -> str:
    response = client.get(f"/cases/{case.pk}/live/", headers={"HX-Request": "true", **headers})
    assert response.status_code == 200
    return response.content.decode()


@pytest.mark.django_db
def test_what_the_open_page_asks_for_by_itself_is_noted_once(case, nurse):
    client = desk_of(nurse).client
    for _ in range(3):
        shown = look_again(client, case, **{"HX-Trigger": "live"})
    assert "Patienten bokade" in shown
    assert acts() == ["view"]


@pytest.mark.django_db
def test_in_another_session_or_by_another_it_is_another_look(case, nurse, colleague):
    for user in (nurse, nurse, colleague):
        look_again(desk_of(user).client, case)
    assert acts() == ["view"] * 3


@pytest.mark.django_db
def test_another_patient_in_the_same_case_is_another_look(case, nurse):
    client = desk_of(nurse).client
    look_again(client, case)
    Case.objects.filter(pk=case.pk).update(personal_identity_number=ELSAS)
    look_again(client, case)
    assert acts() == ["view"] * 2
    assert acts(person=ELSAS) == ["view"]


@pytest.mark.django_db
@pytest.mark.parametrize(("minutes", "noted"), [(55, 1), (65, 2)])
def test_after_an_hour_it_is_another_look(minutes, noted, case, nurse):
    desk = desk_of(nurse)
    session = access_log.name_of(desk.client.session.session_key)
    before = {"user": nurse, "session": session, "act": Act.VIEW, "case_id": case.pk, "queue": case.queue}
    ago = Now() - timedelta(minutes=minutes)
    AccessEntry.objects.create(**before, phone_number=MOBILE, care_provider=case.queue.care_provider, at=ago)
    look_again(desk.client, case)
    assert len(acts()) == noted


# Both or neither -----------------------------------------------------------------------------------------------------


@contextmanager
def a_log_that_takes_nothing() -> Iterator[None]:
    with as_owner(), connection.cursor() as cursor:
        cursor.execute("ALTER TABLE access_accessentry ADD CONSTRAINT full_up CHECK (false) NOT VALID")
    try:
        yield
    finally:
        with as_owner(), connection.cursor() as cursor:
            cursor.execute("ALTER TABLE access_accessentry DROP CONSTRAINT full_up")


READS: dict[str, Callable[[Client, Case], Any]] = {
    "work list": lambda client, case: client.get("/"),
    "open work list": lambda client, case: client.get("/cases/list/"),
    "search": lambda client, case: client.post("/cases/search/", {"query": MOBILE}, follow=True),
    "case": lambda client, case: client.get(f"/cases/{case.pk}/"),
    "the open page": lambda client, case: client.get(f"/cases/{case.pk}/live/"),
    "free times": lambda client, case: client.get(f"/cases/{case.pk}/free-times/"),
    "text for the record": lambda client, case: client.get(f"/cases/{case.pk}/journal/"),
    "replies": lambda client, case: client.get("/inbound/"),
    "new case from a reply": lambda client, case: client.get(f"/cases/new/?inbound={InboundSms.objects.get().pk}"),
    "extract": lambda client, case: client.post("/admin/patient-data/", {"query": MOBILE, "act": "show"}),
    "plan": lambda client, case: client.post("/admin/patient-data/", {"query": MOBILE, "act": "plan"}),
}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("read", READS)
def test_a_read_that_can_not_be_noted_shows_nothing(read, case, queue, administrator, client):
    InboundSms.objects.create(queue=queue, from_number="+46701740699", text="Beryll", provider="simulator")
    client.force_login(administrator)
    with a_log_that_takes_nothing():
        response = READS[read](client, case)
    assert response.status_code == 503
    shown = response.content.decode()
    assert "Försök igen" in shown
    assert not any(word in shown for word in ("Berit", "Beryll", "Patienten bokade", "174 06"))
    assert READS[read](client, case).status_code == 200


@pytest.mark.django_db(transaction=True)
def test_a_telephone_system_gets_nothing_either(case, telephones):
    with a_log_that_takes_nothing():
        assert telephones.read(case.pk).status == 503
        assert telephones.cancel(case.pk).status == 503
    case.refresh_from_db()
    assert case.is_open
    assert telephones.cancel(case.pk).status == 200
    assert acts() == ["api_change"]


@pytest.mark.django_db(transaction=True)
def test_a_change_that_can_not_be_noted_is_not_made(case, nurse):
    seen = {"act": "take", "seen_event": case.events.latest_act().pk}
    with a_log_that_takes_nothing():
        assert desk_of(nurse).client.post(f"/cases/{case.pk}/act/", seen).status_code == 503
    assert not CaseEvent.objects.filter(kind=CaseEvent.Kind.TAKEN).exists()


@pytest.mark.django_db(transaction=True)
def test_a_change_that_is_not_made_is_not_noted(case, nurse):
    client, seen = desk_of(nurse).client, {"act": "take", "seen_event": case.events.latest_act().pk}

    def without_patience() -> int:
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '200ms'")
        return client.post(f"/cases/{case.pk}/act/", seen).status_code

    with transaction.atomic():
        list(Case.objects.select_for_update())
        assert in_another_connection(without_patience).result(20) == 503
    assert acts() == []


@pytest.mark.django_db(transaction=True)
def test_a_case_that_can_not_be_noted_is_not_made(nurse, queue):
    page = desk_of(nurse).open("/cases/new/")
    with a_log_that_takes_nothing():
        typed = {"queue": queue.pk, "phone_number": MOBILE, "callback_at": in_a_month()}
        assert page.press("Skapa ärendet", **typed).status == 503
    assert not Case.objects.exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("read", ["work list", "case", "text for the record", "search", "extract"])
def test_a_read_is_committed_before_anything_of_it_is_written(read, case, administrator, client):
    client.force_login(administrator)
    committed: list[int] = []

    def look(**_: object) -> None:
        committed.append(in_another_connection(AccessEntry.objects.count).result(20))

    template_rendered.connect(look)
    try:
        READS[read](client, case)
    finally:
        template_rendered.disconnect(look)
    assert committed
    assert min(committed) >= 1


# Refusals ------------------------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("method", ["get", "post"])
def test_anothers_case_is_not_found_and_the_patients_reviewer_sees_who_asked(method, case, outsider, queue):
    client = desk_of(outsider).client
    address = f"/cases/{case.pk}/" + ("act/" if method == "post" else "")
    for _ in range(2):
        assert getattr(client, method)(address).status_code == 404
    entry = AccessEntry.objects.get()  # as a page that is open may go on asking
    assert (entry.act, entry.user, entry.roles, entry.case_id) == ("refused", outsider, "", case.pk)
    assert (entry.phone_number, entry.queue, entry.care_provider) == (MOBILE, queue, queue.care_provider)


@pytest.mark.django_db
@pytest.mark.parametrize("number", [999_999, 10**18, 10**30])
def test_a_case_that_never_was_is_noted_without_a_patient(number, outsider, other_queue):
    assert desk_of(outsider).client.get(f"/cases/{number}/").status_code == 404
    entry = AccessEntry.objects.get()
    assert (entry.act, entry.phone_number, entry.care_provider) == ("refused", "", other_queue.care_provider)
    assert entry.case_id == (number if number < 2**63 else None)


@pytest.mark.django_db
def test_anothers_reply_is_refused_on_its_page_and_in_a_new_case(queue, outsider):
    sms = InboundSms.objects.create(queue=queue, from_number=MOBILE, text="Beryll", provider="simulator")
    client = desk_of(outsider).client
    assert client.post(f"/inbound/{sms.pk}/read/").status_code == 404
    assert acts(phone_number=MOBILE, care_provider=queue.care_provider) == ["refused"]
    assert "0701740605" not in desk_of(outsider).open(f"/cases/new/?inbound={sms.pk}").html
    assert acts(phone_number=MOBILE) == ["refused", "refused"]


@pytest.mark.django_db
def test_another_care_providers_callback_is_refused_its_key(case, other_telephones, queue):
    assert other_telephones.read(case.pk).status == 404
    entry = AccessEntry.objects.get()
    assert (entry.act, entry.intake_key_name, entry.user) == ("refused", "Växeln", None)
    assert (entry.case_id, entry.phone_number, entry.care_provider) == (case.pk, MOBILE, queue.care_provider)


# The telephone system ------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_what_a_telephone_system_does_and_reads_is_noted(case, telephones, nurse):
    telephones.read(case.pk)
    assert telephones.cancel(case.pk).status == 200
    assert acts(case_id=case.pk, intake_key_name="Växeln") == ["api_read", "api_change"]


@pytest.mark.django_db
def test_why_it_can_not_change_a_case_is_a_look_at_it(case, telephones, nurse):
    take(case, by=nurse)
    assert telephones.cancel(case.pk).status == 409
    assert acts() == ["api_read"]
