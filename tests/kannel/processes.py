"""Kannel itself, with a mobile network behind it that the tests can ask: bearerbox, smsbox, and smsc.js over SMPP."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import urllib.parse
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from local.servers import end_with_parent, free_port
from tests.concurrency import wait_until

HERE = Path(__file__).parent
PASSWORD = "kannel-in-tests"


def missing() -> str:
    """What this machine lacks, if anything."""
    programs = [name for name in ("bearerbox", "smsbox", "node") if not shutil.which(name)]
    if programs:
        return f"{', '.join(programs)} is not installed"
    return "" if (HERE / "node_modules").exists() else "npm ci has not been run in tests/kannel"


class Kannel:
    def __init__(self, folder: Path, inbound: str) -> None:
        """Answers from patients are posted to `inbound`, an address with a user and a password in it."""
        self.folder = folder
        names = ("admin_port", "smsbox_port", "sendsms_port", "smpp_port", "control_port")
        self.ports = {name: free_port() for name in names}
        self.conf = folder / "kannel.conf"
        template = (HERE / "kannel.conf").read_text()
        self.conf.write_text(template.format(**self.ports, folder=folder, password=PASSWORD, inbound=inbound))
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.ports['sendsms_port']}/cgi-bin/sendsms"

    def start(self) -> None:
        self.start_network()
        self._start("bearerbox", "bearerbox", "-v", "2", str(self.conf))
        self._wait_for_port("smsbox_port")
        self.start_smsbox()
        self._wait(lambda: self._control("/")["links"] > 0)

    def start_network(self) -> None:
        self._start("smsc", "node", "smsc.js", str(self.ports["smpp_port"]), str(self.ports["control_port"]))
        self._wait_for_port("control_port")

    def start_smsbox(self) -> None:
        self._start("smsbox", "smsbox", "-v", "2", str(self.conf))
        self._wait_for_port("sendsms_port")

    def kill_smsbox(self) -> None:
        self.processes["smsbox"].kill()
        self.processes["smsbox"].wait()

    def stop(self) -> None:
        for process in reversed(self.processes.values()):
            process.kill()  # bearerbox would first wait for what it holds
            process.wait()

    def submitted(self) -> list[dict[str, Any]]:
        """What the network has been given, in the order it came."""
        log: list[dict[str, Any]] = self._control("/log")
        return log

    def patient_answers(self, sender: str, to: str, text: str, coding: int = 0) -> None:
        numbers = {"from": sender.removeprefix("+"), "to": to.removeprefix("+"), "coding": coding}
        self._control(f"/mo?{urllib.parse.urlencode(numbers)}", text.encode())

    def _start(self, name: str, *command: str) -> None:
        with (self.folder / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                command,
                cwd=HERE,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=end_with_parent,  # noqa: PLW1509  no threads
            )

    def _control(self, path: str, body: bytes | None = None) -> Any:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.ports['control_port']}{path}", body, 10) as answer:
            return json.load(answer)

    def _wait_for_port(self, name: str) -> None:
        def opens() -> bool:
            with suppress(OSError), socket.create_connection(("127.0.0.1", self.ports[name]), 1):
                return True
            return False

        self._wait(opens)

    def _wait(self, condition: Callable[[], object]) -> None:
        def is_so() -> object:
            assert all(process.poll() is None for process in self.processes.values()), f"it stopped: see {self.folder}"
            return condition()

        wait_until(is_so, seconds=20)
