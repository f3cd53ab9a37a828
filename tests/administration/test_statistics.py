"""Statistik: totals per queue and period, each chart with its table and its CSV, never a patient."""

from __future__ import annotations

import re
from datetime import UTC, date, timedelta
from html import unescape

import pytest
from django.utils import timezone

from administration import totals
from administration.models import DayTotal
from administration.statistics.consent_and_sms import of_queues
from administration.statistics.tables import Period, Table
from administration.totals import SETTLES, beginning_of
from cases import callbacks
from cases.models import Case
from consent.models import Answer, Consent
from local.servers import RETENTION
from sms import gateway
from sms.models import Kind, Lane, Message
from teleq.models import OutgoingSms
from tests.administration.forms import text_of
from tests.conftest import LANDLINE, MOBILE
from tests.database_roles import a_night_goes_by, acting_as, as_owner

pytestmark = pytest.mark.django_db


def add_up() -> None:
    with acting_as(RETENTION):
        totals.add_up()


ADDRESS = "/admin/statistics/"
OTHER = "+46701740606"


@pytest.fixture
def this_month():
    today = timezone.localdate()
    return Period(today - timedelta(days=29), today + timedelta(days=1))


@pytest.fixture
def booked(queue):
    def book(number: str = MOBILE, **columns) -> Case:
        soon = timezone.now() + timedelta(hours=1)
        return callbacks.create(
            Case(**({"queue": queue, "phone_number": number, "callback_at": soon} | columns)), by=None
        )

    return book


def of_queue(queue, period) -> list[Table]:
    return of_queues([queue.pk], period)


def table(queue, period, title):
    return next(each for each in of_queue(queue, period) if each.title == title)


def test_answers_are_counted_by_day_in_the_cases_they_were_given_in(booked, queue, plain_queue, say, this_month):
    case, elsewhere = booked(), booked(OTHER, queue=plain_queue)
    say(Answer.YES, case_id=case.pk)
    say(Answer.NO, case_id=case.pk)
    say(Answer.YES, OTHER, case_id=elsewhere.pk)
    [(when, *counts)] = table(queue, this_month, "Svar om SMS").rows
    assert counts == [1, 1, 0]
    assert when.startswith(str(timezone.localdate().day))


@pytest.mark.parametrize(("days", "step"), [(31, "day"), (32, "week"), (200, "week"), (201, "month"), (365, "month")])
def test_a_longer_period_is_told_in_longer_steps(days, step):
    first = date(2026, 1, 1)
    assert Period(first, first + timedelta(days=days - 1)).step == step


def test_a_day_is_a_day_in_stockholm_over_the_change_of_clocks():
    begins, ends = (beginning_of(date(2026, 3, day)).astimezone(UTC) for day in (29, 30))
    assert ends - begins == timedelta(hours=23)


def test_callbacks_are_counted_by_the_answer_in_force_at_their_time(booked, queue, say, lapsing, this_month):
    booked()
    booked("+46701740607")
    booked(OTHER)
    lapsing(Answer.YES, "+46701740608", days_left=-1)
    booked("+46701740608")
    say(Answer.YES)
    say(Answer.NO, OTHER)
    counted = table(queue, this_month, "Ärenden efter svar om SMS")
    assert counted.rows == [("Ja", 1), ("Nej", 1), ("Ej valt", 0), ("Svar saknas", 2)]
    assert counted.note == "Ärenden vars tid är under perioden, efter det svar som gällde då. 50 % hade ett svar."


def test_what_was_answered_after_the_call_does_not_count_for_it(booked, queue, say, this_month):
    booked(callback_at=timezone.now() - timedelta(minutes=1))
    say(Answer.YES)
    assert ("Svar saknas", 1) in table(queue, this_month, "Ärenden efter svar om SMS").rows


def test_messages_are_counted_by_kind_and_outcome_and_refusals_by_reason(queue, say, accept, provider, this_month):
    accept(kind=Kind.REMINDER)
    gateway.drain(Lane.BULK)
    say(Answer.YES)
    accept(kind=Kind.MANUAL)
    gateway.drain(Lane.MANUAL)
    say(Answer.NO)
    accept(kind=Kind.MANUAL)
    say(Answer.YES, LANDLINE)
    accept(kind=Kind.CONFIRMATION, to_number=LANDLINE)
    gateway.drain(Lane.BULK)
    assert table(queue, this_month, "SMS efter hur det gick").rows == [("Skickat", 1, 0, 0), ("Stoppat", 1, 1, 1)]
    assert table(queue, this_month, "Stoppade SMS efter orsak").rows == [
        ("SMS-utskick avböjt", 1, 0, 0),
        ("Samtycke till SMS saknas", 0, 0, 1),
        ("Numret kan inte ta emot SMS (inte ett mobilnummer).", 0, 1, 0),
    ]


def test_several_queues_are_told_of_together(queue, plain_queue, accept, this_month):
    accept(kind=Kind.MANUAL)
    accept(kind=Kind.MANUAL, queue_id=plain_queue.pk)
    told = next(each for each in of_queues([queue.pk, plain_queue.pk], this_month) if each.key == "sms")
    assert sum(row[1] for row in told.rows) == 2
    assert sum(row[1] for row in table(queue, this_month, "SMS efter hur det gick").rows) == 1


def test_what_is_outside_the_period_is_not_counted(queue, accept, this_month):
    accept(kind=Kind.MANUAL)
    Message.objects.update(created_at=beginning_of(this_month.last + timedelta(days=1)))
    assert table(queue, this_month, "SMS efter hur det gick").rows == []
    Message.objects.update(created_at=beginning_of(this_month.first))
    assert table(queue, this_month, "SMS efter hur det gick").rows != []


def test_the_number_of_queries_is_fixed(booked, queue, accept, this_month, django_assert_num_queries):
    for number in range(610, 630):
        booked(f"+46701740{number}")
        accept(to_number=f"+46701740{number}")
    with django_assert_num_queries(3):
        of_queue(queue, this_month)


def test_the_page_has_each_chart_with_its_table(booked, office, queue, say):
    say(Answer.YES, case_id=booked().pk)
    response = office.get(ADDRESS)
    assert response.content.decode().count("<svg") >= 5
    assert "Svar om SMS" in text_of(response)
    assert "När Ja Nej Ej valt" in text_of(response)
    assert MOBILE not in response.content.decode()


def test_each_table_can_be_fetched_as_csv(booked, office, queue):
    booked()
    today = timezone.localdate()
    response = office.get(
        ADDRESS, {"queue": queue.pk, "first": today, "last": today + timedelta(days=1)} | {"csv": "arenden-efter-svar"}
    )
    lines = response.content.decode("utf-8-sig").splitlines()
    assert lines == ["Svar;Ärenden", "Ja;0", "Nej;0", "Ej valt;0", "Svar saknas;1"]


@pytest.mark.parametrize("chosen", ["0", "sms2", "", "9" * 5000])
def test_a_table_that_there_is_none_of_is_the_page(chosen, office, queue):
    today = timezone.localdate()
    response = office.get(ADDRESS, {"queue": queue.pk, "first": today, "last": today, "csv": chosen})
    assert (response.status_code, response["Content-Type"]) == (200, "text/html; charset=utf-8")


@pytest.mark.parametrize(
    ("typed", "reason"),
    [
        ({"first": "2026-11-25", "last": "2026-11-24"}, "Välj en dag efter den första, högst fem år senare."),
        ({"first": "2000-01-01", "last": "2026-11-24"}, "Välj en dag efter den första, högst fem år senare."),
        ({"first": "igår"}, "Skriv en dag."),
        ({"first": "0001-01-01", "last": "0001-01-02"}, "Välj en dag mellan år 2000 och 2100."),
        ({"last": "9999-12-31"}, "Välj en dag mellan år 2000 och 2100."),
        ({"queue": ""}, "Välj bland dina köer."),
        ({"queue": "9" * 5000}, "Välj bland dina köer."),
        ({"queue": "999"}, "Välj bland dina köer."),
    ],
)
def test_bad_input_gets_a_message(typed, reason, office, queue):
    response = office.get(ADDRESS, {"queue": queue.pk, "first": "2026-11-01", "last": "2026-11-24"} | typed)
    assert response.status_code == 422
    assert reason in text_of(response)


def test_a_bar_of_stopped_sms_leads_to_them(office, queue, accept):
    accept(kind=Kind.MANUAL)
    gateway.drain(Lane.MANUAL)
    today = timezone.localdate()
    page = office.get(ADDRESS, {"queue": queue.pk, "first": today, "last": today})
    [link] = re.findall(r'href="(/admin/stopped-sms/[^"]+)"', page.content.decode())
    assert unescape(link).endswith(f"?queue={queue.pk}&reason=missing&from={today}&to={today}")
    assert "Samtycke till SMS saknas" in text_of(office.get(unescape(link)))


def test_promise_9_only_ones_own_queues(office, other_queue, client, nurse):
    response = office.get(ADDRESS, {"queue": other_queue.pk, "first": "2026-11-01", "last": "2026-11-24"})
    assert response.status_code == 422
    client.force_login(nurse)
    assert client.get(ADDRESS).status_code == 403


def test_an_empty_queue_says_so(office):
    with as_owner():
        OutgoingSms.objects.all().delete()
        Consent.objects.all().delete()
    assert "Inget under perioden." in text_of(office.get(ADDRESS))


class TestTotals:
    """A day that has settled is counted once, and stays when what it counts has gone."""

    @pytest.fixture
    def long_ago(self, booked, queue, say, accept, provider):
        """Callbacks, answers and messages of some days in the last months, and of today."""
        day = timezone.localdate() - timedelta(days=80)
        for number in range(610, 616):
            case = booked(f"+46701740{number}", callback_at=beginning_of(day) + timedelta(hours=9))
            say(Answer.YES if number % 2 else Answer.NO, f"+46701740{number}", case_id=case.pk)
            message = accept(to_number=f"+46701740{number}")
            Message.objects.filter(pk=message.pk).update(created_at=beginning_of(day) + timedelta(minutes=number))
            day += timedelta(days=9)
        accept()
        return Period(timezone.localdate() - timedelta(days=90), timezone.localdate() + timedelta(days=1))

    def test_added_up_they_are_what_was_counted(self, long_ago, queue, plain_queue):
        before = of_queue(queue, long_ago)
        add_up()
        assert DayTotal.objects.exists()
        assert of_queue(queue, long_ago) == before
        assert not any(table.largest for table in of_queue(plain_queue, long_ago))

    def test_added_up_again_they_are_the_same(self, long_ago, queue):
        before = of_queue(queue, long_ago)
        for _ in range(2):
            add_up()
        assert of_queue(queue, long_ago) == before

    def test_any_part_of_the_period_is_the_same_too(self, long_ago, queue):
        today = timezone.localdate()
        parts = [
            Period(today - timedelta(days=start), today - timedelta(days=end)) for start, end in ((90, 60), (40, 0))
        ]
        before = [of_queue(queue, part) for part in parts]
        add_up()
        assert [of_queue(queue, part) for part in parts] == before

    def test_a_day_that_has_not_settled_is_not_stored(self, accept):
        message = accept()
        Message.objects.filter(pk=message.pk).update(created_at=beginning_of(timezone.localdate() - SETTLES))
        add_up()
        assert not DayTotal.objects.exists()
        Message.objects.filter(pk=message.pk).update(
            created_at=beginning_of(timezone.localdate() - SETTLES) - timedelta(minutes=1)
        )
        add_up()
        assert DayTotal.objects.get().day == timezone.localdate() - SETTLES - timedelta(days=1)

    def test_they_stay_when_retention_has_removed_what_they_count(self, long_ago, queue):
        add_up()
        before = table(queue, long_ago, "SMS efter hur det gick").rows
        with as_owner():
            Message.objects.filter(created_at__lt=beginning_of(timezone.localdate() - SETTLES)).delete()
        assert table(queue, long_ago, "SMS efter hur det gick").rows == before

    def test_an_answer_that_has_lapsed_and_gone_still_counts_for_the_call_before(self, booked, queue, lapsing):
        called = timezone.now() - timedelta(days=3)
        lapsing(Answer.YES, days_left=-2)
        booked(callback_at=called)
        period = Period(timezone.localdate() - timedelta(days=10), timezone.localdate())
        before = table(queue, period, "Ärenden efter svar om SMS").rows
        assert ("Ja", 1) in before
        a_night_goes_by()
        assert not Consent.objects.exists()
        assert table(queue, period, "Ärenden efter svar om SMS").rows == before

    def test_nothing_to_add_up_is_nothing(self, queue):
        add_up()
        assert not DayTotal.objects.exists()

    def test_added_up_they_take_no_more_queries(self, long_ago, queue, django_assert_num_queries):
        add_up()
        with django_assert_num_queries(3):
            of_queue(queue, long_ago)
        with django_assert_num_queries(2):  # nothing is left to count
            of_queue(queue, Period(long_ago.first, long_ago.first + timedelta(days=50)))
