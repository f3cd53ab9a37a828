"""A worker is lost in mid-claim: the network to PostgreSQL is cut, or its machine stands still. It holds up nobody."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg2
import pytest
from django.db import connection
from django.test import Client

from consent import register
from consent.models import Answer, Consent
from local import servers
from local.supervisor import WORKERS
from sms import gateway, tasks
from sms.models import InboundSms, Lane, Message, Refusal
from sms.providers.simulator import credential
from sms.states import State
from teleq.clock import database_now
from tests.cases.desk import desk_of
from tests.concurrency import in_another_connection, wait_until, wait_until_a_connection_waits_for_a_lock
from tests.conftest import MOBILE
from tests.database_roles import address_as, as_owner
from tests.network import NoRight, cable

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

OURS = "+46701740699"
LIMITS = "-c lock_timeout=1min -c idle_in_transaction_session_timeout=8s"
"""It waits for the test as long as that needs, and is given up sooner than in production."""
WORKER = ("worker", "-Q", ",".join(WORKERS.values()), "--concurrency=1", "--without-gossip", "--without-mingle")


@dataclass(frozen=True)
class Losable:
    lose: Callable[[], None]
    find: Callable[[], None]


@pytest.fixture
def behind_a_cable(celery, provider) -> Iterator[Losable]:
    try:
        with cable() as laid:
            database = address_as(servers.WORKER, LIMITS)
            addresses = {"DATABASE_URL": database, "REDIS_URL": os.environ["REDIS_URL"], "TELEQ_URL": provider.url}
            reached = {name: laid.reaching(address) for name, address in addresses.items()}
            worker = celery(*WORKER, within=laid.within, **reached)
            yield Losable(laid.cut, laid.heal)
            laid.heal()
            worker.terminate()
            worker.wait(20)
    except NoRight:
        pytest.skip("there is no right to make a network namespace here")


@pytest.fixture
def on_a_machine(celery, provider) -> Iterator[Losable]:
    worker = celery(*WORKER, DATABASE_URL=address_as(servers.WORKER, LIMITS), TELEQ_URL=provider.url)
    yield Losable(lambda: os.killpg(worker.pid, signal.SIGSTOP), lambda: os.killpg(worker.pid, signal.SIGCONT))
    os.killpg(worker.pid, signal.SIGCONT)


@contextmanager
def history_held() -> Iterator[None]:
    """Where a claim that has its answers in hand has to wait."""
    other = psycopg2.connect(**connection.get_connection_params())
    try:
        other.cursor().execute("LOCK TABLE consent_consentevent IN ACCESS EXCLUSIVE MODE")
        yield
    finally:
        other.close()


def claim_is_held() -> bool:
    """Whether somebody is in the middle of a transaction and does nothing."""
    with as_owner(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_clear_snapshot()")
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
            " AND state = 'idle in transaction' AND pid <> pg_backend_pid()"
        )
        return bool(cursor.fetchone()[0])


@pytest.mark.parametrize("where", ["behind_a_cable", "on_a_machine"])
def test_a_stopp_is_taken_in_meanwhile_and_the_pages_go_on(
    where, request, queue, nurse, book, draft, say, care_provider, provider
):
    queue.outgoing_sms.sender = OURS
    queue.outgoing_sms.save()
    say(Answer.YES)
    case = book()
    [claimed] = gateway.accept([draft()])
    worker: Losable = request.getfixturevalue(where)
    with history_held():
        gateway.wake(Lane.BULK)
        wait_until_a_connection_waits_for_a_lock()
        worker.lose()
    wait_until(claim_is_held)

    told = in_another_connection(stopp)
    assert told.result(30).status_code == 204
    assert InboundSms.objects.get().withdrawal
    nurses = desk_of(nurse).client
    shown = in_another_connection(lambda: nurses.get(f"/cases/{case.pk}/"))
    assert "SMS-utskick avböjt" in shown.result(30).content.decode()
    [later] = gateway.accept([draft()])
    gateway.claim(Lane.BULK, "simulator")  # by another worker
    assert outcome(later) == (State.REFUSED, Refusal.DECLINED)
    assert claim_is_held()  # all the while
    assert Consent.objects.get().answer == Answer.YES  # but it doesn't count any more
    assert register.current(care_provider.pk, MOBILE).answer(database_now()) == Answer.NO

    wait_until(lambda: not claim_is_held())
    worker.find()
    tasks.sweep()
    consent = Consent.objects.get()
    assert (consent.answer, consent.answered_at) == (Answer.NO, later.consent_answered_at)  # as it counted meanwhile
    gateway.drain(Lane.BULK)
    wait_until(lambda: outcome(claimed) == (State.REFUSED, Refusal.DECLINED))
    assert provider.received == []


def stopp():
    form = {"id": "sim-1", "from": MOBILE, "to": OURS, "message": "STOPP"}
    return Client().post("/sms/inbound/simulator", form, headers={"Authorization": f"Bearer {credential()}"})


def outcome(message: Message) -> tuple[str, str]:
    message.refresh_from_db()
    return message.state, message.refusal
