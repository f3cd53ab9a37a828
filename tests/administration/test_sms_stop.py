"""Admin > Stoppa alla utskick: the operator stops and releases, and everybody in Admin is told."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from cases import callbacks
from consent.models import Answer
from sms import brake
from sms.models import Message, SendingStop
from teleq.models import User
from tests.cases.desk import Desk, desk_of
from tests.database_roles import past_the_triggers

pytestmark = pytest.mark.django_db

ADDRESS = "/admin/sms-stop/"
STOP, RELEASE = "Stoppa alla utskick", "Släpp utskicken"
WORDS = "Alla SMS-utskick är stoppade sedan"


@pytest.fixture
def drift(operator: User) -> Desk:
    return desk_of(operator)


@pytest.fixture
def stopped(operator: User) -> SendingStop:
    return brake.stop("Fel länk i påminnelsen.", by=operator)[0]


@pytest.fixture
def write(nurse, say):
    """A nurse sends an SMS from a case; what becomes of it when it can't be sent in time."""

    def one(case, *, late: bool = False) -> Message:
        say(Answer.YES, str(case.phone_number))
        number = str(case.phone_number)
        message = callbacks.send_sms(case, "Zafir", token=str(Message.objects.count()), shown=number, by=nurse)
        if late:
            at = SendingStop.objects.latest("stopped_at").stopped_at
            with past_the_triggers():
                Message.objects.filter(pk=message.pk).update(
                    due_at=at - timedelta(minutes=1), send_before=at + timedelta(microseconds=1)
                )
        return message

    return one


# Stop and release ----------------------------------------------------------------------------------------------------


def test_one_button_stops_everything_with_the_reason_and_is_asked_once(drift, operator):
    page = drift.open(ADDRESS).press(STOP, why="Fel länk i påminnelsen.")
    assert "Alla SMS-utskick är stoppade." in page.text
    assert "Fel länk i påminnelsen." in page.text
    [stop] = SendingStop.objects.all()
    assert (stop.stopped_by, stop.stopped_why) == (operator, "Fel länk i påminnelsen.")
    assert not page.has_button(STOP)


def test_without_a_reason_nothing_is_stopped(drift):
    page = drift.open(ADDRESS).press(STOP, why="  ")
    assert page.status == 422
    assert "Skriv varför." in page.text
    assert not SendingStop.objects.exists()


def test_before_it_is_released_it_says_how_many_wait_and_are_too_late_by_kind_and_queue(stopped, drift, book, write):
    write(book())
    write(book(), late=True)
    page = drift.open(ADDRESS)
    counts = "SMS 2 1 Bokningsbekräftelse 0 0 Påminnelse om återuppringning 0 0"
    assert counts in page.text
    assert "VC Spindeln Rådgivning 2 1" in page.text
    assert page.text.index(counts) < page.text.index(RELEASE)
    for of_patient in ("Berit", "Zafir", "070-174 06 05", "+46701740605"):
        assert of_patient not in page.html


def test_a_release_asks_why_and_stands_on_record_with_what_became_too_late(stopped, drift, operator, book, write):
    write(book(), late=True)
    page = drift.open(ADDRESS).press(RELEASE, why="")
    assert (page.status, "Skriv varför." in page.text) == (422, True)
    page = drift.open(ADDRESS).press(RELEASE, why="Länken är rättad.")
    assert "Utskicken är släppta." in page.text
    assert WORDS not in page.text
    [row] = page.rows
    assert re.match(
        r"idag \d\d\.\d\d, Disa Drake Fel länk i påminnelsen\. idag \d\d\.\d\d, Disa Drake Länken är rättad\."
        r" VC Spindeln Rådgivning: 1 SMS$",
        row,
    )
    assert SendingStop.objects.get().released_by == operator
    assert page.has_button(STOP)


def test_a_page_that_was_left_open_neither_stops_nor_releases_another_time(stopped, drift, operator, make_user):
    released, again = drift.open(ADDRESS), drift.open(ADDRESS)
    released.press(RELEASE, why="Länken är rättad.")
    assert "Ingenting gjordes: stoppet är redan släppt." in again.press(RELEASE, why="Länken är rättad.").text
    stops, too = drift.open(ADDRESS), drift.open(ADDRESS)
    stops.press(STOP, why="Igen.")
    assert "Ingenting gjordes: alla SMS-utskick är redan stoppade." in too.press(STOP, why="Också.").text
    assert SendingStop.objects.count() == 2


def test_a_restored_copy_says_so_and_is_released_by_itself(stopped, drift):
    brake.hold_restored_copy()
    page = drift.open(ADDRESS)
    assert "Återställd kopia: inga SMS skickas." in page.text
    assert "Stoppat av Driften" in page.text
    page = page.press(RELEASE, why="Provet är klart.")
    assert "Utskicken är fortfarande stoppade av det andra stoppet." in page.text
    assert [stop.kind for stop in SendingStop.objects.in_force()] == ["by_hand"]


def test_before_a_restored_copy_is_released_it_says_how_many_would_be_sent_again(drift, book, write):
    write(book())
    brake.hold_restored_copy()
    warning = "1 av dem kan ha skickats redan, och skickas då igen. Kör manage.py after_restore först."
    assert warning in drift.open(ADDRESS).text


def test_a_stop_by_hand_has_nothing_that_is_sent_again(stopped, drift, book, write):
    write(book())
    assert "skickas då igen" not in drift.open(ADDRESS).text


def test_what_the_operator_did_is_among_their_latest_changes(drift):
    drift.open(ADDRESS).press(STOP, why="Fel länk i påminnelsen.")
    assert "Stopp av alla utskick Stoppat för hand Fel länk i påminnelsen." in drift.open("/admin/").text


# Who -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("who", ["nurse", "administrator", "provider_administrator", "log_reviewer"])
def test_nobody_but_the_operator_stops_or_releases(who, request, client, operator):
    client.force_login(request.getfixturevalue(who))
    assert client.post(ADDRESS, {"why": "Fel."}).status_code == 403
    assert not SendingStop.objects.exists()
    stop, _ = brake.stop("Fel.", by=operator)
    assert client.get(ADDRESS).status_code == 403
    assert client.post(ADDRESS, {"why": "Klart.", "release": stop.pk}).status_code == 403
    assert SendingStop.objects.in_force().exists()


def test_it_is_reached_from_the_first_page(drift):
    assert ADDRESS in drift.open("/admin/").links


# Told ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("address", ["/admin/", "/admin/teleq/queue/", "/admin/stopped-sms/", "/admin/held-cases/"])
def test_an_administrator_is_told_on_every_page(address, stopped, administrator, queue):
    page = desk_of(administrator).open(address)
    assert WORDS in page.text
    assert "/admin/stopped-sms/?reason=stop" in page.links
    assert ADDRESS not in page.links


@pytest.mark.parametrize("address", ["/admin/", "/admin/teleq/careprovider/", "/admin/statistics/", ADDRESS])
def test_the_operator_is_told_on_every_page_with_a_link(address, stopped, drift, queue):
    page = drift.open(address)
    assert WORDS in page.text
    assert ADDRESS in page.links


# What became too late ------------------------------------------------------------------------------------------------


def test_the_queues_administrator_finds_what_became_too_late_with_patient_and_case(
    stopped, administrator, operator, book, write
):
    late, in_time = book(name="Berit Testsson"), book(name="Cecilia Testsson", phone_number="+46701740611")
    write(late, late=True)
    write(in_time)
    desk = desk_of(administrator)
    page = desk.open("/admin/stopped-sms/?reason=stop")  # while it is stopped still
    assert len(page.rows) == 1
    assert "Berit Testsson" in page.rows[0]
    assert "För sent" in page.rows[0]
    brake.release(stopped.pk, "Klart.", by=operator)
    first = desk.open("/admin/")
    assert "VC Spindeln Rådgivning: 1 SMS skickades inte i tid. Alla utskick var stoppade från" in first.text
    [link] = [link for link in first.links if "reason=stop" in link]
    page = desk.open(link)
    assert len(page.rows) == 1
    assert "Berit Testsson" in page.rows[0]
    assert f"/cases/{late.pk}/" in page.links


def test_the_first_page_tells_of_ones_own_queues_and_for_a_week(
    stopped, administrator, outsider, operator, book, write
):
    write(book(), late=True)
    brake.release(stopped.pk, "Klart.", by=operator)
    told = "skickades inte i tid"
    assert told in desk_of(administrator).open("/admin/").text
    assert told not in desk_of(outsider).open("/admin/").text
    with past_the_triggers():
        week = timedelta(days=7, seconds=1)
        SendingStop.objects.update(stopped_at=stopped.stopped_at - week, released_at=stopped.stopped_at - week)
    assert told not in desk_of(administrator).open("/admin/").text


def test_the_page_costs_as_many_queries_however_many_stops_and_queues(drift, operator, book, write, queue, plain_queue):
    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert drift.open(ADDRESS).status == 200
        return len(queries)

    def stop_with(*cases) -> SendingStop:
        stop, _ = brake.stop("Fel.", by=operator)
        for case in cases:
            write(case, late=True)
        return stop

    brake.release(stop_with(book()).pk, "Klart.", by=operator)
    stop = stop_with(book())
    few = cost()
    brake.release(stop.pk, "Klart.", by=operator)
    for _ in range(3):
        brake.release(stop_with(book(), book(queue=plain_queue)).pk, "Klart.", by=operator)
    stop_with(book(), book(queue=plain_queue))
    assert cost() == few
