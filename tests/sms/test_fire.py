"""Under fire: workers are killed at each step of the hand-over, PostgreSQL and broker fail, and all is accounted for.

Real workers, woken through the real broker. They are caught at a step by a lock that the test holds, or by a provider
that makes them wait.
"""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress

import psycopg2
import pytest
from django.db import OperationalError, connection, transaction

from consent.models import Answer, Consent
from consent.register import ChangedMeanwhile
from sms import dispatcher, gateway, outcomes, receipts
from sms.http_client import TimeLimit
from sms.models import Lane, Message, ProviderState
from sms.states import PENDING, State
from tests.concurrency import held, in_another_connection, wait_until, wait_until_a_connection_waits_for_a_lock
from tests.database_roles import as_owner
from tests.reporting import told
from tests.sms.broker import wipe_the_broker
from tests.sms.minutes import minutes_pass

pytestmark = pytest.mark.django_db(transaction=True)

SOME = [f"+467017406{last:02}" for last in range(5, 25)]
DECLINED = "+46701740699"
MORE_THAN_A_CLAIM = gateway.CLAIM_SIZE + 100


class Gate(list):
    """The provider's own log, whose provider lets a message in and answers when the gate is opened."""

    def __init__(self, open_for: int = 0) -> None:
        """Except for so many that come first: they are answered at once."""
        super().__init__()
        self.open_for = open_for
        self.opened = threading.Event()

    def append(self, sms: dict[str, str]) -> None:
        super().append(sms)
        if len(self) > self.open_for:
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


def kill(worker: subprocess.Popen[bytes]) -> None:
    os.killpg(worker.pid, signal.SIGKILL)
    worker.wait()


def hang_up_on_all_others() -> None:
    """What they see when PostgreSQL is restarted."""
    with as_owner(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


def all_others_have_been_idle() -> bool:
    """For so long that they are between two tasks, and not between two statements of one."""
    with as_owner(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT bool_and(state = 'idle' AND state_change < clock_timestamp() - interval '0.5 seconds')"
            " FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        return bool(cursor.fetchone()[0])


def settle() -> None:
    """The broker is empty, minutes pass, and beat sweeps. A worker stands by."""
    wipe_the_broker()
    minutes_pass()
    gateway.sweep()
    wait_until(lambda: not Message.objects.filter(state__in=PENDING).exists())


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
        ProviderState.objects.create(name="simulator")
        with ExitStack() as giving_back:
            with held(Consent.objects.filter(phone_number=SOME[0])):
                at_work = celery(
                    "worker", "-Q", "bulk", "--concurrency=1", TELEQ_URL=provider.url, SMS_RATES="simulator=1000"
                )
                gateway.wake(Lane.BULK)
                wait_until_a_connection_waits_for_a_lock()
                giving_back.enter_context(held(ProviderState.objects.all()))
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
        wait_until(lambda: len(gate) == dispatcher.CONNECTIONS)
        claimed = count(State.SENDING)
        replaced(at_work)
        gate.opened.set()
        settle()
        assert count(State.UNKNOWN) == claimed
        all_are_accounted_for(gate, unknown_at_most=claimed)

    def test_when_they_have_been_answered_and_it_has_not_recorded(self, accepted, worker, gate, provider, replaced):
        at_work = worker(provider.url)
        wait_until(lambda: len(gate) == dispatcher.CONNECTIONS)
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
        wait_until(lambda: len(gate) == dispatcher.CONNECTIONS)
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
        wait_until(lambda: len(gate) == dispatcher.CONNECTIONS)
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


def test_messages_leave_while_it_waits_to_record_what_became_of_others(accepted, provider):
    gate = provider.received = Gate(open_for=dispatcher.CONNECTIONS // 2)  # then more are claimed than can be started
    drained = in_another_connection(lambda: gateway.drain(Lane.BULK))
    wait_until(lambda: count(State.SENDING) > dispatcher.CONNECTIONS and count(State.SENT) == gate.open_for)
    with held(Message.objects.filter(state=State.SENDING)):
        claimed = count(State.SENDING)
        gate.opened.set()
        wait_until_a_connection_waits_for_a_lock()
        wait_until(lambda: len(gate) >= gate.open_for + claimed)
        assert count(State.SENT) == gate.open_for
    assert drained.result(30) == MORE_THAN_A_CLAIM
    all_are_accounted_for(gate)


@contextmanager
def postgres_away() -> Iterator[None]:
    """For all but the test's own connection: those that are there are cut off, and no others are let in."""
    database = connection.ops.quote_name(connection.settings_dict["NAME"])
    outside = psycopg2.connect(os.environ["DATABASE_URL"])  # of another database on the same server
    outside.autocommit = True
    with closing(outside), outside.cursor() as cursor:
        cursor.execute(f"ALTER DATABASE {database} ALLOW_CONNECTIONS false")
        try:
            hang_up_on_all_others()
            yield
        finally:
            cursor.execute(f"ALTER DATABASE {database} ALLOW_CONNECTIONS true")


def seconds_pass(seconds: float) -> None:
    """Real ones, for a process that can't be told that they have."""
    began = time.monotonic()
    wait_until(lambda: time.monotonic() - began > seconds)


class TestPostgresIsAway:
    """What the provider has answered is known, however long that is: nothing becomes unknown that isn't."""

    def drained(self) -> None:
        with suppress(OperationalError):  # if it was cut off in a claim, that isn't made
            gateway.drain(Lane.BULK)

    def all_that_came_are_known(self, log: list[dict[str, str]]) -> None:
        assert count(State.UNKNOWN) == count(State.SENDING) == 0
        assert count(State.SENT) == len(log) >= dispatcher.CONNECTIONS - MORE_THAN_A_CLAIM // 10

    def test_answers_that_come_meanwhile_are_read_when_they_come(self, accepted, provider, monkeypatch):
        monkeypatch.setattr(dispatcher, "TIME_LIMIT", TimeLimit(total=2))
        provider.delays = [0.1] * 10 + [1] * MORE_THAN_A_CLAIM
        working = in_another_connection(self.drained)
        wait_until(lambda: len(provider.received) > 50)
        with postgres_away():
            seconds_pass(4)
        working.result(60)
        self.all_that_came_are_known(provider.received)

    def test_it_is_tried_till_it_succeeds(self, accepted, gate, monkeypatch, caplog):
        monkeypatch.setattr(outcomes, "RECORD_AGAIN", (0.01, 0.02))
        working = in_another_connection(self.drained)
        wait_until(lambda: len(gate) > 50)
        with postgres_away():
            gate.opened.set()
            seconds_pass(2)
        working.result(60)
        self.all_that_came_are_known(gate)
        assert "held till it can be recorded" in caplog.text

    def test_also_where_a_sweep_was_first_when_it_came_back(self, accepted, gate, monkeypatch):
        monkeypatch.setattr(outcomes, "RECORD_AGAIN", (1,))
        working = in_another_connection(self.drained)
        wait_until(lambda: len(gate) > 50)
        with postgres_away():
            gate.opened.set()
            seconds_pass(0.5)
            minutes_pass()
            gateway.sweep()
            assert count(State.UNKNOWN)
        working.result(60)
        self.all_that_came_are_known(gate)

    def test_a_worker_that_is_told_to_stop_records_first(self, accepted, celery, provider, gate):
        at_work = celery("worker", "-Q", "bulk", "--concurrency=1", TELEQ_URL=provider.url)
        wait_until(lambda: len(gate) > 50)
        with postgres_away():
            at_work.terminate()
            gate.opened.set()
            seconds_pass(2)
        assert at_work.wait(60) == 0
        self.all_that_came_are_known(gate)


class TestAStoppedWorker:
    """Its machine or its process stands still for a while, and goes on as if nothing had been."""

    @pytest.fixture
    def gate(self, provider) -> Iterator[Gate]:
        """Open for the first, so that it knows the provider for a fast one and claims some more than it can start."""
        provider.received = Gate(open_for=dispatcher.CONNECTIONS - dispatcher.CONNECTIONS // 10)
        yield provider.received
        provider.received.opened.set()

    @pytest.mark.parametrize("given_up", [False, True])
    def test_it_starts_nothing_of_what_it_had_claimed_and_a_nej_since_then_holds(
        self, given_up, accepted, celery, gate, provider, say
    ):
        at_work = celery("worker", "-Q", "bulk", "--concurrency=1", TELEQ_URL=provider.url)
        wait_until(lambda: len(gate) == gate.open_for + dispatcher.CONNECTIONS)
        wait_until(lambda: count(State.SENT) == gate.open_for)
        wait_until(lambda: count(State.SENDING) > dispatcher.CONNECTIONS)
        waiting = count(State.SENDING) - dispatcher.CONNECTIONS
        os.killpg(at_work.pid, signal.SIGSTOP)
        begun = len(gate)
        for number in SOME:
            say(Answer.NO, number=number)
        if given_up:
            minutes_pass()
            gateway.sweep()
        seconds_pass(dispatcher.START_WITHIN)
        gate.opened.set()
        os.killpg(at_work.pid, signal.SIGCONT)
        gateway.wake(Lane.BULK)  # as the sweep does each minute: its drain may have found nothing more due before
        wait_until(lambda: not Message.objects.filter(state__in=PENDING).exists())
        assert len(gate) == begun
        wait_until(lambda: count(State.SENT) == begun)
        assert count(State.UNKNOWN) == (waiting if given_up else 0)
        assert count(State.REFUSED) == MORE_THAN_A_CLAIM - begun - count(State.UNKNOWN)
        assert not Message.objects.filter(state=State.REFUSED, attempts__gt=0).exists()


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
