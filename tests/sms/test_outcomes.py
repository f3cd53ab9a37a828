"""What becomes of a message by what became of its hand-over, beside what promise 6 says of single outcomes."""

from datetime import timedelta

import pytest
from django.db import transaction
from django.db.models import F

from consent.models import Answer
from sms import dispatcher, gateway, outcomes, receipts
from sms.models import Lane, Message, Unsettled
from sms.providers.base import Outcome, SendResult
from sms.states import State
from tests.concurrency import in_another_connection
from tests.database_roles import past_the_triggers
from tests.reporting import told

pytestmark = pytest.mark.django_db(transaction=True)

LATER, UNKNOWN = SendResult(Outcome.RETRY_LATER), SendResult(Outcome.UNKNOWN)


@pytest.fixture(autouse=True)
def a_yes(say):
    say(Answer.YES)


def state(message: Message) -> str:
    message.refresh_from_db()
    return message.state


def claimed(message: Message) -> Message:
    gateway.claim(Lane.BULK, "simulator")
    assert state(message) == State.SENDING
    return message


def long_ago(**columns: str) -> None:
    """The rows' times move, and the clock doesn't."""
    Message.objects.update(**{name: F(other) - timedelta(hours=1) for name, other in columns.items()})


class TestTryingAgain:
    def test_what_failed_together_does_not_come_back_together(self, draft):
        messages = gateway.accept([draft() for _ in range(50)])
        gateway.claim(Lane.BULK, "simulator")
        outcomes.record({message.pk: LATER for message in messages})
        due = sorted(Message.objects.values_list("due_at", flat=True))
        assert len(set(due)) == 50
        assert due[-1] - due[0] > outcomes.FIRST_RETRY / 10

    def test_however_often_it_is_never_long_till_the_next_try(self, accept):
        message = accept()
        Message.objects.update(attempts=30)
        claimed(message)
        outcomes.record({message.pk: LATER})
        assert state(message) == State.QUEUED
        assert message.due_at - message.state_at <= outcomes.LONGEST_RETRY * 1.2

    def test_what_failed_for_good_is_not_tried_again(self, accept, provider, wakes_at_once):
        provider.responses = [400]
        message = accept()
        assert state(message) == State.FAILED
        long_ago(due_at="created_at", state_at="created_at")
        gateway.sweep()
        assert state(message) == State.FAILED
        assert len(provider.received) == 1


class TestNotStarted:
    """What was claimed and not begun is as it was."""

    def test_it_counts_as_no_try_and_keeps_its_turn(self, accept):
        message = claimed(accept())
        outcomes.record({message.pk: dispatcher.NOT_STARTED})
        due_at = message.due_at
        assert state(message) == State.QUEUED
        assert (message.attempts, message.due_at) == (0, due_at)

    def test_it_is_judged_again(self, accept, say):
        message = claimed(accept())
        outcomes.record({message.pk: dispatcher.NOT_STARTED})
        say(Answer.NO)
        gateway.claim(Lane.BULK, "simulator")
        assert state(message) == State.REFUSED


class TestRecordedTwice:
    """A try to record that seemed to fail had got through."""

    @pytest.mark.parametrize("result", [LATER, dispatcher.NOT_STARTED, UNKNOWN])
    def test_the_second_changes_nothing(self, result, accept):
        message = claimed(accept())
        claim = {message.pk: message.claimed_at}
        outcomes.record({message.pk: result})
        first = Message.objects.values().get()
        outcomes.record({message.pk: result}, claim)
        assert Message.objects.values().get() == first

    def test_what_another_worker_has_claimed_since_is_left_to_it(self, accept):
        message = claimed(accept())
        claim = {message.pk: message.claimed_at}
        outcomes.record({message.pk: dispatcher.NOT_STARTED})
        claimed(message)
        outcomes.record({message.pk: dispatcher.NOT_STARTED}, claim)
        assert state(message) == State.SENDING

    def test_what_has_not_been_recorded_is_also_where_the_clock_has_been_set_back_since(self, accept):
        """Another server has taken over, whose clock is behind."""
        message = claimed(accept())
        with past_the_triggers():
            Message.objects.update(claimed_at=F("claimed_at") + timedelta(minutes=1))
        message.refresh_from_db()
        outcomes.record({message.pk: SendResult(Outcome.ACCEPTED)}, {message.pk: message.claimed_at})
        assert state(message) == State.SENT


class TestGivenUp:
    """A sweep took the worker for dead, and the worker comes to record what it knows."""

    @pytest.mark.parametrize(
        ("outcome", "becomes"),
        [
            (Outcome.ACCEPTED, State.SENT),
            (Outcome.QUEUED, State.SENT),
            (Outcome.REJECTED, State.FAILED),
            (Outcome.RETRY_LATER, State.UNKNOWN),
            (Outcome.NOT_STARTED, State.UNKNOWN),
            (Outcome.SHUT, State.UNKNOWN),
        ],
    )
    def test_what_is_known_is_written_down_and_nothing_is_sent_again(self, outcome, becomes, accept):
        message = claimed(accept())
        long_ago(state_at="state_at")
        gateway.sweep()
        assert state(message) == State.UNKNOWN
        outcomes.record({message.pk: SendResult(outcome, "id-1")}, {message.pk: message.claimed_at})
        assert (state(message), message.attempts) == (becomes, 1)


class TestNotKnown:
    @pytest.mark.parametrize("status", ["delivered", "failed"])
    def test_a_receipt_settles_it_however_late(self, status, accept, provider, wakes_at_once):
        provider.responses = ["cut"]
        message = accept()
        assert state(message) == State.UNKNOWN
        long_ago(state_at="state_at")
        gateway.sweep()
        receipts.record("simulator", message.pk, message.receipt_token, told(status))
        assert state(message) == status
        assert len(provider.received) == 1

    def test_the_sweep_leaves_what_is_being_recorded_and_does_not_wait(self, accept):
        """Else of a sweep and a worker, each with a row that the other wants, one would be thrown out."""
        message = claimed(accept())
        long_ago(state_at="state_at")
        with transaction.atomic():
            Unsettled.objects.all().hold()
            in_another_connection(gateway.sweep).result(10)
            outcomes.record({message.pk: SendResult(Outcome.ACCEPTED)})
        assert state(message) == State.SENT
