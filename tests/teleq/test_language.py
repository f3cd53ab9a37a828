"""The screen in the language that its user has chosen; what is stored, logged, sent and handed over in Swedish."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import override

from access import access_log
from access.models import AccessEntry, SignIn
from cases import acts
from cases.models import Case, CaseEvent
from sms.content import placeholders
from teleq.models import CareProvider, OutgoingSms, User
from tests.cases.desk import Page, desk_of, in_a_month, messages_of
from tests.conftest import MOBILE
from tests.intake.telephone_system import at, connect

pytestmark = pytest.mark.django_db

THURSDAY = at(date(2031, 3, 13), "10:30")


@pytest.fixture
def english(nurse) -> User:
    nurse.language = "en"
    nurse.save(update_fields=["language"])
    return nurse


@pytest.fixture
def desk(english):
    return desk_of(english)


def new_case(desk, queue) -> Page:
    values = {"queue": queue.pk, "phone_number": MOBILE, "callback_at": in_a_month()}
    return desk.open(reverse("cases:new_case")).press("Create case", **values)


# The screen ----------------------------------------------------------------------------------------------------------


def test_each_user_reads_their_own_language(desk, colleague, case):
    page = desk.work_list()
    assert '<html lang="en"' in page.html
    assert page.title.startswith("Work list")
    theirs = desk_of(colleague).work_list()
    assert '<html lang="sv"' in theirs.html
    assert theirs.title.startswith("Arbetslista")
    assert desk.case(case).has_button("Take the case")


def test_whoever_is_not_signed_in_reads_swedish(client, english):
    page = client.get(reverse("account_login"), headers={"Accept-Language": "en"}).content.decode()
    assert '<html lang="sv"' in page
    assert "Användarnamn" in page


def test_times_and_days_in_english(desk, book):
    tomorrow = timezone.localtime() + timedelta(days=1)
    page = desk.case(book(callback_at=tomorrow.replace(hour=10, minute=30)))
    assert "Time tomorrow 10:30" in page.text
    assert "Thu 13 Mar 2031 10:30" in desk.case(book(callback_at=THURSDAY)).text


def test_what_was_wrong_is_said_in_english(desk, queue):
    page = desk.open(reverse("cases:new_case")).press("Create case", queue=queue.pk, phone_number="070")
    assert "Enter a valid telephone number" in page.text
    assert "There are 2 errors in the form." in page.text


def test_an_act_is_told_to_each_reader_in_their_language(desk, english, colleague, case):
    acts.take(case, by=english)
    assert "Took the case. Anna Lind" in desk.case(case).text
    assert "The patient booked a callback. The telephone system" in desk.case(case).text
    assert "Tog ärendet" in desk_of(colleague).case(case).text


def test_a_telephone_system_is_answered_in_swedish_while_others_read_english(desk, administrator, queue, client):
    desk.work_list()
    connect(queue.care_provider, by=administrator)
    answer = client.get("/api/v1/queues", headers={"Authorization": "Bearer wrong"})
    assert answer.json()["detail"] == "Nyckeln saknas eller gäller inte."


# What patients get ---------------------------------------------------------------------------------------------------


@pytest.fixture
def confirming(queue):
    OutgoingSms.objects.filter(queue=queue).update(
        consent_required=False,
        confirmation_on=True,
        confirmation_text="Vi ringer {datum} kl. {tid}. {enhet}",
    )


def test_a_confirmation_is_in_swedish_whoever_books(desk, queue, confirming):
    assert "The case has been created." in new_case(desk, queue).text
    [message] = messages_of(Case.objects.get())
    assert message.text == f"Vi ringer {in_swedish(timezone.localdate() + timedelta(days=30))} kl. 10.30. {queue.unit}"


def in_swedish(day: date) -> str:
    weekdays = ("måndag", "tisdag", "onsdag", "torsdag", "fredag", "lördag", "söndag")
    months = (
        *("januari", "februari", "mars", "april", "maj", "juni"),
        *("juli", "augusti", "september", "oktober", "november", "december"),
    )
    return f"{weekdays[day.weekday()]} {day.day} {months[day.month - 1]}"


def test_a_day_that_an_english_page_was_made_with_first_is_in_swedish_to_the_patient(queue):
    """Days are written once for thousands of callbacks."""
    with override("en"):
        assert placeholders.fill("{datum} {tid}", queue, THURSDAY) == "torsdag 13 mars 10.30"
    assert placeholders.fill("{datum} {tid}", queue, THURSDAY) == "torsdag 13 mars 10.30"


def test_a_new_queues_texts_are_in_swedish_whoever_makes_it(english, queue):
    assert OutgoingSms._meta.get_field("confirmation_text").get_default().startswith("Din tid är bokad")


# What is stored ------------------------------------------------------------------------------------------------------


def test_roles_are_logged_in_swedish(desk, case):
    desk.case(case)
    entry = AccessEntry.objects.filter(act=access_log.Act.VIEW).latest("pk")
    assert entry.roles == "Medarbetare"


def test_the_reason_to_open_another_queues_case_is_logged_in_swedish(desk, english, book, plain_queue):
    CareProvider.objects.update(opens_other_queues=True)
    book()
    english.memberships.exclude(queue=plain_queue).delete()
    reason = {"why": "wrong_queue", "told": "Waits on the line."}
    page = desk.client.post(reverse("cases:other_queues"), {"query": MOBILE, "ask": "1", **reason}).content.decode()
    assert "The patient called the wrong queue: Waits on the line." in page
    [entry] = AccessEntry.objects.filter(act=access_log.Act.OTHER_QUEUE)
    assert entry.why == "Patienten ringde fel kö: Waits on the line."


def test_why_a_session_ended_is_stored_in_swedish_and_read_in_english(desk, english, administrator, client):
    desk.client.post(reverse("sign_out_everywhere"))
    assert SignIn.objects.filter(what=SignIn.What.SIGNED_OUT).latest("pk").why == "Överallt."
    administrator.language = "en"
    administrator.save(update_fields=["language"])
    assert "Everywhere." in desk_of(administrator).open("/admin/access/signin/").text


def test_an_act_is_stored_as_what_it_is_and_not_in_words(desk, english, case):
    desk.case(case).press("Take the case")
    assert CaseEvent.objects.filter(case=case).latest("pk").kind == CaseEvent.Kind.TAKEN
