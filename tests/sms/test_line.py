"""The line to a provider: a rate that holds over all workers, and a provider that is down is left alone for a while."""

from __future__ import annotations

import time
from datetime import timedelta

import aiohttp
import pytest
from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now

from consent.models import Answer
from sms import checks, flight, gateway, line
from sms.line import Line, ProviderLine, paused
from sms.models import Kind, Lane, Message, State
from sms.providers.base import Outcome, SendResult
from teleq.clock import database_now
from tests.concurrency import in_another_connection, wait_until, wait_until_a_connection_waits_for_a_lock

pytestmark = pytest.mark.django_db(transaction=True)
SIMULATOR = "simulator"
OTHER = "+46701740606"


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


def pause_is_over() -> None:
    ProviderLine.objects.update(paused_until=Now() - timedelta(milliseconds=1))


def pause() -> None:
    ProviderLine.objects.create(name=SIMULATOR, paused_until=database_now() + line.PAUSE)


def remaining_pause() -> timedelta:
    return ProviderLine.objects.get().paused_until - database_now()


def places_reserved(rate: int) -> float:
    """How many there are before the next one who asks."""
    return (ProviderLine.objects.get().next_at - database_now()).total_seconds() * rate


# The rate ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rate", ["20", "50"])
def test_two_drains_together_keep_to_the_rate_over_any_second(rate, settings, draft, accept, log):
    accept()
    gateway.drain(Lane.BULK)  # the first of all takes its time, and would come together with the next
    log.clear()
    log.times.clear()
    settings.SMS_RATE = rate
    gateway.accept([draft() for _ in range(2 * int(rate))])
    drains = [in_another_connection(lambda: gateway.drain(Lane.BULK)) for _ in range(2)]
    for drain in drains:
        drain.result(30)
    assert how_many(State.SENT) == 1 + len(log) == 1 + 2 * int(rate)
    assert log.most_in_a_second() <= int(rate)
    assert places_reserved(int(rate)) < 2  # nothing of the allowance is lost


def test_a_manual_message_finds_a_place_soon_behind_any_number_of_others(settings, draft, accept, log):
    settings.SMS_RATE = "10"
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
    assert log.most_in_a_second() <= 10


def test_with_a_rate_a_drain_ends_when_nothing_more_is_due(settings, accept, log, monkeypatch):
    """And not when its turn is over."""
    settings.SMS_RATE = "50"
    monkeypatch.setattr(gateway, "TURN", 3600)
    accept()
    assert in_another_connection(lambda: gateway.drain(Lane.BULK)).result(30) == 1


class TestReserving:
    @pytest.fixture(autouse=True)
    def ten_a_second(self, settings) -> None:
        settings.SMS_RATE = "10"

    def test_nobody_reserves_the_same_moment(self):
        first, second = Line(SIMULATOR, Lane.BULK).ask(3), Line(SIMULATOR, Lane.BULK).ask(3)
        assert second.slot(0).begins == pytest.approx(first.slot(3).begins, abs=0.05)

    def test_bulk_reserves_a_second_ahead_and_leaves_manual_the_next(self):
        assert 9 <= Line(SIMULATOR, Lane.BULK).ask(200).messages <= 10
        assert Line(SIMULATOR, Lane.BULK).ask(200).messages <= 1
        assert Line(SIMULATOR, Lane.MANUAL).ask(200).messages >= 8

    def test_what_was_not_used_is_for_the_next(self):
        drain = Line(SIMULATOR, Lane.BULK)
        first = drain.ask(8)
        drain.give_back(first, used=2)
        second = Line(SIMULATOR, Lane.BULK).ask(1)
        assert second.slot(0).begins == pytest.approx(first.slot(2).begins, abs=0.05)

    def test_what_was_not_used_is_not_for_the_next_if_somebody_has_come_between(self):
        drain = Line(SIMULATOR, Lane.BULK)
        first = drain.ask(4)
        Line(SIMULATOR, Lane.BULK).ask(2)
        drain.give_back(first, used=0)
        third = Line(SIMULATOR, Lane.BULK).ask(1)
        assert third.slot(0).begins == pytest.approx(first.slot(6).begins, abs=0.05)

    def test_what_nobody_asked_for_is_not_saved_up(self):
        ProviderLine.objects.create(name=SIMULATOR, next_at=database_now() - timedelta(hours=1))
        assert Line(SIMULATOR, Lane.BULK).ask(200).messages <= 10

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
        assert Line(SIMULATOR, Lane.BULK).ask(200).messages == 200
    assert not ProviderLine.objects.exists()


@pytest.mark.parametrize("rate", ["fast", "-1", "0", "nan", "inf"])
def test_a_rate_that_is_none_is_an_error_at_the_start(rate, settings):
    settings.SMS_RATE = rate
    [problem] = checks.configuration_errors()
    assert repr(rate) in problem


# The pause -----------------------------------------------------------------------------------------------------------

MORE_THAN_CONNECTIONS = flight.CONNECTIONS + 40


@pytest.fixture
def down(provider, settings, monkeypatch):
    """Make the provider one that is down in this way."""

    def go(how: str) -> None:
        if how == "refuses connections":
            settings.TELEQ_URL = "http://127.0.0.1:1"
        else:
            provider.answers = ["hang" if how == "hangs" else int(how)] * 1000
        monkeypatch.setattr(flight, "TIME_LIMIT", aiohttp.ClientTimeout(sock_read=1.5))

    return go


@pytest.mark.parametrize("how", ["refuses connections", "503", "500", "hangs"])
def test_a_provider_that_is_down_is_left_alone_and_what_waits_is_not_burnt(how, down, draft, provider):
    down(how)
    gateway.accept([draft() for _ in range(MORE_THAN_CONNECTIONS)])
    gateway.drain(Lane.BULK)
    assert paused()
    assert timedelta(seconds=20) < remaining_pause() <= line.PAUSE
    tried = how_many(State.QUEUED, attempts=1) + how_many(State.UNKNOWN)
    assert line.FAILURES_TO_PAUSE <= tried <= flight.CONNECTIONS + line.FAILURES_TO_PAUSE
    untried = Message.objects.filter(state=State.QUEUED, attempts=0)
    assert untried.due().count() == MORE_THAN_CONNECTIONS - tried  # not even their turn is lost

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
    assert flight.CONNECTIONS <= begun < flight.CONNECTIONS + line.FAILURES_TO_PAUSE


def test_a_message_pressed_meanwhile_is_accepted_and_waits(accept, provider):
    pause()
    message = accept(kind=Kind.MANUAL)
    gateway.drain(Lane.MANUAL)
    assert Message.objects.get(pk=message.pk).state == State.QUEUED
    assert provider.received == []


def test_after_the_pause_all_go_when_one_is_taken(draft, provider, wakes_at_once):
    pause()
    gateway.accept([draft() for _ in range(20)] + [draft(kind=Kind.MANUAL)])
    pause_is_over()
    gateway.drain(Lane.BULK)  # manual ones are woken too
    assert how_many(State.SENT) == len(provider.received) == 21
    assert not paused()


def test_one_that_let_nothing_in_is_tried_with_one_and_takes_them_all_when_it_does(draft, provider, wakes_at_once):
    provider.answers = [401] * 200
    gateway.accept([draft() for _ in range(20)])
    assert ProviderLine.objects.get().shut_status == "HTTP 401"
    assert how_many(State.QUEUED, attempts=0) == 20
    posts = len(provider.received)
    pause_is_over()
    gateway.drain(Lane.BULK)
    assert len(provider.received) == posts + 1
    assert how_many(State.QUEUED, attempts=0) == 20  # nor is it that one's fault

    provider.answers = []
    pause_is_over()
    gateway.drain(Lane.BULK)
    assert how_many(State.SENT) == 20
    assert ProviderLine.objects.get().shut_status == ""


def test_after_the_pause_one_is_tried_over_all_workers(draft, provider, monkeypatch):
    monkeypatch.setattr(flight, "TIME_LIMIT", aiohttp.ClientTimeout(sock_read=20))
    pause()
    gateway.accept([draft() for _ in range(20)] + [draft(kind=Kind.MANUAL)])
    pause_is_over()
    provider.answers = ["hang"]
    first = in_another_connection(lambda: gateway.drain(Lane.BULK))
    wait_until(lambda: provider.received)
    assert [gateway.drain(lane) for lane in Lane] == [0, 0]
    assert len(provider.received) == 1
    assert paused()
    provider.closing.set()
    first.result(20)
    assert how_many(State.UNKNOWN) == len(provider.received) == 1
    assert how_many(State.QUEUED, attempts=0) == 20
    assert paused()


def test_when_the_one_fails_the_pause_begins_anew(draft, provider):
    pause()
    gateway.accept([draft() for _ in range(20)])
    for posts in (1, 2):
        pause_is_over()
        provider.answers = [503]
        gateway.drain(Lane.BULK)
        assert len(provider.received) == posts
        assert remaining_pause() > timedelta(seconds=20)
    assert how_many(State.QUEUED) == 20


def test_when_the_worker_with_the_one_dies_another_is_tried_after_the_pause():
    pause()
    pause_is_over()
    assert Line(SIMULATOR, Lane.BULK).ask(200).messages == 1  # and then it is heard of no more
    next_one = Line(SIMULATOR, Lane.BULK)
    assert next_one.ask(200).messages == 0
    pause_is_over()
    assert next_one.ask(200).messages == 1


def test_one_that_consent_stops_is_not_the_one_that_is_tried(accept, provider, wakes_at_once):
    pause()
    stopped = accept(to_number=OTHER)
    allowed = accept()
    pause_is_over()
    gateway.drain(Lane.BULK)
    assert Message.objects.get(pk=stopped.pk).state == State.REFUSED
    assert Message.objects.get(pk=allowed.pk).state == State.SENT
    assert not paused()


def test_a_drain_with_nothing_to_try_leaves_the_turn_to_the_next(accept, provider, wakes_at_once):
    pause()
    accept()
    pause_is_over()
    gateway.drain(Lane.MANUAL)
    gateway.drain(Lane.BULK)
    assert how_many(State.SENT) == 1


@pytest.mark.parametrize("failures", [1, line.FAILURES_TO_PAUSE - 1])
def test_a_few_failures_pause_nothing(failures, draft, provider):
    provider.answers = [503] * failures
    gateway.accept([draft() for _ in range(failures)])
    gateway.drain(Lane.BULK)
    assert len(provider.received) == failures
    assert not ProviderLine.objects.exists()


def test_mixed_answers_pause_nothing(draft, provider):
    provider.answers = [201, 201, 503] * 50
    gateway.accept([draft() for _ in range(150)])
    gateway.drain(Lane.BULK)
    assert (how_many(State.SENT), how_many(State.QUEUED)) == (100, 50)
    assert not ProviderLine.objects.exists()


def test_one_that_turns_messages_away_for_good_is_not_down(draft, provider):
    provider.answers = [400] * 10
    gateway.accept([draft() for _ in range(10)])
    gateway.drain(Lane.BULK)
    assert how_many(State.FAILED) == 10
    assert not ProviderLine.objects.exists()


@pytest.mark.parametrize("after", [Outcome.ACCEPTED, Outcome.RETRY_LATER])
def test_what_was_taken_just_before_does_not_open_a_line_that_is_shut(after):
    shut = Line(SIMULATOR, Lane.BULK)
    shut.hear(1, SendResult(Outcome.SHUT, status="HTTP 401"))
    shut.hear(1, SendResult(after))
    assert shut.tell() is line.News.DOWN
    assert ProviderLine.objects.get().shut_status == "HTTP 401"


def test_failures_that_trickle_in_are_counted_together():
    trickling = Line(SIMULATOR, Lane.BULK)
    for _ in range(line.FAILURES_TO_PAUSE):
        assert trickling.tell() is None
        trickling.hear(1, SendResult(Outcome.UNKNOWN))
    assert trickling.tell() is line.News.DOWN


def test_another_providers_pause_is_not_ours(accept, provider):
    ProviderLine.objects.create(name="other", paused_until=database_now() + line.PAUSE)
    assert not paused()
    accept()
    gateway.drain(Lane.BULK)
    assert how_many(State.SENT) == 1


def test_staff_are_told_until_the_next_one_has_been_tried():
    pause()
    pause_is_over()
    assert paused()
    ProviderLine.objects.update(paused_until=Now() - line.TOLD_AFTERWARDS - timedelta(seconds=1))
    assert not paused()
