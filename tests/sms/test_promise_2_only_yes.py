"""Promise 2: only "Ja". Refused otherwise, with the reason, and the provider is never called."""

import pytest
from django.db import connection

from consent.models import Answer, Consent
from sms import gateway
from sms.models import Kind, Lane, Message, Refusal
from sms.states import State
from teleq.models import OutgoingSms
from tests.conftest import LANDLINE
from tests.database_roles import as_owner, past_the_triggers

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
@pytest.mark.parametrize("answer", [None, Answer.YES])
def test_where_the_settings_are_missing_nothing_leaves(kind, answer, accept, say, queue, provider):
    if answer:
        say(answer)
    with as_owner():
        OutgoingSms.objects.filter(queue=queue).delete()
    message = drained(accept(kind=kind))
    assert (message.state, message.refusal) == (State.REFUSED, Refusal.MISSING)
    assert provider.received == []


@KINDS
@pytest.mark.parametrize("answer", [None, Answer.UNSET, Answer.YES])
def test_where_the_box_is_not_ticked_no_yes_is_needed(kind, answer, accept, say, plain_queue, provider):
    if answer:
        say(Answer.NO)
        say(answer)
    assert drained(accept(kind=kind, queue_id=plain_queue.pk)).state == State.SENT
    assert len(provider.received) == 1


@KINDS
def test_where_the_box_is_not_ticked_a_lapsed_no_stops_nothing(kind, accept, say, plain_queue, provider):
    say(Answer.NO)
    Consent.objects.update(answered_at="2024-01-01T00:00Z", valid_until="2025-03-01T00:00Z")
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
    assert provider.received == []


def test_a_yes_for_another_number_opens_nothing(accept, say, provider):
    say(Answer.YES, number="+46701740606")
    assert drained(accept()).refusal == Refusal.MISSING
    assert provider.received == []


def test_a_manual_message_that_is_not_allowed_is_refused_while_the_nurse_looks(accept, say):
    say(Answer.NO)
    message = accept(kind=Kind.MANUAL)
    assert (message.state, message.refusal) == (State.REFUSED, Refusal.DECLINED)


def test_a_number_that_cannot_be_read_is_refused_and_holds_up_no_other(accept, say, plain_queue, provider):
    unreadable = accept(to_number="hemligt", queue_id=plain_queue.pk)
    readable = accept(queue_id=plain_queue.pk)
    assert drained(unreadable).refusal == Refusal.NOT_MOBILE
    readable.refresh_from_db()
    assert readable.state == State.SENT


@pytest.mark.parametrize("written", ["+46 70 174 06 05", "0701740605", "0046701740605", "+NoneNone"])
def test_a_number_that_is_written_otherwise_is_refused_and_holds_up_no_other(written, accept, plain_queue, provider):
    otherwise, rightly = accept(queue_id=plain_queue.pk), accept(queue_id=plain_queue.pk)
    with past_the_triggers(), connection.cursor() as cursor:
        cursor.execute("UPDATE sms_message SET to_number = %s WHERE id = %s", [written, otherwise.pk])
    assert drained(otherwise).refusal == Refusal.NOT_MOBILE
    rightly.refresh_from_db()
    assert rightly.state == State.SENT


def test_a_landline_is_refused_and_consents_reason_comes_first(accept, say, provider):
    assert drained(accept(to_number=LANDLINE)).refusal == Refusal.MISSING
    say(Answer.YES, number=LANDLINE)
    assert drained(accept(to_number=LANDLINE)).refusal == Refusal.NOT_MOBILE
    assert provider.received == []
