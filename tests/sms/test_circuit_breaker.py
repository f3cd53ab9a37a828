"""The circuit breaker reopens for a provider that is well again, however slowly it answers, and its log says so."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta

import aiohttp
import pytest
from django.db.models import F
from django.db.models.functions import Now

from consent.models import Answer
from sms import flight, gateway
from sms.line import FAILURES_TO_PAUSE, SILENCE, Line, News, paused
from sms.models import Kind, Lane, Message, ProviderLine, State
from sms.providers.base import Outcome, SendResult
from tests.concurrency import in_another_connection, wait_until
from tests.conftest import MOBILE

pytestmark = pytest.mark.django_db(transaction=True)
SIMULATOR = "simulator"


@pytest.fixture(autouse=True)
def a_yes(say):
    say(Answer.YES)


def how_many(*states: State) -> int:
    return Message.objects.filter(state__in=states).count()


def pause_is_over() -> None:
    """The row's time moves, and what was to be tried again is due."""
    ProviderLine.objects.update(paused_until=Now() - timedelta(milliseconds=1))
    Message.objects.filter(state=State.QUEUED).update(due_at=F("created_at") - timedelta(seconds=1))


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == "sms.line"]


@pytest.fixture
def opened(provider, draft) -> Callable[[int], None]:
    """So many messages are due, and the provider has answered 503 to the first five. From now on it is well again."""

    def go(messages: int) -> None:
        provider.answers = [503] * FAILURES_TO_PAUSE
        gateway.accept([draft() for _ in range(FAILURES_TO_PAUSE)])
        gateway.drain(Lane.BULK)
        assert paused()
        gateway.accept([draft() for _ in range(messages - FAILURES_TO_PAUSE)])
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
        pause_is_over()
        gateway.drain(Lane.BULK)
        assert how_many(State.SENT) == len(provider.received) == 120
        assert not paused()
        assert provider.most_at_once > 10

    def test_it_may_take_as_long_as_a_provider_may_take(self, opened, provider, monkeypatch):
        """In a third of the time: its limits are shortened alike."""
        limit = flight.TIME_LIMIT
        shorter = aiohttp.ClientTimeout(
            total=limit.total / 3, sock_connect=limit.sock_connect / 3, sock_read=limit.sock_read / 3
        )
        monkeypatch.setattr(flight, "TIME_LIMIT", shorter)
        monkeypatch.setattr(gateway, "START_WITHIN", gateway.START_WITHIN / 3)
        opened(20)
        provider.delays = [0.9 * shorter.sock_read]
        pause_is_over()
        gateway.drain(Lane.BULK)
        assert how_many(State.SENT) == len(provider.received) == 20
        assert not paused()

    def test_beyond_the_time_limit_the_circuit_stays_open_and_says_so(self, opened, provider, monkeypatch, caplog):
        opened(20)
        monkeypatch.setattr(flight, "TIME_LIMIT", aiohttp.ClientTimeout(total=0.5))
        provider.delays = [2]
        pause_is_over()
        with caplog.at_level(logging.INFO, "sms.line"):
            gateway.drain(Lane.BULK)
        assert paused()
        assert len(provider.received) == how_many(State.UNKNOWN) == 1
        assert [line for line in lines(caplog) if "open again" in line and "TimeoutError" in line]

        pause_is_over()
        gateway.drain(Lane.BULK)
        assert how_many(State.SENT) == 19

    def test_only_one_is_tried_over_all_workers_and_its_success_wakes_them(self, opened, provider, wakes_at_once):
        opened(60)
        provider.delays = [0.8]
        pause_is_over()
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
        pause_is_over()
        gateway.drain(Lane.BULK)
        assert how_many(State.SENT) == 21

    def test_the_end_of_the_drains_turn_is_not_the_end_of_the_trial(self, opened, provider, monkeypatch, wakes_at_once):
        opened(20)
        provider.delays = [0.6]
        pause_is_over()
        monkeypatch.setattr(gateway, "TURN", 0)
        gateway.drain(Lane.BULK)
        assert how_many(State.SENT) == 20
        assert not paused()

    def test_what_consent_or_time_stops_is_not_on_trial_and_the_next_one_is(self, opened, draft, accept, provider):
        opened(20)
        stopped = accept(to_number="+46701740606")
        late = accept()
        provider.delays = [0.4]
        pause_is_over()
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
        pause_is_over()
        for _ in range(2):
            for lane in Lane:
                gateway.wake(lane)
        wait_until(lambda: how_many(State.SENT) == 205)
        assert len(provider.received) == 205
        assert not paused()


class TestTrialsOfSeveralWorkers:
    """A worker was away for longer than the pause, and another has tried meanwhile."""

    OK, NOT_TAKEN = SendResult(Outcome.ACCEPTED), SendResult(Outcome.RETRY_LATER, status="HTTP 503")

    @pytest.fixture(autouse=True)
    def _open(self):
        ProviderLine.objects.create(name=SIMULATOR, paused_until=Now() - timedelta(seconds=1))

    def on_trial(self, message_id: int) -> Line:
        pause_is_over()
        drain = Line(SIMULATOR, Lane.BULK)
        allowed = drain.ask(200)
        assert allowed.messages == 1
        drain.give_back(allowed, used=1)
        drain.try_with(allowed, message_id)
        return drain

    def test_the_first_success_closes_it_whoever_hears_it(self):
        first, second = self.on_trial(1), self.on_trial(2)
        first.hear(1, self.OK)
        assert first.tell() is News.UP_AGAIN
        assert Line(SIMULATOR, Lane.BULK).ask(200).messages == 200
        second.hear(2, self.OK)
        assert second.tell() is None  # it was closed already

    def test_a_failure_after_the_others_success_opens_nothing(self):
        first, second = self.on_trial(1), self.on_trial(2)
        first.hear(1, self.OK)
        first.tell()
        second.hear(2, self.NOT_TAKEN)
        second.tell()
        assert not paused()

    def test_an_old_failure_does_not_prolong_the_pause_of_the_one_that_is_on_trial(self):
        first, _ = self.on_trial(1), self.on_trial(2)
        before = ProviderLine.objects.get().paused_until
        first.hear(1, self.NOT_TAKEN)
        assert first.tell() is News.DOWN
        assert ProviderLine.objects.get().paused_until == before

    def test_who_found_nothing_to_try_does_not_open_what_another_has_closed(self):
        late = Line(SIMULATOR, Lane.MANUAL)
        allowed = late.ask(200)
        other = self.on_trial(1)
        other.hear(1, self.OK)
        other.tell()
        late.give_back(allowed, used=0)
        assert not paused()
        assert Line(SIMULATOR, Lane.BULK).ask(200).messages == 200

    def test_what_was_in_the_air_before_decides_nothing(self):
        drain = self.on_trial(2)
        drain.hear(1, self.OK)
        assert drain.tell() is None
        assert Line(SIMULATOR, Lane.BULK).ask(200).messages == 0

    def test_one_that_was_not_started_leaves_the_trial_to_the_next_at_once(self):
        drain = self.on_trial(1)
        drain.hear(1, flight.NOT_STARTED)
        assert drain.tell() is None
        assert drain.ask(200).messages == 1


class TestTheLog:
    """Each transition is one line, whichever worker makes it, with no telephone number in it."""

    @pytest.fixture
    def log(self, caplog) -> Callable[[], list[str]]:
        caplog.set_level(logging.INFO, "sms.line")

        def told() -> list[str]:
            lines = [f"{record.levelname} {record.getMessage()}" for record in caplog.records]
            caplog.clear()
            return [line for line in lines if "circuit" in line]

        return told

    def test_opening_half_opening_and_closing_are_each_told_once_over_all_workers(self, draft, provider, log):
        provider.answers = [503] * 1000
        provider.delays = [0.3] * 50
        gateway.accept([draft() for _ in range(300)])
        for drain in [in_another_connection(lambda: gateway.drain(Lane.BULK)) for _ in range(2)]:
            drain.result(30)
        [line] = log()
        assert line.startswith("WARNING simulator: circuit breaker open, ")
        assert "HTTP 503" in line

        pause_is_over()
        gateway.drain(Lane.BULK)
        half_open, open_again = log()
        assert half_open.startswith("WARNING simulator: circuit breaker half-open, ")
        assert open_again.startswith("WARNING simulator: circuit breaker open again, ")
        assert "HTTP 503" in open_again

        provider.answers = []
        pause_is_over()
        gateway.drain(Lane.BULK)
        half_open, closed = log()
        assert half_open.startswith("WARNING simulator: circuit breaker half-open, ")
        assert closed.startswith("WARNING simulator: circuit breaker closed")
        assert how_many(State.SENT) == 300

    @pytest.mark.parametrize(
        ("address", "said"),
        [("http://127.0.0.1:1", "ClientConnectorError"), ("http://no-such-host.invalid", "ClientConnectorDNSError")],
    )
    def test_one_that_cannot_be_reached_is_told_of(self, address, said, settings, draft, log):
        settings.TELEQ_URL = address
        gateway.accept([draft() for _ in range(FAILURES_TO_PAUSE)])
        gateway.drain(Lane.BULK)
        [line] = log()
        assert said in line

    def test_no_telephone_number_is_in_it(self, log):
        line = Line(SIMULATOR, Lane.BULK)
        for message_id in range(FAILURES_TO_PAUSE):
            line.hear(message_id, SendResult(Outcome.RETRY_LATER, status=f"HTTP 503, busy: {MOBILE}, 070-174 06 05"))
        line.tell()
        [told] = log()
        assert "HTTP 503, busy" in told
        assert "1740605" not in told
        assert "174 06 05" not in told

    def test_few_messages_that_a_provider_does_not_take_are_told_of_too(self, draft, provider, caplog):
        """Too few for the circuit breaker: nobody would know why they wait."""
        provider.answers = [503, 503]
        gateway.accept([draft() for _ in range(2)])
        with caplog.at_level(logging.WARNING, "sms.line"):
            gateway.drain(Lane.BULK)
        [told] = lines(caplog)
        assert "2" in told
        assert "HTTP 503" in told
