"""Under fire: workers are killed at each step of the hand-over, PostgreSQL and broker fail, and all is accounted for.

Real workers, woken through the real broker. They are caught at a step by a lock that the test holds, or by a provider
that makes them wait.
"""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import timedelta

import pytest
from django.db import OperationalError, connection, transaction
from django.db.models import F

from consent.models import Answer, Consent
from consent.register import ChangedMeanwhile
from sms import flight, gateway, receipts
from sms.models import Lane, Message, ProviderLine, State
from tests.concurrency import in_another_connection, wait_until, wait_until_a_connection_waits_for_a_lock
from tests.reporting import told
from tests.sms.broker import wipe_the_broker

pytestmark = pytest.mark.django_db(transaction=True)

SOME = [f"+467017406{last:02}" for last in range(5, 25)]
DECLINED = "+46701740699"
MORE_THAN_A_CLAIM = gateway.CLAIM_SIZE + 100
UNDER_WAY = (State.QUEUED, State.SENDING)


class Gate(list):
    """The provider's own log, whose provider lets a message in and answers when the gate is opened."""

    def __init__(self) -> None:
        super().__init__()
        self.opened = threading.Event()

    def append(self, sms: dict[str, str]) -> None:
        super().append(sms)
        self.opened.wait(60)


@pytest.fixture
def gate(provider) -> Iterator[Gate]:
    provider.received = Gate()
    yield provider.received
    provider.received.opened.set()


@pytest.fixture
def accepted(say, draft) -> list[Message]:
    """More than a claim, each with its own text. Every tenth is to a number whose answer is Nej."""
    for number in SOME:
        say(Answer.YES, number=number)
    say(Answer.NO, number=DECLINED)
    numbers = [DECLINED if place % 10 == 9 else SOME[place % len(SOME)] for place in range(MORE_THAN_A_CLAIM)]
    return gateway.accept([draft(to_number=number, text=f"nummer {n}") for n, number in enumerate(numbers)])


@contextmanager
def held(rows) -> Iterator[None]:
    """Locked by a connection of its own, so that whoever needs them waits."""
    locked, release = threading.Event(), threading.Event()

    def hold() -> None:
        with transaction.atomic():
            list(rows.select_for_update())
            locked.set()
            release.wait(60)

    holding = in_another_connection(hold)
    assert locked.wait(20)
    try:
        yield
    finally:
        release.set()
        holding.result(20)


def kill(worker: subprocess.Popen[bytes]) -> None:
    os.killpg(worker.pid, signal.SIGKILL)
    worker.wait()


def hang_up_on_all_others() -> None:
    """What they see when PostgreSQL is restarted."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


def all_others_have_been_idle() -> bool:
    """For so long that they are between two tasks, and not between two statements of one."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT bool_and(state = 'idle' AND state_change < clock_timestamp() - interval '0.5 seconds')"
            " FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        return bool(cursor.fetchone()[0])


def minutes_pass() -> None:
    """For what a dead worker held, and for what is to be tried again."""
    Message.objects.filter(state=State.SENDING).update(state_at=F("state_at") - timedelta(minutes=3))
    Message.objects.filter(state=State.QUEUED).update(due_at=F("created_at") - timedelta(seconds=1))


def settle() -> None:
    """The broker is empty, minutes pass, and beat sweeps. A worker stands by."""
    wipe_the_broker()
    minutes_pass()
    gateway.sweep()
    wait_until(lambda: not Message.objects.filter(state__in=UNDER_WAY).exists())


def count(state: State) -> int:
    return Message.objects.filter(state=state).count()


def all_are_accounted_for(log: list[dict[str, str]], unknown_at_most: int = 0) -> None:
    """By the messages' rows and by the provider's own log, each looked at with the other."""
    received = Counter(sms["message"] for sms in log)
    assert set(received.values()) <= {1}, "sent twice"
    assert DECLINED not in {sms["to"] for sms in log}, "sent after a Nej"
    states = dict(Message.objects.values_list("text", "state"))
    assert len(states) == MORE_THAN_A_CLAIM
    assert set(states.values()) <= {State.SENT, State.REFUSED, State.UNKNOWN}
    assert {text for text, state in states.items() if state == State.SENT} <= set(received)
    assert set(received) <= {text for text, state in states.items() if state != State.REFUSED}
    assert count(State.REFUSED) == MORE_THAN_A_CLAIM // 10
    assert count(State.UNKNOWN) <= unknown_at_most <= gateway.CLAIM_SIZE


class TestAKilledWorker:
    """Its step of the hand-over, and what becomes of what it held."""

    @pytest.fixture
    def replaced(self, worker, provider) -> Callable[[subprocess.Popen[bytes]], None]:
        def replace(killed: subprocess.Popen[bytes]) -> None:
            kill(killed)
            worker(provider.url)

        return replace

    def test_before_its_claim_is_committed_nothing_has_happened(self, accepted, worker, provider, replaced):
        with held(Consent.objects.filter(phone_number=SOME[0])):
            at_work = worker(provider.url)
            gateway.wake(Lane.BULK)
            wait_until_a_connection_waits_for_a_lock()
            replaced(at_work)
            assert count(State.QUEUED) == MORE_THAN_A_CLAIM
        settle()
        all_are_accounted_for(provider.received)

    def test_when_it_has_claimed_and_not_begun_to_post(self, accepted, celery, provider, replaced):
        """Where the rate is limited, what was reserved and not used is given back in between: with that it waits."""
        ProviderLine.objects.create(name="simulator")
        with ExitStack() as giving_back:
            with held(Consent.objects.filter(phone_number=SOME[0])):
                at_work = celery("worker", "-Q", "bulk", "--concurrency=1", TELEQ_URL=provider.url, SMS_RATE="1000")
                gateway.wake(Lane.BULK)
                wait_until_a_connection_waits_for_a_lock()
                giving_back.enter_context(held(ProviderLine.objects.all()))
            wait_until(lambda: count(State.SENDING))
            wait_until_a_connection_waits_for_a_lock()
            claimed = count(State.SENDING)
            replaced(at_work)
        assert provider.received == []
        settle()
        assert count(State.UNKNOWN) == claimed
        all_are_accounted_for(provider.received, unknown_at_most=claimed)

    def test_while_the_provider_has_them_and_has_not_answered(self, accepted, worker, gate, provider, replaced):
        at_work = worker(provider.url)
        wait_until(lambda: len(gate) == flight.CONNECTIONS)
        claimed = count(State.SENDING)
        replaced(at_work)
        gate.opened.set()
        settle()
        assert count(State.UNKNOWN) == claimed
        all_are_accounted_for(gate, unknown_at_most=claimed)

    def test_when_they_have_been_answered_and_it_has_not_recorded(self, accepted, worker, gate, provider, replaced):
        at_work = worker(provider.url)
        wait_until(lambda: len(gate) == flight.CONNECTIONS)
        with held(Message.objects.filter(state=State.SENDING)):
            gate.opened.set()
            wait_until_a_connection_waits_for_a_lock()
            claimed = count(State.SENDING)
            replaced(at_work)
        settle()
        assert count(State.UNKNOWN) == claimed
        all_are_accounted_for(gate, unknown_at_most=claimed)

        [message, *_] = Message.objects.filter(state=State.UNKNOWN)
        receipts.record("simulator", message.pk, message.receipt_token, told("delivered"))
        message.refresh_from_db()
        assert message.state == State.DELIVERED


class TestPostgresIsRestarted:
    """As a worker sees it: its connection is gone, and another can be had."""

    def test_in_mid_claim_and_the_same_worker_goes_on(self, accepted, worker, provider):
        with transaction.atomic():
            list(Consent.objects.filter(phone_number=SOME[0]).select_for_update())
            worker(provider.url)
            gateway.wake(Lane.BULK)
            wait_until_a_connection_waits_for_a_lock()
            hang_up_on_all_others()
            assert count(State.QUEUED) == MORE_THAN_A_CLAIM
        settle()
        all_are_accounted_for(provider.received)

    def test_while_a_worker_is_idle_and_it_sends_the_next_message_all_the_same(self, accept, say, worker, provider):
        say(Answer.YES)
        worker(provider.url)
        for expected in (1, 2):
            accept()
            wait_until(lambda expected=expected: count(State.SENT) == expected)
            wait_until(all_others_have_been_idle)
            hang_up_on_all_others()
        assert len(provider.received) == 2

    def test_between_hand_over_and_record_and_nothing_is_unknown(self, accepted, gate):
        drained = in_another_connection(lambda: gateway.drain(Lane.BULK))
        wait_until(lambda: len(gate) == flight.CONNECTIONS)
        with transaction.atomic():
            list(Message.objects.filter(state=State.SENDING).select_for_update())
            gate.opened.set()
            wait_until_a_connection_waits_for_a_lock()
            hang_up_on_all_others()
            wait_until_a_connection_waits_for_a_lock()  # it tries again
        assert drained.result(30) == MORE_THAN_A_CLAIM
        all_are_accounted_for(gate)

    def test_in_a_claim_while_others_are_in_the_air_and_those_are_recorded(self, accepted, gate):
        in_the_air = Message.objects.filter(state=State.SENDING)
        drained = in_another_connection(lambda: gateway.drain(Lane.BULK))
        wait_until(lambda: len(gate) == flight.CONNECTIONS)
        with transaction.atomic():
            list(Consent.objects.select_for_update())
            claimed = in_the_air.count()
            gate.opened.set()
            wait_until_a_connection_waits_for_a_lock()
            hang_up_on_all_others()
            with pytest.raises(OperationalError):
                drained.result(30)
        assert count(State.SENT) == claimed == len(gate)
        gateway.drain(Lane.BULK)
        all_are_accounted_for(gate)


def test_several_drains_on_the_same_numbers_never_deadlock(accepted, say, provider):
    before = deadlocks()
    working = [in_another_connection(lambda: gateway.drain(Lane.BULK)) for _ in range(4)]

    def answer(numbers: list[str]) -> None:
        for number in numbers * 3:
            for each in (Answer.NO, Answer.YES):
                with suppress(ChangedMeanwhile):  # the other one was first
                    say(each, number=number)

    working += [in_another_connection(lambda order=order: answer(order)) for order in (SOME, SOME[::-1])]
    working += [
        in_another_connection(gateway.sweep),
        in_another_connection(lambda: gateway.cancel(Message.objects.all())),
    ]
    for each in working:
        each.result(60)
    assert deadlocks() == before
    assert len({sms["message"] for sms in provider.received}) == len(provider.received) == count(State.SENT)


def deadlocks() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
        counted: int = cursor.fetchone()[0]
        return counted
