"""Where a fault happens: servers that can be killed and started again, workers, the provider, and who is at work."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import redis
from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection

from benchmarks.at_size import read
from benchmarks.faults import load, replay
from benchmarks.faults.sink import Sink
from benchmarks.faults.tally import Change, Evidence, Sms
from cases import automatic_sms
from local.servers import WEB, WORKER
from local.supervisor import WORKERS
from sms import gateway
from sms.models import Message, Unsettled
from tests.concurrency import wait_until
from tests.database_roles import address_as
from tests.sms.minutes import minutes_pass

BULK, MANUAL = "bulk", "manual"
AWAY = (DatabaseError, InterfaceError)
STANDS_STILL = 4.0
"""Seconds without any progress, after which what is left waits for something that only minutes bring."""
SETTLED_WITHIN = 600.0


class Server:
    """PostgreSQL's or Redis' process, which can be killed and started again at the same address."""

    def __init__(self, pid: int) -> None:
        process = psutil.Process(pid)
        self.pid, self.command, self.folder = pid, process.cmdline(), process.cwd()
        self.user, self.group = process.uids().real, process.gids().real

    def kill(self, how: signal.Signals = signal.SIGKILL) -> None:
        os.kill(self.pid, how)
        wait_until(lambda: _has_ended(self.pid), 60)

    def start(self) -> None:
        as_user = {"user": self.user, "group": self.group, "extra_groups": []} if os.geteuid() == 0 else {}
        Path(self.folder, "postmaster.pid").unlink(missing_ok=True)
        self.pid = subprocess.Popen(
            self.command,
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            **as_user,
        ).pid


@dataclass
class Worker:
    """A part of Celery's, and how it is started: it is a process group of its own, as on a machine of its own."""

    name: str
    arguments: Sequence[str]
    environment: Mapping[str, str]
    within: Sequence[str] = ()
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with (Path.cwd() / f"{self.name}.log").open("ab") as log:
            self.process = subprocess.Popen(
                [*self.within, sys.executable, "-m", "celery", "-A", "teleq", *self.arguments, "--loglevel=warning"],
                env=os.environ | self.environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def send(self, number: signal.Signals) -> None:
        assert self.process
        os.killpg(self.process.pid, number)

    def kill(self) -> None:
        if self.process is not None:
            with suppress(ProcessLookupError):
                self.send(signal.SIGKILL)
            self.process.wait()


@dataclass
class Scene:
    sink: Sink
    messages: int
    seconds: float
    """How long messages come, in all."""
    lasts: float
    """How long the fault lasts."""
    workers: dict[str, Worker] = field(default_factory=dict)
    loads: list[subprocess.Popen[str]] = field(default_factory=list)
    in_flight: int = 0
    ended: float = 0.0
    accepted: set[str] = field(default_factory=set)
    known: dict[tuple[int, str], Sms] = field(default_factory=dict)
    before: list[Change] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    first_message: int = 0

    def __post_init__(self) -> None:
        self.postgres = Server(_postmaster())
        self.redis = Server(_redis().info("server")["process_id"])

    # Workers

    def start_workers(self, beats: int = 1, **environment: str) -> None:
        for name in (MANUAL, BULK):
            self.start_worker(name, **environment)
        for place in range(beats):
            self.start_beat(f"beat{place}", **environment)

    def start_worker(self, name: str, within: Sequence[str] = (), **environment: str) -> Worker:
        arguments = (
            *("worker", "-Q", WORKERS[name].replace(",reserve", ""), "-n", f"{name}@%h", "--concurrency=1"),
            *("--without-gossip", "--without-mingle"),
        )
        told = {"DATABASE_URL": named(address_as(WORKER), name), "TELEQ_URL": self.sink.url} | environment
        return self._start(Worker(name, arguments, told, within))

    def start_beat(self, name: str, **environment: str) -> Worker:
        schedule = Path.cwd() / f"{name}.schedule"
        arguments = ("beat", f"--schedule={schedule}", "--pidfile=")
        return self._start(Worker(name, arguments, {"DATABASE_URL": address_as(WORKER)} | environment))

    def _start(self, worker: Worker) -> Worker:
        self.workers[worker.name] = worker
        worker.start()
        return worker

    def replace(self, name: str) -> None:
        """Killed, and started again at once as a container is."""
        self.workers[name].kill()
        self.ended = time.time()
        self.workers[name].start()

    # Who is at work

    def start_load(self) -> None:
        for way in (*load.SHARES, "answers"):
            role = WORKER if way == "reminders" else WEB
            arguments = ("-m", "benchmarks.faults.load", way, str(self.messages), str(self.seconds))
            self.loads.append(
                subprocess.Popen(
                    [sys.executable, *arguments],
                    env=os.environ
                    | {"DATABASE_URL": address_as(role), "TELEQ_URL": self.sink.url, "LOG_LEVEL": "CRITICAL"},
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                )
            )
        for process in self.loads:
            assert process.stdout
            assert process.stdout.readline() == "ready\n"
        for process in self.loads:
            process.stdin.write("go\n")
            process.stdin.flush()

    def wait_for_load(self) -> None:
        for process in self.loads:
            keys, _ = process.communicate()
            assert process.returncode == 0, "who was at work stumbled"
            self.accepted |= set(keys.split())
        self.loads.clear()

    # Moments to wait for

    def wait_until_sent(self, count: int) -> None:
        wait_until(lambda: len(self.sink.posts) >= count, 120)

    def waits_for_a_lock(self, name: str) -> bool:
        return bool(
            read(
                "SELECT FROM pg_stat_activity WHERE application_name = %s AND wait_event_type = 'Lock'"
                " AND datname = current_database()",
                name,
            )
        )

    def note_in_flight(self, lane: str | None = None) -> int:
        """How many messages are claimed and not recorded now."""
        sending = Unsettled.objects.filter(sending_since__isnull=False)
        self.in_flight = (sending.filter(lane=lane) if lane else sending).count()
        return self.in_flight

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
        rows = Message.objects.filter(pk__gt=self.first_message).values_list(
            "pk", "receipt_token", "key", "state", "queue"
        )
        self.known |= {(pk, token): Sms(*rest) for pk, token, *rest in rows.iterator(10_000)}

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
        )

    def stop(self) -> None:
        for process in self.loads:
            process.kill()
            process.wait()
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


def _postmaster() -> int:
    [[pid]] = read("SELECT pg_backend_pid()")
    parent = psutil.Process(pid).parent()
    assert parent
    return parent.pid


def _has_ended(pid: int) -> bool:
    """Whether its parent has been told yet or not."""
    try:
        ended: bool = psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
    return ended


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
