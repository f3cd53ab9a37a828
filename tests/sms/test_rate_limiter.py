"""The rate limiter: a rate that holds over all workers."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.db import connection, transaction

from consent.models import Answer
from sms import checks, gateway
from sms.models import Kind, Lane, Message, ProviderState
from sms.rate_limiter import RateLimiter
from sms.states import State
from teleq.clock import database_now
from tests.concurrency import in_another_connection, wait_until, wait_until_a_connection_waits_for_a_lock
from tests.database_roles import as_owner

pytestmark = pytest.mark.django_db(transaction=True)
SIMULATOR = "simulator"
HELD_UP = 1
"""Messages that a busy machine may hold up on their way: each is started in its slot, and is seen when it comes."""


@pytest.fixture(autouse=True)
def a_yes(say):
    say(Answer.YES)


class Stamped(list):
    """The provider's own log, and when each message came."""

    def __init__(self) -> None:
        super().__init__()
        self.times: list[float] = []

    def append(self, sms: dict[str, str]) -> None:
        self.times.append(time.monotonic())
        super().append(sms)

    def most_in_a_second(self) -> int:
        return max(sum(begins <= came < begins + 1 for came in self.times) for begins in self.times)


@pytest.fixture
def log(provider) -> Stamped:
    provider.received = Stamped()
    return provider.received


def how_many(state: State, **columns: object) -> int:
    return Message.objects.filter(state=state, **columns).count()


def slots_reserved(rate: int) -> float:
    """How many there are before the next that is free."""
    return (ProviderState.objects.get().next_slot_at - database_now()).total_seconds() * rate


@pytest.mark.parametrize("rate", ["20", "50"])
def test_two_drains_together_keep_to_the_rate_over_any_second(rate, settings, draft, accept, log):
    accept()
    gateway.drain(Lane.BULK)  # the first of all takes its time, and would come together with the next
    log.clear()
    log.times.clear()
    settings.SMS_RATES = [(SIMULATOR, rate)]
    gateway.accept([draft() for _ in range(2 * int(rate))])
    drains = [in_another_connection(lambda: gateway.drain(Lane.BULK)) for _ in range(2)]
    for drain in drains:
        drain.result(30)
    assert how_many(State.SENT) == 1 + len(log) == 1 + 2 * int(rate)
    assert log.most_in_a_second() <= int(rate) + HELD_UP
    assert slots_reserved(int(rate)) < 2  # nothing of the rate is lost


def test_a_manual_message_finds_a_place_soon_behind_any_number_of_others(settings, draft, accept, log):
    settings.SMS_RATES = [(SIMULATOR, "10")]
    gateway.accept([draft() for _ in range(200)])  # twenty seconds of them
    bulk = in_another_connection(lambda: gateway.drain(Lane.BULK))
    wait_until(lambda: len(log) > 3)
    before = len(log)
    manual = accept(kind=Kind.MANUAL, text="till dig")
    gateway.drain(Lane.MANUAL)
    gateway.cancel(Message.objects.filter(kind=Kind.REMINDER))
    bulk.result(30)
    [place] = [place for place, sms in enumerate(log) if sms["message"] == "till dig"]
    assert place - before < 30  # of the two hundred
    assert Message.objects.get(pk=manual.pk).state == State.SENT
    assert log.most_in_a_second() <= 10 + HELD_UP


def test_with_a_rate_a_drain_ends_when_nothing_more_is_due(settings, accept, log, monkeypatch):
    """And not when its turn is over."""
    settings.SMS_RATES = [(SIMULATOR, "50")]
    monkeypatch.setattr(gateway, "TURN", 3600)
    accept()
    in_another_connection(lambda: gateway.drain(Lane.BULK)).result(30)
    assert how_many(State.SENT) == len(log) == 1  # perhaps claimed twice, where its first slot was over by then


class TestReserving:
    @pytest.fixture(autouse=True)
    def ten_a_second(self, settings) -> None:
        settings.SMS_RATES = [(SIMULATOR, "10")]

    def test_nobody_reserves_the_same_moment(self):
        first, second = RateLimiter(SIMULATOR, Lane.BULK).acquire(3), RateLimiter(SIMULATOR, Lane.BULK).acquire(3)
        assert second.slot(0).begins == pytest.approx(first.slot(3).begins, abs=0.05)

    def test_bulk_reserves_a_second_ahead_and_leaves_manual_the_next(self):
        assert 9 <= RateLimiter(SIMULATOR, Lane.BULK).acquire(200).messages <= 10
        assert RateLimiter(SIMULATOR, Lane.BULK).acquire(200).messages <= 1
        assert RateLimiter(SIMULATOR, Lane.MANUAL).acquire(200).messages >= 8

    def test_what_was_not_used_is_for_the_next(self):
        drain = RateLimiter(SIMULATOR, Lane.BULK)
        first = drain.acquire(8)
        drain.release_unused(first, used=2)
        second = RateLimiter(SIMULATOR, Lane.BULK).acquire(1)
        assert second.slot(0).begins == pytest.approx(first.slot(2).begins, abs=0.05)

    def test_what_was_not_used_is_not_for_the_next_if_somebody_has_come_between(self):
        drain = RateLimiter(SIMULATOR, Lane.BULK)
        first = drain.acquire(4)
        RateLimiter(SIMULATOR, Lane.BULK).acquire(2)
        drain.release_unused(first, used=0)
        third = RateLimiter(SIMULATOR, Lane.BULK).acquire(1)
        assert third.slot(0).begins == pytest.approx(first.slot(6).begins, abs=0.05)

    def test_what_nobody_asked_for_is_not_saved_up(self):
        ProviderState.objects.create(name=SIMULATOR, next_slot_at=database_now() - timedelta(hours=1))
        assert RateLimiter(SIMULATOR, Lane.BULK).acquire(200).messages <= 10

    def test_what_was_held_up_after_it_was_reserved_does_not_leave_all_at_once(self, draft, say, log):
        gateway.accept([draft() for _ in range(5)])
        with transaction.atomic():
            say(Answer.YES, renew=True)
            drained = in_another_connection(lambda: gateway.drain(Lane.BULK))
            wait_until_a_connection_waits_for_a_lock()
            reserved = time.monotonic()
            wait_until(lambda: time.monotonic() - reserved > 0.35)  # the first places are over
        drained.result(20)
        assert how_many(State.SENT, attempts=1) == len(log) == 5
        assert log.times[-1] - log.times[0] > 0.2


def test_without_a_rate_nothing_is_reserved(django_assert_num_queries):
    with django_assert_num_queries(1):
        assert RateLimiter(SIMULATOR, Lane.BULK).acquire(200).messages == 200
    assert not ProviderState.objects.exists()


@pytest.mark.parametrize("rate", ["fast", "-1", "0", "nan", "inf"])
def test_a_rate_that_is_none_is_an_error_at_the_start(rate, settings):
    settings.SMS_RATES = [(SIMULATOR, rate)]
    [problem] = checks.configuration_errors()
    assert f"simulator={rate}" in problem


def test_messages_leave_though_each_claim_takes_longer_than_a_slot(settings, draft, log):
    """PostgreSQL has so much to do that a slot is over by the time its message has been claimed."""
    settings.SMS_RATES = [(SIMULATOR, "20")]
    gateway.accept([draft()])
    with claims_that_take(seconds=0.3):
        drain = in_another_connection(lambda: gateway.drain(Lane.BULK))
        drain.result(60)
    assert how_many(State.SENT) == len(log) == 1


@contextmanager
def claims_that_take(seconds: float) -> Iterator[None]:
    """In PostgreSQL itself."""
    with as_owner(), connection.cursor() as cursor:
        cursor.execute(
            "CREATE FUNCTION take_long() RETURNS trigger LANGUAGE plpgsql AS"
            f" $$ BEGIN PERFORM pg_sleep({seconds}); RETURN NEW; END $$"
        )
        cursor.execute(
            "CREATE TRIGGER take_long BEFORE UPDATE ON sms_message FOR EACH ROW"
            " WHEN (NEW.state = 'sending' AND OLD.state = 'queued') EXECUTE FUNCTION take_long()"
        )
    try:
        yield
    finally:
        with as_owner(), connection.cursor() as cursor:
            cursor.execute("DROP FUNCTION take_long() CASCADE")
