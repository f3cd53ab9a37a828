"""Admin > Stoppade SMS: which SMS did not arrive, why and to whom, by queue, reason and period."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from access.models import AccessEntry
from administration.statistics.consent_and_sms import of_queues
from administration.statistics.tables import Period
from cases import callbacks
from cases.models import Case
from consent.models import Answer
from sms.models import Message, Refusal
from sms.states import State
from teleq.models import Membership, User
from tests.administration.forms import text_of
from tests.cases.protecting import mark
from tests.conftest import LANDLINE, MOBILE
from tests.database_roles import past_the_triggers

pytestmark = pytest.mark.django_db

ADDRESS = "/admin/stopped-sms/"


@pytest.fixture
def write(nurse: User) -> Callable[..., Message]:
    """A nurse tries to send an SMS from a case."""

    def one(case: Case, text: str = "Zafir") -> Message:
        number = str(case.phone_number)
        return callbacks.send_sms(case, text, token=str(Message.objects.count()), shown=number, by=nurse)

    return one


def turn(message: Message, state: State) -> None:
    """What has become of it since."""
    with past_the_triggers():
        Message.objects.filter(pk=message.pk).update(
            state=state, refusal="", claimed_at=timezone.now() if state == State.FAILED else None
        )


def rows(response) -> list[str]:
    return [f"{row.reason}" for row in response.context["rows"]]


# What the list shows -------------------------------------------------------------------------------------------------


def test_a_refused_sms_is_told_with_patient_reason_kind_and_a_link_to_the_case(office, case, write):
    write(case)
    response = office.get(ADDRESS)
    text = text_of(response)
    for told in ("Berit Testsson", "070-174 06 05", "Samtycke till SMS saknas", "Från ärendet", "idag"):
        assert told in text
    assert f'href="/cases/{case.pk}/"' in response.content.decode()
    assert "Zafir" not in response.content.decode()


def test_each_reason_has_the_words_of_the_manual_or_of_its_state(office, book, write, say):
    say(Answer.NO, "+46701740611")
    say(Answer.YES, LANDLINE)
    for number in (MOBILE, "+46701740611", LANDLINE):
        write(book(phone_number=number))
    for number, state in (("+46701740612", State.EXPIRED), ("+46701740613", State.FAILED)):
        turn(write(book(phone_number=number)), state)
    assert sorted(rows(office.get(ADDRESS))) == [
        "För sent",
        "Misslyckades",
        "Numret kan inte ta emot SMS (inte ett mobilnummer)",
        "SMS-utskick avböjt",
        "Samtycke till SMS saknas",
    ]


def test_an_sms_that_arrived_or_was_cancelled_is_not_there(office, book, write):
    for state in (State.QUEUED, State.CANCELLED):
        turn(write(book()), state)
    response = office.get(ADDRESS)
    assert rows(response) == []
    assert "Inga SMS stoppades under perioden." in text_of(response)


def test_a_patient_with_protected_personal_data_is_hidden_and_the_look_says_so(office, case, write, administrator):
    write(case)
    mark(case, administrator)
    text = text_of(office.get(ADDRESS))
    assert "Skyddade personuppgifter" in text
    assert "Berit" not in text
    assert "070-174 06 05" not in text
    assert AccessEntry.objects.get(act="stopped").protected


def test_a_number_that_was_marked_stays_hidden_when_its_case_has_another(office, case, write, administrator, nurse):
    write(case)
    mark(case, administrator)
    with past_the_triggers():
        Case.objects.filter(pk=case.pk).update(phone_number="+46701740611")
    assert "070-174 06 05" not in text_of(office.get(ADDRESS))


def test_who_does_not_work_in_the_queue_sees_the_patient_and_no_link(client, provider_administrator, case, write):
    write(case)
    client.force_login(provider_administrator)
    response = client.get(ADDRESS)
    assert "Berit Testsson" in text_of(response)
    assert f"/cases/{case.pk}/" not in response.content.decode()
    assert "Du arbetar inte i kön." in text_of(response)


def test_of_a_case_that_has_gone_to_a_queue_of_others_nothing_is_told(office, case, write, plain_queue, administrator):
    write(case)
    Membership.objects.filter(user=administrator, queue=plain_queue).delete()
    Case.objects.filter(pk=case.pk).update(queue=plain_queue)
    response = office.get(ADDRESS)
    text = text_of(response)
    assert "Flyttat till en annan kö" in text
    assert "Berit" not in text
    assert "070-174 06 05" not in text
    assert not AccessEntry.objects.filter(act="stopped").exists()


# Which ---------------------------------------------------------------------------------------------------------------


def test_it_is_filtered_by_queue_reason_and_period_in_the_address(office, book, write, say, queue, plain_queue):
    say(Answer.NO, "+46701740611")
    write(book())
    write(book(phone_number="+46701740611"))
    write(book(queue=plain_queue, phone_number="+46701740611"))
    today = timezone.localdate()
    assert len(rows(office.get(f"{ADDRESS}?queue={queue.pk}"))) == 2
    assert rows(office.get(f"{ADDRESS}?queue={plain_queue.pk}")) == ["SMS-utskick avböjt"]
    assert rows(office.get(f"{ADDRESS}?queue={queue.pk}&reason=missing")) == ["Samtycke till SMS saknas"]
    period = "?queue={}&from={}&to={}"
    assert len(rows(office.get(ADDRESS + period.format(queue.pk, today, today)))) == 2
    yesterday = today - timedelta(days=1)
    assert rows(office.get(ADDRESS + period.format(queue.pk, yesterday, yesterday))) == []


def test_it_holds_as_many_as_statistics_count(office, book, write, queue):
    for _ in range(3):
        write(book())
    today = timezone.localdate()
    tables = of_queues([queue.pk], Period(today, today))
    counted = next(sum(row[1:]) for table in tables for row in table.rows if row[0] == Refusal.MISSING.label)
    address = f"{ADDRESS}?queue={queue.pk}&reason=missing&from={today}&to={today}"
    assert office.get(address).context["page"].paginator.count == counted == 3


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ("queue=999999", "Välj en av dina köer."),
        ("queue=", "Välj en kö."),
        ("reason=varför", "Välj en orsak."),
        ("from=igår", "Skriv en dag."),
        ("to=", "Välj en dag."),
        ("from=9999-12-31&to=9999-12-31", "Skriv en dag."),
        ("from=0001-01-01&to=0001-01-01", "Skriv en dag."),
        ("from=2026-02-01&to=2026-01-01", "Välj en dag efter den första, högst fem år senare."),
    ],
)
def test_an_address_that_can_not_be_read_is_told_in_swedish_and_shows_nobody(query, problem, office, case, write):
    write(case)
    response = office.get(f"{ADDRESS}?{query}")
    assert response.status_code == 422
    assert problem in text_of(response)
    assert "Berit" not in text_of(response)


def test_another_care_providers_queue_shows_nothing(client, outsider, case, write, queue):
    write(case)
    client.force_login(outsider)
    assert "Berit" not in text_of(client.get(f"{ADDRESS}?queue={queue.pk}"))


@pytest.mark.parametrize("who", ["operator", "nurse", "log_reviewer"])
def test_only_administrators_see_it(who, client: Client, request, case, write):
    write(case)
    client.force_login(request.getfixturevalue(who))
    assert client.get(ADDRESS).status_code == 403
    assert AccessEntry.objects.filter(act="refused").exists()


# On record, and its cost ---------------------------------------------------------------------------------------------


def test_each_patient_on_the_page_is_noted_once(office, administrator, book, write):
    first, second = book(), book(phone_number="+46701740611")
    for case in (first, first, second):
        write(case)
    office.get(ADDRESS)
    office.get(ADDRESS)
    noted = AccessEntry.objects.filter(act="stopped").order_by("case_id")
    assert [(entry.user, entry.case_id, entry.queue) for entry in noted] == [
        (administrator, first.pk, first.queue),
        (administrator, second.pk, second.queue),
    ]


def test_a_page_costs_as_many_queries_with_many_as_with_one_and_keeps_the_filter(office, book, write, queue):
    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert office.get(f"{ADDRESS}?queue={queue.pk}").status_code == 200
        return len(queries)

    write(book())
    few = cost()
    for last in range(11, 62):
        write(book(phone_number=f"+467017406{last}"))
    assert cost() == few
    response = office.get(f"{ADDRESS}?queue={queue.pk}&page=2")
    assert len(response.context["rows"]) == 2
    assert f'href="?queue={queue.pk}&amp;page=1"' in response.content.decode()
