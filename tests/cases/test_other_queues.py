"""Öppna ärende i annan kö: within the care provider, where it allows it, for a stated reason, and to read only."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from access.models import AccessEntry
from cases import callbacks
from cases.models import Case
from consent.models import Answer
from teleq.models import CareProvider, CareProviderRole, Membership, ProviderRole, Queue, Role, User
from tests.cases.desk import OTHER_MOBILE, Page, desk_of
from tests.cases.protecting import PROTECTED, mark
from tests.cases.test_promise_9_queues import ONE_CASE, READS, everything, write
from tests.conftest import MOBILE, make_queue

pytestmark = pytest.mark.django_db

PERSON = "191212121212"
OPEN, SUBMIT = "Öppna ärende i annan kö", "Öppna ärendet"
REASON = {"why": "wrong_queue", "told": "Patienten väntar i telefonen."}
WHAT_IS_SAID = "har ärenden i en annan kö hos Vårdgivare 1."


@pytest.fixture
def allowed(care_provider) -> CareProvider:
    CareProvider.objects.filter(pk=care_provider.pk).update(opens_other_queues=True)
    return care_provider


@pytest.fixture
def elsewhere(care_provider) -> Queue:
    """A queue of the care provider's, in which the nurse does not work."""
    return make_queue(care_provider, "Barn", True)


@pytest.fixture
def theirs(book, elsewhere, colleague) -> Case:
    case = book(queue=elsewhere, reason="Provsvar", personal_identity_number=PERSON)
    callbacks.add_note(case, "Vill ha svar före lunch.", by=colleague)
    return case


def searched(user: User, query: str = MOBILE) -> Page:
    return desk_of(user).work_list().press("Sök", query=query)


def opened(user: User, query: str = MOBILE, **told: str) -> Page:
    return searched(user, query).press(OPEN).press(SUBMIT, **(REASON | told))


# Where it is allowed -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("query", "subject"), [(MOBILE, "Numret"), (PERSON, "Personnumret")])
def test_a_search_that_finds_nothing_says_that_there_is_something_elsewhere_and_no_more(
    query, subject, allowed, theirs, nurse
):
    page = searched(nurse, query)
    assert f"{subject} {WHAT_IS_SAID}" in page.text
    asking = page.press(OPEN)
    for told in (page.html, asking.html):
        assert [word for word in ("Berit", "Barn", "Provsvar", "lunch") if word in told] == []


def test_for_a_reason_the_case_is_shown(allowed, theirs, nurse):
    page = opened(nurse)
    assert page.status == 200
    shown = ("Berit Testsson", "VC Spindeln Barn", "070-174 06 05", "19121212-1212", "Provsvar")
    assert [word for word in (*shown, "Vill ha svar före lunch.", "Historik") if word not in page.text] == []
    assert "Patienten ringde fel kö: Patienten väntar i telefonen." in page.text


def test_it_can_only_be_read(allowed, theirs, nurse):
    page = opened(nurse)
    assert [form.attributes.get("action") for form in page._read.forms] == ["/cases/search/", "/logout/"]
    assert reverse("cases:case", args=[theirs.pk]) not in " ".join(page.links)


@pytest.mark.parametrize("name", ONE_CASE)
def test_no_address_of_the_case_opens_for_it(name, allowed, theirs, nurse):
    opened(nurse)
    client, address = desk_of(nurse).client, reverse(f"cases:{name}", args=[theirs.pk])
    before = everything()
    assert client.get(address).status_code == (404 if name in READS else 405)
    assert client.post(address, write(name, theirs)).status_code == (405 if name in READS else 404)
    assert everything() == before


def test_to_read_it_changes_nothing(allowed, theirs, nurse):
    before = everything()
    opened(nurse)
    assert everything() == before


@pytest.mark.parametrize(
    ("told", "asked"),
    [
        ({"why": ""}, "Välj en anledning."),
        ({"why": "x"}, "Välj en anledning i listan."),
        ({"told": "  "}, "Beskriv varför du behöver öppna ärendet."),
        ({"told": "x" * 201}, "Skriv högst 200 tecken. Nu är det 201."),
    ],
)
def test_without_a_reason_it_stays_shut_and_what_was_typed_stays(told, asked, allowed, theirs, nurse):
    seen = AccessEntry.objects.filter(case_id=theirs.pk).count()
    page = opened(nurse, **told)
    assert page.status == 422
    assert asked in page.text
    assert "Berit" not in page.html
    assert page.typed("told", beside=SUBMIT) == (REASON | told)["told"]
    assert AccessEntry.objects.filter(case_id=theirs.pk).count() == seen


def test_each_opening_is_in_the_log(allowed, theirs, nurse):
    opened(nurse)
    entry = AccessEntry.objects.latest("pk")
    assert (entry.user, entry.queue_id, entry.case_id) == (nurse, theirs.queue_id, theirs.pk)
    assert (entry.phone_number, entry.person) == (MOBILE, PERSON)
    assert entry.act == AccessEntry.Act.OTHER_QUEUE
    assert REASON["told"] in entry.why


def test_of_several_one_is_chosen_by_queue_and_time(allowed, theirs, book, nurse, elsewhere):
    book(queue=elsewhere, name="Cecilia Testsson")
    page = opened(nurse)
    assert page.text.count("VC Spindeln Barn") >= 2
    assert [name for name in ("Berit", "Cecilia") if name in page.html] == []
    [button] = [
        button
        for form in page._read.forms
        for button in form.buttons
        if button.name == "case" and button.value == str(theirs.pk)
    ]
    assert "Berit Testsson" in page.press(" ".join(button.label.split()), case=theirs.pk).text


def test_a_protected_patient_is_hidden_until_then_and_says_so(allowed, theirs, book, nurse, elsewhere, colleague):
    Membership.objects.create(user=colleague, queue=elsewhere)
    mark(theirs, colleague)
    assert f"Berit Testsson {PROTECTED}" in opened(nurse).text
    book(queue=elsewhere)
    listed = opened(nurse)
    assert listed.text.count(PROTECTED) == 2
    assert "Berit" not in listed.html


def test_where_own_queues_have_the_number_nothing_is_said_of_others(allowed, theirs, case, nurse):
    assert WHAT_IS_SAID not in searched(nurse).text


def test_the_pages_cost_as_many_queries_for_many_cases_as_for_few(allowed, theirs, book, nurse, elsewhere):
    def queries() -> int:
        client = desk_of(nurse).client
        with CaptureQueriesContext(connection) as asked:
            client.post(reverse("cases:search"), {"query": MOBILE})
            client.post(reverse("cases:other_queues"), {"query": MOBILE, "ask": "1", **REASON})
        return len(asked)

    book(queue=elsewhere)
    few = queries()
    for _ in range(8):
        book(queue=elsewhere)
    assert queries() == few


# Where it is not -----------------------------------------------------------------------------------------------------


def ask_anyway(user: User, query: str = MOBILE, **more: object) -> int:
    address = reverse("cases:other_queues")
    return desk_of(user).client.post(address, {"query": query, "ask": "1", **REASON, **more}).status_code


def test_where_the_care_provider_does_not_allow_it_nothing_is_told(theirs, nurse):
    page = searched(nurse)
    assert "Inget ärende i dina köer har det numret." in page.text
    assert "annan kö" not in page.text
    assert ask_anyway(nurse) == ask_anyway(nurse, OTHER_MOBILE) == 404


def test_what_one_care_provider_allows_says_nothing_of_another(allowed, book, other_queue, nurse):
    book(queue=other_queue)
    assert "annan kö" not in searched(nurse).text
    assert ask_anyway(nurse) == 404


def test_another_care_providers_members_open_nothing(theirs, outsider):
    CareProvider.objects.update(opens_other_queues=True)
    assert "annan kö" not in searched(outsider).text
    assert ask_anyway(outsider) == 404


@pytest.mark.parametrize("role", ProviderRole)
def test_a_role_for_the_whole_care_provider_opens_nothing(role, allowed, theirs, make_user):
    """Who works in none of the queues has no patient on the telephone."""
    user = make_user("vera", "Vera", "Vik")
    CareProviderRole.objects.create(user=user, care_provider=allowed, role=role)
    assert "annan kö" not in searched(user).text
    assert ask_anyway(user) == 404


def test_nor_does_being_the_operator(allowed, theirs, superuser):
    assert ask_anyway(superuser) == 404


def test_a_membership_that_has_ended_opens_nothing(allowed, theirs, nurse):
    yesterday = timezone.localdate() - timedelta(days=1)
    Membership.objects.filter(user=nurse).update(until=yesterday)
    assert ask_anyway(nurse) == 404


@pytest.mark.parametrize("role", Role)
def test_each_role_in_a_queue_may(role, allowed, theirs, make_user, plain_queue):
    user = make_user("nils", "Nils", "Berg")
    Membership.objects.create(user=user, queue=plain_queue, role=role)
    assert ask_anyway(user) == 200


def test_a_case_of_another_number_is_not_opened_by_its_id(allowed, theirs, book, elsewhere, nurse):
    other = book(queue=elsewhere, phone_number=OTHER_MOBILE)
    assert ask_anyway(nurse, case=other.pk) == 404
    assert ask_anyway(nurse, case="x") == 404
    assert ask_anyway(nurse, query="") == 404


def test_ones_own_case_is_not_opened_that_way(allowed, case, nurse):
    assert ask_anyway(nurse) == 404


def test_the_answer_is_shown_where_the_queue_asks_for_it(allowed, theirs, nurse, say):
    say(Answer.NO)
    assert "Samtycke till SMSNej" in opened(nurse).text
