"""Redis away for long: `benchmarks/run broker_away --minutes 10`. docs/operate/hosts.md has the figures.

The product runs as bin/run starts it, on servers of its own. A telephone system books callbacks and two nurses press
Skicka SMS, once a second each. After a while Valkey is killed; when the time is over it is started again.
"""

from __future__ import annotations

import argparse
import os
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from statistics import median

import django

django.setup()

import psutil
import requests
from django.utils import timezone

from benchmarks.at_size import machine, read
from benchmarks.servers import Server, the_broker
from local.servers import RETENTION, WEB, WORKER
from local.supervisor import WORKERS
from sms.models import Unsettled
from teleq.clock import database_now
from tests.concurrency import wait_until
from tests.database_roles import address_as
from tests.hosts import Host, answers
from tests.race.provider import Provider, opened
from tests.race.town import NUMBERS
from tests.upgrade.load import Balancer, Load
from tests.upgrade.test_next_release import BY_HAND, a_town

SAMPLED_EACH = 5.0
AT_ONCE = 2.0
"""Seconds within which a message is claimed as long as all is well."""


@dataclass
class TimedLoad(Load):
    took: list[tuple[str, float, float]] = field(default_factory=list)
    """What was asked, when, and for how many seconds."""

    def _asked(self, what: str, *arguments: object, **said: object) -> requests.Response:
        began = time.time()
        response = super()._asked(what, *arguments, **said)  # type: ignore[arg-type]
        self.took.append((what, began, time.time() - began))
        return response


@dataclass
class Usage:
    """Memory and processor time of what was started, each with its children."""

    at: float
    memory: dict[str, int]
    seconds: dict[str, float]


def usage(host: Host) -> Usage:
    memory: dict[str, int] = {}
    seconds: dict[str, float] = {}
    for name, process in host.processes.items():
        top = psutil.Process(process.pid)
        tree = [top, *top.children(recursive=True)]
        memory[name], seconds[name] = 0, sum(top.cpu_times()[2:4])  # of children that have ended
        for each in tree:
            try:
                memory[name] += each.memory_full_info().pss
                seconds[name] += sum(each.cpu_times()[:2])
            except psutil.NoSuchProcess:
                continue
    return Usage(time.time(), memory, seconds)


@contextmanager
def sampled(host: Host) -> Iterator[list[Usage]]:
    samples: list[Usage] = [usage(host)]
    over = threading.Event()

    def sample() -> None:
        while not over.wait(SAMPLED_EACH):
            samples.append(usage(host))

    thread = threading.Thread(target=sample)
    thread.start()
    try:
        yield samples
    finally:
        over.set()
        thread.join()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10, help="how long it is away (10)")
    parser.add_argument("--around", type=float, default=60, metavar="SECONDS", help="before and after (60)")
    options = parser.parse_args()
    print(f"{machine()}; load {os.getloadavg()[0]:.1f}; Valkey away for {options.minutes:g} minutes\n", flush=True)
    queues, key, cases = a_town()
    with opened(Provider(Random(1))) as provider:
        provider.is_calm = True
        told = {"SMS_PROVIDERS": "kannel", "KANNEL_URL": f"{provider.url}/kannel", "KANNEL_USERNAME": "u"}
        addresses = {role: address_as(role) for role in (WEB, WORKER, RETENTION)}
        host = Host("here", Path.cwd(), addresses, told | {"KANNEL_PASSWORD": "p"})
        patients = iter([(queue.pk, number) for number in NUMBERS if number not in BY_HAND for queue in queues])
        at = (timezone.now() + timedelta(hours=3)).replace(minute=0, second=0, microsecond=0)
        load = TimedLoad(
            Balancer([host.door]), key, patients, at, [case.pk for case in cases], address_as(WORKER), pause=1.0
        )
        broker = the_broker()
        try:
            host.start_web()
            host.start_workers(*WORKERS)
            host.start_beat()
            wait_until(lambda: answers(host), 180)
            times = run(host, load, broker, options.around, options.minutes * 60)
            wait_until(lambda: not Unsettled.objects.exclude(lane="").exists(), 180)
        finally:
            host.kill()
        report(load, provider, *times)


def run(
    host: Host, load: TimedLoad, broker: Server, around: float, seconds: float
) -> tuple[datetime, datetime, list[Usage], list[Usage], list[Usage]]:
    with load.going_on():
        time.sleep(around / 2)  # the first pages are slow
        with sampled(host) as before:
            time.sleep(around)
        broker.kill()
        gone = database_now()
        with sampled(host) as meanwhile:
            time.sleep(seconds)
        broker.start()
        back = database_now()
        with sampled(host) as after:
            time.sleep(around)
    return gone, back, before, meanwhile, after


def report(
    load: TimedLoad,
    provider: Provider,
    gone: datetime,
    back: datetime,
    *samples: list[Usage],
) -> None:
    rows = read(
        "SELECT kind, created_at, extract(epoch FROM claimed_at - created_at)::float, state, id FROM sms_message"
        " ORDER BY created_at"
    )
    posted = Counter(post.message_id for post in provider.posts)
    states = Counter(state for *_, state, _ in rows)
    lost = [
        pk
        for *_, state, pk in rows
        if state in ("queued", "sending", "failed") or not (posted[pk] or state == "unknown")
    ]
    print(f"{len(rows):,} messages, {dict(states)}; lost {len(lost)}, doubled {sum(n > 1 for n in posted.values())}")
    print(f"asked and answered: {dict(load.statuses)}; stumbled: {load.failures}\n")

    print("| accepted | lane | messages | waited, p50 s | p95 | at the most |\n|---|---|--:|--:|--:|--:|")
    for when, begins, ends in (("before", None, gone), ("meanwhile", gone, back), ("after", back, None)):
        waits = defaultdict(list)
        for kind, created, waited, *_ in rows:
            if (begins is None or created >= begins) and (ends is None or created < ends) and waited is not None:
                waits["manual" if kind == "manual" else "bulk"].append(waited)
        for lane, each in sorted(waits.items()):
            print(
                f"| {when} | {lane} | {len(each):,} | {median(each):.1f} | {share(each, 0.95):.1f} | {max(each):.1f} |"
            )

    late = [(created - back).total_seconds() for _, created, waited, *_ in rows if created >= back and waited > AT_ONCE]
    last = (
        f"the last that waited longer than {AT_ONCE:g} s was accepted {max(late):.1f} s after"
        if late
        else "none waited"
    )
    print(f"\nValkey back: {last}\n")

    print("| page | when | asked | p50 ms | p95 | at the most |\n|---|---|--:|--:|--:|--:|")
    for what in sorted({what for what, *_ in load.took}):
        for when, begins, ends in (
            ("before", 0.0, gone.timestamp()),
            ("meanwhile", gone.timestamp(), back.timestamp()),
        ):
            took = [1000 * seconds for asked, at, seconds in load.took if asked == what and begins <= at < ends]
            if took:
                middle, most = f"{median(took):.0f} | {share(took, 0.95):.0f}", f"{max(took):.0f}"
                print(f"| {what} | {when} | {len(took):,} | {middle} | {most} |")

    print("\n| process | when | memory, MB, at the most | processor, s a minute |\n|---|---|--:|--:|")
    for name in samples[0][0].memory:
        for when, each in zip(("before", "meanwhile", "after"), samples, strict=True):
            memory = max(sample.memory[name] for sample in each) / 1e6
            used = (each[-1].seconds[name] - each[0].seconds[name]) / max(1.0, each[-1].at - each[0].at) * 60
            print(f"| {name} | {when} | {memory:.0f} | {used:.1f} |")


def share(values: list[float], of: float) -> float:
    return sorted(values)[min(len(values) - 1, int(of * len(values)))]


if __name__ == "__main__":
    main()
