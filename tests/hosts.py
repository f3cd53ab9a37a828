"""Hosts of the product's: web, workers and beat as bin/run starts them, each host's beside those of the others.

A host may be in a network namespace of its own and have a clock of its own. PostgreSQL, Valkey and the provider are on
this machine.
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import libfaketime

from local.servers import RETENTION, WEB, WORKER, end_with_parent, free_port
from local.supervisor import beat_command, web_command, worker_command
from tests.database_roles import address_as
from tests.network import Cable


@dataclass
class Host:
    name: str
    folder: Path
    """Where its logs are."""
    addresses: Mapping[str, str]
    """The database's, for each role."""
    environment: Mapping[str, str]
    within: Sequence[str] = ()
    """What each command is started by."""
    laid: Cable | None = None
    """The cable that leads to it, where it is in a namespace of its own."""
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        port = free_port()
        self._bind = f"{self.laid.there if self.laid else '127.0.0.1'}:{port}"
        self.door = self.laid.reached(port) if self.laid else port
        """The port on loopback here by which its web is reached."""

    def start_web(self) -> None:
        self._start("web", WEB, web_command(self._bind))

    def start_workers(self, *names: str) -> None:
        for name in names:
            self._start(name, RETENTION if name == "retention" else WORKER, worker_command(name))

    def start_beat(self) -> None:
        self._start("beat", WORKER, beat_command(str(self.folder / f"{self.name}.schedule")))

    def _start(self, name: str, role: str, command: Sequence[str]) -> None:
        with self.log(name).open("ab") as log:
            self.processes[name] = subprocess.Popen(
                [*self.within, *command],
                cwd=self.folder,
                env=os.environ | {"DATABASE_URL": self.addresses[role]} | self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=end_with_parent,  # noqa: PLW1509  what it calls takes no lock
                start_new_session=True,
            )

    def kill(self) -> None:
        """All of it at once, as by a power cut."""
        for process in self.processes.values():
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
        for process in self.processes.values():
            process.wait()
        self.processes.clear()

    def log(self, name: str) -> Path:
        return self.folder / f"{self.name}-{name}.log"


NAMED = 'hostname "$0" && exec "$@"'


def host_behind(laid: Cable, name: str, folder: Path, clock: str, **environment: str) -> Host:
    """At the other end of the cable, with a name of its own and a clock that differs by so much, such as `+60`. What is
    an address in the environment is made one that is reached from there."""
    roles = (WEB, WORKER)
    told = {key: laid.reaching(value) if "://" in value else value for key, value in environment.items()}
    return Host(
        name,
        folder,
        {role: laid.reaching(address_as(role)) for role in roles},
        {"REDIS_URL": laid.reaching(os.environ["REDIS_URL"]), **another_clock(clock), **told},
        [*laid.within, "unshare", "--uts", "sh", "-c", NAMED, name],
        laid,
    )


def another_clock(by: str) -> dict[str, str]:
    """The time of day only: how much time has passed is told by another clock, which nobody sets."""
    return {
        "LD_PRELOAD": str(Path(libfaketime.__file__).parent / "vendor" / "libfaketime" / "src" / "libfaketime.so.1"),
        "FAKETIME": by,
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "FAKETIME_NO_CACHE": "1",
    }
