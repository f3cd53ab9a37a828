"""Faults in teleQ itself, or in what it can't see: the table has to tell, each in its column."""

from __future__ import annotations

import time
from collections.abc import Generator
from contextlib import suppress

from django.db import DatabaseError

from benchmarks.faults import town
from benchmarks.faults.faults import Fault
from benchmarks.faults.scene import BULK, Scene
from benchmarks.faults.sink import LIES, TAKES
from benchmarks.gateway import set_guard


def takes_and_says_no(scene: Scene) -> Generator[None, None, None]:
    scene.start_workers()
    yield
    given = len(scene.sink.posts)
    scene.sink.way = LIES
    time.sleep(3)
    scene.sink.way = TAKES
    scene.show(f"{len(scene.sink.posts) - given} taken so")
    yield


def claims_without_locks(scene: Scene) -> Generator[None, None, None]:
    scene.start_workers()
    worker = scene.workers[BULK]
    worker.kill()
    worker.arguments = ("worker", "-I", "benchmarks.faults.without_locks", *worker.arguments[1:])
    worker.start()
    set_guard("DISABLE")
    try:
        yield
        end = time.monotonic() + scene.lasts
        while time.monotonic() < end:
            for answer in (town.all_say_nej, town.ask_anew):
                with suppress(DatabaseError):  # a deadlock with a nurse or the other worker, who take locks
                    answer()
                time.sleep(0.5)
        scene.show("everybody said Nej each second, and half a second later again what they had said before")
        yield
    finally:
        set_guard("ENABLE")


def loses_what_it_took(scene: Scene) -> Generator[None, None, None]:
    """The provider has forgotten some: as if they had been noted as sent without having been."""
    scene.start_workers()
    yield
    time.sleep(1)
    yield
    kept = [post for place, post in enumerate(scene.sink.posts) if place % 100]
    scene.show(f"{len(scene.sink.posts) - len(kept)} taken out")
    scene.sink.posts[:] = kept


CONTROLS = [
    Fault("control-doubled", "control: the provider takes messages and says 503", 3, takes_and_says_no, "doubled"),
    Fault("control-after-nej", "control: a claim without locks, and no guard", 20, claims_without_locks, "after_nej"),
    Fault("control-lost", "control: each hundredth is missing in the provider's log", 1, loses_what_it_took, "lost"),
]
