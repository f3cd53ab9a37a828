"""bin/run as the person at the terminal meets it: started, started twice, stopped, killed."""

from __future__ import annotations

import http.client
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

ROOT = Path(__file__).resolve().parents[2]
BIN_RUN = [sys.executable, str(ROOT / "bin" / "run")]
ADDRESS = re.compile(r"teleQ is running at http://127\.0\.0\.1:(\d+)/")
# The servers alone, where nothing tells them that the run has been killed: such as on macOS.
SERVERS_ON_THEIR_OWN = """
import sys
from local import servers, supervisor
servers.LIBC = None
supervisor.interrupt_on_signals()
with servers.Run("teleq") as run:
    run.start_postgres("fsync=off")
    run.start_valkey()
    print("up", flush=True)
    sys.stdin.read()
"""


@pytest.fixture(scope="module")
def data_folder() -> Iterator[Path]:
    """Not tmp_path: the user that the servers run as can't enter it."""
    folder = Path(tempfile.mkdtemp(prefix="teleq-")).resolve()
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def environment(data_folder: Path) -> dict[str, str]:
    """Without the servers' addresses: those are what these tests run on themselves."""
    ours = {name: value for name, value in os.environ.items() if name not in {"DATABASE_URL", "REDIS_URL"}}
    return {**ours, "TELEQ_DATA": str(data_folder), "PYTHONPATH": str(ROOT)}


@contextmanager
def started(command: list[str], environment: dict[str, str], until: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A run, and what it had said when it was up."""
    pipe = subprocess.PIPE
    process = subprocess.Popen(
        command, env=environment, cwd=ROOT, text=True, stdin=pipe, stdout=pipe, stderr=subprocess.STDOUT
    )
    assert process.stdout
    said = ""
    try:
        while until not in said:
            line = process.stdout.readline()
            assert line, f"It stopped before it was up: {said}"
            said += line
        yield process, said
    finally:
        process.terminate()
        process.communicate(timeout=60)


def processes_in(folder: Path) -> dict[int, str]:
    found = psutil.process_iter(["cwd", "name"])
    return {each.pid: each.info["name"] for each in found if (each.info["cwd"] or "").startswith(str(folder))}


def test_a_taken_port_gives_the_next_a_second_start_says_where_and_sigterm_leaves_nothing(
    environment: dict[str, str], data_folder: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        environment["PORT"] = str(taken.getsockname()[1])
        with started(BIN_RUN, environment, until="drift") as (run, said):
            address = ADDRESS.search(said)
            assert address
            port = int(address[1])
            assert port > int(environment["PORT"])
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
            connection.request("GET", "/login/")
            assert connection.getresponse().status == 200
            connection.close()

            second = subprocess.run(BIN_RUN, env=environment, capture_output=True, text=True, check=False)
            assert second.returncode == 1
            assert second.stderr.splitlines() == [
                f"Already running at http://127.0.0.1:{port}/, with the data folder {data_folder}."
            ]

            files = [path for path in data_folder.iterdir() if path.is_file()]
            assert {path.stat().st_mode & 0o777 for path in files} == {0o600}

            run.terminate()
            assert run.wait(60) == 0
    assert processes_in(data_folder) == {}


def test_a_later_start_finds_the_data_and_a_child_that_dies_is_named_and_ends_the_run(
    environment: dict[str, str], data_folder: Path
) -> None:
    with started(BIN_RUN, environment, until="drift") as (run, said):
        assert "Det finns redan en vårdgivare. Ingenting lästes in." in said
        valkey = next(pid for pid, name in processes_in(data_folder).items() if name == "valkey-server")
        os.kill(valkey, signal.SIGKILL)
        assert run.stdout
        last_words = run.stdout.read()
        assert f"valkey has stopped (exit code -9). Its log, {data_folder / 'valkey.log'}, ends:" in last_words
        assert run.wait(60) == 1
    assert processes_in(data_folder) == {}


def test_servers_that_outlive_a_killed_run_are_stopped_by_the_next(
    environment: dict[str, str], data_folder: Path
) -> None:
    servers = [sys.executable, "-c", SERVERS_ON_THEIR_OWN]
    with started(servers, environment, until="up") as (run, _):
        run.kill()
        run.wait()
    left = processes_in(data_folder)
    assert {"postgres", "valkey-server"} <= set(left.values())
    with started(servers, environment, until="up"):
        assert not left.keys() & processes_in(data_folder).keys()
    assert processes_in(data_folder) == {}


def test_starting_over_leaves_a_database_of_ones_own_alone(environment: dict[str, str]) -> None:
    environment["DATABASE_URL"] = "postgres://someone:secret@127.0.0.1:1/real"
    run = subprocess.run([*BIN_RUN, "--fresh"], env=environment, capture_output=True, text=True, check=False)
    assert run.returncode == 1
    assert "unset DATABASE_URL and REDIS_URL" in run.stderr
