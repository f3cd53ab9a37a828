"""Workers and commands whose connections to PostgreSQL are shared by PgBouncer, in transaction mode."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from django.contrib.auth.hashers import PBKDF2PasswordHasher

from consent.models import Answer
from demo.models import SimulatedSms
from local.servers import ROOT, WEB, WORKER
from sms.models import Kind, Message
from sms.states import State
from tests import pgbouncer
from tests.concurrency import wait_until
from tests.conftest import PASSWORD, WORKER_ON
from tests.database_roles import address_as
from tests.hosts import Browser, Host, answers, form_with
from tests.race.run import race

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(pgbouncer.PROGRAM is None, reason="PgBouncer is not installed"),
]


@pytest.fixture
def pooled(transactional_db: None, tmp_path: Path) -> Iterator[str]:
    """The address of the tests' database, as a worker's role, through a PgBouncer with two connections of its own."""
    with pgbouncer.pooled(address_as(WORKER), tmp_path, connections=2) as address:
        yield address


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
        celery(*WORKER_ON, "manual,bulk,sweep", DATABASE_URL=pooled + pgbouncer.SAID, TELEQ_URL=live_server.url)
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
    for address in (pooled + pgbouncer.SAID, address_as(WORKER)):
        checked = check(address)
        assert checked.returncode == 0, checked.stderr


@pytest.mark.slow
def test_in_the_race_every_promise_is_kept_through_it(pooled):
    """As tests/sms/test_race.py. Whoever is killed has begun a transaction in another's next connection."""
    result = race(secrets.token_hex(4), 4, pooled + pgbouncer.SAID)
    print(f"seed {result.seed}: {result.counts}")  # noqa: T201  shown when it fails
    assert result.violations == []
    assert result.counts["deadlocks"] == 0
    for happened in ("answers", "lapses", "switches turned", "sent"):
        assert result.counts[happened], f"{happened}: nothing was tried"


def test_pages_are_served_through_it(nurse, book, say, tmp_path):
    """Two connections for eight who ask at once."""
    nurse.password = PBKDF2PasswordHasher().encode(PASSWORD, "0" * 22)
    nurse.save()
    say(Answer.YES)
    case = book()
    with pgbouncer.pooled(address_as(WEB), tmp_path, connections=2) as address:
        host = Host("here", tmp_path, {WEB: address + pgbouncer.SAID}, {"WEB_CONCURRENCY": "1"})
        try:
            host.start_web()
            wait_until(lambda: answers(host), 180)
            browser = Browser()
            browser.sign_in(host, "anna")
            page = f"/cases/{case.pk}/"

            def press(number: int) -> int:
                form = form_with(browser.open(host, page).text, "text")
                return browser.post(host, f"{page}sms/", form, text=f"Nummer {number}", send="anyway").status_code

            with ThreadPoolExecutor(8) as at_once:
                assert list(at_once.map(press, range(16))) == [200] * 16
        finally:
            host.kill()
    assert sorted(Message.objects.values_list("text", flat=True)) == sorted(f"Nummer {n}" for n in range(16))
