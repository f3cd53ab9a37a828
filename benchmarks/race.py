"""Runs the race, everybody at once on a few numbers, and checks it: `benchmarks/run race --minutes 10`.

docs/race.md says what it does and looks for. It goes in rounds of a minute, each with a seed of its own and on empty
tables, and stops at the first round that finds something.
"""

from __future__ import annotations

import argparse
import secrets
import sys
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import django

django.setup()

from django.core.management import call_command

from local.servers import WORKER
from tests.database_roles import address_as, past_the_triggers
from tests.pgbouncer import SAID, pooled
from tests.race.run import race

ROUND = 60.0
SHOWN = 20
CONNECTIONS = 4
"""PgBouncer's own: fewer than there are processes."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=1, help="how long in all (1)")
    parser.add_argument("--seed", default=secrets.token_hex(4), help="rolls the dice as in another run")
    parser.add_argument("--pgbouncer", action="store_true", help="through a PgBouncer in transaction mode")
    options = parser.parse_args()
    with ExitStack() as stack:
        database = ""
        if options.pgbouncer:
            folder = Path(stack.enter_context(TemporaryDirectory()))
            database = stack.enter_context(pooled(address_as(WORKER), folder, CONNECTIONS)) + SAID
        sys.exit(run(options.seed, options.minutes, database))


def run(first: str, minutes: float, database: str) -> bool:
    """Whether anything was found."""
    total: Counter[str] = Counter()
    left, number = minutes * 60, 0
    while left > 0:
        seed, began = f"{first}-{number}", time.monotonic()
        result = race(seed, min(left, ROUND), database)
        left, number = left - ROUND, number + 1
        total.update(result.counts)
        print(f"seed {seed}: {len(result.violations)} violations, {time.monotonic() - began:.0f} s", flush=True)
        if result.violations:
            print(*result.violations[:SHOWN], sep="\n")
            break
        with past_the_triggers():  # the histories are emptied too
            call_command("flush", interactive=False, verbosity=0)
    print()
    for name, count in total.items():
        print(f"{name:40} {count:10,}")
    print(f"\n{'violations':40} {len(result.violations):10,}")
    return bool(result.violations)


if __name__ == "__main__":
    main()
