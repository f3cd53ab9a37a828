"""How fast lapsed answers and their history are removed: `benchmarks/run retention [--full]`.

From a million answers, with `--full` from ten million: the night's own batches, one after another, till so many rows
are gone. Each statement is timed, as the longest is how long a claim may have to wait. The figures are in
docs/performance.md.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from datetime import datetime, timedelta

import django

django.setup()

from benchmarks.at_size import execute, machine, ms, p99, read, timed_statements
from benchmarks.consent import FULL, SIZES, fill
from consent import retention
from sms.retention import decided
from teleq.clock import database_now

LAPSED = 200_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--full", action="store_true", help="from 10 million answers: some minutes more")
    options = parser.parse_args()
    size = FULL if options.full else SIZES[-1]
    print(f"filling a database with {size:,} answers ...", flush=True)
    fill(size, messages=100_000)
    execute("VACUUM ANALYZE")
    execute("CHECKPOINT")
    at = when_so_many_have_lapsed()
    print(machine())
    print(f"\n| what, of {size:,} | rows | rows/s | statement, p99 | longest |\n|---|---:|---:|---:|---:|")
    report("answers", lambda: retention.remove_lapsed(at))
    report("events of the answers", lambda: retention.remove_lapsed_events(at, decided()))


def when_so_many_have_lapsed() -> datetime:
    [(at,)] = read("SELECT valid_until FROM consent_consent ORDER BY valid_until OFFSET %s LIMIT 1", LAPSED)
    assert isinstance(at, datetime)
    assert at > database_now() + timedelta(days=1)
    return at


def report(what: str, batch: Callable[[], int]) -> None:
    removed = 0
    with timed_statements() as statements:
        start = time.perf_counter()
        while count := batch():
            removed += count
        seconds = time.perf_counter() - start
    print(f"| {what} | {removed:,} | {removed / seconds:,.0f} | {ms(p99(statements))} | {ms(max(statements))} |")


if __name__ == "__main__":
    main()
