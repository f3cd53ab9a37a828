"""Samtycke till SMS by keypad: when it is asked, what a key stores, and that taking back is as easy as giving."""

from __future__ import annotations

import pytest

from consent import register
from consent.models import Answer, Channel, Consent
from sms import gateway
from sms.models import Kind, Lane, Message, Refusal
from sms.states import State
from telephony import calls
from telephony.models import Call, Recording
from tests.conftest import LANDLINE, MOBILE

pytestmark = pytest.mark.django_db

QUESTION = "Får vi skicka SMS till det nummer du ringer från? Tryck 1 för ja, 2 för nej. Svaret sparas i 14 månader."


@pytest.fixture
def asking(care_provider, queue) -> None:
    """The care provider has switched the question on; the queue confirms bookings."""
    care_provider.consent_by_phone = True
    care_provider.save()
    queue.outgoing_sms.confirmation_on = True
    queue.outgoing_sms.save()


@pytest.fixture
def answer(care_provider):
    return lambda number=MOBILE: register.current(care_provider.pk, number).consent


def test_it_is_asked_after_the_booking(asking, caller):
    assert caller().press("1").said.endswith(QUESTION)


def test_one_is_ja_with_the_wording_and_the_call(asking, caller, answer):
    call = caller().press("1").press("1")
    assert call.said == "Tack. Då skickar vi SMS till dig. Tack och hej då."
    stored = answer()
    assert (stored.answer, stored.channel, stored.answered_by) == (Answer.YES, Channel.PHONE_KEYS, None)
    assert (stored.call_id, stored.text.text, stored.text.recorded) == (call.row.pk, QUESTION, True)


def test_two_is_nej(asking, caller, answer):
    call = caller().press("1").press("2")
    assert call.said.startswith("Då skickar vi inga SMS till dig.")
    assert answer().answer == Answer.NO


@pytest.mark.parametrize("keys", ["", "3", "0", "#", "*", "12"])
def test_anything_else_stores_nothing(keys, asking, caller, answer):
    call = caller().press("1").press(keys)
    assert call.is_over
    assert answer() is None


def test_hanging_up_at_the_question_stores_nothing_and_the_booking_stands(asking, caller, answer):
    call = caller().press("1").hang_up()
    assert answer() is None
    assert call.row.ended == "booked"


# When it is not asked ------------------------------------------------------------------------------------------------


def test_it_is_off_by_default(queue, caller):
    assert caller().press("1").is_over


def test_not_in_a_queue_that_does_not_require_consent(asking, queue, caller):
    queue.outgoing_sms.consent_required = False
    queue.outgoing_sms.save()
    assert caller().press("1").is_over


@pytest.mark.parametrize("stored", [Answer.YES, Answer.NO])
def test_not_of_who_has_answered(stored, asking, say, caller):
    say(stored)
    assert caller().press("1").is_over


def test_again_of_who_chose_ej_valt_or_whose_answer_lapsed(asking, lapsed, caller):
    lapsed(Answer.YES)
    assert caller().press("1").said.endswith(QUESTION)


def test_not_of_a_landline(asking, caller):
    assert caller(calls_from=LANDLINE).press("1").is_over


def test_not_where_another_number_is_called_back(asking, caller):
    assert caller().press("2").press("0701740606#").press("1").press("1").is_over


def test_also_where_the_number_was_keyed_and_is_the_one_they_call_from(asking, caller):
    call = caller().press("2").press("0701740605#").press("1").press("1")
    assert call.said.endswith(QUESTION)


def test_not_without_a_recording_of_the_question(asking, caller):
    Recording.objects.filter(sentence="consent_question").update(replaced_at="2026-01-01T00:00:00Z")
    assert caller().press("1").is_over


def test_a_nej_that_comes_while_it_is_asked_stands(asking, say, caller, answer):
    call = caller().press("1")
    say(Answer.NO)
    call.press("1")
    assert answer().answer == Answer.NO
    assert "Då skickar vi SMS" not in call.said


# The confirmation ----------------------------------------------------------------------------------------------------


def confirmation() -> Message | None:
    return Message.objects.filter(kind=Kind.CONFIRMATION).first()


def test_the_confirmation_waits_for_the_answer(asking, caller):
    call = caller().press("1")
    assert confirmation() is None
    call.press("1")
    assert confirmation().state == State.QUEUED


@pytest.mark.parametrize("ending", ["a key that is none", "hanging up", "an end that nobody tells"])
def test_however_the_call_ends_the_confirmation_is_accepted_once(ending, asking, caller):
    call = caller().press("1")
    if ending == "a key that is none":
        call.press("7")
    elif ending == "hanging up":
        call.hang_up()
    else:
        Call.objects.update(heard_at="2026-01-01T00:00:00Z")
        calls.close_silent()
    call.hang_up()
    assert Message.objects.filter(kind=Kind.CONFIRMATION).count() == 1


def test_where_nothing_is_asked_it_is_accepted_with_the_booking(queue, say, caller):
    queue.outgoing_sms.confirmation_on = True
    queue.outgoing_sms.save()
    caller().press("1")
    assert Message.objects.filter(kind=Kind.CONFIRMATION).count() == 1


def test_after_a_nej_the_confirmation_is_refused(asking, caller):
    caller().press("1").press("2")
    gateway.drain(Lane.BULK)
    assert (confirmation().state, confirmation().refusal) == (State.REFUSED, Refusal.DECLINED)


# Taking back ---------------------------------------------------------------------------------------------------------


def test_who_gets_sms_can_take_it_back_in_the_same_menu(asking, say, caller, answer):
    say(Answer.YES)
    call = caller()
    assert call.said.endswith("Du får SMS från oss. Tryck 4 om du inte vill det längre.")
    call.press("4")
    assert call.said.startswith("Du får inga fler SMS från oss. Vi ringer dig")
    assert "Tryck 4" not in call.said
    assert (answer().answer, answer().channel, answer().call_id) == (Answer.NO, Channel.PHONE_KEYS, call.row.pk)
    assert [event.answer for event in Consent.history().order_by("pgh_id")] == ["yes", "no"]


def test_in_a_second_call_too(asking, caller, answer):
    caller().press("1").press("1").hang_up()
    call = caller()
    assert "Tryck 4" in call.said
    call.press("4")
    assert answer().answer == Answer.NO


def test_what_waits_is_stopped_by_it(asking, caller):
    caller().press("1").press("1").hang_up()
    caller().press("4")
    gateway.drain(Lane.BULK)
    assert (confirmation().state, confirmation().refusal) == (State.REFUSED, Refusal.DECLINED)


@pytest.mark.parametrize("stored", [Answer.NO, None])
def test_who_gets_none_is_not_offered_it_and_four_means_nothing(stored, asking, say, caller):
    if stored:
        say(stored)
    call = caller()
    assert "Du får SMS" not in call.said
    call.press("4")
    assert call.said.startswith("Jag förstod inte det.")
