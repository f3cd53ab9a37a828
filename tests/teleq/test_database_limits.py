"""Each kind of process keeps to its own limits in PostgreSQL, whatever it asks for when it signs in."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import closing

import psycopg2
import pytest
from django.conf import settings
from django.db import connection

from local.servers import OWNER, RETENTION, WEB, WORKER
from local.supervisor import WORKERS
from tests.conftest import ROOT
from tests.database_roles import address_as

pytestmark = pytest.mark.django_db

pytestmark = pytest.mark.slow

NAMES = ("lock_timeout", "statement_timeout", "idle_in_transaction_session_timeout")
ASK = "from django.db import connection as c; u = c.cursor(); " + "".join(
    f"u.execute('SHOW {name}'); print(u.fetchone()[0]); " for name in NAMES
)
LIMITS = {
    WEB: ["3s", "20s", "10s"],
    WORKER: ["3s", "1min", "10s"],
    RETENTION: ["10s", "10min", "10s"],
    OWNER: ["10s", "0", "0"],  # a migration takes the time it needs
}


def setting(role: str, name: str) -> str:
    with closing(psycopg2.connect(address_as(role))) as own, own.cursor() as cursor:
        cursor.execute(f"SHOW {name}")
        value: str = cursor.fetchone()[0]
        return value


@pytest.mark.parametrize("role", LIMITS)
def test_they_go_with_the_role(role):
    """And so hold behind PgBouncer too, which passes on no settings of its clients."""
    assert [setting(role, name) for name in NAMES] == LIMITS[role]


@pytest.mark.parametrize(
    ("role", "start"),
    [
        (WEB, [sys.executable, "-c", f"import teleq.wsgi; {ASK}"]),
        (WORKER, [sys.executable, "-c", f"import teleq; {ASK}"]),
        (OWNER, [sys.executable, "manage.py", "shell", "--no-imports", "-c", ASK]),
    ],
)
def test_a_process_sets_none_itself(role, start):
    environment = os.environ | {"DATABASE_URL": address_as(role)}
    assert subprocess.check_output(start, cwd=ROOT, env=environment, encoding="utf-8").split()[-3:] == LIMITS[role]


def test_an_operator_can_set_others_in_the_database_address():
    with closing(psycopg2.connect(address_as(WEB, "-c lock_timeout=7s"))) as own, own.cursor() as cursor:
        cursor.execute("SHOW lock_timeout")
        assert cursor.fetchone()[0] == "7s"


def test_retention_has_more_time_and_a_worker_of_its_own():
    assert settings.CELERY_TASK_ROUTES["administration.tasks.remove_what_is_past_its_time"] == {"queue": "retention"}
    assert [name for name, queues in WORKERS.items() if "retention" in queues.split(",")] == ["retention"]
    assert WORKERS["retention"] == "retention"


@pytest.mark.parametrize("role", LIMITS)
def test_a_cut_connection_is_found_out_by_both_ends(role):
    assert connection.get_connection_params()["tcp_user_timeout"] == 10_000
    assert setting(role, "tcp_keepalives_idle") == "5"
    assert setting(role, "tcp_user_timeout") == "10000"
