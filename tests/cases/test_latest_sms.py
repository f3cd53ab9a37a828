"""Below "Skicka SMS": what became of the latest message written in the case, and what is to be done about it."""

from __future__ import annotations

import pytest

from consent.models import Answer
from sms import gateway
from sms.models import Kind, Lane, Message, Refusal
from sms.states import HANDED_OVER, State
from teleq.models import OutgoingSms
from teleq.swedish import clock
from tests.cases.desk import Page, messages_of, squeezed
from tests.database_roles import past_the_triggers

SEND, PUT_BACK = "Skicka SMS", "Lägg tillbaka texten"
TEXT = "Vi ringer igen."


def told(page: Page) -> str:
    """What stands in `#sms-state`, with its button."""
    part = page.html.partition('<div id="sms-state" data-part>')[2].partition("</div>")[0]
    return squeezed("".join(piece.partition(">")[2] for piece in part.split("<")))


@pytest.fixture
def sent(case, desk, say) -> Message:
    say(Answer.YES)
    desk.case(case).press(SEND, text=TEXT)
    [message] = messages_of(case)
    return message


def comes_to(message: Message, state: State, **columns: object) -> None:
    if state in HANDED_OVER:
        columns["claimed_at"] = message.created_at
    with past_the_triggers():  # as if it had come there the way messages do
        Message.objects.filter(pk=message.pk).update(state=state, **columns)


def test_before_anything_is_sent_nothing_is_said(case, desk):
    assert told(desk.case(case)) == ""


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (State.QUEUED, "Väntar"),
        (State.SENDING, "Skickas"),
        (State.SENT, "Skickat"),
        (State.DELIVERED, "Levererat"),
    ],
)
def test_its_state_is_said_in_the_words_of_the_history(state, words, sent, case, desk):
    comes_to(sent, state)
    assert told(desk.case(case)) == f"SMS {clock(sent.created_at)}: {words}"


@pytest.mark.parametrize(
    ("state", "words", "what_to_do"),
    [
        (State.FAILED, "Misslyckades", "Kontrollera numret, eller ring patienten."),
        (
            State.UNKNOWN,
            "Okänt om det kom fram",
            "Ring patienten eller skicka igen. Det kan komma fram två gånger.",
        ),
        (State.EXPIRED, "För sent", "SMS:et skickades inte. Skicka igen om det fortfarande behövs."),
        (State.CANCELLED, "Inställt", "SMS:et skickades inte. Skicka igen om det fortfarande behövs."),
    ],
)
def test_what_has_not_come_through_asks_for_an_act(state, words, what_to_do, sent, case, desk):
    comes_to(sent, state)
    page = desk.case(case)
    assert f"SMS {clock(sent.created_at)}: {words}" in told(page)
    assert what_to_do in told(page)
    assert page.has_button(PUT_BACK)


def test_the_text_is_put_back_and_nothing_is_sent_until_it_is_pressed(sent, case, desk):
    comes_to(sent, State.UNKNOWN)
    page = desk.case(case).press(PUT_BACK)
    assert page.typed("text", beside=SEND) == TEXT
    assert messages_of(case) == [sent]
    assert not page.has_button(PUT_BACK)  # it stands there
    page.press(SEND)
    again = messages_of(case)[-1]
    assert (again.text, again.state) == (TEXT, State.QUEUED)
    assert again.key != sent.key


def test_what_is_written_meanwhile_stays(sent, case, desk):
    comes_to(sent, State.FAILED)
    page = desk.case(case).press(PUT_BACK, text="Hej Berit!")
    assert page.typed("text", beside=SEND) == f"Hej Berit!\n{TEXT}"


def test_without_free_text_it_takes_the_messages_place(sent, case, desk):
    comes_to(sent, State.FAILED)
    OutgoingSms.objects.update(free_text=False)
    assert desk.case(case).press(PUT_BACK, text="x").typed("text", beside=SEND) == TEXT


@pytest.mark.parametrize("value", ["", "x", "0", "9" * 30, "another's"])
def test_only_what_was_written_in_the_case_is_put_back(value, sent, case, book, desk, say):
    comes_to(sent, State.FAILED)
    other = book()
    page = desk.case(other)
    asked = page.press(SEND, put_back=sent.pk if value == "another's" else value)
    assert asked.status == 400
    assert messages_of(other) == []


def test_one_that_a_nej_has_stopped_before_it_left_says_so(sent, case, desk, say, provider):
    say(Answer.NO)
    gateway.drain(Lane.MANUAL)
    page = desk.case(case)
    assert told(page) == f"SMS {clock(sent.created_at)}: SMS-utskick avböjt SMS:et skickades inte."
    assert not page.has_button(PUT_BACK)
    assert provider.received == []


def test_one_to_another_number_says_to_which(sent, case, desk):
    comes_to(sent, State.DELIVERED)
    page = desk.case(case).press("Spara numret", phone_number="070-174 06 06")
    assert told(page) == f"SMS {clock(sent.created_at)} till 070-174 06 05: Levererat"


def test_it_is_the_latest_and_never_an_automatic_one(sent, case, desk, accept):
    comes_to(sent, State.DELIVERED)
    desk.case(case).press(SEND, text="Ett till.")
    first, second = messages_of(case)
    assert told(desk.case(case)) == f"SMS {clock(second.created_at)}: Väntar"
    with past_the_triggers():
        Message.objects.filter(pk=second.pk).update(kind=Kind.REMINDER)
    assert told(desk.case(case)) == f"SMS {clock(first.created_at)}: Levererat"


def test_one_that_was_refused_at_once_says_why(case, desk, say):
    say(Answer.NO)
    page = desk.case(case).press(SEND, by_hand=True, text=TEXT)
    [message] = messages_of(case)
    assert message.refusal == Refusal.DECLINED
    assert "SMS-utskick avböjt SMS:et skickades inte." in told(page)
