"""The circuit breaker: a provider that is down is left alone for a while, and is given messages again when it takes
them, however slowly it responds. Its log says so."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db.models import F
from django.db.models.functions import Now

from consent.models import Answer
from sms import dispatcher, gateway
from sms.circuit_breaker import (
    FAILURES_TO_OPEN,
    OPEN_FOR,
    SHOWN_AFTERWARDS,
    SILENCE,
    Circuit,
    CircuitBreaker,
    open_circuit,
)
from sms.http_client import TimeLimit
from sms.models import Kind, Lane, Message, ProviderState, Unsettled
from sms.providers.base import Outcome, SendResult
from sms.rate_limiter import RateLimiter
from sms.states import State
from teleq.clock import database_now
from tests.concurrency import in_another_connection, wait_until
from tests.conftest import MOBILE

pytestmark = pytest.mark.django_db(transaction=True)
SIMULATOR = "simulator"
OTHER = "+46701740606"


@pytest.fixture(autouse=True)
def a_yes(say):
    say(Answer.YES)


def how_many(*states: State, **columns: object) -> int:
    return Message.objects.filter(state__in=states, **columns).count()


def the_circuit_is_open() -> None:
    ProviderState.objects.create(name=SIMULATOR, open_until=database_now() + OPEN_FOR)


def still_open_for() -> timedelta:
    return ProviderState.objects.get().open_until - database_now()


def a_trial_may_begin() -> None:
    """The row's time moves, and what was to be tried again is due."""
    ProviderState.objects.update(open_until=Now() - timedelta(milliseconds=1))
    Message.objects.filter(state=State.QUEUED).update(due_at=F("created_at") - timedelta(seconds=1))


def logged(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == "sms.circuit_breaker"]


# Open ----------------------------------------------------------------------------------------------------------------

MORE_THAN_CONNECTIONS = dispatcher.CONNECTIONS + 40


@pytest.fixture
def down(provider, settings, monkeypatch):
    """Make the provider one that is down in this way."""

    def go(how: str) -> None:
        if how == "refuses connections":
            settings.TELEQ_URL = "http://127.0.0.1:1"
        else:
            provider.responses = ["hang" if how == "hangs" else int(how)] * 1000
        monkeypatch.setattr(dispatcher, "TIME_LIMIT", TimeLimit(total=1.5))

    return go


@pytest.mark.parametrize("how", ["refuses connections", "503", "500", "hangs"])
def test_a_provider_that_is_down_is_left_alone_and_what_waits_is_not_burnt(how, down, draft, provider):
    down(how)
    gateway.accept([draft() for _ in range(MORE_THAN_CONNECTIONS)])
    gateway.drain(Lane.BULK)
    assert open_circuit()
    assert timedelta(seconds=20) < still_open_for() <= OPEN_FOR
    tried = how_many(State.QUEUED, attempts=1) + how_many(State.UNKNOWN)
    assert FAILURES_TO_OPEN <= tried <= dispatcher.CONNECTIONS + FAILURES_TO_OPEN
    untried = Unsettled.objects.waiting(Lane.BULK).due().filter(message__attempts=0)
    assert untried.count() == MORE_THAN_CONNECTIONS - tried  # not even their turn is lost

    posts = len(provider.received)
    Message.objects.filter(state=State.QUEUED).update(due_at=F("created_at"))
    assert [gateway.drain(lane) for lane in Lane] == [0, 0]
    assert len(provider.received) == posts


def test_what_hangs_costs_no_more_than_was_begun(down, draft, provider):
    down("hangs")
    gateway.accept([draft() for _ in range(MORE_THAN_CONNECTIONS)])
    gateway.drain(Lane.BULK)
    begun = len(provider.received)
    assert how_many(State.UNKNOWN) == begun
    assert dispatcher.CONNECTIONS <= begun < dispatcher.CONNECTIONS + FAILURES_TO_OPEN


def test_a_message_pressed_meanwhile_is_accepted_and_waits(accept, provider):
    the_circuit_is_open()
    message = accept(kind=Kind.MANUAL)
    gateway.drain(Lane.MANUAL)
    assert Message.objects.get(pk=message.pk).state == State.QUEUED
    assert provider.received == []


def test_after_the_pause_all_go_when_one_is_taken(draft, provider, wakes_at_once):
    the_circuit_is_open()
    gateway.accept([draft() for _ in range(20)] + [draft(kind=Kind.MANUAL)])
    a_trial_may_begin()
    gateway.drain(Lane.BULK)  # manual ones are woken too
    assert how_many(State.SENT) == len(provider.received) == 21
    assert not open_circuit()


def test_one_that_let_nothing_in_is_tried_with_one_and_takes_them_all_when_it_does(draft, provider, wakes_at_once):
    provider.responses = [401] * 200
    gateway.accept([draft() for _ in range(20)])
    assert ProviderState.objects.get().shut_status == "HTTP 401"
    assert how_many(State.QUEUED, attempts=0) == 20
    posts = len(provider.received)
    a_trial_may_begin()
    gateway.drain(Lane.BULK)
    assert len(provider.received) == posts + 1
    assert how_many(State.QUEUED, attempts=0) == 20  # nor is it that one's fault

    provider.responses = []
    a_trial_may_begin()
    gateway.drain(Lane.BULK)
    assert how_many(State.SENT) == 20
    assert ProviderState.objects.get().shut_status == ""


def test_since_when_it_is_silent_stays_until_it_takes_one_again(draft, provider, wakes_at_once):
    provider.responses = [503] * 200
    gateway.accept([draft() for _ in range(20)])
    gateway.drain(Lane.BULK)
    assert database_now() - ProviderState.objects.get().silent_since < timedelta(minutes=5)
    since = database_now() - timedelta(hours=1)
    ProviderState.objects.update(silent_since=since)
    for _ in range(2):
        a_trial_may_begin()
        gateway.drain(Lane.BULK)
        assert ProviderState.objects.get().silent_since == since

    provider.responses = []
    a_trial_may_begin()
    gateway.drain(Lane.BULK)
    assert ProviderState.objects.get().silent_since is None


def test_after_the_pause_one_is_tried_over_all_workers(draft, provider, monkeypatch):
    monkeypatch.setattr(dispatcher, "TIME_LIMIT", TimeLimit(total=60, silence=60))
    the_circuit_is_open()
    gateway.accept([draft() for _ in range(20)] + [draft(kind=Kind.MANUAL)])
    a_trial_may_begin()
    provider.responses = ["hang"]
    first = in_another_connection(lambda: gateway.drain(Lane.BULK))
    wait_until(lambda: provider.received)
    assert [gateway.drain(lane) for lane in Lane] == [0, 0]
    assert len(provider.received) == 1
    assert open_circuit()
    provider.closing.set()
    first.result(20)
    assert how_many(State.UNKNOWN) == len(provider.received) == 1
    assert how_many(State.QUEUED, attempts=0) == 20
    assert open_circuit()


def test_when_the_one_fails_the_pause_begins_anew(draft, provider):
    the_circuit_is_open()
    gateway.accept([draft() for _ in range(20)])
    for posts in (1, 2):
        a_trial_may_begin()
        provider.responses = [503]
        gateway.drain(Lane.BULK)
        assert len(provider.received) == posts
        assert still_open_for() > timedelta(seconds=20)
    assert how_many(State.QUEUED) == 20


def test_when_the_worker_with_the_one_dies_another_is_tried_after_the_pause():
    the_circuit_is_open()
    a_trial_may_begin()
    assert RateLimiter(SIMULATOR, Lane.BULK).acquire(200).messages == 1  # and then it is heard of no more
    next_one = RateLimiter(SIMULATOR, Lane.BULK)
    assert next_one.acquire(200).messages == 0
    a_trial_may_begin()
    assert next_one.acquire(200).messages == 1


def test_one_that_consent_stops_is_not_the_one_that_is_tried(accept, provider, wakes_at_once):
    the_circuit_is_open()
    stopped = accept(to_number=OTHER)
    allowed = accept()
    a_trial_may_begin()
    gateway.drain(Lane.BULK)
    assert Message.objects.get(pk=stopped.pk).state == State.REFUSED
    assert Message.objects.get(pk=allowed.pk).state == State.SENT
    assert not open_circuit()


def test_a_drain_with_nothing_to_try_leaves_the_turn_to_the_next(accept, provider, wakes_at_once):
    the_circuit_is_open()
    accept()
    a_trial_may_begin()
    gateway.drain(Lane.MANUAL)
    gateway.drain(Lane.BULK)
    assert how_many(State.SENT) == 1


@pytest.mark.parametrize("failures", [1, FAILURES_TO_OPEN - 1])
def test_a_few_failures_do_not_open_the_circuit(failures, draft, provider):
    provider.responses = [503] * failures
    gateway.accept([draft() for _ in range(failures)])
    gateway.drain(Lane.BULK)
    assert len(provider.received) == failures
    assert not ProviderState.objects.exists()


def test_mixed_responses_do_not_open_the_circuit(draft, provider):
    provider.responses = [201, 201, 503] * 50
    gateway.accept([draft() for _ in range(150)])
    gateway.drain(Lane.BULK)
    assert (how_many(State.SENT), how_many(State.QUEUED)) == (100, 50)
    assert not ProviderState.objects.exists()


def test_one_that_turns_messages_away_for_good_is_not_down(draft, provider):
    provider.responses = [400] * 10
    gateway.accept([draft() for _ in range(10)])
    gateway.drain(Lane.BULK)
    assert how_many(State.FAILED) == 10
    assert not ProviderState.objects.exists()


@pytest.mark.parametrize("after", [Outcome.ACCEPTED, Outcome.RETRY_LATER])
def test_what_was_taken_just_before_does_not_close_the_circuit_of_one_that_lets_nothing_in(after):
    shut = CircuitBreaker(SIMULATOR)
    shut.record_result(1, SendResult(Outcome.SHUT, status="HTTP 401"))
    shut.record_result(1, SendResult(after))
    assert shut.publish() is Circuit.OPEN
    assert ProviderState.objects.get().shut_status == "HTTP 401"


def test_failures_that_trickle_in_are_counted_together():
    trickling = CircuitBreaker(SIMULATOR)
    for _ in range(FAILURES_TO_OPEN):
        assert trickling.publish() is None
        trickling.record_result(1, SendResult(Outcome.UNKNOWN))
    assert trickling.publish() is Circuit.OPEN


def test_another_providers_open_circuit_is_not_ours(accept, provider):
    ProviderState.objects.create(name="other", open_until=database_now() + OPEN_FOR)
    assert not open_circuit()
    accept()
    gateway.drain(Lane.BULK)
    assert how_many(State.SENT) == 1


def test_staff_are_told_until_the_next_one_has_been_tried():
    the_circuit_is_open()
    a_trial_may_begin()
    assert open_circuit()
    ProviderState.objects.update(open_until=Now() - SHOWN_AFTERWARDS - timedelta(seconds=1))
    assert not open_circuit()


# Half-open -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def opened(provider, draft) -> Callable[[int], None]:
    """So many messages are due, and the provider has answered 503 to the first five. From now on it is well again."""

    def go(messages: int) -> None:
        provider.responses = [503] * FAILURES_TO_OPEN
        gateway.accept([draft() for _ in range(FAILURES_TO_OPEN)])
        gateway.drain(Lane.BULK)
        assert open_circuit()
        gateway.accept([draft() for _ in range(messages - FAILURES_TO_OPEN)])
        assert how_many(State.QUEUED) == messages
        provider.received.clear()

    return go


class TestHalfOpen:
    """One message is on trial."""

    @pytest.mark.parametrize("seconds", [0.05, 0.4, SILENCE * 1.2])
    def test_its_success_closes_the_circuit_and_all_leave_in_the_time_that_they_need(self, seconds, opened, provider):
        """Many at a time, as from a provider that was never down."""
        opened(120)
        provider.delays = [seconds] * 120
        a_trial_may_begin()
        gateway.drain(Lane.BULK)
        assert how_many(State.SENT) == len(provider.received) == 120
        assert not open_circuit()
        assert provider.most_at_once > 10

    def test_it_may_take_as_long_as_a_provider_may_take(self, opened, provider, monkeypatch):
        """In a third of the time: its limits are shortened alike."""
        limit = dispatcher.TIME_LIMIT
        shorter = TimeLimit(total=limit.silence / 3, connect=limit.connect / 3)
        monkeypatch.setattr(dispatcher, "TIME_LIMIT", shorter)
        monkeypatch.setattr(gateway, "START_WITHIN", gateway.START_WITHIN / 3)
        opened(20)
        provider.delays = [0.9 * shorter.total]
        a_trial_may_begin()
        gateway.drain(Lane.BULK)
        assert how_many(State.SENT) == len(provider.received) == 20
        assert not open_circuit()

    def test_beyond_the_time_limit_the_circuit_stays_open_and_says_so(self, opened, provider, monkeypatch, caplog):
        opened(20)
        monkeypatch.setattr(dispatcher, "TIME_LIMIT", TimeLimit(total=0.5))
        provider.delays = [2]
        a_trial_may_begin()
        with caplog.at_level(logging.INFO, "sms.circuit_breaker"):
            gateway.drain(Lane.BULK)
        assert open_circuit()
        assert len(provider.received) == how_many(State.UNKNOWN) == 1
        assert [line for line in logged(caplog) if "open again" in line and "timed out" in line]

        a_trial_may_begin()
        gateway.drain(Lane.BULK)
        assert how_many(State.SENT) == 19

    def test_only_one_is_tried_over_all_workers_and_its_success_wakes_them(self, opened, provider, wakes_at_once):
        opened(60)
        provider.delays = [0.8]
        a_trial_may_begin()
        drains = [in_another_connection(lambda: gateway.drain(Lane.BULK)) for _ in range(3)]
        wait_until(lambda: provider.received)
        assert gateway.drain(Lane.MANUAL) == gateway.drain(Lane.BULK) == 0
        assert len(provider.received) == 1
        for drain in drains:
            drain.result(30)
        assert how_many(State.SENT) == len(provider.received) == 60

    def test_manual_messages_are_woken_too(self, opened, draft, provider, wakes_at_once):
        opened(20)
        gateway.accept([draft(kind=Kind.MANUAL)])
        provider.delays = [0.4]
        a_trial_may_begin()
        gateway.drain(Lane.BULK)
        assert how_many(State.SENT) == 21

    def test_the_end_of_the_drains_turn_is_not_the_end_of_the_trial(self, opened, provider, monkeypatch, wakes_at_once):
        opened(20)
        provider.delays = [0.6]
        a_trial_may_begin()
        monkeypatch.setattr(gateway, "TURN", 0)
        gateway.drain(Lane.BULK)
        assert how_many(State.SENT) == 20
        assert not open_circuit()

    def test_what_consent_or_time_stops_is_not_on_trial_and_the_next_one_is(self, opened, draft, accept, provider):
        opened(20)
        stopped = accept(to_number="+46701740606")
        late = accept()
        provider.delays = [0.4]
        a_trial_may_begin()
        ago = timedelta(hours=2)
        Message.objects.filter(pk__in=[stopped.pk, late.pk]).update(due_at=F("due_at") - ago)  # they come first
        Message.objects.filter(pk=late.pk).update(send_before=F("due_at") + timedelta(seconds=1))
        gateway.drain(Lane.BULK)
        assert (how_many(State.REFUSED), how_many(State.EXPIRED), how_many(State.SENT)) == (1, 1, 20)

    def test_real_workers_for_each_lane_send_all_in_about_the_time_that_they_need(
        self, draft, provider, celery, opened
    ):
        """Five 503s, well again at 0.4 s an answer."""
        opened(200)
        gateway.accept([draft(kind=Kind.MANUAL) for _ in range(5)])
        for number, queue in enumerate(("bulk", "manual", "bulk")):
            celery("worker", "-Q", queue, "--concurrency=1", "-n", f"{number}@test", TELEQ_URL=provider.url)
        provider.delays = [0.4] * 205
        a_trial_may_begin()
        for _ in range(2):
            for lane in Lane:
                gateway.wake(lane)
        wait_until(lambda: how_many(State.SENT) == 205)
        assert len(provider.received) == 205
        assert not open_circuit()


class TestTrialsOfSeveralWorkers:
    """A worker was away for longer than the pause, and another has tried meanwhile."""

    OK, NOT_TAKEN = SendResult(Outcome.ACCEPTED), SendResult(Outcome.RETRY_LATER, status="HTTP 503")

    @pytest.fixture(autouse=True)
    def _open(self):
        ProviderState.objects.create(name=SIMULATOR, open_until=Now() - timedelta(seconds=1))

    def on_trial(self, message_id: int) -> CircuitBreaker:
        a_trial_may_begin()
        limiter, breaker = RateLimiter(SIMULATOR, Lane.BULK), CircuitBreaker(SIMULATOR)
        permit = limiter.acquire(200)
        assert permit.messages == 1
        limiter.release_unused(permit, used=1)
        breaker.begin_trial(message_id, permit.trial_until)
        return breaker

    def test_the_first_success_closes_it_whoever_hears_it(self):
        first, second = self.on_trial(1), self.on_trial(2)
        first.record_result(1, self.OK)
        assert first.publish() is Circuit.CLOSED
        assert RateLimiter(SIMULATOR, Lane.BULK).acquire(200).messages == 200
        second.record_result(2, self.OK)
        assert second.publish() is None  # it was closed already

    def test_a_failure_after_the_others_success_opens_nothing(self):
        first, second = self.on_trial(1), self.on_trial(2)
        first.record_result(1, self.OK)
        first.publish()
        second.record_result(2, self.NOT_TAKEN)
        second.publish()
        assert not open_circuit()

    def test_an_old_failure_does_not_prolong_the_pause_of_the_one_that_is_on_trial(self):
        first, _ = self.on_trial(1), self.on_trial(2)
        before = ProviderState.objects.get().open_until
        first.record_result(1, self.NOT_TAKEN)
        assert first.publish() is Circuit.OPEN
        assert ProviderState.objects.get().open_until == before

    def test_who_found_nothing_to_try_does_not_open_what_another_has_closed(self):
        late = RateLimiter(SIMULATOR, Lane.MANUAL)
        permit = late.acquire(200)
        other = self.on_trial(1)
        other.record_result(1, self.OK)
        other.publish()
        late.release_unused(permit, used=0)
        assert not open_circuit()
        assert RateLimiter(SIMULATOR, Lane.BULK).acquire(200).messages == 200

    def test_what_was_in_flight_before_decides_nothing(self):
        breaker = self.on_trial(2)
        breaker.record_result(1, self.OK)
        assert breaker.publish() is None
        assert RateLimiter(SIMULATOR, Lane.BULK).acquire(200).messages == 0

    def test_one_that_was_not_started_leaves_the_trial_to_the_next_at_once(self):
        breaker = self.on_trial(1)
        breaker.record_result(1, dispatcher.NOT_STARTED)
        assert breaker.publish() is None
        assert RateLimiter(SIMULATOR, Lane.BULK).acquire(200).messages == 1


class TestTheLog:
    """Each transition is one line, whichever worker makes it, with no telephone number in it."""

    @pytest.fixture
    def log(self, caplog) -> Callable[[], list[str]]:
        caplog.set_level(logging.INFO, "sms.circuit_breaker")

        def told() -> list[str]:
            lines = [f"{record.levelname} {record.getMessage()}" for record in caplog.records]
            caplog.clear()
            return [line for line in lines if "circuit" in line]

        return told

    def test_opening_half_opening_and_closing_are_each_told_once_over_all_workers(self, draft, provider, log):
        provider.responses = [503] * 1000
        provider.delays = [0.3] * 50
        gateway.accept([draft() for _ in range(300)])
        for drain in [in_another_connection(lambda: gateway.drain(Lane.BULK)) for _ in range(2)]:
            drain.result(30)
        [line] = log()
        assert line.startswith("WARNING simulator: circuit breaker open, ")
        assert "HTTP 503" in line

        a_trial_may_begin()
        gateway.drain(Lane.BULK)
        half_open, open_again = log()
        assert half_open.startswith("INFO simulator: circuit breaker half-open, ")
        assert open_again.startswith("INFO simulator: circuit breaker open again, ")
        assert "HTTP 503" in open_again

        provider.responses = []
        a_trial_may_begin()
        gateway.drain(Lane.BULK)
        half_open, closed = log()
        assert half_open.startswith("INFO simulator: circuit breaker half-open, ")
        assert closed.startswith("WARNING simulator: circuit breaker closed")
        assert how_many(State.SENT) == 300

    @pytest.mark.parametrize(
        ("address", "said"),
        [("http://127.0.0.1:1", "Could not connect"), ("http://no-such-host.invalid", "Could not resolve host")],
    )
    def test_one_that_cannot_be_reached_is_told_of(self, address, said, settings, draft, log):
        settings.TELEQ_URL = address
        gateway.accept([draft() for _ in range(FAILURES_TO_OPEN)])
        gateway.drain(Lane.BULK)
        [line] = log()
        assert said in line

    def test_no_telephone_number_is_in_it(self, log):
        breaker = CircuitBreaker(SIMULATOR)
        for message_id in range(FAILURES_TO_OPEN):
            breaker.record_result(
                message_id, SendResult(Outcome.RETRY_LATER, status=f"HTTP 503, busy: {MOBILE}, 070-174 06 05")
            )
        breaker.publish()
        [told] = log()
        assert "HTTP 503, busy" in told
        assert "1740605" not in told
        assert "174 06 05" not in told

    def test_few_messages_that_a_provider_does_not_take_are_told_of_too(self, draft, provider, caplog):
        """Too few for the circuit breaker: nobody would know why they wait."""
        provider.responses = [503, 503]
        gateway.accept([draft() for _ in range(2)])
        with caplog.at_level(logging.WARNING, "sms.circuit_breaker"):
            gateway.drain(Lane.BULK)
        [told] = logged(caplog)
        assert "2" in told
        assert "HTTP 503" in told
