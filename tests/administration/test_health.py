"""Whether the product is well: what it says of itself while what it needs is there, silent, gone, or not upgraded."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, timedelta
from typing import Any

import pyrage
import pytest
import yaml
from django.db import connection
from django.db.models.functions import Now
from django.test import Client

from access.models import SignIn
from administration import reserve
from administration.health import facts, parts, signs
from administration.health.problems import problems
from administration.models import Sign
from sms import brake
from sms.models import Message, ProviderState, SendingDatabase
from tests.concurrency import in_another_connection, wait_until
from tests.conftest import ROOT
from tests.database_roles import as_owner, past_the_triggers
from tests.fixtures.edge import Address

TOKEN = "w4Fq-8dKzT1mVbC9rYxE3nLh"
BEARER = {"Authorization": f"Bearer {TOKEN}"}


# What others may do when they are asked -------------------------------------------------------------------------------


@contextmanager
def silent() -> Iterator[int]:
    """A port that accepts, and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        kept: list[socket.socket] = []

        def accept() -> None:
            try:
                while True:
                    kept.append(listening.accept()[0])
            except OSError:
                return

        threading.Thread(target=accept, daemon=True).start()
        yield listening.getsockname()[1]
        listening.shutdown(socket.SHUT_RDWR)
        for each in kept:
            each.close()


@contextmanager
def dropping() -> Iterator[int]:
    """A port where nobody accepts and the kernel's queue is full: Linux drops what would connect, without a word."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        filling = [socket.socket() for _ in range(4)]
        for each in filling:
            each.setblocking(False)
            each.connect_ex(listening.getsockname())
        yield listening.getsockname()[1]
        for each in filling:
            each.close()


@contextmanager
def refusing() -> Iterator[int]:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        yield nobody.getsockname()[1]


AWAY = pytest.mark.parametrize("away", [silent, dropping, refusing])


def ask_readyz(query: str = "") -> tuple[int, str]:
    """In a thread: what never came back would else hang the tests."""

    def ask() -> tuple[int, str]:
        response = Client().get(f"/readyz{query}")
        return response.status_code, response.content.decode()

    return in_another_connection(ask).result(30)


@contextmanager
def database_at(port: int) -> Iterator[None]:
    at = {"HOST": "127.0.0.1", "PORT": port}
    before = {name: connection.settings_dict[name] for name in at}
    connection.settings_dict.update(at)
    yield
    connection.settings_dict.update(before)


# /healthz and /readyz -------------------------------------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.parametrize("address", ["/healthz", "/readyz"])
def test_a_probe_asks_by_bare_address_and_http_with_any_cookie_and_no_session_is_read(
    address, client, nurse, settings, django_assert_num_queries
):
    settings.SECURE_SSL_REDIRECT = settings.BEHIND_PROXY = True
    client.force_login(nurse)
    with django_assert_num_queries(0):
        response = client.get(address, headers={"host": "10.0.3.17:8000"})
    assert response.status_code == 200
    assert not response.cookies
    assert "no-store" in response["Cache-Control"]


@AWAY
def test_healthz_asks_nothing_of_anybody(away, client):
    with away() as port, database_at(port):
        assert client.get("/healthz").content == b"ok\n"


@pytest.mark.django_db
def test_ready_says_which_parts_answer():
    assert ask_readyz() == (200, "database: ok\nmigrations: ok\nredis: ok\n")


@pytest.mark.django_db
@AWAY
def test_a_database_that_is_away_is_told_of(away):
    with away() as port, database_at(port):
        status, told = ask_readyz()
    assert status == 503
    assert "database: does not answer\n" in told
    assert "redis: ok\n" in told


@pytest.mark.django_db
@AWAY
def test_a_broker_that_is_away_is_told_of_and_may_be_left_out(away, settings):
    with away() as port:
        settings.CELERY_BROKER_URL = f"redis://:hemligt@127.0.0.1:{port}/0"
        status, told = ask_readyz()
        assert (status, told) == (503, "database: ok\nmigrations: ok\nredis: does not answer\n")
        assert ask_readyz("?exclude=redis")[0] == 200


@pytest.mark.django_db
def test_a_wrong_password_is_told_of_without_it(settings):
    settings.CELERY_BROKER_URL = settings.CELERY_BROKER_URL.replace(":", ":fel", 2).replace("fel", "", 1)
    connection.settings_dict["PASSWORD"], before = "hemligt", connection.settings_dict["PASSWORD"]
    try:
        status, told = ask_readyz()
    finally:
        connection.settings_dict["PASSWORD"] = before
    assert status == 503
    assert "database: does not answer" in told
    assert "redis: does not let teleQ in" in told
    for secret in ("hemligt", "fel", connection.settings_dict["USER"], "127.0.0.1"):
        assert secret not in told


@pytest.mark.django_db(transaction=True)
def test_a_migration_that_is_not_applied_is_told_of():
    with as_owner(), connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = 'sms' RETURNING app, name, applied")
        taken = cursor.fetchall()
    try:
        status, told = ask_readyz()
    finally:
        with as_owner(), connection.cursor() as cursor:
            cursor.executemany("INSERT INTO django_migrations (app, name, applied) VALUES (%s, %s, %s)", taken)
    assert status == 503
    assert told == f"database: ok\nmigrations: {len(taken)} not applied: run manage.py migrate\nredis: ok\n"


@pytest.mark.django_db(transaction=True)
def test_a_database_of_the_next_release_is_one_to_work_with():
    """It has migrations that this one doesn't know: an upgrade is going on, or this release was gone back to."""
    with as_owner(), connection.cursor() as cursor:
        cursor.execute("INSERT INTO django_migrations (app, name, applied) VALUES ('sms', '9999_next', now())")
    try:
        assert ask_readyz() == (200, "database: ok\nmigrations: ok\nredis: ok\n")
    finally:
        with as_owner(), connection.cursor() as cursor:
            cursor.execute("DELETE FROM django_migrations WHERE name = '9999_next'")


# /status --------------------------------------------------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.parametrize("address", ["/status", "/metrics"])
class TestTheToken:
    def test_without_one_configured_the_address_does_not_exist(self, address, client):
        assert client.get(address, headers={"Authorization": "Bearer "}).status_code == 404

    @pytest.mark.parametrize("shown", [None, "", "Bearer", "Bearer fel", f"Basic {TOKEN}", f"Bearer {TOKEN}å"])
    def test_what_is_shown_must_be_it(self, shown, address, client, settings):
        settings.STATUS_TOKEN = TOKEN
        response = client.get(address, headers={"Authorization": shown} if shown is not None else {})
        assert response.status_code == 401
        assert not response.content

    def test_whoever_is_signed_in_is_nobody_here(self, address, client, nurse, settings):
        settings.STATUS_TOKEN = TOKEN
        client.force_login(nurse)
        assert client.get(address).status_code == 401
        assert client.get(address, headers=BEARER).status_code == 200


@pytest.mark.parametrize("token", ["kort", "changeme-changeme-changeme", "aaaaaaaaaaaaaaaaaaaaaaaaaaa"])
def test_a_token_that_can_be_guessed_stops_the_start(token, settings):
    from administration.health.checks import token_is_no_guess  # noqa: PLC0415

    settings.TELEQ_DEMO, settings.STATUS_TOKEN = False, token
    assert [error.id for error in token_is_no_guess()] == ["administration.E002"]
    settings.STATUS_TOKEN = TOKEN
    assert token_is_no_guess() == []


@pytest.fixture
def status(client, settings) -> Callable[[], dict[str, Any]]:
    settings.STATUS_TOKEN = TOKEN
    return lambda: client.get("/status", headers=BEARER).json()


def all_is_well() -> None:
    signs.leave(Sign.Kind.BEAT, signs.BEAT, begins=True)
    signs.leave(Sign.Kind.WORKER, "manual@a", "manual", begins=True)
    signs.leave(Sign.Kind.WORKER, "bulk@b", "bulk,sweep", begins=True)
    signs.leave(Sign.Kind.WORKER, "retention@b", "retention", begins=True)
    signs.leave(Sign.Kind.WORKER, "reserve@b", "reserve", begins=True)
    signs.leave(Sign.Kind.TASK, facts.SWEEP)
    signs.leave(Sign.Kind.TASK, facts.RETENTION)


def ago(of: str, **time: float) -> None:
    Sign.objects.filter(name=of).update(at=Now() - timedelta(**time), began_at=Now() - timedelta(days=3))


@pytest.mark.django_db
def test_status_tells_what_waits_what_is_unknown_and_who_is_alive(status, accept, say):
    all_is_well()
    accept()
    accept(kind="manual", due_at=facts.database_now() - timedelta(minutes=1))
    told = status()
    assert told["alerts"] == []
    assert told["parts"] == {"database": "ok", "migrations": "ok", "redis": "ok"}
    assert told["lanes"]["bulk"]["waiting"] == 1
    assert told["lanes"]["bulk"]["oldest_due_at"] is not None
    assert told["unknown"]["count"] == 0
    assert told["beat"]["alive"]
    assert {name: worker["queues"] for name, worker in told["workers"].items()} == {
        "manual@a": ["manual"],
        "bulk@b": ["bulk", "sweep"],
        "retention@b": ["retention"],
        "reserve@b": ["reserve"],
    }
    assert told["last_sweep"] is not None
    assert told["last_retention"] is not None
    assert told["access_log"]["months_ahead"] >= 3
    assert told["circuits"] == {}


@pytest.mark.django_db
def test_status_without_a_database_says_so(status, client, settings):
    with refusing() as port, database_at(port):
        response = client.get("/status", headers=BEARER)
    assert response.status_code == 503
    assert response.json()["parts"]["database"] == "does not answer"


def make_unknown(how_many: int, draft: Callable[..., Any]) -> None:
    from sms import gateway  # noqa: PLC0415

    messages = gateway.accept([draft() for _ in range(how_many)])
    with past_the_triggers():
        Message.objects.filter(pk__in=[message.pk for message in messages]).update(state="unknown", claimed_at=Now())


WRONG: dict[str, Callable[[Callable[..., Any]], object]] = {
    "TeleqBeatSilent": lambda _: ago(signs.BEAT, minutes=2),
    "TeleqWorkerSilent": lambda _: (
        signs.leave(Sign.Kind.WORKER, "manual@c", "manual", begins=True),
        ago("manual@c", minutes=2),
    ),
    "TeleqNoWorker": lambda _: Sign.objects.filter(name="retention@b").delete(),
    "TeleqSweepLate": lambda _: ago(facts.SWEEP, minutes=6),
    "TeleqRetentionLate": lambda _: ago(facts.RETENTION, hours=27),
    "TeleqSmsUnknown": lambda draft: make_unknown(21, draft),
    "TeleqSmsStopped": lambda _: brake.hold_restored_copy(),
    "TeleqRepliesTurnedAway": lambda _: SignIn.objects.bulk_create(
        SignIn(what=SignIn.What.FAILED, method=SignIn.Method.WEBHOOK, address="192.0.2.1") for _ in range(6)
    ),
    "TeleqCircuitOpen": lambda _: ProviderState.objects.create(
        name="kannel", open_until=Now() + timedelta(seconds=30), silent_since=Now()
    ),
}
"""What goes wrong, and the alert that says so."""


@pytest.mark.django_db
@pytest.mark.parametrize("alert", WRONG)
def test_what_is_wrong_is_told_by_its_alert_and_nothing_else_is(alert, status, draft):
    all_is_well()
    assert status()["alerts"] == []
    WRONG[alert](draft)
    assert status()["alerts"] == [alert]


@pytest.mark.django_db
@pytest.mark.parametrize(("kind", "minutes"), [("manual", 3), ("reminder", 11)])
def test_what_has_waited_too_long_is_told_of(kind, minutes, status, draft, plain_queue):
    from sms import gateway  # noqa: PLC0415

    all_is_well()
    waits_since = facts.database_now() - timedelta(minutes=minutes)
    gateway.accept([draft(kind=kind, queue_id=plain_queue.pk, due_at=waits_since)])
    assert status()["alerts"] == ["TeleqSmsWaiting"]


@pytest.mark.django_db
def test_what_waits_while_all_sending_is_stopped_is_no_fault_of_its_own(status, draft, plain_queue):
    from sms import gateway  # noqa: PLC0415

    all_is_well()
    waits_since = facts.database_now() - timedelta(minutes=3)
    gateway.accept([draft(kind="manual", queue_id=plain_queue.pk, due_at=waits_since)])
    stop, _ = brake.hold_restored_copy()
    told = status()
    assert told["alerts"] == ["TeleqSmsStopped"]
    assert told["sending_stopped_since"] == stop.stopped_at.astimezone(UTC).isoformat(timespec="seconds")


@pytest.mark.django_db
def test_a_copy_is_told_of_before_anything_has_put_a_stop_on_it(status):
    all_is_well()
    SendingDatabase.objects.update(identity="another")
    assert status()["alerts"] == ["TeleqSmsStopped"]
    [problem] = problems(facts.gather(), parts.check())
    assert problem.what == "Den här databasen är en återställd kopia. Inga SMS skickas från den."


@pytest.mark.django_db
def test_on_the_first_day_no_night_has_been_yet(status):
    all_is_well()
    Sign.objects.filter(kind=Sign.Kind.TASK).delete()
    assert status()["alerts"] == []
    Sign.objects.filter(name=signs.BEAT).update(began_at=Now() - timedelta(hours=27))
    assert status()["alerts"] == ["TeleqRetentionLate", "TeleqSweepLate"]


@pytest.mark.django_db
def test_an_archive_that_takes_nothing_is_told_of_after_five_minutes():
    """That PostgreSQL tells of it is tested with a real archive: tests/local/test_point_in_time.py."""
    all_is_well()
    told = facts.gather()
    assert told.archiving_fails_since is None
    lately = replace(told, archiving_fails_since=told.at - timedelta(minutes=4))
    assert problems(lately, []) == []
    [problem] = problems(replace(told, archiving_fails_since=told.at - timedelta(minutes=6)), [])
    assert problem.alert == "TeleqArchivingFails"
    assert problem.what.startswith("PostgreSQL har inte kunnat arkivera sin logg sedan idag")


@pytest.mark.django_db
def test_reserve_lists_that_can_not_be_written_are_told_of_until_they_are(
    status, queue, care_provider, provider_administrator, settings, tmp_path
):
    all_is_well()
    key = str(pyrage.x25519.Identity.generate().to_public())
    reserve.choose(care_provider, [key], by=provider_administrator, seen=0)
    assert status()["alerts"] == []
    reserve.write_lists()  # no folder is chosen
    told = status()
    assert (told["alerts"], told["reserve_lists_late"]) == (["TeleqReserveList"], 1)
    [problem] = problems(facts.gather(), [])
    assert f"Reservlistorna för {care_provider} har inte skrivits sedan idag" in problem.what
    assert "Mappen finns inte, eller är inte vald." in problem.what
    settings.RESERVE_FOLDER = str(tmp_path)
    reserve.write_lists()
    assert status()["alerts"] == []


# Signs of life --------------------------------------------------------------------------------------------------------


def signs_of(kind: Sign.Kind) -> set[str]:
    return set(Sign.objects.filter(kind=kind).values_list("name", flat=True))


@pytest.mark.django_db(transaction=True)
class TestSigns:
    def test_a_worker_leaves_its_own_with_its_queues_and_takes_it_away_at_an_orderly_end(self, worker):
        started = worker("http://127.0.0.1:9")
        wait_until(lambda: signs_of(Sign.Kind.WORKER))
        assert set(Sign.objects.get(kind=Sign.Kind.WORKER).queues.split(",")) == {"manual", "bulk", "sweep", "reserve"}
        os.kill(started.pid, signal.SIGTERM)
        started.wait(40)
        assert not signs_of(Sign.Kind.WORKER)

    def test_a_killed_worker_leaves_its_last_sign(self, worker):
        started = worker("http://127.0.0.1:9")
        wait_until(lambda: signs_of(Sign.Kind.WORKER))
        os.killpg(started.pid, signal.SIGKILL)
        started.wait(40)
        assert signs_of(Sign.Kind.WORKER)

    def test_without_a_broker_worker_and_beat_are_heard_of_all_the_same(self, celery, tmp_path):
        with refusing() as port:
            nowhere = f"redis://127.0.0.1:{port}/0"
            celery("worker", "--concurrency=1", "-Q", "manual", REDIS_URL=nowhere)
            celery("beat", f"--schedule={tmp_path / 'beat'}", "--pidfile=", REDIS_URL=nowhere)
            wait_until(lambda: signs_of(Sign.Kind.WORKER) and signs_of(Sign.Kind.BEAT))
        assert not signs_of(Sign.Kind.TASK)

    def test_that_the_sweep_was_carried_out_shows_beat_broker_and_worker_at_work(self, worker, beat):
        worker("http://127.0.0.1:9")
        beat()
        wait_until(lambda: facts.SWEEP in signs_of(Sign.Kind.TASK))

    def test_the_retention_leaves_one_by_its_own_role(self, retention_worker):
        from administration.tasks import remove_what_is_past_its_time  # noqa: PLC0415

        retention_worker()
        remove_what_is_past_its_time.delay()
        wait_until(lambda: facts.RETENTION in signs_of(Sign.Kind.TASK))

    def test_one_that_has_been_gone_for_a_day_is_forgotten(self):
        all_is_well()
        ago("bulk@b", hours=25)
        ago(facts.RETENTION, hours=25)
        signs.forget_those_gone()
        assert signs_of(Sign.Kind.WORKER) == {"manual@a", "retention@b", "reserve@b"}
        assert facts.RETENTION in signs_of(Sign.Kind.TASK)


# What containers' health checks run -----------------------------------------------------------------------------------

COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())


def checked(command: list[str], **environment: str) -> tuple[int, str]:
    """What a health check's command says, run as a container runs it but for the Python."""
    assert command[0] == "python"
    done = subprocess.run(
        [sys.executable, *command[1:]],
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout


@pytest.mark.parametrize("service", ["worker-manual", "worker-bulk", "worker-retention", "worker-reserve", "beat"])
@pytest.mark.django_db(transaction=True)
def test_worker_and_beat_are_healthy_when_they_have_left_a_sign_and_not_when_it_is_old(service, celery, tmp_path):
    how, command, *of_queues = COMPOSE["services"][service]["healthcheck"]["test"], *started_by(service)
    sign = tmp_path / "sign"
    assert how[0] == "CMD"
    assert checked(how[1:], SIGN_FILE=str(sign)) == (1, "no sign of life yet")
    if command == "beat":
        of_queues.append(f"--schedule={tmp_path / 'beat'}")
    celery(command, *of_queues, SIGN_FILE=str(sign))
    wait_until(sign.exists)
    assert checked(how[1:], SIGN_FILE=str(sign)) == (0, "")
    os.utime(sign, (0, 0))
    code, told = checked(how[1:], SIGN_FILE=str(sign))
    assert code == 1
    assert "seconds old" in told


def started_by(service: str) -> list[str]:
    """The command of docker-compose.yml from `worker` or `beat` on."""
    words = COMPOSE["services"][service]["command"]
    return [word for word in words[3:] if not word.startswith("--schedule")]


@pytest.mark.django_db(transaction=True)
def test_web_is_healthy_when_it_is_ready(serve: Callable[..., Address]):
    [line] = [line for line in (ROOT / "Dockerfile").read_text().splitlines() if line.startswith("HEALTHCHECK")]
    command = yaml.safe_load(line.partition("CMD ")[2])
    secure = {"HTTPS_ONLY": "true", "BEHIND_PROXY": "true", "ALLOWED_HOSTS": "teleq.region.se"}
    _, port = serve(**secure)
    wait_until(lambda: checked(command, PORT=str(port)) == (0, ""))  # it may be starting still
    with silent() as nowhere:
        _, port = serve(**secure, REDIS_URL=f"redis://127.0.0.1:{nowhere}/0")
        not_ready = (1, "database: ok\nmigrations: ok\nredis: does not answer\n")
        wait_until(lambda: checked(command, PORT=str(port)) == not_ready)
    with refusing() as nobody:
        assert checked(command, PORT=str(nobody)) == (1, "web does not answer: ConnectionRefusedError")


# Driftläge ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def drift(make_user, client) -> Client:
    user = make_user("drift", "Disa", "Drake")
    user.is_superuser = True
    user.save()
    client.force_login(user)
    return client


@pytest.mark.django_db
def test_the_operator_reads_what_is_wrong_first_and_what_to_do(drift):
    all_is_well()
    assert "Allt fungerar." in drift.get("/admin/operations/").content.decode()
    ago(signs.BEAT, minutes=5)
    page = drift.get("/admin/operations/").content.decode()
    assert "Allt fungerar." not in page
    told = [page.index(words) for words in ("beat har inte hörts av sedan", "Starta processen beat", "Delarna")]
    assert told == sorted(told)
    assert 'href="/admin/operations/runbook/#teleqbeatsilent"' in page
    assert 'id="teleqbeatsilent"' in drift.get("/admin/operations/runbook/").content.decode()


@pytest.mark.django_db
@pytest.mark.parametrize("address", ["/admin/operations/", "/admin/operations/runbook/"])
def test_nobody_but_the_operator_reads_it(address, client, administrator):
    client.force_login(administrator)
    assert client.get(address).status_code == 403
    assert "Driftläge" not in client.get("/admin/").content.decode()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("broken", "words"),
    [(parts.SILENT, "Redis svarar inte."), (parts.REFUSES, "Redis är fullt och tar inte emot.")],
)
def test_a_broken_part_is_a_problem_too(broken, words):
    told = problems(facts.gather(), [parts.Part(parts.DATABASE), parts.Part(parts.BROKER, broken)])
    assert words in [problem.what for problem in told]
