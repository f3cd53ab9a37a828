"""Promise 6: nothing lost, nothing doubled: one key is one message, and what is not known is not sent again."""

import threading
from collections.abc import Iterator
from datetime import timedelta
from socketserver import BaseRequestHandler, ThreadingTCPServer

import pytest
from django.db import connection, transaction

from consent.models import Answer
from sms import dispatcher, gateway, outcomes, receipts
from sms.http_client import TimeLimit
from sms.models import Kind, Lane, Message, Unsettled
from sms.providers import PROVIDERS
from sms.providers.base import Outcome, SendResult
from sms.providers.simulator import Simulator
from sms.states import State
from teleq.celery import app
from teleq.clock import database_now
from tests.concurrency import in_another_connection, wait_until, wait_until_a_connection_waits_for_a_lock
from tests.reporting import told

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def a_yes(say):
    say(Answer.YES)


def state(message: Message) -> str:
    message.refresh_from_db()
    return message.state


class TestOneKey:
    def test_the_same_key_is_the_same_message(self, draft):
        first = gateway.accept([draft(key="one")])
        second = gateway.accept([draft(key="one", text="Något annat"), draft(key="two")])
        assert [message.key for message in first] == ["one"]
        assert [message.key for message in second] == ["two"]
        assert Message.objects.get(key="one").text == "Hej!"

    def test_the_same_key_twice_in_one_breath_is_one_message(self, draft):
        [message] = gateway.accept([draft(key="one"), draft(key="one")])
        assert Message.objects.get() == message

    def test_two_who_accept_the_same_key_at_once_make_one_message(self, draft):
        with transaction.atomic():
            gateway.accept([draft(key="one")])
            other = in_another_connection(lambda: gateway.accept([draft(key="one")]))
            wait_until_a_connection_waits_for_a_lock()
        assert other.result(20) == []
        assert Message.objects.count() == 1

    def test_when_the_first_is_taken_back_the_second_makes_it(self, draft):
        with transaction.atomic():
            gateway.accept([draft(key="one")])
            other = in_another_connection(lambda: gateway.accept([draft(key="one")]))
            wait_until_a_connection_waits_for_a_lock()
            transaction.set_rollback(True)
        assert other.result(20) == [Message.objects.get()]


def test_several_workers_share_the_work_and_double_nothing(draft, provider):
    gateway.accept([draft(key=f"m{number}", text=f"nummer {number}") for number in range(500)])
    drains = [in_another_connection(lambda: gateway.drain(Lane.BULK)) for _ in range(3)]
    judged = sum(drain.result(60) for drain in drains)
    assert judged == 500
    assert len({sms["message"] for sms in provider.received}) == len(provider.received) == 500
    assert set(Message.objects.values_list("state", flat=True)) == {State.SENT}


def test_a_message_that_another_worker_is_judging_is_left_to_it(accept, provider):
    message = accept()
    with transaction.atomic():
        assert Unsettled.objects.waiting(Lane.BULK).due().hold() == [message.pk]
        assert in_another_connection(lambda: gateway.drain(Lane.BULK)).result(20) == 0
    assert state(message) == State.QUEUED
    assert provider.received == []


@pytest.mark.django_db
class TestWakingUp:
    """In a transaction that is never committed, where one can see what would be done at the commit."""

    def test_it_is_done_at_the_commit_once_a_lane_however_many(self, draft, django_capture_on_commit_callbacks):
        with django_capture_on_commit_callbacks() as callbacks:
            gateway.accept([draft() for _ in range(50)])
        assert len(callbacks) == 1
        with django_capture_on_commit_callbacks() as callbacks:
            gateway.accept([draft(), draft(kind=Kind.MANUAL)])
        assert len(callbacks) == 2

    def test_what_was_rolled_back_wakes_nobody(self, draft, django_capture_on_commit_callbacks):
        with django_capture_on_commit_callbacks() as callbacks:
            with pytest.raises(ZeroDivisionError), transaction.atomic():
                gateway.accept([draft()])
                raise ZeroDivisionError
            assert not Message.objects.exists()
        assert callbacks == []

    def test_what_was_refused_or_is_there_already_wakes_nobody(self, draft, say, django_capture_on_commit_callbacks):
        gateway.accept([draft(key="one")])
        say(Answer.NO)
        with django_capture_on_commit_callbacks() as callbacks:
            gateway.accept([draft(kind=Kind.MANUAL)])
            gateway.accept([draft(key="one")])
        assert callbacks == []


def test_what_is_accepted_leaves_when_the_caller_commits_and_not_before(draft, provider, wakes_at_once):
    with transaction.atomic():
        [message] = gateway.accept([draft(kind=Kind.MANUAL)])
        assert state(message) == State.QUEUED
    assert state(message) == State.SENT
    assert len(provider.received) == 1


@pytest.fixture
def broker(monkeypatch) -> Iterator[list[str]]:
    """A broker that hangs up on everyone. Gives the list of its callers."""
    callers: list[str] = []

    class HangUp(BaseRequestHandler):
        def handle(self) -> None:
            callers.append(self.client_address[0])

    server = ThreadingTCPServer(("127.0.0.1", 0), HangUp)
    threading.Thread(target=server.serve_forever, args=[0.02], daemon=True).start()
    monkeypatch.setenv("CELERY_BROKER_WRITE_URL", f"redis://127.0.0.1:{server.server_address[1]}/0")
    monkeypatch.setattr(app.amqp, "_producer_pool", None)
    yield callers
    server.shutdown()
    server.server_close()


class TestWithTheBrokerGone:
    def test_nothing_is_tried_twice_and_the_row_waits_for_the_sweep(self, draft, broker, provider, caplog):
        [message] = gateway.accept([draft(kind=Kind.MANUAL)])
        assert len(broker) == 1  # the nurse waits for one try; Celery's own habit is six seconds of them
        assert "could not be woken" in caplog.text
        assert state(message) == State.QUEUED
        gateway.drain(Lane.MANUAL)
        assert state(message) == State.SENT

    def test_a_refused_connection_fails_nobodys_press(self, draft, monkeypatch, caplog):
        monkeypatch.setenv("CELERY_BROKER_WRITE_URL", "redis://127.0.0.1:1/0")
        monkeypatch.setattr(app.amqp, "_producer_pool", None)
        [message] = gateway.accept([draft(kind=Kind.MANUAL)])
        assert "could not be woken" in caplog.text
        assert state(message) == State.QUEUED


class TestTheSweep:
    def test_it_wakes_both_lanes_for_what_was_forgotten(self, draft, provider, wakes_at_once):
        with transaction.atomic():
            messages = gateway.accept([draft(), draft(kind=Kind.MANUAL)])
            connection.run_on_commit.clear()  # the wake-ups are lost
        assert {state(message) for message in messages} == {State.QUEUED}
        gateway.sweep()
        assert {state(message) for message in messages} == {State.SENT}

    def test_it_leaves_what_is_not_due(self, accept, provider, wakes_at_once):
        message = accept(due_at=database_now() + timedelta(minutes=1))
        gateway.sweep()
        assert state(message) == State.QUEUED

    def test_what_a_dead_worker_held_becomes_unknown_and_is_not_sent_again(self, accept, provider, wakes_at_once):
        message = accept(due_at=database_now() + timedelta(minutes=1))
        Message.objects.update(due_at=message.created_at)
        gateway.claim(Lane.BULK, "simulator")
        gateway.sweep()
        assert state(message) == State.SENDING
        Message.objects.update(state_at=message.state_at - timedelta(minutes=3))
        gateway.sweep()
        gateway.drain(Lane.BULK)
        assert state(message) == State.UNKNOWN
        assert provider.received == []


class TestOutcomes:
    @pytest.mark.parametrize(
        ("answer", "becomes"),
        [(201, State.SENT), (503, State.QUEUED), (429, State.QUEUED), (400, State.FAILED), (401, State.QUEUED)],
    )
    def test_an_answer_from_the_provider_is_taken_at_its_word(self, answer, becomes, accept, provider):
        message = accept()
        provider.responses = [answer]
        gateway.drain(Lane.BULK)
        assert state(message) == becomes
        assert len(provider.received) == 1

    def test_a_refused_connection_leaves_the_message_waiting_for_a_later_try(self, accept, settings, provider):
        there = settings.TELEQ_URL
        settings.TELEQ_URL = "http://127.0.0.1:1"
        message = accept()
        before = message.due_at
        gateway.drain(Lane.BULK)
        assert state(message) == State.QUEUED
        assert message.due_at > database_now() > before
        settings.TELEQ_URL = there
        Message.objects.update(due_at=before)
        gateway.drain(Lane.BULK)
        assert (state(message), message.attempts) == (State.SENT, 2)

    def test_each_try_waits_longer_than_the_one_before(self, accept, provider):
        message = accept()
        delays = []
        for _ in range(4):
            Message.objects.update(due_at=message.created_at)
            provider.responses = [503]
            gateway.drain(Lane.BULK)
            assert state(message) == State.QUEUED
            delays.append(message.due_at - message.state_at)
        assert delays == sorted(delays)
        assert delays[0] >= timedelta(seconds=8)

    def test_it_is_tried_until_its_time_is_out_and_then_says_so(self, accept, provider):
        soon = database_now() + timedelta(seconds=5)
        message = accept(send_before=soon)
        provider.responses = [503]
        gateway.drain(Lane.BULK)
        assert state(message) == State.QUEUED
        assert message.due_at < message.send_before == soon
        ago = timedelta(hours=1)
        Message.objects.update(due_at=message.due_at - ago, send_before=message.send_before - ago)
        gateway.drain(Lane.BULK)
        assert state(message) == State.EXPIRED
        assert len(provider.received) == 1

    @pytest.mark.parametrize("answer", ["cut", "hang", 500])
    def test_an_outcome_that_is_not_known_is_never_sent_again_by_itself(
        self, answer, accept, provider, monkeypatch, wakes_at_once
    ):
        monkeypatch.setattr(dispatcher, "TIME_LIMIT", TimeLimit(total=1))
        provider.responses = [answer]
        message = accept()
        assert state(message) == State.UNKNOWN
        gateway.sweep()
        gateway.drain(Lane.BULK)
        assert state(message) == State.UNKNOWN
        assert len(provider.received) == 1

    def test_one_that_hangs_keeps_no_other_from_being_recorded(self, draft, provider, monkeypatch):
        monkeypatch.setattr(dispatcher, "TIME_LIMIT", TimeLimit(total=60, silence=60))
        provider.responses = ["hang"]
        gateway.accept([draft() for _ in range(5)])
        drained = in_another_connection(lambda: gateway.drain(Lane.BULK))
        wait_until(lambda: Message.objects.filter(state=State.SENT).count() == 4, seconds=15)
        assert Message.objects.filter(state=State.SENDING).count() == 1
        provider.closing.set()
        drained.result(30)
        assert Message.objects.filter(state=State.UNKNOWN).count() == 1

    def test_a_mistake_in_the_providers_code_costs_its_own_message_only(self, draft, provider, monkeypatch):
        class Mistaken(Simulator):
            def parse_response(self, response):
                return 1 / 0 if response.status == 500 else super().parse_response(response)

        monkeypatch.setitem(PROVIDERS, "simulator", Mistaken)
        provider.responses = [500]
        messages = gateway.accept([draft(), draft()])
        gateway.drain(Lane.BULK)
        assert {state(message) for message in messages} == {State.UNKNOWN, State.SENT}

    def test_one_before_anything_was_sent_costs_it_no_more_than_a_later_try(self, draft, provider, monkeypatch):
        class Mistaken(Simulator):
            def build_request(self, message):
                return 1 / 0 if message.text == "fel" else super().build_request(message)

        monkeypatch.setitem(PROVIDERS, "simulator", Mistaken)
        wrong, right = gateway.accept([draft(text="fel"), draft()])
        gateway.drain(Lane.BULK)
        assert (state(wrong), state(right)) == (State.QUEUED, State.SENT)
        assert wrong.due_at > database_now()
        assert len(provider.received) == 1


class TestCancelling:
    def test_what_waits_is_taken_back(self, accept, provider):
        message = accept()
        gateway.cancel(Message.objects.filter(pk=message.pk))
        gateway.drain(Lane.BULK)
        assert state(message) == State.CANCELLED
        assert provider.received == []

    def test_what_is_claimed_is_past_the_point_of_no_return(self, accept):
        message = accept()
        gateway.claim(Lane.BULK, "simulator")
        gateway.cancel(Message.objects.filter(pk=message.pk))
        assert state(message) == State.SENDING

    def test_who_cancels_waits_for_a_claim_that_came_first(self, accept, say, provider):
        message = accept()
        with transaction.atomic():
            say(Answer.YES, renew=True)
            drained = in_another_connection(lambda: gateway.drain(Lane.BULK))
            wait_until_a_connection_waits_for_a_lock()
            cancelled = in_another_connection(lambda: gateway.cancel(Message.objects.filter(pk=message.pk)))
            wait_until_a_connection_waits_for_a_lock(2)
        drained.result(20)
        cancelled.result(20)
        assert state(message) == State.SENT


def test_a_claim_cannot_be_made_inside_a_transaction(accept):
    message = accept()
    with pytest.raises(RuntimeError), transaction.atomic():
        gateway.claim(Lane.BULK, "simulator")
    assert state(message) == State.QUEUED


class TestReceipts:
    def claimed(self, accept) -> Message:
        message = accept()
        gateway.claim(Lane.BULK, "simulator")
        return message

    def test_a_receipt_before_the_hand_over_is_recorded_stands(self, accept):
        message = self.claimed(accept)
        receipts.record("simulator", message.pk, message.receipt_token, told("delivered", "sim-1"))
        outcomes.record({message.pk: SendResult(Outcome.ACCEPTED, provider_message_id="sim-1")})
        assert state(message) == State.DELIVERED
        assert message.provider_message_id == "sim-1"

    @pytest.mark.parametrize("first", ["delivered", "failed"])
    def test_a_final_state_is_not_undone(self, first, accept):
        message = self.claimed(accept)
        for status in (first, "failed", "delivered", "created"):
            receipts.record("simulator", message.pk, message.receipt_token, told(status))
        assert state(message) == first

    def test_a_status_that_is_not_final_changes_nothing(self, accept):
        message = self.claimed(accept)
        receipts.record("simulator", message.pk, message.receipt_token, told("created"))
        assert state(message) == State.SENDING

    def test_a_message_that_has_not_been_handed_over_has_no_receipts(self, accept):
        message = accept()
        receipts.record("simulator", message.pk, message.receipt_token, told("delivered"))
        assert state(message) == State.QUEUED

    def test_a_receipt_settles_what_was_unknown(self, accept):
        message = self.claimed(accept)
        outcomes.record({message.pk: SendResult(Outcome.UNKNOWN)})
        receipts.record("simulator", message.pk, message.receipt_token, told("failed"))
        assert state(message) == State.FAILED

    def test_another_token_or_message_records_nothing_and_is_answered_the_same(self, accept, client):
        message = self.claimed(accept)
        for told_about in (f"{message.pk}/wrong", f"{message.pk + 1}/{message.receipt_token}"):
            answer = client.post(f"/sms/receipts/simulator/{told_about}", {"status": "delivered"})
            assert answer.status_code == 204  # a provider that is told otherwise says it again, for days
        assert state(message) == State.SENDING

    @pytest.mark.parametrize("other", ["kannel", "unheard-of"])
    def test_a_provider_that_is_not_set_up_is_turned_away(self, other, accept, client):
        message = self.claimed(accept)
        address = f"/sms/receipts/{other}/{message.pk}/{message.receipt_token}"
        assert client.post(address, {"status": "delivered"}).status_code == 404
        assert state(message) == State.SENDING

    def test_the_right_token_is_answered_the_same_however_often(self, accept, client):
        message = self.claimed(accept)
        address = f"/sms/receipts/simulator/{message.pk}/{message.receipt_token}"
        answers = [client.post(address, {"status": "delivered", "id": "sim-1"}).status_code for _ in range(2)]
        assert answers == [204, 204]
        assert state(message) == State.DELIVERED
        first_told = message.state_at
        client.post(address, {"status": "delivered", "id": "sim-2"})
        assert state(message) == State.DELIVERED
        assert (message.state_at, message.provider_message_id) == (first_told, "sim-1")


class TestQueries:
    """As many for two hundred as for one."""

    @pytest.fixture
    def numbers(self, say) -> list[str]:
        numbers = [f"+4670174{last:04}" for last in range(605, 806)]
        for number in numbers[::2]:
            say(Answer.YES, number=number)
        return numbers

    def test_a_claim_makes_the_same_however_many_it_judges(self, numbers, draft, django_assert_num_queries):
        gateway.accept([draft(to_number=number) for number in numbers])
        with django_assert_num_queries(13) as alone:
            gateway.claim(Lane.BULK, "simulator", limit=1)
        with django_assert_num_queries(len(alone)):
            assert gateway.claim(Lane.BULK, "simulator").judged == 200

    @pytest.mark.parametrize("kind", [Kind.MANUAL, Kind.REMINDER])
    def test_accepting_makes_the_same_however_many_it_writes(self, kind, numbers, draft, django_assert_num_queries):
        drafts = [draft(to_number=number, kind=kind) for number in numbers]
        with transaction.atomic():
            with django_assert_num_queries(10, exact=False) as alone:
                gateway.accept(drafts[:1])
            with django_assert_num_queries(len(alone)):
                assert len(gateway.accept(drafts[1:])) == 200

    def test_recording_makes_the_same_however_many_there_are(self, numbers, draft, django_assert_num_queries):
        messages = gateway.accept([draft(to_number=number) for number in numbers])
        sent = SendResult(Outcome.ACCEPTED)
        with django_assert_num_queries(5) as alone:
            outcomes.record({messages[0].pk: sent})
        with django_assert_num_queries(len(alone)):
            outcomes.record({message.pk: sent for message in messages[1:]})
