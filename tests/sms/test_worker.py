"""Real workers, woken through the real broker."""

import os
import signal
from datetime import timedelta

import pytest
from celery.fixups.django import DjangoWorkerFixup

from consent.models import Answer
from demo.models import SimulatedSms
from sms import gateway
from sms.models import Kind, Message
from sms.states import State
from teleq.celery import app
from tests.concurrency import wait_until

pytestmark = pytest.mark.django_db(transaction=True)


def has_become(message: Message, state: State) -> bool:
    return Message.objects.filter(pk=message.pk, state=state).exists()


@pytest.mark.parametrize("kind", [Kind.MANUAL, Kind.REMINDER])
def test_a_message_leaves_by_itself_and_its_delivery_is_reported(kind, accept, say, worker, live_server):
    say(Answer.YES)
    worker(live_server.url)
    message = accept(kind=kind)
    wait_until(lambda: has_become(message, State.DELIVERED))
    simulated = SimulatedSms.objects.get()
    assert (simulated.text, simulated.sender) == ("Hej!", "teleQ")


def test_a_killed_workers_message_becomes_unknown_and_the_next_worker_takes_the_rest(accept, say, worker, provider):
    say(Answer.YES)
    provider.responses = ["hang"]
    killed = worker(provider.url)
    held = accept(kind=Kind.MANUAL)
    wait_until(lambda: provider.received)
    os.killpg(killed.pid, signal.SIGKILL)
    killed.wait()
    assert has_become(held, State.SENDING)

    waiting = accept(kind=Kind.MANUAL)
    worker(provider.url)
    wait_until(lambda: has_become(waiting, State.SENT))
    Message.objects.filter(pk=held.pk).update(state_at=held.created_at - timedelta(minutes=3))
    gateway.sweep()
    assert has_become(held, State.UNKNOWN)
    assert len(provider.received) == 2


def test_workers_keep_their_database_connection_between_tasks():
    assert DjangoWorkerFixup(app).db_reuse_max == 10_000
