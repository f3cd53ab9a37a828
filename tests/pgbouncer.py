"""PgBouncer in transaction mode, before the tests' PostgreSQL: a statement may come to another connection than the one
before it."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import psycopg2

from local.servers import free_port
from tests.concurrency import wait_until

PROGRAM = shutil.which("pgbouncer") or shutil.which("/usr/sbin/pgbouncer")
SAID = "?DISABLE_SERVER_SIDE_CURSORS=true"
"""How an address says that a pooler is between."""


@contextmanager
def pooled(address: str, folder: Path, connections: int) -> Iterator[str]:
    """The same database through a PgBouncer that has so many connections of its own. Its files are in the folder."""
    assert PROGRAM
    real, port = urlsplit(address), free_port()
    users, settings = folder / "users", folder / "pgbouncer.ini"
    users.write_text(f'"{real.username}" "{real.password}"\n')
    settings.write_text(
        f"[databases]\n* = host={real.hostname} port={real.port}\n[pgbouncer]\nlisten_addr = 127.0.0.1\n"
        f"listen_port = {port}\nunix_socket_dir =\nauth_type = scram-sha-256\nauth_file = {users}\n"
        f"pool_mode = transaction\ndefault_pool_size = {connections}\n"
    )
    as_nobody: dict[str, object] = {}
    if os.geteuid() == 0:  # it refuses to be run by root
        for path in (users, settings):
            path.chmod(0o644)
        for parent in (folder, *folder.parents[:3]):
            parent.chmod(parent.stat().st_mode | 0o055)
        as_nobody = {"user": "nobody"}
    with (folder / "pgbouncer.log").open("wb") as log:
        process = subprocess.Popen([PROGRAM, settings], stdout=log, stderr=log, **as_nobody)  # type: ignore[call-overload]
    through = real._replace(netloc=f"{real.username}:{real.password}@127.0.0.1:{port}", query="").geturl()

    def answers() -> bool:
        assert process.poll() is None, (folder / "pgbouncer.log").read_text()
        try:
            psycopg2.connect(through, connect_timeout=2).close()
        except psycopg2.OperationalError:
            return False
        return True

    try:
        wait_until(answers)
        yield through
    finally:
        process.kill()
        process.wait()
