"""How fast messages leave: `benchmarks/run gateway`. The figures are in docs/performance.md.

Measured in turn, in several rounds: libcurl alone, and aiohttp for comparison; a Celery task that does nothing; a plain
task per message (the yardstick, benchmarks/yardstick.py); the gateway, with and without the database's last guard;
claim and record alone.
All with two processes, over a provider on loopback that takes 0 or 50 ms; nine messages in ten have a Ja. Then manual
messages by real workers, from the press to the provider: idle, and with 100,000 bulk messages under way. With `--long`
a million messages instead: whether memory and speed stay as they were. With `--scale` the gateway with 1, 2, 4 and 8
processes instead.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from statistics import quantiles
from typing import Any

import django

django.setup()

import redis
from django.conf import settings
from django.db import transaction

from benchmarks import yardstick
from benchmarks.at_size import bare, execute, machine, read
from benchmarks.plot import Bars, Lines, Progress, number, write
from benchmarks.processes import Meter, family, memory, peak_memory
from benchmarks.senders import TEXT
from cases import callbacks
from cases.models import Case
from consent import register
from consent.models import Answer, Consent
from local.servers import end_with_parent
from local.supervisor import WORKERS
from sms import gateway, guard
from sms.models import Kind, Lane, Message, Unsettled
from sms.states import State
from teleq.celery import app, keep_what_stays_out_of_garbage_collections
from teleq.clock import database_now
from teleq.models import CareProvider, OutgoingSms, Queue, User

CORES = os.cpu_count() or 1
PROCESSES = 2
CARE_PROVIDERS, NUMBERS, FIRST_NUMBER = 2000, 95, "+46701740605"
MiB = 1024 * 1024


@dataclass(frozen=True)
class Way:
    """A way of sending, how many messages it is given, and over which provider."""

    name: str
    how: Any
    """A kind of sender, or a task."""
    messages: int
    delay: float = 0.0
    guard: bool = True
    processes: int = PROCESSES


@dataclass(frozen=True)
class Run:
    posts: int
    seconds: float
    cpu: dict[str, float]
    peak: int
    wal: float = 0.0
    """Bytes of PostgreSQL's write-ahead log."""
    hot: float | None = None
    """The share of the messages' updates that wrote no index."""

    @property
    def rate(self) -> float:
        return self.posts / self.seconds

    def cpu_per_post(self, *kinds: str) -> float:
        """CPU per message in microseconds: of all kinds of processes, or of those named."""
        return 1e6 * sum(seconds for kind, seconds in self.cpu.items() if kind in (kinds or self.cpu)) / self.posts


# What is sent --------------------------------------------------------------------------------------------------------


def build_town() -> User:
    """Make two thousand care providers with a queue each, and answers for the 95 fictional numbers at each.

    Nine in ten are Ja; the tenth has no answer.
    """
    nurse = User.objects.create(username="anna")
    providers = CareProvider.objects.bulk_create(
        CareProvider(name=f"Vårdgivare {number}", sms_consent_ordered=True) for number in range(CARE_PROVIDERS)
    )
    queues = Queue.objects.bulk_create(
        Queue(care_provider=provider, unit="VC Spindeln", name="Rådgivning") for provider in providers
    )
    OutgoingSms.objects.bulk_create(OutgoingSms(queue=queue, consent_required=True) for queue in queues)
    register.answer_in_case(providers[0], FIRST_NUMBER, Answer.YES, by=nurse, case_id=1, seen_event=None)
    with bare("consent_consent", "consent_consentevent"):
        copy_the_one(
            Consent,
            f"teleq_careprovider AS p, generate_series(0, {NUMBERS - 1}) AS n"
            f" WHERE (p.id + n) %% 10 > 0 AND (p.id > {providers[0].pk} OR n > 0)",
            care_provider_id="p.id",
            phone_number=number_sql("n"),
        )
        copy_the_one(
            Consent.pgh_event_model,
            "consent_consent AS c WHERE c.id <> the_one.id",
            **{"pgh_obj_id": "c.id", "id": "c.id"},
            **{"care_provider_id": "c.care_provider_id", "phone_number": "c.phone_number"},
        )
    execute("VACUUM ANALYZE")
    return nurse


@transaction.atomic
def fill(count: int) -> None:
    """Empty the table, insert so many bulk messages that are due, and wake their worker.

    They are from a hundred queues in turn, so that a claim has many queues, and later claims have others.
    """
    execute("TRUNCATE sms_message, sms_unsettled CASCADE")
    if count:
        at, queue = database_now(), Queue.objects.earliest("id").pk
        draft = gateway.Draft("reminder:0", Kind.REMINDER, queue, FIRST_NUMBER, TEXT, at + timedelta(hours=6), at)
        gateway.accept([draft])
        copy_the_one(
            Message,
            f"generate_series(1, {count - 1}) AS n",
            key="'reminder:' || n",
            queue_id=f"{queue} + n %% 100 + n / 9500 * 100 %% {CARE_PROVIDERS}",
            to_number=number_sql(f"n / 100 %% {NUMBERS}"),
            receipt_token="md5(n::text)",  # noqa: S106  SQL
        )
    execute("ANALYZE sms_message, sms_unsettled")


def number_sql(n: str) -> str:
    return f"'+46701740' || 605 + {n}"


def copy_the_one(model: Any, source: str, **columns: str) -> None:
    """Insert copies of the only row there is, with other values in these columns."""
    names = [field.column for field in model._meta.concrete_fields if not (field.primary_key or field.generated)]
    values = [columns.get(name, f"the_one.{name}") for name in names]
    table = model._meta.db_table
    statement = f"INSERT INTO {table} ({', '.join(names)}) SELECT {', '.join(values)} FROM {table} AS the_one, {source}"
    execute(statement, {})


def sent() -> int:
    return Message.objects.filter(state=State.SENT).count()


def waiting() -> int:
    return Unsettled.objects.exclude(lane="").count()


# Processes -----------------------------------------------------------------------------------------------------------


class Stage:
    """The processes that run during the whole benchmark: the provider, and the yardstick's Celery worker, which is
    paused between its turns."""

    def __enter__(self) -> Stage:
        with ExitStack() as exits:
            self.url, self.provider = exits.enter_context(provided())
            # Prefetches four tasks a process, unlike the product.
            options = ("-I", "benchmarks.yardstick", "-Q", "rest", f"-c{PROCESSES}", "--prefetch-multiplier=4")
            self.celery = exits.enter_context(worker("yardstick", *options)).pid
            self.exits = exits.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self.exits.close()

    def ask(self, path: str) -> Any:
        with urllib.request.urlopen(f"{self.url}/{path}") as response:  # noqa: S310  the provider on loopback
            return json.load(response)

    def meter(self, *senders: int) -> Meter:
        broker = {"broker": [redis_process()]} if redis_process() else {}
        return Meter({"sender": senders, "provider": [self.provider], **broker})


@contextmanager
def provided() -> Iterator[tuple[str, int]]:
    """The provider, to which all that is started from here on sends. Yields its address and its process."""
    with started("-m", "benchmarks.provider") as provider:
        os.environ["TELEQ_URL"] = settings.TELEQ_URL = f"http://127.0.0.1:{provider.stdout.readline().strip()}"
        yield settings.TELEQ_URL, provider.pid


@contextmanager
def started(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    process = subprocess.Popen([sys.executable, *arguments], preexec_fn=end_with_parent, **pipes)  # noqa: PLW1509  no threads
    try:
        yield process
    finally:
        process.stdin.close()
        process.terminate()
        process.wait()


@contextmanager
def worker(name: str, *options: str) -> Iterator[subprocess.Popen[str]]:
    """Start a Celery worker and wait until it responds."""
    arguments = ("-A", "teleq", *options, "-n", f"{name}@%h", "--without-gossip", "--without-mingle")
    app_first = [*arguments[:2], "worker", *arguments[2:]]
    with started("-m", "celery", *app_first, "--loglevel=warning") as process:
        while not any(address.startswith(f"{name}@") for reply in app.control.ping() for address in reply):
            assert process.poll() is None, f"the worker {name} has stopped"
        yield process


def redis_process() -> int | None:
    """The broker's process, if it runs on this machine."""
    with redis.Redis.from_url(settings.CELERY_BROKER_URL) as client:
        pid: int = client.info("server")["process_id"]
    return pid if os.path.exists(f"/proc/{pid}") else None


# Ways of sending -----------------------------------------------------------------------------------------------------


def by_senders(stage: Stage, way: Way, kind: str) -> Run:
    """Send with processes that begin at the same moment."""
    with ExitStack() as exits:
        arguments = ("-m", "benchmarks.senders", kind, str(way.messages // way.processes))
        senders = [exits.enter_context(started(*arguments)) for _ in range(way.processes)]
        for sender in senders:
            assert sender.stdout.readline() == "ready\n"
        meter = stage.meter(*(sender.pid for sender in senders))
        start = time.time()
        for sender in senders:
            sender.stdin.write("go\n")
            sender.stdin.flush()
        ends = [json.loads(sender.stdout.readline())["ended"] for sender in senders]
        cpu, peak = meter.cpu(), max(peak_memory(sender.pid) for sender in senders)
    return Run(posts(stage, kind), max(ends) - start, cpu, peak)


def posts(stage: Stage, kind: str) -> int:
    """How many messages the provider has received; where nothing is posted, how many are recorded as sent."""
    if kind == "claim":
        return sent()
    count: int = stage.ask("count")["count"]
    assert kind in CLIENTS or count == sent(), "posts and records differ"
    return count


def by_tasks(stage: Stage, way: Way, task: Any) -> Run:
    """Send with a Celery task per message. They are published before the worker begins to read their queue."""
    with redis.Redis.from_url(settings.CELERY_BROKER_URL) as broker:
        broker.delete("yardstick")  # left by a run that was interrupted
    for arguments in Message.objects.order_by("id").values_list("id") if waiting() else [()] * way.messages:
        task.apply_async(args=arguments, queue="yardstick")
    pids = family(stage.celery)
    meter = stage.meter(*pids)
    start = time.time()
    app.control.add_consumer("yardstick", reply=True)
    with redis.Redis.from_url(settings.CELERY_BROKER_URL) as broker:
        while broker.llen("yardstick") or waiting():
            time.sleep(0.02)
    seconds, cpu = time.time() - start, meter.cpu()
    app.control.cancel_consumer("yardstick", reply=True)
    return Run(sent() or way.messages, seconds, cpu, max(map(peak_memory, pids)))


CLIENTS = ("libcurl", "aiohttp")
"""What posts alone, without messages in the database."""
WAYS = {
    "libcurl": Way("libcurl alone", "libcurl", 30_000),
    "aiohttp": Way("aiohttp alone", "aiohttp", 30_000),
    "claim": Way("claim and record alone", "claim", 30_000),
    "gateway": Way("the gateway", "gateway", 30_000),
    "no guard": Way("the gateway, guard off", "gateway", 30_000, guard=False),
    "task": Way("a task per message", yardstick.send, 800),
    "nothing": Way("a task that does nothing", yardstick.nothing, 2_000),
    "libcurl 50": Way("libcurl alone, 50 ms", "libcurl", 10_000, delay=0.05),
    "aiohttp 50": Way("aiohttp alone, 50 ms", "aiohttp", 10_000, delay=0.05),
    "gateway 50": Way("the gateway, 50 ms", "gateway", 10_000, delay=0.05),
    "task 50": Way("a task per message, 50 ms", yardstick.send, 120, delay=0.05),
}


SCALE = {
    str(count): Way(f"the gateway, {count} process{'es' * (count > 1)}", "gateway", 30_000, processes=count)
    for count in (1, 2, 4, 8)
}


def measure(stage: Stage, way: Way) -> Run:
    fill(way.messages if way.how not in (*CLIENTS, yardstick.nothing) else 0)
    set_guard("ENABLE" if way.guard else "DISABLE")
    stage.ask(f"delay/{way.delay}")
    [[written_before]], moved_before = read(WRITTEN), moved()
    try:
        run = by_senders(stage, way, way.how) if isinstance(way.how, str) else by_tasks(stage, way, way.how)
    finally:
        set_guard("ENABLE")
    [[written]] = read(WRITTEN)
    time.sleep(1)  # PostgreSQL adds up what a connection has done when it has ended
    updates, hot = (now - before for now, before in zip(moved(), moved_before, strict=True))
    return replace(run, wal=float(written - written_before), hot=hot / updates if updates else None)


def set_guard(switch: str) -> None:
    """Turn the guard's own triggers on or off: without the others a claim would find the same messages for ever."""
    for trigger in guard.TRIGGERS:
        execute(f"ALTER TABLE sms_message {switch} TRIGGER {trigger.get_pgid(Message)}")


WRITTEN = "SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')"


def moved() -> tuple[int, int]:
    """How many updates of messages there have been, and how many of them wrote no index (HOT)."""
    [row] = read("SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables WHERE relname = 'sms_message'")
    return row


def typical(runs: Sequence[Run]) -> Run:
    """The run with the median rate."""
    return sorted(runs, key=lambda run: run.rate)[len(runs) // 2]


# Manual messages -----------------------------------------------------------------------------------------------------

APART = 0.05
"""Seconds from one press to the next."""


@dataclass(frozen=True)
class Latency:
    """Milliseconds from the press to the provider."""

    p50: float
    p99: float
    bulk_left: int = 0

    @classmethod
    def of(cls, seconds: Sequence[float], bulk_left: int = 0) -> Latency:
        cuts = quantiles(seconds, n=100)
        return cls(1000 * cuts[49], 1000 * cuts[98], bulk_left)


def manual_messages(stage: Stage, nurse: User, presses: int, bulk: int, progress: Progress) -> tuple[Latency, Latency]:
    """Time manual messages with real workers, woken through the real broker."""
    with ExitStack() as exits:
        for name, queues in WORKERS.items():
            exits.enter_context(worker(name, "-Q", queues, "--concurrency=1"))
        stage.ask("delay/0")
        progress.step("manual messages, nothing else under way")
        fill(0)
        idle = press(stage, nurse, presses)
        progress.step(f"manual messages with {bulk:,} bulk messages under way")
        fill(bulk)
        return idle, press(stage, nurse, presses)


def press(stage: Stage, nurse: User, presses: int) -> Latency:
    case = Case.objects.create(
        queue=Queue.objects.earliest("id"), phone_number=FIRST_NUMBER, callback_at=database_now() + timedelta(hours=1)
    )
    pressed = {}
    for n in range(presses + 5):  # the first five to warm up
        text = f"press:{case.pk}:{n}"
        pressed[text] = time.time()
        message = callbacks.send_sms(case, text, token=str(n), shown=FIRST_NUMBER, by=nurse)
        assert message.state != State.REFUSED
        time.sleep(max(0.0, pressed[text] + APART - time.time()))
    left = Unsettled.objects.filter(lane=Lane.BULK, sending_since=None).count()
    while Unsettled.objects.filter(lane=Lane.MANUAL).exists():
        time.sleep(0.05)
    arrived = stage.ask("presses")["presses"]
    return Latency.of([arrived[text] - at for text, at in list(pressed.items())[5:]], left)


# The long run --------------------------------------------------------------------------------------------------------


def long_run(stage: Stage, messages: int) -> None:
    """Send a million messages, and note the senders' memory and speed all the while."""
    print(f"filling in {messages:,} messages ...", flush=True)
    fill(messages)
    stage.ask("delay/0")
    minutes, speeds, memories = [], [], []
    with ExitStack() as exits:
        senders = [exits.enter_context(started("-m", "benchmarks.senders", "gateway", "0")) for _ in range(PROCESSES)]
        for sender in senders:
            sender.stdout.readline()
            sender.stdin.write("go\n")
            sender.stdin.flush()
        start, before, left = time.time(), 0, 1
        while left:
            time.sleep(5)
            left = waiting()
            count = stage.ask("count")["count"]
            minutes.append(f"{(time.time() - start) / 60:.1f}")
            speeds.append((count - before) / 5)
            memories.append(max(memory(sender.pid) for sender in senders) / MiB)
            before = count
            print(f"{minutes[-1]:>5} min  {count:10,} posts {speeds[-1]:8,.0f}/s {memories[-1]:6.1f} MiB", flush=True)
    steady = memories[len(memories) // 10 :]
    print(f"\nmemory, from a tenth of the way to the end: {steady[0]:.1f} MiB to {steady[-1]:.1f} MiB")
    print(
        write(
            "gateway-long",
            Lines("Messages a second, by the minute", minutes[:-1], {"the gateway": speeds[:-1]}, "/s"),
            Lines("Memory of a sender, by the minute", minutes, {"the gateway": memories}, "MiB"),
        )
    )


# The table -----------------------------------------------------------------------------------------------------------


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3, help="of which the run in the middle counts (3)")
    parser.add_argument("--presses", type=int, default=200, help="manual messages, idle and again with bulk (200)")
    parser.add_argument("--only", nargs="+", choices=WAYS, metavar="WAY", help=f"of: {', '.join(WAYS)}")
    parser.add_argument("--scale", action="store_true", help="the gateway with 1, 2, 4 and 8 processes instead")
    parser.add_argument("--long", type=int, nargs="?", const=1_000_000, metavar="MESSAGES", help="the long run instead")
    options = parser.parse_args()
    nurse = build_town()
    keep_what_stays_out_of_garbage_collections()  # as the web does, for which this process stands at a press
    with Stage() as stage:
        if options.long:
            long_run(stage, options.long)
        else:
            compare(stage, nurse, options)


def compare(stage: Stage, nurse: User, options: argparse.Namespace) -> None:
    ways = SCALE if options.scale else {key: way for key, way in WAYS.items() if key in (options.only or WAYS)}
    whole = not (options.only or options.scale)
    progress = Progress(options.rounds * len(ways) + 2 * whole)
    runs: dict[str, list[Run]] = {key: [] for key in ways}
    for turn in range(options.rounds):
        for key, way in ways.items():
            progress.step(f"round {turn + 1}: {way.name}")
            runs[key].append(measure(stage, way))
    results = {key: typical(runs[key]) for key in ways}
    print_results(ways, results)
    if whole:
        latencies = manual_messages(stage, nurse, options.presses, 100_000, progress)
        print_reach(results, *latencies)
        print(f"\n{plot(results, *latencies)}")
    progress.finish()


def print_results(ways: Mapping[str, Way], results: Mapping[str, Run]) -> None:
    print(f"{machine()}\n")
    print(
        "| way of sending | posts/s | CPU a post | sender | PostgreSQL | provider | broker | peak memory | WAL | HOT |"
    )
    print("|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|")
    for key, run in results.items():
        kinds = [f"{run.cpu_per_post(kind):,.0f}" for kind in ("sender", "PostgreSQL", "provider", "broker")]
        cells = [
            ways[key].name,
            f"{run.rate:,.0f}",
            f"{run.cpu_per_post():,.0f} µs",
            *kinds,
            f"{run.peak / MiB:.0f} MiB",
            f"{run.wal / run.posts:,.0f} B",
            "" if run.hot is None else f"{run.hot:.0%}",
        ]
        print(f"| {' | '.join(cells)} |")


def print_reach(results: Mapping[str, Run], idle: Latency, busy: Latency) -> None:
    alone, gateway_run, no_guard = results["libcurl"], results["gateway"], results["no guard"]
    ceiling = 1e6 * CORES / (alone.cpu_per_post() + results["claim"].cpu_per_post())
    with_guard, without = (run.cpu_per_post("sender", "PostgreSQL") for run in (gateway_run, no_guard))
    print(f"\ncombined ceiling: {ceiling:,.0f} posts/s")
    print("\n| what | measured | reach | holds |\n|---|--:|--:|---|")
    for what, value, sign, reach, unit in (
        ("gateway / combined ceiling", gateway_run.rate / ceiling, ">=", 0.90, ""),
        ("gateway / a task per message", gateway_run.rate / results["task"].rate, ">=", 50, ""),
        ("gateway / libcurl alone, 50 ms", results["gateway 50"].rate / results["libcurl 50"].rate, ">=", 0.85, ""),
        ("the guard's share of the gateway's CPU", 1 - without / with_guard, "<=", 0.10, ""),
        ("HOT", gateway_run.hot or 0.0, ">=", 0.90, ""),
        ("manual, idle: p50", idle.p50, "<=", 50, " ms"),
        ("manual, idle: p99", idle.p99, "<=", 150, " ms"),
        ("manual, bulk under way: p50", busy.p50, "<=", 50, " ms"),
        ("manual, bulk under way: p99", busy.p99, "<=", 150, " ms"),
    ):
        holds = value >= reach if sign == ">=" else value <= reach
        print(f"| {what} | {number(value)}{unit} | {sign} {reach}{unit} | {'yes' if holds else 'NO'} |")
    print(f"\nmanual, with bulk / idle: p50 {busy.p50 / idle.p50:.1f}, p99 {busy.p99 / idle.p99:.1f};", end=" ")
    print(f"{busy.bulk_left:,} bulk messages were left after the last press")


def plot(results: Mapping[str, Run], idle: Latency, busy: Latency) -> Path:
    def bars(title: str, *keys: str) -> Bars:
        return Bars(title, {WAYS[key].name: results[key].rate for key in keys}, "/s")

    return write(
        "gateway",
        bars("Posts a second, provider that answers at once", *CLIENTS, "claim", "gateway", "nothing", "task"),
        bars("Posts a second, provider that takes 50 ms", "libcurl 50", "aiohttp 50", "gateway 50", "task 50"),
        Bars(
            "From a nurse's press to the provider",
            {"idle, p50": idle.p50, "idle, p99": idle.p99, "with bulk, p50": busy.p50, "with bulk, p99": busy.p99},
            "ms",
        ),
    )


if __name__ == "__main__":
    main()
