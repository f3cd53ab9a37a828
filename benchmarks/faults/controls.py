"""Faults in teleQ itself, or in what it can't see: the table has to tell. Run when asked for by name."""

from __future__ import annotations

import time
from collections.abc import Generator
from dataclasses import replace

from benchmarks.faults.faults import Fault
from benchmarks.faults.scene import BULK, Scene
from benchmarks.faults.sink import LIES, TAKES
from benchmarks.gateway import set_guard


def takes_and_says_it_did_not(scene: Scene) -> Generator[None, None, None]:
    scene.start_workers()
    yield
    scene.sink.way = LIES
    time.sleep(3)
    scene.sink.way = TAKES
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
        time.sleep(20)
        yield
    finally:
        set_guard("ENABLE")


def loses_what_it_took(scene: Scene) -> Generator[None, None, None]:
    """The provider has forgotten some: as if they had been noted as sent without having been."""
    scene.start_workers()
    yield
    time.sleep(1)
    yield
    scene.sink.posts[:] = [replace(post) for place, post in enumerate(scene.sink.posts) if place % 100]


CONTROLS = [
    Fault("control-doubled", "control: the provider takes messages and says 503", 3, takes_and_says_it_did_not),
    Fault("control-after-nej", "control: a claim without locks, and no guard", 20, claims_without_locks),
    Fault("control-lost", "control: each hundredth is missing in the provider's log", 1, loses_what_it_took),
]
