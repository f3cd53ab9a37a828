"""Promise 7: what the nurse sees is what the gateway does."""

import pytest

from cases.models import CaseMessage
from consent.models import Answer
from sms import gateway
from sms.models import Lane
from sms.states import State
from teleq.models import OutgoingSms
from tests.cases.desk import messages_of
from tests.conftest import LANDLINE, MOBILE
from tests.database_roles import as_owner

DECLINED = "SMS-utskick avböjt"
MISSING = "Samtycke till SMS saknas"
NOT_MOBILE = "Numret kan inte ta emot SMS (inte ett mobilnummer)."
OPEN = ""

ON, OFF, NO_SETTINGS = "on", "off", "no settings"

TABLE = [
    # consent_required, answer, on a mobile, on a landline
    (ON, "Ja", OPEN, NOT_MOBILE),
    (ON, "Nej", DECLINED, DECLINED),
    (ON, "Ej valt", MISSING, MISSING),
    (ON, "never asked", MISSING, MISSING),
    (ON, "Ja that lapsed", MISSING, MISSING),
    (ON, "Nej that lapsed", MISSING, MISSING),
    (OFF, "Ja", OPEN, NOT_MOBILE),
    (OFF, "Nej", DECLINED, DECLINED),
    (OFF, "Ej valt", OPEN, NOT_MOBILE),
    (OFF, "never asked", OPEN, NOT_MOBILE),
    (OFF, "Ja that lapsed", OPEN, NOT_MOBILE),
    (OFF, "Nej that lapsed", OPEN, NOT_MOBILE),
    (NO_SETTINGS, "Ja", MISSING, MISSING),
    (NO_SETTINGS, "Nej", DECLINED, DECLINED),
    (NO_SETTINGS, "Ej valt", MISSING, MISSING),
    (NO_SETTINGS, "never asked", MISSING, MISSING),
    (NO_SETTINGS, "Ja that lapsed", MISSING, MISSING),
    (NO_SETTINGS, "Nej that lapsed", MISSING, MISSING),
]
ROWS = [
    pytest.param((required, answer, number, reason), id=f"{required}, {answer}, {kind}")
    for required, answer, on_mobile, on_landline in TABLE
    for kind, number, reason in [("mobile", MOBILE, on_mobile), ("landline", LANDLINE, on_landline)]
]


@pytest.fixture
def asked(queue, say, lapsed):
    """The queue's switch stands so, and the patient has answered so."""

    def arrange(required: str, answer: str, number: str) -> None:
        settings = OutgoingSms.objects.filter(queue=queue)
        if required == NO_SETTINGS:
            with as_owner():
                settings.delete()
        else:
            settings.update(consent_required=required == ON)
        if answer.endswith("that lapsed"):
            lapsed(Answer.YES if answer.startswith("Ja") else Answer.NO, number)
        elif answer == "Ej valt":
            say(Answer.NO, number)
            say(Answer.UNSET, number)
        elif answer != "never asked":
            say(Answer.YES if answer == "Ja" else Answer.NO, number)

    return arrange


@pytest.mark.parametrize("row", ROWS)
def test_the_button_says_what_the_gateway_does(row, asked, book, desk):
    required, answer, number, reason = row
    asked(required, answer, number)
    case = book(phone_number=number)

    page = desk.case(case)
    assert page.can_press("Skicka SMS") == (reason == OPEN)
    assert [text for text in (DECLINED, MISSING, NOT_MOBILE) if text in page.text] == ([reason] if reason else [])

    after = page.press("Skicka SMS", by_hand=True, text="Vi ringer igen i morgon.")
    [message] = messages_of(case)
    assert message.text == "Vi ringer igen i morgon."
    assert CaseMessage.objects.get(message=message).case == case
    if reason == OPEN:
        assert (after.status, message.state) == (200, State.QUEUED)
        assert "SMS:et är på väg." in after.text
        assert after.typed("text", beside="Skicka SMS") == ""
    else:
        assert (after.status, message.state, message.outcome) == (422, State.REFUSED, reason)
        assert after.typed("text", beside="Skicka SMS") == "Vi ringer igen i morgon."
        assert f"SMS: {reason.rstrip('.')}." in after.text


@pytest.mark.parametrize(("answer", "reason"), [(Answer.NO, DECLINED), (Answer.UNSET, MISSING)])
def test_an_answer_that_changes_after_the_press_stops_the_message_with_the_reason_on_screen(
    answer, reason, say, case, desk
):
    say(Answer.YES)
    desk.case(case).press("Skicka SMS", text="Vi ringer igen.")
    say(answer)

    gateway.claim(Lane.MANUAL, "simulator")

    [message] = messages_of(case)
    assert (message.state, message.outcome) == (State.REFUSED, reason)
    page = desk.case(case)
    assert not page.can_press("Skicka SMS")
    assert f"SMS: {reason}." in page.text


def test_a_message_the_screen_let_through_is_claimed(say, case, desk):
    say(Answer.YES)
    desk.case(case).press("Skicka SMS", text="Vi ringer igen.")
    assert [message.state for message in gateway.claim(Lane.MANUAL, "simulator").sending] == [State.SENDING]


def test_a_refused_message_is_not_sent_by_a_later_ja(say, case, desk):
    desk.case(case).press("Skicka SMS", by_hand=True, text="Vi ringer igen.")
    say(Answer.YES)
    assert gateway.claim(Lane.MANUAL, "simulator").judged == 0
    assert [message.state for message in messages_of(case)] == [State.REFUSED]


def test_after_a_refusal_and_a_ja_the_kept_text_can_be_sent_by_a_new_press(say, case, desk):
    refused = desk.case(case).press("Skicka SMS", by_hand=True, text="Vi ringer igen.")
    say(Answer.YES)
    after = refused.press("Skicka SMS", by_hand=True)
    assert "SMS:et är på väg." in after.text
    assert [message.state for message in messages_of(case)] == [State.REFUSED, State.QUEUED]


def test_a_page_opened_on_ja_does_not_send_once_the_patient_has_said_nej(say, case, desk):
    say(Answer.YES)
    page = desk.case(case)
    say(Answer.NO)
    after = page.press("Skicka SMS", text="Vi ringer igen.")
    assert (after.status, after.can_press("Skicka SMS")) == (422, False)
    assert [message.outcome for message in messages_of(case)] == [DECLINED]
