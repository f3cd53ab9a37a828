"""Promise 8: every message says which answer let it through or stopped it, as it was at that moment."""

import pytest
from django.db import transaction

from consent.models import Answer, Channel, Consent
from sms import gateway
from sms.models import Kind, Lane, Message
from sms.states import State
from tests.concurrency import in_another_connection, wait_until_a_connection_waits_for_a_lock
from tests.database_roles import as_owner

pytestmark = pytest.mark.django_db(transaction=True)

KINDS = pytest.mark.parametrize("kind", [Kind.MANUAL, Kind.REMINDER])


def decided(message: Message) -> Message:
    gateway.claim(Lane.of(message.kind), "simulator")
    message.refresh_from_db()
    return message


@KINDS
@pytest.mark.parametrize(
    ("answer", "state"),
    [(Answer.YES, State.SENDING), (Answer.NO, State.REFUSED), (Answer.UNSET, State.REFUSED)],
)
def test_the_answer_that_decided_is_on_the_message(kind, answer, state, accept, say):
    say(Answer.YES if answer is not Answer.YES else Answer.NO)
    stored = say(answer)
    message = decided(accept(kind=kind))
    assert message.state == state
    assert (message.consent_event_id, message.consent_answer) == (stored.event_id, answer)
    assert (message.consent_channel, message.consent_answered_at) == (Channel.CASE, stored.consent.answered_at)


@KINDS
def test_of_a_lapsed_answer_it_says_which_and_that_it_counted_as_ej_valt(kind, accept, say):
    say(Answer.YES)
    Consent.objects.update(answered_at="2024-01-01T00:00Z", valid_until="2025-03-01T00:00Z")
    message = decided(accept(kind=kind))
    assert message.consent_answer == Answer.UNSET
    assert message.consent_event_id == Consent.history().latest("pgh_id").pgh_id
    assert message.consent_answered_at.year == 2024


@KINDS
def test_where_nobody_had_answered_it_says_so(kind, accept):
    message = decided(accept(kind=kind))
    assert (message.consent_answer, message.consent_event_id) == (Answer.UNSET, None)
    assert (message.consent_channel, message.consent_answered_at) == ("", None)


def test_of_an_answer_that_was_removed_since_it_was_accepted_it_says_nothing(accept, say, plain_queue):
    say(Answer.YES)
    message = accept(kind=Kind.MANUAL, queue_id=plain_queue.pk)
    with as_owner():
        Consent.objects.all().delete()
    message = decided(message)
    assert (message.state, message.consent_answer) == (State.SENDING, Answer.UNSET)
    assert (message.consent_event_id, message.consent_channel, message.consent_answered_at) == (None, "", None)


def test_what_is_refused_at_once_is_judged_by_an_answer_that_is_held(accept, say):
    """Else an answer given between two statements would lend its event to the one that decided."""
    say(Answer.NO)
    with transaction.atomic():
        accept(kind=Kind.MANUAL)
        answered = in_another_connection(lambda: say(Answer.YES))
        wait_until_a_connection_waits_for_a_lock()
        assert not answered.done()
    answered.result(20)


def test_it_is_the_answer_at_the_claim_and_not_the_one_before_or_after(accept, say):
    say(Answer.YES)
    message = accept(kind=Kind.MANUAL)
    confirmed = say(Answer.YES, renew=True)
    assert decided(message).consent_event_id == confirmed.event_id
    say(Answer.NO)
    message.refresh_from_db()
    assert (message.consent_event_id, message.consent_answer) == (confirmed.event_id, Answer.YES)


def test_each_message_of_a_claim_has_its_own_answer(accept, say, plain_queue):
    numbers = {f"+467017406{last:02}": answer for last, answer in enumerate((Answer.YES, Answer.NO, Answer.UNSET), 5)}
    events = {}
    for number, answer in numbers.items():
        say(Answer.NO if answer is not Answer.NO else Answer.YES, number=number)
        events[number] = say(answer, number=number).event_id
    accepted = [accept(to_number=number, queue_id=plain_queue.pk) for number in reversed(numbers)]
    gateway.claim(Lane.BULK, "simulator")
    for message in accepted:
        message.refresh_from_db()
        number = message.to_number.as_e164
        assert (message.consent_answer, message.consent_event_id) == (numbers[number], events[number])
