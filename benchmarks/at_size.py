"""Times an act in databases of different sizes: for acts that should take as long however much is stored.

The databases are measured in turn, some acts at a time, so that whatever else the machine does falls on all of them.
"""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from statistics import median, quantiles
from typing import Any

from django.db import connection

from sms.models import SendingDatabase


def nobodys_number(n: int) -> str:
    """A number of its own for each n under 100 million, scattered over the whole range as patients' are.

    The 95 numbers set aside for made-up Swedish mobiles don't reach. +881 2 was kept for a satellite network that never
    came: no telephone has them, but to libphonenumber they are mobile, so nothing goes a shorter way than with a
    patient's. No benchmark that uses them hands anything over: they are never texted.
    """
    return f"+8812{n * 61803399 % 100_000_000:08}"


def nobodys_number_sql(n: str) -> str:
    """The same in SQL, for a statement with parameters."""
    return f"'+8812' || lpad((({n})::bigint * 61803399 %% 100000000)::text, 8, '0')"


# Databases -----------------------------------------------------------------------------------------------------------


class Databases:
    """A database for each size, copied from the benchmark's own, which is left empty."""

    def __init__(self, sizes: Sequence[int]) -> None:
        self.sizes = sizes
        self.empty = connection.settings_dict["NAME"]

    @contextmanager
    def filled(self, fill: Callable[[int], None]) -> Iterator[None]:
        try:
            for size in self.sizes:
                print(f"filling a database with {size:,} ...", end=" ", flush=True)
                start = time.perf_counter()
                self._run_beside(f"CREATE DATABASE {self._name(size)} TEMPLATE {self.empty}")
                self.use(size)
                SendingDatabase.objects.become()  # a copy sends nothing till it is told to
                fill(size)
                execute("VACUUM ANALYZE")
                execute("CHECKPOINT")
                print(f"{time.perf_counter() - start:.0f} s", flush=True)
            yield
        finally:
            for size in self.sizes:
                self._run_beside(f"DROP DATABASE IF EXISTS {self._name(size)} WITH (FORCE)")

    def use(self, size: int) -> None:
        """Connect to the database of this size."""
        connection.close()
        connection.settings_dict["NAME"] = self._name(size)

    def _name(self, size: int) -> str:
        return f"{self.empty}_{size}"

    def _run_beside(self, statement: str) -> None:
        """Run SQL from another database: one that is copied or dropped may have no connections."""
        connection.close()
        connection.settings_dict["NAME"] = self.empty
        with connection._nodb_cursor() as cursor:
            cursor.execute(statement)


@contextmanager
def bare(*tables: str) -> Iterator[None]:
    """Drop keys, indexes and triggers, and make them again afterwards: rows are inserted many times faster."""
    keys = read(
        "SELECT conrelid::regclass, quote_ident(conname), pg_get_constraintdef(oid) FROM pg_constraint"
        " WHERE (conrelid = ANY (%s::regclass[]) OR confrelid = ANY (%s::regclass[])) AND contype IN ('f', 'p', 'u')"
        " ORDER BY contype",  # foreign keys first, as they depend on the others
        *[list(tables)] * 2,
    )
    for table in tables:
        execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
    for table, name, _ in keys:
        execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
    indexes = read("SELECT indexname, indexdef FROM pg_indexes WHERE tablename = ANY (%s)", list(tables))
    for name, _ in indexes:
        execute(f"DROP INDEX {name}")
    yield
    at_once([(definition, None) for _, definition in indexes])
    execute("SET maintenance_work_mem = '512MB'")
    for table, name, definition in reversed(keys):
        execute(f"ALTER TABLE {table} ADD CONSTRAINT {name} {definition}")
    for table in tables:
        execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")


def execute(statement: str, parameters: object = None) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)


def at_once(statements: Iterable[tuple[str, object]], connections: int = 6) -> None:
    """Run statements, several at a time, each on a connection of its own."""

    def run(each: tuple[str, object]) -> None:
        try:
            execute("SET synchronous_commit = off")
            execute("SET maintenance_work_mem = '256MB'")
            execute(*each)
        finally:
            connection.close()

    with ThreadPoolExecutor(connections) as pool:
        list(pool.map(run, statements))


def read(query: str, *parameters: object) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(query, parameters)
        return list(cursor.fetchall())


# Measuring -----------------------------------------------------------------------------------------------------------


@dataclass
class Times:
    """Seconds that an act took, and how many of them were spent waiting for PostgreSQL."""

    whole: list[float] = field(default_factory=list)
    sql: list[float] = field(default_factory=list)

    def measure(self, act: Callable[[], Any]) -> Any:
        with timed_statements() as statements:
            start = time.perf_counter()
            result = act()
            self.whole.append(time.perf_counter() - start)
        self.sql.append(sum(statements))
        return result


@contextmanager
def timed_statements() -> Iterator[list[float]]:
    """Collect the seconds that each SQL statement takes in this block."""
    seconds: list[float] = []

    def stopwatch(run: Callable[..., Any], *arguments: Any) -> Any:
        start = time.perf_counter()
        try:
            return run(*arguments)
        finally:
            seconds.append(time.perf_counter() - start)

    with connection.execute_wrapper(stopwatch):
        yield seconds


def p50(seconds: Sequence[float]) -> float:
    return median(seconds)


def p99(seconds: Sequence[float]) -> float:
    return quantiles(seconds, n=100, method="inclusive")[98] if len(seconds) > 1 else seconds[0]


def ms(seconds: float) -> str:
    """Milliseconds with three significant figures."""
    thousandths = seconds * 1000
    return f"{thousandths:.{2 if thousandths < 10 else 1 if thousandths < 100 else 0}f} ms"


def machine() -> str:
    return (
        f"{os.cpu_count()} processors, Python {platform.python_version()},"
        f" PostgreSQL {read('SHOW server_version')[0][0].split()[0]}"
        f" with {read('SHOW shared_buffers')[0][0]} of buffers,"
        f" fsync {read('SHOW fsync')[0][0]}"
    )
