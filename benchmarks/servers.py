"""PostgreSQL and Redis as processes that a benchmark kills, and starts again at the same address with what they had
written down."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import psutil
import redis
from django.conf import settings

from benchmarks.at_size import read
from tests.concurrency import wait_until


class Server:
    def __init__(self, pid: int, *arguments: str) -> None:
        process = psutil.Process(pid)
        self.pid, self.folder = pid, process.cwd()
        self.command = [process.exe(), *(arguments or process.cmdline()[1:])]
        self.user, self.group = process.uids().real, process.gids().real

    def kill(self, how: signal.Signals = signal.SIGKILL) -> None:
        os.kill(self.pid, how)
        wait_until(lambda: _has_ended(self.pid), 60)

    def start(self) -> None:
        as_user = {"user": self.user, "group": self.group, "extra_groups": []} if os.geteuid() == 0 else {}
        Path(self.folder, "postmaster.pid").unlink(missing_ok=True)
        self.pid = subprocess.Popen(
            self.command,
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            **as_user,
        ).pid


def postgres() -> Server:
    [[pid]] = read("SELECT pg_backend_pid()")
    parent = psutil.Process(pid).parent()
    assert parent
    return Server(parent.pid)


def the_broker() -> Server:
    with redis.Redis.from_url(settings.CELERY_BROKER_URL) as client:
        told = client.info("server")
    return Server(told["process_id"], told["config_file"])  # it writes its address over its command line


def _has_ended(pid: int) -> bool:
    """Whether its parent has been told yet or not."""
    try:
        ended: bool = psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
    return ended
