"""Promise 2: only "Ja". Refused otherwise, with the reason, and the provider is never called."""

from datetime import timedelta

import pytest

from consent.models import Answer, Consent
from sms import gateway
from sms.models import Kind, Lane, Message, Refusal, State
from teleq.models import OutgoingSms
from tests.conftest import LANDLINE

pytestmark = pytest.mark.django_db(transaction=True)

KINDS = pytest.mark.parametrize("kind", [Kind.MANUAL, Kind.CONFIRMATION, Kind.REMINDER])


def drained(message: Message) -> Message:
    gateway.drain(Lane.of(message.kind))
    message.refresh_from_db()
    return message


@KINDS
def test_with_a_yes_the_message_is_handed_over(kind, accept, say, provider):
    say(Answer.YES)
    message = drained(accept(kind=kind))
    assert message.state == State.SENT
    assert [sms["to"] for sms in provider.received] == ["+46701740605"]


@KINDS
@pytest.mark.parametrize(
    ("answer", "reason"), [(Answer.NO, Refusal.DECLINED), (Answer.UNSET, Refusal.MISSING), (None, Refusal.MISSING)]
)
def test_without_a_yes_it_is_refused_with_the_reason_and_the_provider_is_not_called(
    kind, answer, reason, accept, say, provider
):
    if answer:
        say(Answer.YES)
        say(answer)
    message = drained(accept(kind=kind))
    assert (message.state, message.refusal) == (State.REFUSED, reason)
    assert provider.received == []


@KINDS
@pytest.mark.parametrize("answer", [Answer.YES, Answer.NO])
def test_a_lapsed_answer_is_no_answer(kind, answer, accept, say, provider):
    say(answer)
    Consent.objects.update(answered_at="2024-01-01T00:00Z", valid_until="2025-03-01T00:00Z")
    message = drained(accept(kind=kind))
    assert (message.state, message.refusal) == (State.REFUSED, Refusal.MISSING)
    assert provider.received == []


@KINDS
def test_where_the_settings_are_missing_nothing_leaves(kind, accept, queue, provider):
    OutgoingSms.objects.filter(queue=queue).delete()
    message = drained(accept(kind=kind))
    assert (message.state, message.refusal) == (State.REFUSED, Refusal.MISSING)
    assert provider.received == []


@KINDS
def test_where_the_box_is_not_ticked_no_yes_is_needed(kind, accept, plain_queue, provider):
    assert drained(accept(kind=kind, queue_id=plain_queue.pk)).state == State.SENT


@KINDS
def test_where_the_box_is_not_ticked_a_no_stops_it_all_the_same(kind, accept, say, plain_queue, provider):
    say(Answer.NO)
    message = drained(accept(kind=kind, queue_id=plain_queue.pk))
    assert (message.state, message.refusal) == (State.REFUSED, Refusal.DECLINED)
    assert provider.received == []


def test_a_yes_given_to_another_care_provider_opens_nothing(accept, say, other_care_provider, provider):
    say(Answer.YES, provider=other_care_provider)
    assert drained(accept()).refusal == Refusal.MISSING


def test_a_landline_is_refused_and_consents_reason_comes_first(accept, say, provider):
    assert drained(accept(to_number=LANDLINE)).refusal == Refusal.MISSING
    say(Answer.YES, number=LANDLINE)
    assert drained(accept(to_number=LANDLINE)).refusal == Refusal.NOT_MOBILE
    assert provider.received == []


def test_promise_5_a_later_yes_does_not_release_a_refused_message(accept, say, provider):
    message = drained(accept())
    assert message.state == State.REFUSED
    say(Answer.YES)
    assert drained(message).state == State.REFUSED
    assert provider.received == []


def test_promise_8_the_message_says_which_answer_decided(accept, say, provider):
    current = say(Answer.YES)
    message = drained(accept())
    assert message.consent_event_id == current.event_id
    assert message.consent_answer == Answer.YES
    assert message.consent_answered_at == current.consent.answered_at
    assert message.consent_channel == "case"


def test_what_is_past_its_time_expires_and_does_not_leave(accept, say, provider):
    say(Answer.YES)
    message = accept()
    Message.objects.update(due_at=message.due_at - timedelta(days=1), send_before=message.due_at - timedelta(hours=1))
    assert drained(message).state == State.EXPIRED
    assert provider.received == []
