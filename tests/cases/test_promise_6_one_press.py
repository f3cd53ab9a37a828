"""Promise 6, for what a nurse sends: one message per press, however often it is pressed, and whatever is down."""

import socket

import kombu.utils.functional
import pytest

from cases.models import CaseMessage
from consent.models import Answer
from sms.models import Message
from sms.states import State
from teleq.celery import app
from tests.cases.desk import at_once, desk_of, messages_of

TEXT = "Vi ringer igen i morgon."


@pytest.fixture(autouse=True)
def _ja(say):
    say(Answer.YES)


def test_the_same_press_twice_is_one_message(case, desk):
    page = desk.case(case)
    for after in (page.press("Skicka SMS", text=TEXT), page.press("Skicka SMS", text=TEXT)):
        assert "SMS:et är på väg." in after.text
    assert Message.objects.count() == CaseMessage.objects.count() == 1


def test_the_same_press_with_another_text_sends_nothing_and_says_so(case, desk):
    page = desk.case(case)
    page.press("Skicka SMS", text=TEXT)
    after = page.press("Skicka SMS", text="Något annat.")
    assert after.status == 409
    assert "Det förra meddelandet är redan skickat. Tryck igen om du vill skicka det här också." in after.text
    assert after.typed("text", beside="Skicka SMS") == "Något annat."
    assert [message.text for message in messages_of(case)] == [TEXT]

    after.press("Skicka SMS")
    assert [message.text for message in messages_of(case)] == [TEXT, "Något annat."]


def test_another_text_on_the_press_of_a_refused_message_is_not_told_that_it_was_sent(case, desk, say):
    page = desk.case(case)
    say(Answer.NO)
    page.press("Skicka SMS", text=TEXT)
    after = page.press("Skicka SMS", text="Något annat.")
    assert after.status == 422
    assert "redan skickat" not in after.text
    assert after.typed("text", beside="Skicka SMS") == "Något annat."


def test_a_text_that_differs_in_how_it_is_written_only_is_the_same_press(case, desk):
    page = desk.case(case)
    page.press("Skicka SMS", text="Välkommen\r\nhit")
    assert "SMS:et är på väg." in page.press("Skicka SMS", text="  Va\u0308lkommen\nhit\r\n").text
    assert [message.text for message in messages_of(case)] == ["Välkommen\nhit"]


def test_a_new_page_is_a_new_press(case, desk):
    desk.case(case).press("Skicka SMS", text=TEXT)
    desk.case(case).press("Skicka SMS", text=TEXT)
    assert len(messages_of(case)) == 2


def test_the_same_token_in_another_case_is_another_message(case, book, desk):
    other, page = book(), desk.case(case)
    page.press("Skicka SMS", text=TEXT)
    desk.case(other).press("Skicka SMS", text=TEXT, token=page.typed("token", beside="Skicka SMS"))
    assert len(messages_of(case)) == len(messages_of(other)) == 1


@pytest.mark.django_db(transaction=True)
def test_pressed_twice_at_the_same_time_is_one_message(case, nurse):
    desks = [desk_of(nurse), desk_of(nurse)]
    page = desks[0].case(case)
    token = page.typed("token", beside="Skicka SMS")
    pages = [page, desks[1].case(case)]

    def press(page):
        return lambda: page.press("Skicka SMS", text=TEXT, token=token)

    for after in at_once(case, *map(press, pages)):
        assert "SMS:et är på väg." in after.text
    assert Message.objects.count() == CaseMessage.objects.count() == 1


@pytest.fixture
def _no_broker(monkeypatch):
    """Celery publishes to a port where nothing listens, and does not wait to try again: nobody does behind a button."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    monkeypatch.setenv("CELERY_BROKER_WRITE_URL", f"redis://127.0.0.1:{port}/0")
    monkeypatch.setattr(app.amqp, "_producer_pool", None)
    slept: list[float] = []
    monkeypatch.setattr(kombu.utils.functional, "sleep", slept.append)
    yield
    assert slept == []


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("_no_broker")
def test_with_the_broker_gone_the_press_answers_and_the_message_waits(case, desk, logged):
    page = desk.case(case)
    after = page.press("Skicka SMS", text=TEXT)
    assert "SMS:et är på väg." in after.text
    assert [message.state for message in messages_of(case)] == [State.QUEUED]
    assert "could not be woken" in logged.getvalue()  # it was tried
