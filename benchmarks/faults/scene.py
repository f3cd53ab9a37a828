"""Where a fault happens: servers that can be killed and started again, workers, the provider, and who is at work."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import psutil
import redis
from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection

from benchmarks.at_size import read
from benchmarks.faults import load, replay
from benchmarks.faults.sink import Sink
from benchmarks.faults.tally import TAKEN, Change, Evidence, Sms
from benchmarks.servers import postgres, the_broker
from cases import automatic_sms
from local.servers import WEB, WORKER
from local.supervisor import WORKERS
from sms import gateway
from sms.models import Message, Unsettled
from sms.states import State
from tests.concurrency import wait_until
from tests.database_roles import address_as
from tests.race.provider import Post
from tests.sms.minutes import minutes_pass

BULK, MANUAL = "bulk", "manual"
AWAY = (DatabaseError, InterfaceError)
STANDS_STILL = 4.0
"""Seconds without any progress, after which what is left waits for something that only minutes bring."""
RECOVERS_WITHIN = 180.0
"""Seconds from the fault's end within which automatic messages leave again by teleQ's own doing, or it has failed."""
SETTLED_WITHIN = 600.0


@dataclass
class Worker:
    """A part of Celery's, and how it is started: it is a process group of its own, as on a machine of its own."""

    name: str
    arguments: Sequence[str]
    environment: Mapping[str, str]
    within: Sequence[str] = ()
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0

    def start(self) -> None:
        self.started_at = time.time()
        with (Path.cwd() / f"{self.name}.log").open("ab") as log:
            self.process = subprocess.Popen(
                [*self.within, sys.executable, "-m", "celery", "-A", "teleq", *self.arguments],
                env=os.environ | self.environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def send(self, number: signal.Signals) -> None:
        assert self.process
        os.killpg(self.process.pid, number)

    def kill(self) -> int | None:
        """Returns how it ended: by SIGKILL, or before it by itself."""
        process, self.process = self.process, None
        if process is None:
            return None
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        return process.wait()

    @property
    def has_ended(self) -> bool:
        """By itself."""
        return self.process is not None and self.process.poll() is not None

    def family(self) -> list[psutil.Process]:
        assert self.process
        parent = psutil.Process(self.process.pid)
        return [parent, *parent.children(recursive=True)]


class Crowd:
    """The processes of `benchmarks.faults.load`. They outlive a fault."""

    def __init__(self) -> None:
        self.processes = [self._start(way) for way in (*load.SHARES, "answers")]
        for process in self.processes:
            assert process.stdout
            assert process.stdout.readline() == "ready\n"

    def _start(self, way: str) -> subprocess.Popen[str]:
        role = WORKER if way in load.AT_ONCE else WEB
        return subprocess.Popen(
            [sys.executable, "-m", "benchmarks.faults.load", way],
            env=os.environ | {"DATABASE_URL": address_as(role), "LOG_LEVEL": "CRITICAL"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # what can't be done for a while fills gigabytes otherwise
            text=True,
        )

    def start(self, messages: int, seconds: float) -> None:
        for process in self.processes:
            assert process.stdin
            process.stdin.write(f"{messages} {seconds}\n")
            process.stdin.flush()

    def wait(self) -> set[str]:
        """The keys of the messages that they were told are accepted."""
        keys: set[str] = set()
        for process in self.processes:
            assert process.stdout
            line = process.stdout.readline()
            assert line, "who was at work stumbled"
            keys |= set(line.split())
        return keys

    def end(self) -> None:
        for process in self.processes:
            process.kill()
            process.wait()


@dataclass
class Scene:
    sink: Sink
    crowd: Crowd
    messages: int
    seconds: float
    """How long messages come, in all."""
    lasts: float
    """How long the fault lasts."""
    workers: dict[str, Worker] = field(default_factory=dict)
    in_flight: int = 0
    shown: list[str] = field(default_factory=list)
    """By what it is seen that the fault has happened."""
    ended: float = 0.0
    has_recovered: bool = True
    accepted: set[str] = field(default_factory=set)
    known: dict[tuple[int, str], Sms] = field(default_factory=dict)
    before: list[Change] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    first_message: int = 0

    def __post_init__(self) -> None:
        self.postgres, self.redis = postgres(), the_broker()
        self._over = threading.Event()
        self._keeper = threading.Thread(target=self._keep, daemon=True)
        self._keeper.start()

    # Workers

    def start_workers(self, beats: int = 1, **environment: str) -> None:
        for name in (MANUAL, BULK):
            self.start_worker(name, **environment)
        for place in range(beats):
            self.start_beat(f"beat{place}", **environment)

    def start_worker(self, name: str, within: Sequence[str] = (), **environment: str) -> Worker:
        arguments = (
            *("worker", "-Q", WORKERS[name].replace(",reserve", ""), "-n", f"{name}@%h", "--concurrency=1"),
            *("--without-gossip", "--without-mingle", "--loglevel=warning"),
        )
        told = {"DATABASE_URL": named(address_as(WORKER), name), "TELEQ_URL": self.sink.url} | environment
        return self._start(Worker(name, arguments, told, within))

    def start_beat(self, name: str, **environment: str) -> Worker:
        schedule = Path.cwd() / f"{name}.schedule"
        arguments = ("beat", f"--schedule={schedule}", "--pidfile=", "--loglevel=info")  # it says what it asks for
        return self._start(Worker(name, arguments, {"DATABASE_URL": address_as(WORKER)} | environment))

    def _start(self, worker: Worker) -> Worker:
        self.workers[worker.name] = worker
        worker.start()
        return worker

    def replace(self, name: str) -> None:
        """Killed, and started again at once as a container is."""
        how = self.workers[name].kill()
        self.ended = time.time()
        assert how == -signal.SIGKILL, f"{name} had ended by itself before it was killed: {how}"
        self.workers[name].start()

    def _keep(self) -> None:
        """One that ends by itself is started again as well, and it is told."""
        while not self._over.wait(0.5):
            for worker in list(self.workers.values()):
                if worker.has_ended:
                    self.show(f"{worker.name} ended by itself and was started again")
                    worker.start()

    def wait_until_ready(self) -> None:
        """Each worker waits for what Redis has for it."""
        workers = sum(not name.startswith("beat") for name in self.workers)
        with broker() as client:
            wait_until(lambda: sum(each["cmd"] == "brpop" for each in client.client_list()) >= workers, 180)

    def show(self, what: str) -> None:
        self.shown.append(what)

    # Who is at work

    def start_load(self) -> None:
        self.crowd.start(self.messages, self.seconds)

    def wait_for_load(self) -> None:
        self.accepted |= self.crowd.wait()

    # Moments to wait for

    def wait_until_sent(self, count: int) -> None:
        wait_until(lambda: len(self.sink.posts) >= count, 120)

    def waits_for_a_lock(self, name: str) -> bool:
        """For longer than it does for those at work."""
        return bool(
            read(
                "SELECT FROM pg_stat_activity WHERE application_name = %s AND wait_event_type = 'Lock'"
                " AND datname = current_database() AND query_start < clock_timestamp() - interval '0.5 s'",
                name,
            )
        )

    def note_in_flight(self, lane: str | None = None) -> int:
        """How many messages are claimed and not recorded now: of this lane, by the worker that was started last."""
        sending = Message.objects.filter(state=State.SENDING, unsettled__isnull=False)
        if lane:
            since = datetime.fromtimestamp(self.workers[lane].started_at, UTC)
            sending = sending.filter(unsettled__lane=lane, unsettled__sending_since__gt=since)
        self.in_flight = sending.count()
        return self.in_flight

    def wait_until_it_works(self, name: str) -> None:
        """It has handed over something since it was started last."""
        since = self.workers[name].started_at

        def works() -> bool:
            latest = (post for post in self.sink.posts[-500:] if post.at > since)
            return any((post.text == load.PRESSED) == (name == MANUAL) for post in latest)

        wait_until(works, 120)

    def automatic_posts(self, since: float, until: float = math.inf) -> list[Post]:
        """What reached the provider between these times, but for what nurses have pressed."""
        found = []
        for post in reversed(self.sink.posts):
            if post.at < since:
                break
            if post.at < until and post.text != load.PRESSED:
                found.append(post)
        return found

    def wait_for_recovery(self) -> None:
        """Automatic messages leave again, before anybody else than teleQ does anything about it."""
        with suppress(AssertionError):
            wait_until(lambda: any(post.answer == TAKEN for post in self.automatic_posts(self.ended)), RECOVERS_WITHIN)
            return
        self.has_recovered = False
        self.show(f"NOT RECOVERED BY ITSELF within {RECOVERS_WITHIN:.0f} s")

    # The end

    def settle(self) -> None:
        """All that is left is delivered or given up. Minutes that it would take are not waited for: the rows' times
        are moved, as in the tests, once nothing has happened for a while."""
        end, moved = time.monotonic() + SETTLED_WITHIN, time.monotonic()
        left = -1
        while (now := _left()) and time.monotonic() < end:
            if now != left:
                left, moved = now, time.monotonic()
            elif time.monotonic() - moved > STANDS_STILL:
                minutes_pass()
                gateway.sweep()
                moved = time.monotonic()
            time.sleep(0.25)

    def gather(self) -> None:
        """What this database knows. Before it is thrown away, and at the end."""
        self.changes += replay.changes()
        rows = read("SELECT id, receipt_token, key, state, queue_id FROM sms_message WHERE id > %s", self.first_message)
        self.known |= {(pk, token): Sms(*rest) for pk, token, *rest in rows}

    def evidence(self, began: float) -> Evidence:
        return Evidence(
            care_providers=dict(read("SELECT id, care_provider_id FROM teleq_queue")),
            before=self.before,
            changes=self.changes,
            accepted=self.accepted,
            messages=self.known,
            posts=self.sink.posts,
            began=began,
            ended=self.ended,
            in_flight=self.in_flight,
            shown=self.shown,
            has_recovered=self.has_recovered,
        )

    def stop(self) -> None:
        self._over.set()
        self._keeper.join()
        for worker in self.workers.values():
            worker.kill()


def named(address: str, name: str) -> str:
    """By which its connections are found among the others."""
    return f"{address}{'&' if '?' in address else '?'}application_name={name}"


def _left() -> int:
    """How many messages wait or are under way; where there are none, the reminders that nobody was there to make."""
    try:
        return Unsettled.objects.exclude(lane="").count() or automatic_sms.remind_all_due()
    except AWAY:
        connection.close()
        return -1


def _redis() -> redis.Redis:
    return redis.Redis.from_url(settings.CELERY_BROKER_URL)


def answers(ask: Callable[[], object], *errors: type[Exception]) -> bool:
    try:
        ask()
    except errors:
        return False
    return True


def postgres_answers() -> bool:
    connection.close()
    return answers(connection.ensure_connection, *AWAY)


def redis_answers() -> bool:
    with _redis() as client:
        return answers(client.ping, redis.RedisError)


@contextmanager
def broker() -> Iterator[redis.Redis]:
    with _redis() as client:
        yield client
