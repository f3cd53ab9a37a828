"""Measures the CPU time and memory of processes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from pathlib import Path

import psutil
from django.db import connection


class Meter:
    """CPU seconds by kind of process, since the meter was made. PostgreSQL is measured if it runs on this machine."""

    def __init__(self, kinds: Mapping[str, Collection[int]]) -> None:
        self.kinds = kinds
        self.before = self._read()

    def cpu(self) -> dict[str, float]:
        spent: Counter[str] = Counter()
        for (kind, pid), seconds in self._read().items():
            spent[kind] += seconds - self.before.get((kind, pid), 0.0)
        return dict(spent)

    def _read(self) -> dict[tuple[str, int], float]:
        kinds = {**self.kinds, "PostgreSQL": postgres()}
        return {(kind, pid): cpu_of(pid) for kind, pids in kinds.items() for pid in pids}


def cpu_of(pid: int) -> float:
    try:
        times = psutil.Process(pid).cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return times.user + times.system


def family(pid: int) -> list[int]:
    """The process and its children."""
    return [pid, *(child.pid for child in psutil.Process(pid).children(recursive=True))]


def postgres() -> list[int]:
    """PostgreSQL's processes: those that serve this database, and its background writers."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pid FROM pg_stat_activity"
            " WHERE (datname = current_database() OR datname IS NULL) AND pid <> pg_backend_pid()"
        )
        return [pid for (pid,) in cursor.fetchall()]


def memory(pid: int) -> int:
    """Memory of the processes now, in bytes."""
    return psutil.Process(pid).memory_info().rss


def peak_memory(pid: int) -> int:
    """The process's peak memory in bytes; its memory now, if the system doesn't tell the peak."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return memory(pid)
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024
