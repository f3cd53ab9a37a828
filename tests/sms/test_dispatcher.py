"""The dispatcher by itself: messages in their slots, and results."""

from __future__ import annotations

import math

import pytest

from consent.models import Answer
from sms import gateway
from sms.circuit_breaker import CircuitBreaker
from sms.dispatcher import NOT_STARTED, Dispatcher, Handover
from sms.models import Lane
from sms.providers.base import OutboundMessage, Outcome, SendResult
from sms.providers.simulator import Simulator
from sms.rate_limiter import Slot
from teleq.clock import elapsed

AT_ONCE = Slot(-math.inf, math.inf)


def handover(message_id: int, slot: Slot = AT_ONCE) -> Handover:
    message = OutboundMessage(message_id, "+46701740605", "teleQ", f"number {message_id}", "http://127.0.0.1/")
    return Handover(message, slot, Simulator(), CircuitBreaker(Simulator.name))


def all_results(dispatcher: Dispatcher) -> dict[int, SendResult]:
    results: dict[int, SendResult] = {}
    while dispatcher.in_flight:
        results |= dispatcher.collect()
    return results


def test_one_whose_slot_is_later_keeps_no_other_from_leaving(provider):
    soon = elapsed() + 0.5
    with Dispatcher() as dispatcher:
        dispatcher.dispatch([handover(1, Slot(soon, math.inf)), handover(2), handover(3)], None)
        results = all_results(dispatcher)
    assert {result.outcome for result in results.values()} == {Outcome.ACCEPTED}
    assert elapsed() >= soon
    assert provider.received[-1]["message"] == "number 1"


def test_one_whose_slot_is_over_is_not_started(provider):
    with Dispatcher() as dispatcher:
        dispatcher.dispatch([handover(1, Slot(-math.inf, elapsed() - 0.001))], None)
        assert all_results(dispatcher) == {1: NOT_STARTED}
    assert provider.received == []


def test_once_the_circuit_is_open_nothing_more_is_started(provider):
    one = handover(1)
    one.breaker.record_result(2, SendResult(Outcome.SHUT))
    with Dispatcher() as dispatcher:
        dispatcher.dispatch([one], None)
        assert all_results(dispatcher) == {1: NOT_STARTED}
    assert provider.received == []


def test_more_than_it_has_connections_for_all_leave_once(provider):
    with Dispatcher() as dispatcher:
        dispatcher.dispatch([handover(n) for n in range(250)], None)
        assert set(all_results(dispatcher)) == set(range(250))
    assert sorted(sms["message"] for sms in provider.received) == sorted(f"number {n}" for n in range(250))
    assert provider.most_at_once <= 100


def test_a_fault_of_its_own_is_raised_where_results_are_waited_for(provider):
    """And not waited for without end."""
    with Dispatcher() as dispatcher:
        dispatcher.dispatch([handover(1)._replace(breaker=None)], None)  # type: ignore[arg-type]
        with pytest.raises(AttributeError):
            all_results(dispatcher)


@pytest.mark.django_db(transaction=True)
def test_nothing_is_kept_of_what_has_been_recorded(provider, say, draft, monkeypatch):
    """One drain may send a hundred thousand."""
    drained: list[Dispatcher] = []

    class Watched(Dispatcher):
        def __enter__(self) -> Dispatcher:
            drained.append(self)
            return super().__enter__()

    monkeypatch.setattr(gateway, "Dispatcher", Watched)
    say(Answer.YES)
    gateway.accept([draft() for _ in range(250)])
    assert gateway.drain(Lane.BULK) == len(provider.received) == 250
    assert [dispatcher.claimed_at for dispatcher in drained] == [{}]
