"""The old and the new side: web, workers and beat of one tree each, on one database and one broker."""

from __future__ import annotations

import http.client
import os
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from local.servers import RETENTION, WEB, WORKER, end_with_parent, free_port
from tests.concurrency import wait_until
from tests.upgrade.next_release import of

WORKER_WORDS = ("--without-gossip", "--without-mingle", "--loglevel=info")


@dataclass
class Side:
    """`addresses` are the database's, for each role; `environment` what every process has."""

    name: str
    tree: Path
    folder: Path
    addresses: dict[str, str]
    environment: dict[str, str]
    port: int = field(default_factory=free_port)
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start_web(self) -> None:
        words = ["gunicorn", "teleq.wsgi:application", f"--bind=127.0.0.1:{self.port}", "--no-control-socket"]
        self._start("web", WEB, *words, WEB_CONCURRENCY="1")
        wait_until(lambda: self.asked("/healthz")[0] == 200, 90)

    def start_workers(self) -> None:
        for name, queues, role in (("worker", "manual,bulk,sweep", WORKER), ("retention", "retention", RETENTION)):
            words = ("worker", "--concurrency=1", "-Q", queues, "-n", f"{name}-{self.name}@here", *WORKER_WORDS)
            self._start(name, role, "celery", "-A", "teleq", *words)

    def start_beat(self) -> None:
        schedule = f"--schedule={self.folder / f'beat-{self.name}'}"
        words = ("celery", "-A", "teleq", "beat", schedule, "--pidfile=")
        self._start("beat", WORKER, *words, DJANGO_SETTINGS_MODULE="tests.fast_beat")

    def _start(self, name: str, role: str, *words: str, **environment: str) -> None:
        with self.log(name).open("ab") as log:
            self.processes[name] = subprocess.Popen(
                [sys.executable, "-m", *words],
                cwd=self.tree,
                env=of(self.tree) | self.environment | {"DATABASE_URL": self.addresses[role]} | environment,
                stdout=log,
                stderr=log,
                preexec_fn=end_with_parent,  # noqa: PLW1509  threads of the load are not in a fork of ours yet
                start_new_session=True,
            )

    def stop(self, name: str) -> int:
        """As an operator does: by SIGTERM, and it has its time. Returns its exit code."""
        process = self.processes.pop(name)
        process.send_signal(signal.SIGTERM)
        return process.wait(60)

    def kill(self) -> None:
        for process in self.processes.values():
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def log(self, name: str) -> Path:
        return self.folder / f"{self.name}-{name}.log"

    def asked(self, path: str) -> tuple[int, str]:
        """Status and text; status 0 where nobody answers."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read().decode()
        except OSError:
            return 0, ""
        finally:
            connection.close()
