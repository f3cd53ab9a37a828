"""How fast lapsed answers and their history are removed: `benchmarks/run retention [--full]`.

From a million answers, with `--full` from ten million: the night's own batches, one after another, till so many rows
are gone. Each statement is timed, as the longest is how long a claim may have to wait. The figures are in
docs/performance.md.
"""

from __future__ import annotations

import argparse
import time
from datetime import timedelta

import django

django.setup()


from administration import retention
from administration.totals import DAY, SETTLES
from benchmarks.at_size import execute, machine, ms, p99, timed_statements
from benchmarks.consent import FULL, SIZES, fill

LAPSED = 200_000
A_YEAR = timedelta(minutes=590_000)
"""In which `fill` lets answers lapse, evenly."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--full", action="store_true", help="from 10 million answers: some minutes more")
    options = parser.parse_args()
    size = FULL if options.full else SIZES[-1]
    print(f"filling a database with {size:,} answers ...", flush=True)
    lapsed_for = LAPSED / size * A_YEAR + SETTLES + 2 * DAY
    fill(size, messages=100_000, begins=-lapsed_for)
    execute("VACUUM ANALYZE")
    execute("CHECKPOINT")
    print(machine())
    print(f"\n| what, of {size:,} | rows | rows/s | statement, p99 | longest |\n|---|---:|---:|---:|---:|")
    report("answers", retention.KINDS["svar"])
    report("events of the answers", retention.KINDS["händelser"])


def report(what: str, kind: str) -> None:
    removed = 0
    with timed_statements() as statements:
        start = time.perf_counter()
        while removed < LAPSED and (count := retention.remove_batch(kind)):
            removed += count
        seconds = time.perf_counter() - start
    print(f"| {what} | {removed:,} | {removed / seconds:,.0f} | {ms(p99(statements))} | {ms(max(statements))} |")


if __name__ == "__main__":
    main()
