"""A small town: two care providers, a queue with Samtycke för SMS on and one without, and the people who work there."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from urllib.parse import parse_qs

import hypothesis
import pytest
import redis
from allauth.account.internal.flows.login import get_authentication_records, record_authentication
from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.contrib.auth.signals import user_logged_in
from django.db import connection
from django.db.backends.signals import connection_created
from django.http import HttpRequest
from django.test import TransactionTestCase, override_settings
from whitenoise.middleware import WhiteNoiseMiddleware
from whitenoise.responders import StaticFile

from administration import queues
from consent import register
from consent.models import Answer, Channel, Consent, ConsentText
from local.servers import RETENTION, WORKER
from local.supervisor import WORKERS
from sms import gateway
from sms.models import Kind, Message
from teleq.celery import app
from teleq.clock import database_now
from teleq.models import CareProvider, Membership, OutgoingSms, Queue, Role, User
from tests.database_roles import address_as, past_the_triggers, take_on_the_products_role

pytest_plugins = [
    *("tests.fixtures.admin", "tests.fixtures.cases", "tests.fixtures.edge", "tests.fixtures.one_door"),
    "tests.fixtures.sms",
]

# On a busy machine an example takes what it takes; and how many are passed over is left to chance.
hypothesis.settings.register_profile(
    "no clock",
    deadline=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow, hypothesis.HealthCheck.filter_too_much],
)
hypothesis.settings.load_profile("no clock")

# Celery says "worker" where nothing else is said: the tests are none, and may not ask the database at once.
settings.TELEQ_PROCESS = "tests"

ROOT = Path(__file__).resolve().parents[1]
PASSWORD = "korrekt-häst-batteri"
MOBILE = "+46701740605"
LANDLINE = "+46846500411"
QUESTION = "Får vi skicka SMS till dig på det här numret?"


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None) -> Iterator[None]:
    """The database is made and migrated by its owner; from then on tests act as the product.

    Fixtures make a town, and tests look into it, in the transaction that the test is rolled back by: so all of it goes
    through one connection. It is signed in as the owner and has taken on the product's role (SET ROLE), which gives it
    that role's rights and no others. Only by being signed in as the owner can it take on another for a block. What a
    test starts signs in as its own role; so does tests/administration/test_promise_10_database_roles.py, which tries to
    get round the guard.
    """
    connection.close()
    connection_created.connect(take_on_the_products_role)
    yield
    connection_created.disconnect(take_on_the_products_role)


MADE_BY_MIGRATIONS = {"django_content_type", "auth_permission", "sms_sendingdatabase"}


@pytest.fixture(scope="session", autouse=True)
def emptied_between_tests() -> Iterator[None]:
    """After a test with real transactions its rows are deleted by their owner, past the triggers.

    So are its wake-ups: else a later test's worker goes through all of them first, for longer than that test waits.

    Django truncates, which makes some two hundred files anew: most of what such a test would cost.
    """
    tables = set(connection.introspection.django_table_names(include_views=False)) - MADE_BY_MIGRATIONS
    deletions = "; ".join(f"DELETE FROM {connection.ops.quote_name(table)}" for table in sorted(tables))

    def empty_tables(case: TransactionTestCase) -> None:
        with past_the_triggers(), connection.cursor() as cursor:
            cursor.execute(deletions)
        with suppress(redis.RedisError), redis.Redis.from_url(os.environ["REDIS_URL"]) as broker:  # it may be gone
            broker.flushdb()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", empty_tables)
        yield


@pytest.fixture(scope="session", autouse=True)
def static_files_found_once() -> Iterator[None]:
    """Each test client makes its middleware anew, and WhiteNoise would look up all static files each time: a fifth of
    what a page costs."""
    find = WhiteNoiseMiddleware.add_files_from_finders
    found: dict[str, StaticFile] = {}

    def add_what_was_found(middleware: WhiteNoiseMiddleware) -> None:
        if not found:
            find(middleware)
            found.update(middleware.files)
        middleware.files.update(found)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(WhiteNoiseMiddleware, "add_files_from_finders", add_what_was_found)
        yield


@pytest.fixture(scope="session", autouse=True)
def passwords_cost_little() -> Iterator[None]:
    """The product's hash takes a third of a second, so that nobody tries many passwords."""
    with override_settings(PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"]):
        yield


STARTED = {"celery", "data_folder", "running", "own_kannel", "new_context", "keeping", "provider", "proxy"}
"""Fixtures that start a worker, a server (a provider's too), Kannel, nginx or a browser."""
PAGES = {"desk", "office"}
"""Fixtures that press the buttons of whole pages as a browser does, page after page."""


def pytest_itemcollected(item: pytest.Item) -> None:
    """`bin/test --fast` leaves these out, and what is marked `slow` by hand."""
    if (STARTED | PAGES) & set(getattr(item, "fixturenames", ())):
        item.add_marker("slow")


IN_ORDER = ["local", "upgrade", "sms", "teleq", "access", "intake", "telephony", "cases"]
IN_ORDER += ["administration", "consent", "demo", "browser"]
"""Folders with long files first, so that no process begins one when the others are done. The browser's are last:
Playwright leaves its event loop running in its thread, where none other may start."""
BEGUN_FIRST = {"test_states.py", "test_nurses_side_by_side.py", "test_pictures.py"}
"""Of the last folder, the files that take as long as many others together."""


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: (IN_ORDER.index(item.path.parent.name), item.path.name not in BEGUN_FIRST))


def pytest_collection_finish() -> None:
    """All that is there by now stays: Python's collector of garbage need not look through it again and again."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def a_sign_in_of_the_tests_is_one() -> Iterator[None]:
    """Django's `force_login` shows no password. It stands for a sign-in with one, and is remembered as that."""

    def remember(request: HttpRequest, user: User, **_: object) -> None:
        if not get_authentication_records(request, user):
            record_authentication(request, user, "password")

    user_logged_in.connect(remember)
    yield
    user_logged_in.disconnect(remember)


@pytest.fixture(scope="session")
def password_hash(passwords_cost_little: None) -> str:
    return make_password(PASSWORD)


@pytest.fixture
def make_user(db: None, password_hash: str) -> Callable[..., User]:
    def make(username: str, first_name: str, last_name: str) -> User:
        user = User(username=username, first_name=first_name, last_name=last_name, password=password_hash)
        user.save()
        return user

    return make


@pytest.fixture
def care_provider(db: None) -> CareProvider:
    provider = CareProvider.objects.create(name="Vårdgivare 1", sms_consent_ordered=True)
    ConsentText.objects.create(care_provider=provider, text=QUESTION)
    return provider


@pytest.fixture
def other_care_provider(db: None) -> CareProvider:
    return CareProvider.objects.create(name="Vårdgivare 2", sms_consent_ordered=True)


def make_queue(provider: CareProvider, name: str, consent_required: bool) -> Queue:
    queue = queues.create_queue(Queue(care_provider=provider, unit="VC Spindeln", name=name))
    OutgoingSms.objects.filter(queue=queue).update(consent_required=consent_required)
    return Queue.objects.select_related("outgoing_sms", "care_provider").get(pk=queue.pk)


@pytest.fixture
def queue(care_provider: CareProvider) -> Queue:
    """Samtycke för SMS is on."""
    return make_queue(care_provider, "Rådgivning", True)


@pytest.fixture
def plain_queue(care_provider: CareProvider) -> Queue:
    """Samtycke för SMS is off."""
    return make_queue(care_provider, "Tidbokning", False)


@pytest.fixture
def other_queue(other_care_provider: CareProvider) -> Queue:
    return make_queue(other_care_provider, "Rådgivning", True)


@pytest.fixture
def nurse(make_user: Callable[..., User], queue: Queue, plain_queue: Queue) -> User:
    user = make_user("anna", "Anna", "Lind")
    for each in (queue, plain_queue):
        Membership.objects.create(user=user, queue=each, role=Role.NURSE)
    return user


@pytest.fixture
def administrator(make_user: Callable[..., User], queue: Queue, plain_queue: Queue) -> User:
    user = make_user("maria", "Maria", "Ek")
    for each in (queue, plain_queue):
        Membership.objects.create(user=user, queue=each, role=Role.ADMINISTRATOR)
    return user


@pytest.fixture
def outsider(make_user: Callable[..., User], other_queue: Queue) -> User:
    """Administrator of another care provider's queue."""
    user = make_user("olle", "Olle", "Ute")
    Membership.objects.create(user=user, queue=other_queue, role=Role.ADMINISTRATOR)
    return user


@pytest.fixture
def say(nurse: User, care_provider: CareProvider) -> Callable[..., register.Current]:
    """Store an answer as a nurse does, having seen what is stored."""

    def store(
        answer: Answer, number: str = MOBILE, provider: CareProvider = care_provider, **options: object
    ) -> register.Current:
        seen = register.current(provider.pk, number).event_id
        return register.answer_in_case(
            provider, number, answer, by=nurse, **({"case_id": 1, "seen_event": seen} | options)
        )

    return store


@pytest.fixture
def lapsing(care_provider: CareProvider, nurse: User) -> Callable[..., Consent]:
    """An answer that counts for a few days more, so that it can be confirmed."""

    def said_long_ago(answer: Answer, number: str = MOBILE, days_left: float = 10) -> Consent:
        until = database_now() + timedelta(days=days_left)
        return Consent.objects.create(
            care_provider=care_provider,
            phone_number=number,
            answer=answer,
            answered_by=nurse,
            channel=Channel.CASE,
            case_id=0,
            answered_at=until - timedelta(days=425),
            valid_until=until,
        )

    return said_long_ago


@pytest.fixture
def draft(queue: Queue) -> Callable[..., gateway.Draft]:
    """An automatic message that is due, unless said otherwise."""
    counter = iter(range(1_000_000))

    def make(**options: object) -> gateway.Draft:
        at = database_now()
        values = {
            "key": f"test:{next(counter)}",
            "kind": Kind.REMINDER,
            "queue_id": queue.pk,
            "to_number": MOBILE,
            "text": "Hej!",
            "due_at": at - timedelta(seconds=1),
            "send_before": at + timedelta(hours=1),
        }
        return gateway.Draft(**(values | options))

    return make


@pytest.fixture
def accept(draft: Callable[..., gateway.Draft]) -> Callable[..., Message]:
    """Accept one message and return its row."""

    def one(**options: object) -> Message:
        [message] = gateway.accept([draft(**options)])
        return message

    return one


class ProviderServer(ThreadingHTTPServer):
    """A provider on loopback that responds as it is told and keeps what it was sent."""

    daemon_threads = True
    request_queue_size = 512  # else a burst of connections is cut off before it is taken

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _ProviderHandler)
        self.received: list[dict[str, str]] = []
        self.responses: list[int | str] = []
        """Status codes in turn, "cut" to close the connection without an answer or "hang" to give none; then 201."""
        self.delays: list[float] = []
        """Seconds before each answer, in turn; then none."""
        self.at_once = self.most_at_once = 0
        """How many messages it holds that it has not answered, and how many that ever were."""
        self.counting = threading.Lock()
        self.closing = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    @contextmanager
    def one_more_at_once(self) -> Iterator[None]:
        with self.counting:
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        yield
        with self.counting:
            self.at_once -= 1


class _ProviderHandler(BaseHTTPRequestHandler):
    server: ProviderServer
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.server.received.append({name: values[0] for name, values in parse_qs(body).items()})
        response = self.server.responses.pop(0) if self.server.responses else 201
        with self.server.one_more_at_once():
            if self.server.delays:
                self.server.closing.wait(self.server.delays.pop(0))
            if response == "hang":
                self.server.closing.wait()
        if response in ("cut", "hang"):
            self.close_connection = True
            return
        self.send_response(response)
        content = f"id-{len(self.server.received)}".encode()
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture
def provider(settings: object) -> Iterator[ProviderServer]:
    server = ProviderServer()
    threading.Thread(target=server.serve_forever, args=[0.02], daemon=True).start()  # shut down at once
    settings.TELEQ_URL = server.url
    yield server
    server.closing.set()
    server.shutdown()
    server.server_close()


@pytest.fixture
def celery(transactional_db: None, tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Start a real part of Celery on the tests' database, by another command if need be. Each is a process group of its
    own."""
    started: list[subprocess.Popen[bytes]] = []

    def start(*arguments: str, within: Sequence[str] = (), **environment: str) -> subprocess.Popen[bytes]:
        with (tmp_path / f"{arguments[0]}.log").open("ab") as log:
            started.append(
                subprocess.Popen(
                    [*within, sys.executable, "-m", "celery", "-A", "teleq", *arguments, "--loglevel=warning"],
                    cwd=ROOT,
                    env=os.environ | {"DATABASE_URL": address_as(WORKER)} | environment,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
            )
        return started[-1]

    yield start
    for process in started:  # before the tables are emptied: it may hold some of their rows
        if process.poll() is None:  # an orderly end takes seconds, and is not what these tests are about
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@pytest.fixture
def worker(celery: Callable[..., subprocess.Popen[bytes]]) -> Callable[[str], subprocess.Popen[bytes]]:
    """Start a worker for every queue but retention's, that finds provider and product at this address."""
    queues = ",".join(queues for name, queues in WORKERS.items() if name != "retention")  # that has a role of its own
    return lambda teleq_url: celery(*WORKER_ON, queues, TELEQ_URL=teleq_url)


WORKER_ON = ("worker", "--concurrency=1", "--without-gossip", "--without-mingle", "-Q")


@pytest.fixture
def retention_worker(celery: Callable[..., subprocess.Popen[bytes]]) -> Callable[[], subprocess.Popen[bytes]]:
    return lambda: celery(*WORKER_ON, WORKERS["retention"], DATABASE_URL=address_as(RETENTION))


@pytest.fixture
def beat(celery: Callable[..., subprocess.Popen[bytes]], tmp_path: Path) -> Callable[[], subprocess.Popen[bytes]]:
    """Start a beat that does each second what the product's does each minute."""
    number = count()
    return lambda: celery(
        *("beat", f"--schedule={tmp_path / f'beat-{next(number)}'}", "--pidfile="),
        DJANGO_SETTINGS_MODULE="tests.fast_beat",
    )


@pytest.fixture
def wakes_at_once() -> Iterator[None]:
    """A wake-up is followed where it is given, by Celery itself, as if a worker stood beside."""
    app.loader.import_default_modules()  # as a worker does
    app.conf.task_always_eager = True
    yield
    app.conf.task_always_eager = False
