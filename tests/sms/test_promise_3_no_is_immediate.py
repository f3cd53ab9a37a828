"""Promise 3: "Nej" is immediate. Claim and answer take the same row locks, so every run has one order.

Whoever must be caught between its first lock and its commit is made to wait for a second number, LATER: everyone takes
the locks of several numbers in the numbers' order.
"""

import threading

import pytest
from django.db import transaction

from administration.outgoing_sms import save_outgoing_sms
from consent import register
from consent.models import Answer, Consent
from sms import gateway
from sms.models import Kind, Lane, Message, Refusal
from sms.states import State
from teleq.models import OutgoingSms
from tests.concurrency import in_another_connection, wait_until_a_connection_waits_for_a_lock
from tests.conftest import MOBILE

pytestmark = pytest.mark.django_db(transaction=True)

LATER = "+46701740699"
STOPS = pytest.mark.parametrize(
    ("answer", "reason"), [(Answer.NO, Refusal.DECLINED), (Answer.UNSET, Refusal.MISSING)], ids=["no", "unset"]
)


def drain_in_another_connection(lane: Lane = Lane.BULK):
    return in_another_connection(lambda: gateway.drain(lane))


@STOPS
@pytest.mark.parametrize("kind", [Kind.MANUAL, Kind.CONFIRMATION, Kind.REMINDER])
def test_an_answer_that_was_committed_first_stops_what_was_accepted_before_it(
    answer, reason, kind, accept, say, provider
):
    say(Answer.YES)
    message = accept(kind=kind)
    say(answer)
    gateway.drain(Lane.of(kind))
    message.refresh_from_db()
    assert (message.state, message.refusal) == (State.REFUSED, reason)
    assert provider.received == []


@STOPS
def test_a_claim_waits_for_an_answer_that_is_being_written_and_obeys_it(answer, reason, accept, say, provider):
    say(Answer.YES)
    message = accept()
    with transaction.atomic():
        written = say(answer)
        drained = drain_in_another_connection()
        wait_until_a_connection_waits_for_a_lock()
    assert drained.result(20) == 1
    message.refresh_from_db()
    assert (message.state, message.refusal) == (State.REFUSED, reason)
    assert message.consent_event_id == written.event_id  # and not the one that counted when the wait began
    assert provider.received == []


def test_a_claim_waits_for_a_yes_that_is_being_written_and_obeys_it(accept, say, provider):
    say(Answer.NO)
    message = accept()
    with transaction.atomic():
        written = say(Answer.YES)
        drained = drain_in_another_connection()
        wait_until_a_connection_waits_for_a_lock()
    drained.result(20)
    message.refresh_from_db()
    assert (message.state, message.consent_event_id) == (State.SENT, written.event_id)


def test_a_claim_obeys_the_old_answer_when_the_new_one_was_taken_back(accept, say, provider):
    yes = say(Answer.YES)
    message = accept()
    with transaction.atomic():
        say(Answer.NO)
        drained = drain_in_another_connection()
        wait_until_a_connection_waits_for_a_lock()
        transaction.set_rollback(True)
    drained.result(20)
    message.refresh_from_db()
    assert (message.state, message.consent_event_id) == (State.SENT, yes.event_id)


@STOPS
def test_an_answer_waits_for_a_claim_that_came_first(answer, reason, accept, say, provider, care_provider):
    yes = say(Answer.YES)
    say(Answer.YES, number=LATER)
    message, later = accept(), accept(to_number=LATER)
    with transaction.atomic():
        say(answer, number=LATER)
        drained = drain_in_another_connection()
        wait_until_a_connection_waits_for_a_lock()
        answered = in_another_connection(lambda: say(answer))
        wait_until_a_connection_waits_for_a_lock(2)
        assert register.current(care_provider.pk, MOBILE).consent.answer == Answer.YES
    drained.result(20)
    no = answered.result(20)
    message.refresh_from_db()
    later.refresh_from_db()
    assert (message.state, message.consent_event_id) == (State.SENT, yes.event_id)
    assert message.claimed_at < no.consent.answered_at
    assert later.refusal == reason
    assert [sms["to"] for sms in provider.received] == [MOBILE]


class TestTheSwitch:
    """Ticked by an administrator, or past the code by plain SQL: the row's own lock holds either way."""

    @pytest.fixture(params=["administrator", "plain SQL"])
    def tick(self, request, plain_queue):
        def by_administrator() -> None:
            outgoing_sms = OutgoingSms.objects.get(queue=plain_queue)
            outgoing_sms.consent_required = True
            save_outgoing_sms(outgoing_sms)

        def by_plain_sql() -> None:
            OutgoingSms.objects.filter(queue=plain_queue).update(consent_required=True)

        return by_administrator if request.param == "administrator" else by_plain_sql

    def test_a_claim_waits_for_the_switch_that_is_being_turned_and_obeys_it(self, tick, accept, plain_queue, provider):
        message = accept(queue_id=plain_queue.pk)
        with transaction.atomic():
            tick()
            drained = drain_in_another_connection()
            wait_until_a_connection_waits_for_a_lock()
        drained.result(20)
        message.refresh_from_db()
        assert (message.state, message.refusal) == (State.REFUSED, Refusal.MISSING)
        assert provider.received == []

    def test_the_switch_waits_for_a_claim_that_came_first(self, tick, accept, say, plain_queue, provider):
        say(Answer.YES, number=LATER)
        message, later = accept(queue_id=plain_queue.pk), accept(queue_id=plain_queue.pk, to_number=LATER)
        with transaction.atomic():
            say(Answer.NO, number=LATER)
            drained = drain_in_another_connection()
            wait_until_a_connection_waits_for_a_lock()
            ticked = in_another_connection(tick)
            wait_until_a_connection_waits_for_a_lock(2)
            assert not OutgoingSms.objects.get(queue=plain_queue).consent_required
        drained.result(20)
        ticked.result(20)
        message.refresh_from_db()
        later.refresh_from_db()
        assert message.state == State.SENT
        assert later.refusal == Refusal.DECLINED
        after = accept(queue_id=plain_queue.pk)
        gateway.drain(Lane.BULK)
        after.refresh_from_db()
        assert after.refusal == Refusal.MISSING


class TestTriedAgain:
    """What waits to be tried again was allowed once. That counts for nothing the second time."""

    @pytest.fixture
    def waiting(self, accept, say, provider) -> Message:
        say(Answer.YES)
        message = accept()
        provider.responses = [503]
        gateway.drain(Lane.BULK)
        message.refresh_from_db()
        assert (message.state, len(provider.received)) == (State.QUEUED, 1)
        Message.objects.update(due_at=message.created_at)
        return message

    @STOPS
    def test_it_is_judged_again(self, answer, reason, waiting, say, provider):
        say(answer)
        gateway.drain(Lane.BULK)
        waiting.refresh_from_db()
        assert (waiting.state, waiting.refusal) == (State.REFUSED, reason)
        assert len(provider.received) == 1

    @STOPS
    def test_it_waits_for_an_answer_that_is_being_written(self, answer, reason, waiting, say, provider):
        with transaction.atomic():
            say(answer)
            drained = drain_in_another_connection()
            wait_until_a_connection_waits_for_a_lock()
        drained.result(20)
        waiting.refresh_from_db()
        assert (waiting.state, waiting.refusal) == (State.REFUSED, reason)
        assert len(provider.received) == 1


def test_whatever_the_order_no_message_is_claimed_after_a_no(draft, say, provider):
    """Two workers against a nurse who changes her mind all the time; the history tells who came first."""
    numbers = [f"+467017406{last:02}" for last in (5, 6, 7)]
    for number in numbers:
        say(Answer.YES, number=number)
    done = threading.Event()

    def answer_on_and_on() -> int:
        rounds = 0
        while not done.is_set() or rounds < 3:
            for number in numbers:
                say(Answer.NO if rounds % 2 else Answer.UNSET, number=number)
                say(Answer.YES, number=number)
            rounds += 1
        return rounds

    answered = in_another_connection(answer_on_and_on)
    for _ in range(10):
        gateway.accept([draft(to_number=number) for number in numbers for _ in range(10)])
        drains = [drain_in_another_connection() for _ in range(2)]
        for drain in drains:
            drain.result(60)
    done.set()
    assert answered.result(60) >= 3

    assert set(Message.objects.values_list("state", flat=True)) <= {State.SENT, State.REFUSED}
    events = list(Consent.history().order_by("pgh_id").values_list("pgh_obj_id", "pgh_id", "answer", "pgh_created_at"))
    judged = Message.objects.values_list("consent_event_id", "state", "state_at", "claimed_at")
    for event_id, state, state_at, claimed_at in judged:
        [(consent, answer)] = [(obj, answer) for obj, pk, answer, _ in events if pk == event_id]
        assert (answer == Answer.YES) == (state == State.SENT)
        next_event = min((at for obj, pk, _, at in events if obj == consent and pk > event_id), default=None)
        assert next_event is None or (claimed_at or state_at) < next_event
