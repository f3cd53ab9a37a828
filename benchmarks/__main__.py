"""Runs one benchmark in a database of its own, which it makes and drops. Started by benchmarks/run, inside .venv."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import psycopg2

from local.servers import OWNER, ROOT, Run, end_with_parent
from local.supervisor import FOR_TESTS, interrupt_on_signals, keep_bytecode, set_environment, start_servers

WITH_WORKERS = {"calls", "gateway"}
OWN_SERVERS = {
    "broker_away": ((), FOR_TESTS),
    "faults": (
        ("wal_level=logical",),  # what was committed is read again from the log, in that order
        FOR_TESTS + f"ALTER ROLE {OWNER} REPLICATION;",
    ),
}
"""Benchmarks that kill their servers and start them again: never those that are given, nor those of the tests."""


def main(name: str, *arguments: str) -> int:
    interrupt_on_signals()
    options, roles_sql = OWN_SERVERS.get(name, ((), FOR_TESTS))
    if name in OWN_SERVERS:
        for given in ("DATABASE_URL", "TELEQ_DATA"):
            os.environ.pop(given, None)
    with Run(f"teleq-{name}" if name in OWN_SERVERS else "teleq-test") as run:
        # Never the broker of a running product: its workers would be woken.
        with_broker = name in WITH_WORKERS or name in OWN_SERVERS
        os.environ["REDIS_URL"] = run.start_valkey() if with_broker else "memory://localhost"
        addresses = start_servers(run, *options, roles_sql=roles_sql)
        roles = {f"DATABASE_URL_{role}": address for role, address in addresses.items()}
        keep_bytecode(run)
        set_environment(run, DJANGO_SETTINGS_MODULE="teleq.settings", **roles)
        # As the owner, who fills the tables and has no time limit on statements. The triggers are the same for all.
        with own_database(addresses[OWNER]) as address:
            os.environ["DATABASE_URL"] = address
            python(ROOT / "manage.py", "migrate", "--verbosity=0")
            # What it starts has its working folder: by that all of it is stopped, whatever becomes of the benchmark.
            return python("-m", f"benchmarks.{name}", *arguments, cwd=run.services_folder)


@contextmanager
def own_database(server: str) -> Iterator[str]:
    """Make a database for the benchmark, and yield its address. The database at the given address is left as it is."""
    name = f"teleq_benchmark_{secrets.token_hex(4)}"
    with closing(psycopg2.connect(server)) as connection:
        connection.autocommit = True
        cursor = connection.cursor()
        cursor.execute(f"CREATE DATABASE {name}")
        try:
            yield urlsplit(server)._replace(path=f"/{name}").geturl()
        finally:
            cursor.execute(f"DROP DATABASE {name} WITH (FORCE)")


def python(*arguments: object, cwd: Path = ROOT) -> int:
    command = [sys.executable, *map(str, arguments)]
    return subprocess.run(command, check=True, cwd=cwd, preexec_fn=end_with_parent).returncode


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
