"""What is done to a case leaves no phone number, no personnummer and no words of a message in the log."""

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse

from consent.models import Answer
from sms import gateway
from sms.models import Lane
from sms.states import State
from tests.cases.desk import messages_of
from tests.database_roles import as_owner

SECRETS = ("1740605", "174 06 05", "19121212", "Berit", "Testsson", "hemligt")
TEXT = "Något hemligt om dig."


def tells(logged) -> list[str]:
    return [secret for secret in SECRETS if secret in logged.getvalue()]


@pytest.fixture
def case(book):
    return book(personal_identity_number="191212121212")


@pytest.fixture
def _no_message_can_be_stored(db):
    """PostgreSQL refuses every new message, and quotes it in its error: number, text and all."""
    with as_owner(), connection.cursor() as cursor:
        cursor.execute("ALTER TABLE sms_message ADD CONSTRAINT nothing_new CHECK (false) NOT VALID")


@pytest.mark.usefixtures("_no_message_can_be_stored")
def test_a_press_that_breaks_down_logs_where_and_nothing_of_what(case, desk, say, logged):
    say(Answer.YES)
    page = desk.case(case)
    client = Client(raise_request_exception=False)
    client.cookies = desk.client.cookies
    data = {
        "text": TEXT,
        "shown_number": page.typed("shown_number", beside="Skicka SMS"),
        "token": page.typed("token", beside="Skicka SMS"),
        "send": "1",
    }
    response = client.post(reverse("cases:sms", args=[case.pk]), data)
    assert response.status_code == 500
    assert TEXT not in response.content.decode()
    assert "IntegrityError" in logged.getvalue()
    assert f"/cases/{case.pk}/sms/" in logged.getvalue()
    assert tells(logged) == []


@pytest.mark.parametrize(
    ("answer_of_provider", "state"),
    [
        (500, State.UNKNOWN),
        (400, State.FAILED),
        (503, State.QUEUED),
        ("cut", State.UNKNOWN),
    ],
)
def test_a_message_that_the_provider_does_not_take_leaves_nothing_of_itself(
    answer_of_provider, state, case, desk, say, provider, logged
):
    say(Answer.YES)
    desk.case(case).press("Skicka SMS", text=TEXT)
    provider.responses = [answer_of_provider]
    gateway.drain(Lane.MANUAL)
    assert [message.state for message in messages_of(case)] == [state]
    assert [message["message"] for message in provider.received] == [TEXT]
    assert tells(logged) == []


def test_neither_refusals_nor_wrong_input_nor_searches_are_logged_with_what_was_typed(case, desk, outsider, logged):
    page = desk.case(case)
    page.press("Skicka SMS", by_hand=True, text=TEXT)
    page.press("Spara numret", phone_number="070-174 06 05 05 05")
    page.press("Spara uppgifterna", personal_identity_number="19121212-1213")
    page.press("Spara svaret", answer="hemligt")
    desk.work_list().press("Sök", query="070-174 06 05 05 05")
    desk.work_list().press("Sök", query="070-174 06 05")
    desk.client.post(reverse("cases:act", args=[case.pk]), {"act": "hemligt"})
    desk.client.post(reverse("cases:save_number", args=[case.pk + 1]), {"phone_number": "0701740605"})
    assert tells(logged) == []
