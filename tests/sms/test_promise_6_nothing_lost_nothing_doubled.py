"""Promise 6: nothing lost, nothing doubled: one key is one message, and what is not known is not sent again."""

from datetime import timedelta

import pytest
from django.db import transaction

from consent.models import Answer
from sms import gateway, receipts
from sms.models import Kind, Lane, Message, State
from teleq.celery import app
from tests.concurrency import in_another_connection

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def a_yes(say):
    say(Answer.YES)


def state(message: Message) -> str:
    message.refresh_from_db()
    return message.state


def test_the_same_key_is_the_same_message(draft):
    first = gateway.accept([draft(key="one")])
    second = gateway.accept([draft(key="one", text="Något annat"), draft(key="two")])
    assert [message.key for message in first] == ["one"]
    assert [message.key for message in second] == ["two"]
    assert Message.objects.get(key="one").text == "Hej!"


def test_two_who_accept_the_same_key_at_once_make_one_message(draft):
    with transaction.atomic():
        gateway.accept([draft(key="one")])
        other = in_another_connection(lambda: gateway.accept([draft(key="one")]))
    assert other.result(20) == []
    assert Message.objects.count() == 1


def test_several_workers_share_the_work_and_double_nothing(draft, provider):
    gateway.accept([draft(key=f"m{number}", text=f"nummer {number}") for number in range(500)])
    drains = [in_another_connection(lambda: gateway.drain(Lane.BULK)) for _ in range(3)]
    judged = sum(drain.result(60) for drain in drains)
    assert judged == 500
    assert len({sms["message"] for sms in provider.received}) == len(provider.received) == 500
    assert set(Message.objects.values_list("state", flat=True)) == {State.SENT}


def test_what_was_rolled_back_wakes_nobody(draft, django_capture_on_commit_callbacks):
    with pytest.raises(ZeroDivisionError), django_capture_on_commit_callbacks() as callbacks, transaction.atomic():
        gateway.accept([draft()])
        raise ZeroDivisionError
    assert callbacks == []
    assert not Message.objects.exists()


def test_with_the_broker_gone_the_row_waits_for_the_sweep(draft, provider, monkeypatch, caplog):
    monkeypatch.setenv("CELERY_BROKER_WRITE_URL", "redis://127.0.0.1:1/0")
    monkeypatch.setattr(app.amqp, "_producer_pool", None)
    [message] = gateway.accept([draft(kind=Kind.MANUAL)])
    assert "wake_lane" in caplog.text  # tried, lost, and logged
    assert state(message) == State.QUEUED
    gateway.drain(Lane.MANUAL)
    assert state(message) == State.SENT


@pytest.mark.parametrize(("answer", "becomes"), [(503, State.QUEUED), (429, State.QUEUED), (400, State.FAILED)])
def test_an_answer_from_the_provider_is_taken_at_its_word(answer, becomes, accept, provider):
    message = accept()
    provider.answers = [answer]
    gateway.drain(Lane.BULK)
    assert state(message) == becomes


def test_a_refused_connection_leaves_the_message_waiting_for_a_later_try(accept, settings):
    settings.TELEQ_URL = "http://127.0.0.1:1"
    message = accept()
    before = message.due_at
    gateway.drain(Lane.BULK)
    assert state(message) == State.QUEUED
    assert message.due_at > before


@pytest.mark.parametrize("answer", ["cut", 500])
def test_an_outcome_that_is_not_known_is_never_sent_again_by_itself(answer, accept, provider):
    message = accept()
    provider.answers = [answer]
    gateway.drain(Lane.BULK)
    gateway.sweep()
    gateway.drain(Lane.BULK)
    assert state(message) == State.UNKNOWN
    assert len(provider.received) == 1


def test_what_a_dead_worker_held_becomes_unknown(accept, provider):
    message = accept()
    gateway.claim(Lane.BULK, "simulator")
    gateway.sweep()
    assert state(message) == State.SENDING
    Message.objects.update(state_at=message.state_at - timedelta(minutes=3))
    gateway.sweep()
    assert state(message) == State.UNKNOWN


class TestReceipts:
    def claimed(self, accept) -> Message:
        message = accept()
        gateway.claim(Lane.BULK, "simulator")
        return message

    def test_a_receipt_before_the_hand_over_is_recorded_stands(self, accept):
        message = self.claimed(accept)
        receipts.record("simulator", message.pk, message.receipt_token, "delivered", "sim-1")
        gateway.record({message.pk: gateway.SendResult(gateway.Outcome.ACCEPTED, provider_message_id="sim-1")})
        assert state(message) == State.DELIVERED
        assert message.provider_message_id == "sim-1"

    def test_a_final_state_is_not_undone(self, accept):
        message = self.claimed(accept)
        for status in ("delivered", "failed", "delivered"):
            receipts.record("simulator", message.pk, message.receipt_token, status)
        assert state(message) == State.DELIVERED

    def test_a_receipt_settles_what_was_unknown(self, accept):
        message = self.claimed(accept)
        gateway.record({message.pk: gateway.SendResult(gateway.Outcome.UNKNOWN)})
        receipts.record("simulator", message.pk, message.receipt_token, "failed")
        assert state(message) == State.FAILED

    @pytest.mark.parametrize(("provider_name", "token"), [("simulator", "wrong"), ("kannel", None)])
    def test_a_wrong_token_or_provider_is_turned_away(self, provider_name, token, accept, client):
        message = self.claimed(accept)
        address = f"/sms/receipts/{provider_name}/{message.pk}/{token or message.receipt_token}"
        assert client.post(address, {"status": "delivered"}).status_code == 404
        assert state(message) == State.SENDING

    def test_the_right_token_is_answered_the_same_however_often(self, accept, client):
        message = self.claimed(accept)
        address = f"/sms/receipts/simulator/{message.pk}/{message.receipt_token}"
        answers = [client.post(address, {"status": "delivered", "id": "sim-1"}).status_code for _ in range(2)]
        assert answers == [204, 204]
        assert state(message) == State.DELIVERED


def test_a_claim_makes_the_same_queries_however_many_it_judges(draft, django_assert_num_queries):
    gateway.accept([draft() for _ in range(201)])
    with django_assert_num_queries(9) as alone:
        gateway.claim(Lane.BULK, "simulator", limit=1)
    with django_assert_num_queries(len(alone)):
        assert gateway.claim(Lane.BULK, "simulator").judged == 200
