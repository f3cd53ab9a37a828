"""How fast due reminders become messages: `benchmarks/run reminders`. The figures are in docs/performance.md.

For 1,000, 10,000 and 100,000 due reminders: `remind_all_due()`, and in turn with it a bare
`Message.objects.bulk_create` of as many rows that are ready made. Each run is a process of its own, on emptied tables;
peak memory is that process's. Last an idle sweep: again, with every callback reminded of.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from datetime import timedelta
from statistics import median

import django

django.setup()

from django.db import connection

from administration import queues
from cases import automatic_sms
from sms.models import Kind, Message
from teleq.clock import database_now
from teleq.models import CareProvider, OutgoingSms, Queue

SIZES = (1_000, 10_000, 100_000)
QUEUES = 100
TEXT = "Påminnelse: vi ringer upp dig torsdag 26 november kl. 10.30. Häls. VC Spindeln"
DUE_CASES = """
    INSERT INTO cases_case (queue_id, name, reason, interpreter_language, speak_with, phone_number, a_number,
                            personal_identity_number, callback_at, booking, booked_at, attempts, priority, status,
                            outcome, wrong_number, created_at)
    SELECT (%(queues)s::bigint[])[1 + n %% cardinality(%(queues)s)], '', '', '', '', number, number, '191212121212',
           date_trunc('minute', now()) + make_interval(mins => 15 + n %% 45), 1, now() - interval '1 day', 0, 2,
           'waiting', '', false, now() - interval '1 day'
    FROM generate_series(1, %(size)s) AS n, format('+46701740%%s', 605 + n %% 95) AS number
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="runs of each kind, of which the median counts (5)")
    parser.add_argument("--measure", nargs=2, metavar=("KIND", "SIZE"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        kind, size = options.measure
        print(json.dumps(MEASURED[kind](int(size))))
    else:
        compare(options.rounds)


def compare(rounds: int) -> None:
    print(f"{os.cpu_count()} processors, PostgreSQL {connection.pg_version // 10000}, median of {rounds} rounds\n")
    print("reminders   seconds   rows/s   bare bulk_create   ratio   peak memory   idle sweep")
    peaks = {}
    for size in SIZES:
        reminding, bare = [], []
        for _ in range(rounds):
            reminding.append(in_own_process("remind", size))
            bare.append(in_own_process("bare", size))
        seconds, idle, peaks[size] = (median(run[name] for run in reminding) for name in ("seconds", "idle", "peak"))
        bare_seconds = median(run["seconds"] for run in bare)
        print(
            f"{size:9,} {seconds:7.2f} s {size / seconds:8,.0f} {bare_seconds:16.2f} s {seconds / bare_seconds:7.2f}"
            f" {peaks[size] / 1024:10.0f} MiB {idle * 1000:9.0f} ms"
        )
    growth = peaks[SIZES[-1]] / peaks[SIZES[-2]] - 1
    print(f"\nmemory from {SIZES[-2]:,} to {SIZES[-1]:,}: {growth:+.1%}")


def in_own_process(kind: str, size: int) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.reminders", "--measure", kind, str(size)]
    result: dict[str, float] = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    return result


def remind(size: int) -> dict[str, float]:
    queues = fresh_queues()
    with connection.cursor() as cursor:
        cursor.execute(DUE_CASES, {"queues": [queue.pk for queue in queues], "size": size})
        cursor.execute("ANALYZE")
    seconds = timed(automatic_sms.remind_all_due)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # KiB on Linux
    assert Message.objects.count() == size
    idle = timed(automatic_sms.remind_all_due)
    assert Message.objects.count() == size
    return {"seconds": seconds, "idle": idle, "peak": peak}


def bare(size: int) -> dict[str, float]:
    queues = fresh_queues()
    at = database_now()
    messages = [
        Message(
            key=f"reminder:{number}:1",
            kind=Kind.REMINDER,
            queue_id=queues[number % QUEUES].pk,
            to_number=f"+46701740{605 + number % 95}",
            text=TEXT,
            created_at=at,
            state_at=at,
            due_at=at,
            send_before=at + timedelta(hours=1),
        )
        for number in range(size)
    ]
    return {"seconds": timed(lambda: Message.objects.bulk_create(messages, batch_size=1000))}


MEASURED = {"remind": remind, "bare": bare}


def fresh_queues() -> list[Queue]:
    """Empty the tables and make new queues."""
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE cases_case, sms_message, sms_unsettled, teleq_queue RESTART IDENTITY CASCADE")
    provider, _ = CareProvider.objects.get_or_create(name="Vårdgivare")
    queues = [
        queues.create_queue(
            Queue(care_provider=provider, unit="VC Spindeln", name=f"Kö {number}", phone_number="+46846500400")
        )
        for number in range(QUEUES)
    ]
    OutgoingSms.objects.update(reminder_on=True)
    return queues


def timed(act) -> float:
    start = time.perf_counter()
    act()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
