"""Each kind of process keeps to its own limits in PostgreSQL, and an operator can set others."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from django.db import connection

from administration.tasks import remove_what_is_past_its_time
from teleq.database import limits
from tests.conftest import ROOT

pytestmark = pytest.mark.slow

NAMES = ("lock_timeout", "statement_timeout", "idle_in_transaction_session_timeout")
ASK = "from django.db import connection as c; u = c.cursor(); " + "".join(
    f"u.execute('SHOW {name}'); print(u.fetchone()[0]); " for name in NAMES
)
STARTS = {
    "web": [sys.executable, "-c", f"import teleq.wsgi; {ASK}"],
    "worker": [sys.executable, "-c", f"import teleq; {ASK}"],
    "command": [sys.executable, "manage.py", "shell", "--no-imports", "-c", ASK],
}


def shown(kind: str, **environment: str) -> list[str]:
    """What PostgreSQL says to a process that was started so."""
    settings = os.environ | environment
    return subprocess.check_output(STARTS[kind], cwd=ROOT, env=settings, encoding="utf-8").split()[-3:]


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("web", ["3s", "20s", "10s"]),
        ("worker", ["3s", "1min", "10s"]),
        ("command", ["10s", "0", "10min"]),  # a migration takes the time it needs
    ],
)
def test_a_process_knows_what_it_is(kind, expected):
    assert shown(kind) == expected


def test_an_operator_can_set_others():
    assert shown("web", DATABASE_LIMITS_WEB="lock_timeout=5s,statement_timeout=25s") == ["5s", "25s", "10s"]


def test_what_stands_in_the_database_address_counts_most():
    address = f"{os.environ['DATABASE_URL']}?options=-c%20lock_timeout%3D7s"
    assert shown("web", DATABASE_URL=address)[0] == "7s"


def setting(name: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute(f"SHOW {name}")
        value: str = cursor.fetchone()[0]
        return value


@pytest.mark.django_db(transaction=True)
def test_retention_has_more_time_for_its_turn_and_the_next_task_has_not():
    before = [setting(name) for name in NAMES]
    with limits("retention"):
        assert [setting(name) for name in NAMES] == ["10s", "10min", "10s"]
    remove_what_is_past_its_time()
    assert [setting(name) for name in NAMES] == before


@pytest.mark.django_db
def test_a_cut_connection_is_found_out_by_both_ends():
    assert connection.get_connection_params()["tcp_user_timeout"] == 10_000
    assert setting("tcp_keepalives_idle") == "5"
    assert setting("tcp_user_timeout") == "10000"
