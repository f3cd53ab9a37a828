"""An upgrade by day: the next release is put in place while this one is at work, and nothing is lost.

The next release (`tests.upgrade.next_release`) is made of this tree. All processes are real, so is the load, and so is
the HTTP server that stands for the provider.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import urlsplit

import psycopg2
import pytest
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from administration import queues
from administration.first_day.checks import check_all
from cases.models import Case
from consent import register
from consent.models import Answer, ConsentText
from local.servers import OWNER, RETENTION, WEB, WORKER
from sms.models import Message, SendingDatabase, SendingStop
from sms.states import State
from teleq.models import CareProvider, Membership, OutgoingSms, Queue, Role, User
from teleq.version import VERSION as BEFORE
from tests.administration.other_database import empty_database, in_database
from tests.concurrency import wait_until, wait_until_a_connection_waits_for_a_lock
from tests.conftest import PASSWORD, QUESTION, ROOT
from tests.database_roles import address_as, as_owner
from tests.intake.telephone_system import connect, divide, keep_open
from tests.race.provider import Provider, opened
from tests.race.town import NUMBERS
from tests.upgrade.load import Balancer, Load
from tests.upgrade.next_release import VERSION, make_next_release, of, run
from tests.upgrade.sides import Side

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]

QUEUES = 12
BY_HAND = NUMBERS[-8:]
"""Those who are sent SMS by hand. The others book."""
A_WHILE = 25
"""Bookings: how long each stage of the upgrade lasts at the least."""


@pytest.fixture(scope="module")
def following(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tree of the next release."""
    return make_next_release(tmp_path_factory.mktemp("release"))


@pytest.fixture(scope="module")
def migrated(django_db_setup: None, django_db_blocker: Any) -> Iterator[str]:
    """A database of this release, with nothing in it."""
    with django_db_blocker.unblock(), empty_database() as name:
        with in_database(name), as_owner():
            call_command("migrate", verbosity=0)
        yield name


@pytest.fixture
def installed(migrated: str) -> Iterator[dict[str, str]]:
    """One of those, to which Django's connection is in the test. Gives its address for each role."""
    with empty_database(migrated) as name, in_database(name):
        with as_owner():
            SendingDatabase.objects.become()  # it is no copy
        yield {
            role: urlsplit(address_as(role))._replace(path=f"/{name}").geturl()
            for role in (OWNER, WEB, WORKER, RETENTION)
        }


def a_town() -> tuple[list[Queue], str, list[Case]]:
    """Queues that are open all day and confirm, the telephone system's key, and cases whose patients said Ja."""
    anna = User.objects.create(
        username="anna", first_name="Anna", last_name="Lind", password=PBKDF2PasswordHasher().encode(PASSWORD, "0" * 22)
    )
    provider = CareProvider.objects.create(name="Vårdgivare 1", sms_consent_ordered=True)
    ConsentText.objects.create(care_provider=provider, text=QUESTION)
    made = []
    for number in range(QUEUES):
        queue = queues.create_queue(Queue(care_provider=provider, unit="VC Spindeln", name=f"Kö {number}"))
        OutgoingSms.objects.filter(queue=queue).update(
            consent_required=True, confirmation_on=True, confirmation_text="Vi ringer {tid}.", sender="Teleq"
        )
        Membership.objects.create(user=anna, queue=queue, role=Role.NURSE)
        keep_open(queue, "00:00", "23:45")
        divide(queue, places=1000)
        made.append(queue)
    for number in NUMBERS:
        register.answer_in_case(provider, number, Answer.YES, by=anna, case_id=1, seen_event=None)
    later = timezone.now() + timedelta(hours=2)
    cases = [Case.objects.create(queue=made[0], phone_number=number, callback_at=later) for number in BY_HAND]
    return made, connect(provider, anna).key, cases


@contextmanager
def side(name: str, tree: Path, folder: Path, addresses: dict[str, str], provider: Provider) -> Iterator[Side]:
    kannel = {"KANNEL_URL": f"{provider.url}/kannel", "KANNEL_USERNAME": "u", "KANNEL_PASSWORD": "p"}
    made = Side(name, tree, folder, addresses, {"SMS_PROVIDERS": "kannel", **kannel})
    try:
        yield made
    finally:
        made.kill()


def test_the_next_release_is_put_in_place_under_load_and_nothing_is_lost_or_doubled(following, installed, tmp_path):
    with ExitStack() as stack:
        open_queues, key, cases = a_town()
        provider = stack.enter_context(opened(Provider(Random(1))))
        provider.is_calm = True
        old = stack.enter_context(side("old", ROOT, tmp_path, installed, provider))
        new = stack.enter_context(side("new", following, tmp_path, installed, provider))
        for each in (old.start_web, old.start_workers, old.start_beat, new.start_web):
            each()

        # Whoever comes before its tables are there is not ready, and gets no requests.
        status, told = new.asked("/readyz")
        assert status == 503
        assert "migrations: 3 not applied" in told

        balancer = Balancer([old.port])
        patients = iter([(queue.pk, number) for queue in open_queues for number in NUMBERS if number not in BY_HAND])
        load = Load(balancer, key, patients, _next_full_hour(), [case.pk for case in cases], database=installed[WORKER])
        with load.going_on():
            _a_while(load, provider)
            assert "Applying cases." in run(following, "manage.py", "migrate", DATABASE_URL=installed[OWNER])

            # The old one works on with the new one's database, and says so.
            assert old.asked("/readyz")[0] == 200
            _a_while(load, provider)

            assert new.asked("/readyz")[0] == 200
            balancer.ports.append(new.port)
            new.start_workers()
            _a_while(load, provider)

            balancer.ports.remove(old.port)
            assert [old.stop(name) for name in ("web", "beat", "worker", "retention")] == [0, 0, 0, 0]
            new.start_beat()
            _a_while(load, provider)
            wait_until(lambda: f"teleQ {VERSION}" in new.log("beat").read_text(), 60)
        wait_until(lambda: not Message.objects.filter(state__in=[State.QUEUED, State.SENDING]).exists(), 60)

        _nothing_is_lost_or_doubled(load, provider)
        _nobody_stumbled(old, new)
        _the_new_one_is_in_place()


def _next_full_hour() -> Any:
    return (timezone.now() + timedelta(hours=3)).replace(minute=0, second=0, microsecond=0)


def _a_while(load: Load, provider: Provider) -> None:
    """Until so many more have booked, and so many more SMS have been handed over and sent by hand."""
    booked, posts, pressed = len(load.booked), len(provider.posts), load.pressed

    def over() -> bool:
        assert load.failures == []
        assert [each for each in load.statuses if each[1] >= 500] == []
        return (
            len(load.booked) >= booked + A_WHILE
            and len(provider.posts) >= posts + A_WHILE
            and load.pressed >= pressed + 5
        )

    wait_until(over, 120)


def _nothing_is_lost_or_doubled(load: Load, provider: Provider) -> None:
    assert load.failures == []
    assert {(what, status) for what, status in load.statuses if status != 200} == {("book", 201)}
    booked = Case.objects.filter(pk__in=load.booked)
    assert booked.count() == len(load.booked) == len(set(load.booked))
    confirmed = Message.objects.filter(kind="confirmation", case_message__case__in=booked)
    assert confirmed.count() == len(load.booked)
    by_hand = Message.objects.filter(kind="manual")
    assert by_hand.count() == load.pressed

    handed_over = [post.message_id for post in provider.posts]
    assert len(handed_over) == len(set(handed_over))
    assert set(handed_over) == set(Message.objects.values_list("pk", flat=True))
    assert set(Message.objects.values_list("state", flat=True)) <= {State.SENT, State.DELIVERED}


def _nobody_stumbled(*sides: Side) -> None:
    wrong = re.compile(r"\b(ERROR|CRITICAL|Traceback)\b|Error\b")
    told = [
        f"{log.name}: {line.partition(' ')[2]}"
        for each in sides
        for log in sorted(each.folder.glob(f"{each.name}-*.log"))
        for line in log.read_text().splitlines()
        if wrong.search(line)
    ]
    for each, version in zip(sides, (BEFORE, VERSION), strict=True):
        for name in ("web", "worker", "retention", "beat"):
            assert f"teleQ {version}" in each.log(name).read_text()  # each says at its start which it is
    assert told == ["new-web.log: ERROR django.request Service Unavailable: /readyz"]  # before its tables were there


def _the_new_one_is_in_place() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT booked_with, count(*) FROM cases_case GROUP BY booked_with")
        by_whom = dict(cursor.fetchall())
        cursor.execute("SELECT indisvalid FROM pg_index WHERE indexrelid = 'message_by_status'::regclass")
        assert cursor.fetchall() == [(True,)]
    assert by_whom.keys() == {"", VERSION}  # and of the old side's the database's default
    assert by_whom[VERSION] >= A_WHILE
    assert BEFORE != VERSION
    with pytest.raises(Exception, match="a message has a text"), connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO sms_message (key, kind, queue_id, to_number, text, due_at, send_before, state, refusal,"
            " attempts, consent_answer, consent_channel, provider, provider_message_id, provider_status, receipt_token)"
            " SELECT 'empty', kind, queue_id, to_number, '', due_at, send_before, 'queued', '', 0, '', '', '', '', '',"
            " '' FROM sms_message LIMIT 1"
        )


def test_the_check_finds_nothing_against_the_next_release(following):
    run(following, "-m", "local.migrations")


# migrate -------------------------------------------------------------------------------------------------------------


def migrate(tree: Path, address: str, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "manage.py", "migrate", "--no-color", *words],
        cwd=tree,
        env=of(tree) | {"DATABASE_URL": address},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
    )


WAITS = "Another migrate is at work. Waiting until it is done ..."


def line_of(process: subprocess.Popen[str]) -> str:
    assert process.stdout
    return process.stdout.readline().rstrip()


def test_two_migrate_at_once_wait_for_each_other_and_the_later_finds_nothing_to_do(following, installed):
    with closing(psycopg2.connect(installed[OWNER])) as first:
        first.cursor().execute("SELECT pg_advisory_lock(6, 0)")
        first.commit()
        both = [migrate(following, installed[OWNER]) for _ in range(2)]
        assert [line_of(each) for each in both] == [WAITS, WAITS]
        first.close()
        told = [each.communicate(timeout=120)[0] for each in both]
        assert [each.returncode for each in both] == [0, 0]
        assert sorted("Applying sms." in each for each in told) == [False, True]
        assert sorted("No migrations to apply." in each for each in told) == [False, True]


def test_migrate_lets_others_by_when_a_table_is_in_use_and_tries_again(following, installed):
    with closing(psycopg2.connect(installed[OWNER])) as backup:
        a_town()
        backup.cursor().execute("SELECT count(*) FROM cases_case")  # as pg_dump does, and stays
        waiting = migrate(following, installed[OWNER])
        wait_until_a_connection_waits_for_a_lock()
        assert Case.objects.count() == len(BY_HAND)  # behind it, and by web's own limits, after which it would give up
        assert waiting.stdout
        assert any("in use" in line for line in waiting.stdout)
        backup.rollback()
        told = waiting.communicate(timeout=120)[0]
        assert waiting.returncode == 0, told
        assert "Applying cases." in told


def test_migrate_says_who_to_look_for_when_it_is_not_let_in(following, installed):
    with closing(psycopg2.connect(installed[OWNER])) as backup:
        backup.cursor().execute("SELECT count(*) FROM cases_case")
        refused = migrate(following, installed[OWNER], "--tries", "1")
        told = refused.communicate(timeout=120)[0]
        assert refused.returncode == 1
        assert "A table that is to be changed has been in use each time" in told
        assert "Traceback" not in told


def test_the_release_before_leaves_the_database_of_the_next_as_it_is(following, installed):
    run(following, "manage.py", "migrate", DATABASE_URL=installed[OWNER])
    with as_owner(), connection.cursor() as cursor:
        cursor.execute("CREATE TABLE sms_thing (id int); GRANT SELECT ON sms_thing TO teleq_product")
        cursor.execute("UPDATE sms_sendingdatabase SET identity = 'another'")  # and it is a copy
    told = run(ROOT, "manage.py", "migrate", DATABASE_URL=installed[OWNER])
    assert "The database is of a later release, with which this one works. Nothing to do." in told
    with connection.cursor() as cursor:
        cursor.execute("SELECT has_table_privilege('teleq_product', 'sms_thing', 'SELECT')")
        assert cursor.fetchall() == [(True,)]
    assert SendingStop.objects.filter(kind=SendingStop.Kind.RESTORED_COPY, released_at=None).count() == 1
    of_the_database = next(check_all())  # what setup --check says
    assert of_the_database.problems == []
    assert "Databasen är av en senare utgåva, som den här fungerar med." in of_the_database.found


def test_an_index_that_was_left_half_made_is_made_anew(following, installed):
    """By one `migrate` that is ended while it waits, as it does for every transaction that writes to the table."""
    with closing(psycopg2.connect(installed[OWNER])) as before:
        before.cursor().execute("LOCK TABLE sms_message IN ROW EXCLUSIVE MODE")
        interrupted = migrate(following, installed[OWNER], "sms")
        with connection.cursor() as cursor:

            def half_made() -> bool:
                cursor.execute("SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass('message_by_status')")
                return cursor.fetchall() == [(False,)]

            wait_until(half_made, 60)
            with as_owner():
                cursor.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE query LIKE 'CREATE INDEX CONCURRENTLY%'"
                )
            interrupted.communicate(timeout=60)
            assert interrupted.returncode != 0
            before.rollback()
            run(following, "manage.py", "migrate", DATABASE_URL=installed[OWNER])
            assert not half_made()
            cursor.execute("SELECT indisvalid FROM pg_index WHERE indexrelid = 'message_by_status'::regclass")
            assert cursor.fetchall() == [(True,)]
