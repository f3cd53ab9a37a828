"""A drain's turn: it ends so that a sweep gets its own, and what is left goes on."""

import pytest

from consent.models import Answer
from sms import dispatcher, gateway
from sms.models import Lane, Message
from sms.states import State
from teleq.celery import app

pytestmark = pytest.mark.django_db(transaction=True)
A_CLAIM = dispatcher.CONNECTIONS
"""The first: no more are taken than can be started, and it isn't known yet how fast that goes on."""
MORE_THAN_A_CLAIM = A_CLAIM + 50


@pytest.fixture(autouse=True)
def _waiting(say, draft, monkeypatch):
    """More than is claimed at a time, and a turn that is over after the first claim."""
    say(Answer.YES)
    monkeypatch.setattr(gateway, "TURN", 0)
    gateway.accept([draft() for _ in range(MORE_THAN_A_CLAIM)])


def how_many(state: State) -> int:
    return Message.objects.filter(state=state).count()


def no_broker(patch: pytest.MonkeyPatch) -> None:
    patch.setenv("CELERY_BROKER_WRITE_URL", "redis://127.0.0.1:1/0")
    patch.setattr(app.amqp, "_producer_pool", None)


def test_it_stops_when_its_turn_is_over_and_wakes_its_lane_again(provider, wakes_at_once):
    assert gateway.drain(Lane.BULK) == A_CLAIM
    assert how_many(State.SENT) == len(provider.received) == MORE_THAN_A_CLAIM


def test_without_a_broker_to_wake_through_the_sweep_finds_the_rest(provider, request):
    with pytest.MonkeyPatch.context() as patch:
        no_broker(patch)
        gateway.drain(Lane.BULK)
    assert (how_many(State.SENT), how_many(State.QUEUED)) == (A_CLAIM, 50)
    request.getfixturevalue("wakes_at_once")
    gateway.sweep()
    assert how_many(State.SENT) == len(provider.received) == MORE_THAN_A_CLAIM
