"""The fault table: `benchmarks/run faults`. docs/faults.md says what its columns mean, and has the figures.

Each fault happens while messages come in three ways and answers change. Then what was left is settled, and the
provider's log is held against PostgreSQL's and against the messages' rows. It has servers of its own, and kills them.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
import traceback
from dataclasses import replace
from operator import attrgetter
from pathlib import Path

import django

django.setup()

from benchmarks.at_size import machine, read
from benchmarks.faults import replay, tally, town
from benchmarks.faults.controls import CONTROLS
from benchmarks.faults.faults import FAULTS, CantBeRun, Fault
from benchmarks.faults.scene import Scene
from benchmarks.faults.sink import Sink
from benchmarks.faults.tally import Row
from tests.race.provider import opened

FULL, QUICK = 50_000, 2_000
RATE = 800
"""Messages a second that come, at most."""
AFTERWARDS = 15
"""Seconds for which messages come after the fault, at least, and before it."""
FIRST = 0.1
"""Of the messages that come before the fault, how many are waited for."""
MINUTES, LONG_ONES = 300, 4
"""How many times the messages of the others one has that lasts for minutes."""

LAST_LINES = 20
HEADS = (
    "fault",
    "messages",
    "lost",
    "doubled",
    "after Nej",
    "unknown",
    "of them received",
    "in flight",
    "first, s",
    "normal, s",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    listed = [*FAULTS, *CONTROLS]
    parser.add_argument("--messages", type=int, default=FULL, help=f"for each fault ({FULL:,}); {QUICK:,} is quick")
    parser.add_argument("--rate", type=int, default=RATE, help=f"how many come a second, at most ({RATE})")
    parser.add_argument(
        "--only",
        action="append",
        default=[],
        metavar="NAME",
        choices=[each.name for each in listed],
        help="this fault only; may be repeated. One of: " + ", ".join(each.name for each in listed),
    )
    parser.add_argument(
        "--at-most", type=float, default=math.inf, metavar="SECONDS", help="that a fault lasts, and what is after it"
    )
    options = parser.parse_args()
    by_name = {each.name: replace(each, seconds=min(each.seconds, options.at_most)) for each in listed}
    chosen = [by_name[name] for name in options.only or map(attrgetter("name"), FAULTS)]
    print(f"{machine()}; {options.messages:,} messages a fault, {options.rate} a second at most\n")
    print_line(HEADS)
    print("|---|" + "--:|" * (len(HEADS) - 1), flush=True)
    for log in Path.cwd().glob("*.log"):  # of an earlier run
        log.unlink()
    town.build()
    rows, stumbled = [], False
    for each in chosen:
        try:
            result = run(each, options.messages, options.rate, min(AFTERWARDS, options.at_most))
        except CantBeRun as why:
            print_line([title(each), f"not run: {why}"])
            continue
        except Exception:
            stumbled = True
            print_line([title(each), "the run itself stumbled"])
            traceback.print_exc()
            print_logs(Path.cwd())
            continue
        rows.append(result)
        print_row(each, result)
    print(f"\n{sum(row.messages for row in rows):,} messages in all")
    sys.exit(stumbled or not all(row.kept for row in rows))


def run(fault: Fault, messages: int, rate: int, afterwards: float) -> Row:
    """One fault, from its setting to what it has done."""
    messages *= LONG_ONES if fault.seconds >= MINUTES else 1
    with opened(Sink()) as sink:
        scene = Scene(sink, messages, max(messages / rate, fault.seconds + 2 * afterwards), fault.seconds)
        scene.first_message = read("SELECT coalesce(max(id), 0) FROM sms_message")[0][0]
        town.ask_anew()
        scene.before = replay.begin()
        act = fault.act(scene)
        try:
            next(act)
            scene.start_load()
            scene.wait_until_sent(int(FIRST * min(messages, rate * afterwards)))
            began = time.time()
            next(act)
            scene.ended = scene.ended or time.time()
            scene.wait_for_load()
            scene.settle()
            scene.gather()
            next(act, None)
            return tally.row(scene.evidence(began))
        finally:
            scene.stop()
            act.close()
            replay.end()


def title(fault: Fault) -> str:
    return fault.what.format(seconds=fault.seconds)


def print_row(fault: Fault, row: Row) -> None:
    counts = (row.messages, row.lost, row.doubled, row.after_nej, row.unknown, row.unknown_received, row.in_flight)
    times = ("–" if seconds is None else f"{seconds:.1f}" for seconds in (row.first, row.normal))
    print_line([title(fault), *(f"{count:,}" for count in counts), *times])
    print(f"  {fault.name}: {dict(row.states)}", file=sys.stderr)
    for example in row.examples:
        print(f"  {example}", file=sys.stderr, flush=True)


def print_logs(folder: Path) -> None:
    """What workers and those at work said last, where the run itself has stumbled."""
    for log in sorted(folder.glob("*.log")):
        print(f"{log.name} ends:", *log.read_text().splitlines()[-LAST_LINES:], sep="\n", file=sys.stderr)


def print_line(cells: list[str] | tuple[str, ...]) -> None:
    print("| " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
