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
from urllib.parse import urlsplit

import requests

from local.servers import RETENTION, WEB, WORKER, end_with_parent, free_port
from local.supervisor import beat_command, web_command, worker_command
from tests.cases.desk import Form, forms_on
from tests.clocks import another_clock
from tests.conftest import PASSWORD
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


# Asked --------------------------------------------------------------------------------------------------------------


@dataclass
class Browser:
    """Keeps its cookies, whichever host answers."""

    session: requests.Session = field(default_factory=requests.Session)

    def open(self, host: Host, path: str) -> requests.Response:
        return self.session.get(f"http://127.0.0.1:{host.door}{path}", timeout=60, allow_redirects=False)

    def post(self, host: Host, path: str, form: Form, **typed: str) -> requests.Response:
        return self.session.post(f"http://127.0.0.1:{host.door}{path}", data=form.fields | typed, timeout=60)

    def sign_in(self, host: Host, username: str, code: str = "") -> requests.Response:
        """With a password, and where one is asked for a code from an app."""
        login = form_with(self.open(host, "/login/").text, "password")
        asked = self.post(host, "/login/", login, login=username, password=PASSWORD)
        if not code:
            return asked
        return self.post(host, urlsplit(asked.url).path, form_with(asked.text, "code"), code=code)

    @property
    def key(self) -> str:
        return self.session.cookies["sessionid"]


def form_with(html: str, name: str) -> Form:
    """The form that has a field of this name."""
    return next(form for form in forms_on(html) if name in form.fields)


def answers(host: Host) -> bool:
    try:
        return Browser().open(host, "/healthz").status_code == 200
    except requests.RequestException:
        return False
