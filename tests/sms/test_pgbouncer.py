"""Workers and commands whose connections to PostgreSQL are shared by PgBouncer, in transaction mode."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psycopg2
import pytest

from consent.models import Answer
from demo.models import SimulatedSms
from local.servers import ROOT, WORKER, free_port
from sms.models import Kind, Message
from sms.states import State
from tests.concurrency import wait_until
from tests.conftest import WORKER_ON
from tests.database_roles import address_as

PROGRAM = shutil.which("pgbouncer") or shutil.which("/usr/sbin/pgbouncer")

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(PROGRAM is None, reason="PgBouncer is not installed"),
]

SAID = "?DISABLE_SERVER_SIDE_CURSORS=true"


@pytest.fixture
def pooled(transactional_db: None, tmp_path: Path) -> Iterator[str]:
    """The address of the tests' database, as a worker's role, through a PgBouncer with two connections of its own."""
    real, port = urlsplit(address_as(WORKER)), free_port()
    users, settings = tmp_path / "users", tmp_path / "pgbouncer.ini"
    users.write_text(f'"{real.username}" "{real.password}"\n')
    settings.write_text(
        f"[databases]\n* = host={real.hostname} port={real.port}\n[pgbouncer]\nlisten_addr = 127.0.0.1\n"
        f"listen_port = {port}\nunix_socket_dir =\nauth_type = scram-sha-256\nauth_file = {users}\n"
        "pool_mode = transaction\ndefault_pool_size = 2\n"
    )
    as_nobody: dict[str, object] = {}
    if os.geteuid() == 0:  # it refuses to be run by root
        for path in (users, settings):
            path.chmod(0o644)
        for folder in (tmp_path, *tmp_path.parents[:3]):
            folder.chmod(folder.stat().st_mode | 0o055)
        as_nobody = {"user": "nobody"}
    with (tmp_path / "pgbouncer.log").open("wb") as log:
        process = subprocess.Popen([PROGRAM, settings], stdout=log, stderr=log, **as_nobody)  # type: ignore[call-overload]
    address = real._replace(netloc=f"{real.username}:{real.password}@127.0.0.1:{port}", query="").geturl()

    def answers() -> bool:
        assert process.poll() is None, (tmp_path / "pgbouncer.log").read_text()
        try:
            psycopg2.connect(address, connect_timeout=2).close()
        except psycopg2.OperationalError:
            return False
        return True

    wait_until(answers)
    yield address
    process.kill()
    process.wait()


def check(address: str) -> subprocess.CompletedProcess[str]:
    """What a worker's system checks say of it. Commands in general are the owner's: this one stands for a worker."""
    environment = os.environ | {"DATABASE_URL": address, "TELEQ_PROCESS": "worker"}
    return subprocess.run(
        [sys.executable, "-m", "django", "check"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_messages_leave_once_each_and_none_after_a_nej(accept, say, celery, live_server, pooled):
    say(Answer.YES)
    for _ in range(3):  # more of them than there are connections
        celery(*WORKER_ON, "manual,bulk,sweep", DATABASE_URL=pooled + SAID, TELEQ_URL=live_server.url)
    messages = [accept(kind=kind) for _ in range(20) for kind in (Kind.MANUAL, Kind.REMINDER)]
    delivered = Message.objects.filter(state=State.DELIVERED)
    wait_until(lambda: delivered.count() == len(messages))
    assert SimulatedSms.objects.count() == len(messages)
    say(Answer.NO)
    refused = accept(kind=Kind.MANUAL)
    wait_until(lambda: not Message.objects.filter(pk=refused.pk, state=State.QUEUED).exists())
    assert SimulatedSms.objects.count() == len(messages)


def test_an_address_that_leads_to_a_pooler_and_does_not_say_so_stops_the_start(pooled):
    refused = check(pooled)
    assert refused.returncode != 0
    assert "administration.E003" in refused.stderr


def test_one_that_says_so_is_taken_and_so_is_postgresqls_own(pooled):
    for address in (pooled + SAID, address_as(WORKER)):
        checked = check(address)
        assert checked.returncode == 0, checked.stderr
