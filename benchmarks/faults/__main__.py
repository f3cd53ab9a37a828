"""The fault table: `benchmarks/run faults`. docs/faults.md says what its columns mean, and has the figures.

Each fault happens while messages come in three ways and answers change. Then what was left is settled, and the
provider's log is held against PostgreSQL's and against the messages' rows. It has servers of its own, and kills them.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
import time
import traceback
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import django

django.setup()

from benchmarks.at_size import machine, read
from benchmarks.faults import replay, tally, town
from benchmarks.faults.controls import CONTROLS
from benchmarks.faults.faults import FAULTS, CantBeRun, Fault
from benchmarks.faults.scene import Crowd, Scene
from benchmarks.faults.sink import Sink
from benchmarks.faults.tally import Row
from tests.race.provider import opened

RATE = 500
"""Messages a second that come."""
AFTERWARDS = 15
"""Seconds for which messages come after the fault, at least, and before it."""
FIRST = 0.3
"""Of the messages that come before the fault, how many are waited for."""
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
    "seen of it",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    listed = [*FAULTS, *CONTROLS]
    parser.add_argument("--rate", type=int, default=RATE, help=f"how many messages come a second ({RATE})")
    parser.add_argument("--messages", type=float, default=math.inf, help="for each fault, at most; 2000 is quick")
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
    chosen = [by_name[name] for name in options.only or by_name]
    print(f"{machine()}; {options.rate} messages a second, {options.messages:,} a fault at most\n")
    print_line(HEADS)
    print("|---|" + "--:|" * (len(HEADS) - 2) + "---|", flush=True)
    for log in Path.cwd().glob("*.log"):  # of an earlier run
        log.unlink()
    town.build()
    crowd = Crowd()
    messages, stumbled = 0, False
    for each in chosen:
        try:
            result = run(each, crowd, options.messages, options.rate, min(AFTERWARDS, options.at_most))
        except CantBeRun as why:
            print_line([title(each), f"not run: {why}"])
            continue
        except Exception:
            stumbled = True
            print_line([title(each), "the run itself stumbled"])
            traceback.print_exc()
            print_logs(Path.cwd())
            crowd.end()  # whatever it is in the middle of
            crowd = Crowd()
            continue
        messages += result.messages
        stumbled |= not is_as_it_should_be(each, result)
        print_row(each, result)
    crowd.end()
    print(f"\n{messages:,} messages in all")
    sys.exit(stumbled)


def is_as_it_should_be(fault: Fault, row: Row) -> bool:
    """Nothing lost, doubled or sent after a Nej, and recovered; or a control, which tells."""
    return bool(getattr(row, fault.tells)) if fault.tells else row.kept and row.has_recovered


def run(fault: Fault, crowd: Crowd, most: float, rate: int, afterwards: float) -> Row:
    """One fault, from its setting to what it has done."""
    seconds = fault.seconds + 2 * afterwards
    messages = int(min(most, rate * seconds))
    with opened(Sink()) as sink:
        scene = Scene(sink, crowd, messages, seconds, fault.seconds)
        town.empty()
        scene.first_message = read("SELECT coalesce(max(id), 0) FROM sms_message")[0][0]
        town.ask_anew()
        scene.before = replay.begin()
        act = fault.act(scene)
        try:
            next(act)
            scene.wait_until_ready()
            scene.start_load()
            scene.wait_until_sent(int(FIRST * messages * afterwards / seconds))
            began = time.time()
            next(act)
            scene.ended = scene.ended or time.time()
            scene.wait_for_recovery()
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
    print_line([title(fault), *(f"{count:,}" for count in counts), *times, "; ".join(in_words(row.shown))])
    load = " ".join(f"{each:.1f}" for each in os.getloadavg())
    print(f"  {fault.name}: {dict(row.states)}, at {datetime.now(UTC):%H:%M:%S} UTC, load {load}", file=sys.stderr)
    for example in row.examples:
        print(f"  {example}", file=sys.stderr, flush=True)


def in_words(shown: Sequence[str]) -> Iterator[str]:
    """What was seen several times is told once."""
    for what, times in Counter(shown).items():
        yield what if times == 1 else f"{what}, {times} times"


def print_logs(folder: Path) -> None:
    """What workers and those at work said last, where the run itself has stumbled."""
    for log in sorted(folder.glob("*.log")):
        print(f"{log.name} ends:", *log.read_text().splitlines()[-LAST_LINES:], sep="\n", file=sys.stderr)


def print_line(cells: list[str] | tuple[str, ...]) -> None:
    print("| " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
