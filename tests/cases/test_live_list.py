"""The work list while it stays open: what it is told when it asks, its sections, and how it is sorted."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.db.models import Value
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from access.models import AccessEntry
from access.session_store import ACTIVE_AT
from cases import acts, presence, protected, work_list
from cases.models import Case, Priority, Status
from cases.work_list import digest
from consent.models import Answer
from sms import brake
from sms.circuit_breaker import OPEN_FOR
from sms.models import InboundSms, ProviderState
from teleq.clock import database_now
from teleq.models import Membership, Queue
from tests.cases.desk import OTHER_MOBILE, Desk, Page, desk_of
from tests.conftest import MOBILE

LIVE = reverse("cases:live_list")


@pytest.fixture
def booked(book) -> Callable[..., Case]:
    """Called after the day and hour in Stockholm of a day in September 2035, at 10.00 of which the list is read."""

    def at(clock: str, **columns) -> Case:
        return book(callback_at=moment(clock), **{"name": f"M{clock.replace(' ', '-').replace('.', '')}"} | columns)

    return at


def moment(clock: str) -> datetime:
    """ "10.45", or with its day: "12 10.45"."""
    day, _, hour = clock.rpartition(" ")
    hours, minutes = map(int, hour.split("."))
    return timezone.make_aware(datetime(2035, 9, int(day or 11), hours, minutes))


def version_on(page: Page) -> str:
    return page.html.split('"version": "')[1].split('"')[0]


def ask(desk: Desk, version: str, query: str = "?") -> Page:
    """As the open page does."""
    return desk.open(f"{LIVE}{query}&version={version}")


# What has changed ----------------------------------------------------------------------------------------------------


@pytest.fixture
def tomorrows(book) -> Case:
    """A case that doesn't pass from one section to another while the test goes on."""
    return book(callback_at=timezone.now() + timedelta(days=2))


def test_a_list_in_which_nothing_has_changed_is_not_sent_again_nor_noted(tomorrows, desk):
    version = version_on(desk.work_list())
    noted = AccessEntry.objects.count()
    page = ask(desk, version)
    assert (page.status, page.html) == (204, "")
    assert AccessEntry.objects.count() == noted


def test_who_asks_without_a_version_gets_the_list(tomorrows, desk):
    page = desk.open(LIVE)
    assert page.status == 200
    assert "Berit Testsson" in page.text


def _reply(case: Case, **_) -> None:
    InboundSms.objects.create(queue=case.queue, from_number=case.phone_number, text="Ja tack", provider="simulator")


def _stranger_replies(case: Case, **_) -> None:
    InboundSms.objects.create(queue=case.queue, from_number=OTHER_MOBILE, text="Hej", provider="simulator")


def _provider_stops(**_) -> None:
    ProviderState.objects.update_or_create(name="simulator", defaults={"open_until": timezone.now() + OPEN_FOR})


CHANGES: dict[str, tuple[Callable[..., object], str]] = {
    "a colleague takes it": (lambda case, colleague, **_: acts.take(case, by=colleague), "Pågår – Karim Noor"),
    "a colleague has it open": (lambda case, colleague, **_: presence.note(colleague, case), "Öppet hos Karim Noor"),
    "the patient replies": (_reply, "Nytt SMS"),
    "somebody else replies": (_stranger_replies, "Inkomna SMS 1 olästa"),
    "an answer": (lambda say, **_: say(Answer.YES), "Ja"),
    "another case": (lambda book, **_: book(name="Cecilia"), "Cecilia"),
    "another case of the number": (lambda book, **_: book(), "Fler ärenden på samma nummer"),
    "another case in another queue": (
        lambda book, plain_queue, **_: book(queue=plain_queue, phone_number=OTHER_MOBILE),
        "Tidbokning 1 öppna",
    ),
    "the priority": (
        lambda case, **_: Case.objects.filter(pk=case.pk).update(priority=Priority.URGENT),
        "Brådskande",
    ),
    "the reason": (lambda case, **_: Case.objects.filter(pk=case.pk).update(reason="Recept"), "Recept"),
    "the need of an interpreter": (
        lambda case, **_: Case.objects.filter(pk=case.pk).update(interpreter_language="arabiska"),
        "Tolk: arabiska",
    ),
    "whom they wish to talk to": (
        lambda case, **_: Case.objects.filter(pk=case.pk).update(speak_with="läkare"),
        "Önskar tala med: läkare",
    ),
    "the time": (lambda case, **_: Case.objects.filter(pk=case.pk).update(callback_at=moment("12 10.45")), "10.45"),
    "an attempt": (lambda case, **_: Case.objects.filter(pk=case.pk).update(attempts=2), "2 av 3"),
    "a mark of protection": (
        lambda case, nurse, **_: protected.mark(case, "Skyddad", by=nurse, shown=protected.to_mark(case)),
        "Skyddade personuppgifter",
    ),
    "the provider": (_provider_stops, "SMS-leverantören"),
}


@pytest.mark.parametrize("what", CHANGES)
def test_whatever_changes_in_the_list_is_told(what, tomorrows, desk, book, say, nurse, colleague, plain_queue):
    change, told = CHANGES[what]
    page = desk.work_list()
    assert told not in page.text
    change(case=tomorrows, book=book, say=say, nurse=nurse, colleague=colleague, plain_queue=plain_queue)
    changed = ask(desk, version_on(page))
    assert changed.status == 200
    assert told in changed.text
    assert ask(desk, version_on(changed)).status == 204


def test_a_case_that_is_done_is_no_longer_there(tomorrows, desk, nurse):
    version = version_on(desk.work_list())
    Case.objects.filter(pk=tomorrows.pk).update(status=Status.DONE)
    changed = ask(desk, version)
    assert "Inga ärenden att visa." in changed.text
    assert "Alla köer 0 öppna" in changed.text


def test_what_changes_in_anothers_queue_is_not_told(tomorrows, desk, book, other_queue):
    version = version_on(desk.work_list())
    book(queue=other_queue)
    assert ask(desk, version).status == 204


def test_who_is_no_longer_a_member_is_shown_nothing(tomorrows, desk, nurse):
    version = version_on(desk.work_list())
    Membership.objects.filter(user=nurse).delete()
    page = ask(desk, version)
    assert page.status == 200
    assert "Berit" not in page.text


def test_each_has_a_version_of_their_own(tomorrows, desk, colleague):
    presence.note(colleague, tomorrows)
    assert version_on(desk.work_list()) != version_on(desk_of(colleague).work_list())


def test_what_a_hidden_patient_is_called_or_wants_is_neither_shown_nor_told_of(tomorrows, desk, nurse):
    protected.mark(tomorrows, "Skyddad", by=nurse, shown=protected.to_mark(tomorrows))
    page = ask(desk, "")
    assert "Berit" not in page.html
    assert "070-174" not in page.html
    Case.objects.filter(pk=tomorrows.pk).update(name="Cecilia", reason="Recept")
    assert ask(desk, version_on(page)).status == 204


def test_what_is_told_is_noted_as_shown_unless_it_was_lately(tomorrows, desk, book):
    version = version_on(desk.work_list())
    other = book(phone_number=OTHER_MOBILE, name="Cecilia")
    ask(desk, version)
    assert list(AccessEntry.objects.order_by("id").values_list("act", "case_id")) == [
        ("listed", tomorrows.pk),
        ("listed", other.pk),
    ]


def test_to_ask_is_nothing_that_anybody_does(tomorrows, desk):
    desk.work_list()
    active_at = desk.client.session[ACTIVE_AT]
    ask(desk, "")
    assert desk.client.session[ACTIVE_AT] == active_at


def test_who_is_signed_out_is_told_so_and_shown_nothing(tomorrows, client):
    response = client.get(LIVE, headers={"HX-Request": "true"})
    assert (response.status_code, response.content) == (401, b"")


def test_the_choices_go_along(tomorrows, desk, queue, plain_queue):
    page = desk.work_list(f"?queue={plain_queue.pk}&status=waiting")
    [live] = [link for link in page.links if link.startswith(LIVE)]
    assert live == f"{LIVE}?queue={plain_queue.pk}&status=waiting"
    assert "Inga ärenden att visa." in desk.open(live).text


def test_to_ask_takes_as_many_queries_for_forty_cases_as_for_one(tomorrows, desk, book, say, colleague):
    def queries() -> int:
        version = version_on(desk.work_list())
        with CaptureQueriesContext(connection) as captured:
            assert ask(desk, version).status == 204
        return len(captured)

    once = queries()
    for number in range(10, 49):
        case = book(phone_number=f"+467017406{number}", callback_at=timezone.now() + timedelta(days=2))
        say(Answer.NO, f"+467017406{number}")
        presence.note(colleague, case)
    assert queries() == once == 3  # session, user, version


# Sections ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def sections(desk, monkeypatch) -> Iterator[Callable[..., dict[str, list[str]]]]:
    """The list's headings, each with the names below it; read at an hour of that day by PostgreSQL's clock."""

    def read(clock: str = "10.00", query: str = "") -> dict[str, list[str]]:
        monkeypatch.setattr(work_list, "database_now", lambda: moment(clock))
        monkeypatch.setattr(digest, "Now", lambda: Value(moment(clock)))
        digest._digest.cache_clear()  # one that is put together already asks PostgreSQL's clock
        html = desk.work_list(query).html
        found = {}
        for part in html.split("<tbody")[1:]:
            heading = part.split('scope="rowgroup">')[1].split("<")[0] if "rowgroup" in part else ""
            found[heading] = re.findall(r"<bdi>(M[^<]*)", part)
        return found

    yield read
    digest._digest.cache_clear()


def test_cases_stand_under_when_they_are_to_be_called(booked, sections):
    for clock in ("10 15.00", "9.30", "10.00", "10.10", "10.11", "23.59", "12 00.00", "15 10.00"):
        booked(clock)
    assert sections() == {
        "Försenade": ["M10-1500", "M930"],
        "Att ringa nu": ["M1000", "M1010"],
        "Senare idag": ["M1011", "M2359"],
        "Kommande dagar": ["M12-0000", "M15-1000"],
    }


def test_only_sections_that_have_cases_are_shown(booked, sections):
    booked("10.30")
    assert sections() == {"Senare idag": ["M1030"]}


def test_how_long_before_its_time_a_case_is_to_be_called_is_the_queues_to_say(booked, sections, queue, plain_queue):
    Queue.objects.filter(pk=queue.pk).update(early_minutes=30)
    booked("10.20", name="Mtidig")
    booked("10.15", name="Msen", queue=plain_queue)
    assert sections() == {"Att ringa nu": ["Mtidig"], "Senare idag": ["Msen"]}


@pytest.mark.parametrize("query", ["?sort=status", "?sort=priority", "?sort=-time", "?status=all", "?status=done"])
def test_a_list_that_is_not_in_the_order_of_the_day_has_no_sections(query, booked, sections):
    Case.objects.filter(pk=booked("9.30").pk).update(status=Status.DONE)
    if "status=" not in query:
        booked("9.35")
    assert list(sections(query=query)) == [""]


def test_a_case_that_passes_into_another_section_is_told_by_time_alone(booked, sections, desk, monkeypatch):
    booked("10.20")
    sections("10.00")
    version = version_on(desk.work_list())
    sections("10.09")
    assert ask(desk, version).status == 204
    assert sections("10.10") == {"Att ringa nu": ["M1020"]}
    assert ask(desk, version).status == 200


@pytest.mark.parametrize(
    ("late_for", "told"),
    [
        (timedelta(seconds=20), "under 1 min försenad"),
        (timedelta(minutes=1), "1 min försenad"),
        (timedelta(minutes=45), "45 min försenad"),
        (timedelta(hours=1), "1 h försenad"),
        (timedelta(hours=2, minutes=10), "2 h 10 min försenad"),
    ],
)
def test_how_late_a_case_of_today_is_stands_beside_its_time(late_for, told, book, desk):
    at = timezone.localtime(timezone.now() - late_for)
    book(callback_at=at)
    [row] = desk.work_list().rows
    is_today = at.date() == timezone.localdate()  # it is not where the test is run shortly after midnight
    assert row.startswith(f"{at:%H.%M} {told} 070-174 06 05" if is_today else f"från igår {at:%H.%M} 070-174")


def test_a_case_of_another_day_says_since_when_and_not_how_late(book, desk):
    yesterday = timezone.localtime() - timedelta(days=1)
    book(callback_at=yesterday)
    [row] = desk.work_list().rows
    assert row.startswith(f"från igår {yesterday:%H.%M} 070-174 06 05")
    assert "försenad " not in row


def test_a_page_of_sections_goes_on_on_the_next(booked, sections):
    for minute in range(60):
        booked(f"11.{minute:02}")
    assert len(sections()["Senare idag"]) == 50
    assert len(sections(query="?page=2")["Senare idag"]) == 10


# Sorted and chosen ---------------------------------------------------------------------------------------------------


@pytest.fixture
def day(booked, nurse, colleague) -> None:
    for clock, priority, status, who in (
        ("10.10", Priority.NORMAL, Status.NO_ANSWER, None),
        ("10.20", Priority.URGENT, Status.ONGOING, colleague),
        ("10.30", Priority.NORMAL, Status.ONGOING, nurse),
        ("10.40", Priority.URGENT, Status.WAITING, None),
        ("10.50", Priority.NORMAL, Status.WAITING, None),
    ):
        taken = {"assignee": who, "taken_at": who and database_now()}
        Case.objects.filter(pk=booked(clock).pk).update(priority=priority, status=status, **taken)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("?sort=time", ["M1010", "M1020", "M1030", "M1040", "M1050"]),
        ("?sort=-time", ["M1050", "M1040", "M1030", "M1020", "M1010"]),
        ("?sort=priority", ["M1020", "M1040", "M1010", "M1030", "M1050"]),
        ("?sort=-priority", ["M1050", "M1030", "M1010", "M1040", "M1020"]),
        ("?sort=status", ["M1040", "M1050", "M1020", "M1030", "M1010"]),
        ("?status=ongoing&sort=priority", ["M1020", "M1030"]),
        ("?status=mine", ["M1030"]),
        ("?status=all&sort=time", ["M1010", "M1020", "M1030", "M1040", "M1050"]),
        ("?sort=banana", ["M1010", "M1020", "M1030", "M1040", "M1050"]),
        ("?sort=--time", ["M1010", "M1020", "M1030", "M1040", "M1050"]),
        ("?sort=id", ["M1010", "M1020", "M1030", "M1040", "M1050"]),
    ],
)
@pytest.mark.usefixtures("day")
def test_the_list_is_sorted_and_chosen_by_its_address(query, found, desk):
    names = [next(word for word in row.split() if word[0] == "M") for row in desk.work_list(query).rows]
    assert names == found


@pytest.mark.usefixtures("day")
def test_headings_lead_to_the_list_sorted_by_them_and_say_how_it_is_sorted(desk):
    page = desk.work_list("?status=waiting&page=1")
    assert page.html.count("aria-sort") == 1
    assert '<th scope="col" aria-sort="ascending"><a href="/?status=waiting&amp;sort=-time">Tid</a>' in page.html
    assert '<a href="/?status=waiting&amp;sort=status">Status</a>' in page.html
    by_priority = desk.open("/?status=waiting&sort=priority")
    assert 'aria-sort="ascending"><a href="/?status=waiting&amp;sort=-priority">Prioritet</a>' in by_priority.html
    assert '<a href="/?status=waiting">Tid</a>' in by_priority.html
    assert 'aria-sort="descending"><a href="/?sort=priority">Prioritet' in desk.work_list("?sort=-priority").html
    assert 'aria-sort="descending"><a href="/?status=all&amp;sort=time">Tid' in desk.work_list("?status=all").html


@pytest.mark.usefixtures("day")
def test_another_status_or_queue_keeps_how_the_list_is_sorted(desk, queue):
    page = desk.work_list("?sort=priority")
    assert f"/?queue={queue.pk}&sort=priority" in page.links
    assert 'aria-sort="ascending"><a href="/?status=mine&amp;sort=-priority">' in page.press("Visa", status="mine").html


@pytest.mark.usefixtures("day")
def test_urgent_is_said_and_normal_is_not(desk):
    rows = desk.work_list("?sort=priority").rows
    assert ["Brådskande" in row for row in rows] == [True, True, False, False, False]
    assert not any("Normal" in row for row in rows)


def test_the_queue_is_told_only_where_there_are_several_to_tell_apart(case, desk, queue, plain_queue):
    assert ">Kö</th>" in desk.work_list().html
    assert ">Kö</th>" not in desk.work_list(f"?queue={queue.pk}").html
    Membership.objects.filter(queue=plain_queue).delete()
    assert ">Kö</th>" not in desk.work_list().html
    assert ">Kö</th>" in desk.work_list().press("Sök", query=MOBILE).html


# All sending is stopped ----------------------------------------------------------------------------------------------


def test_that_all_sending_is_stopped_and_released_comes_by_itself(tomorrows, desk, operator):
    version = version_on(desk.work_list())
    stop, _ = brake.stop("Fel länk.", by=operator)
    page = ask(desk, version)
    assert "Alla SMS-utskick är stoppade sedan" in page.text
    version = version_on(page)
    assert ask(desk, version).status == 204
    brake.release(stop.pk, "Rättad.", by=operator)
    assert "stoppade" not in ask(desk, version).text
