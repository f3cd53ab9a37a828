"""What bin/run and bin/test do once they are inside .venv: servers up, the product or the tests, servers down."""

from __future__ import annotations

import errno
import http.client
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

from watchfiles import watch

from local.servers import OWNER, RETENTION, ROOT, WEB, WORKER, Child, Failure, Run, end_with_parent

PYTHON = sys.executable
CELERY = [PYTHON, "-m", "celery", "-A", "teleq"]
TEMPLATES = ROOT / "templates"
WORKERS = {"manual": "manual", "bulk": "bulk,sweep,reserve", "retention": "retention"}
"""Each worker's queues. Retention's worker has a role of its own in the database."""
NOT_SERVED = (".", "tests", "benchmarks", "docs", "bin")
BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser")
"""The first is Chromium without windows, as Playwright brings it for tests too: a new context costs a quarter in it."""


def main() -> int:
    interrupt_on_signals()
    purpose, *arguments = sys.argv[1:]
    try:
        return tests(arguments) if purpose == "tests" else product("--fresh" in arguments, "--reload" in arguments)
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    except subprocess.CalledProcessError as error:
        return fail(f"This did not work; its own words are above: {' '.join(map(str, error.cmd))}")
    except (Failure, OSError) as error:
        return fail(str(error))


def interrupt_on_signals() -> None:
    """SIGINT, SIGTERM and SIGHUP raise KeyboardInterrupt from here on. SIGINT is set too, as a process that was started
    in the background may have inherited that it is ignored."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:  # nohup
            signal.signal(number, signal.default_int_handler)


# The product ----------------------------------------------------------------------------------------------------------


def product(fresh: bool, reload: bool) -> int:
    if fresh and (os.environ.get("DATABASE_URL") or os.environ.get("REDIS_URL")):
        raise Failure("--fresh throws away only what bin/run has made itself: unset DATABASE_URL and REDIS_URL.")
    with Run("teleq") as run:
        try:
            listener, addresses = start_product(run, fresh)
            if reload:
                serve_what_is_saved(run, listener, addresses)
            while True:
                run.check_children()
                time.sleep(0.3)
        except KeyboardInterrupt:
            say("\nStopping ...")
    return 0


def serve_what_is_saved(run: Run, listener: socket.socket, addresses: dict[str, str]) -> None:
    """bin/run --reload: start web, workers and beat again whenever a file is saved. Where they can't start, say why and
    try again at the next save."""
    folders = [folder for folder in ROOT.iterdir() if folder.is_dir() and not folder.name.startswith(NOT_SERVED)]
    say("Saved files are served at once: web, workers and beat start again.")
    for changes in watch(*folders, rust_timeout=300, yield_on_timeout=True, raise_interrupt=True):
        if changes:
            say(f"{', '.join(sorted({Path(path).name for _, path in changes}))}: starting again ...")
            run.stop_services()
            start_services(run, listener, addresses)
        try:
            run.check_children()
        except Failure as failure:
            run.stop_services()
            say(str(failure))


def start_product(run: Run, fresh: bool) -> tuple[socket.socket, dict[str, str]]:
    """Start servers, web, workers and beat, with the database prepared. Returns what the web server listens on, and the
    database's address for each role."""
    listener = listen(os.environ.get("PORT") or "8000")
    port = listener.getsockname()[1]
    address = f"http://127.0.0.1:{port}/"
    run.announce(address)
    if fresh:
        run.forget()
    addresses = start_servers(run)
    # One folder for all processes: on one machine web tells at /metrics what the workers have counted too.
    metrics = str(run.fresh_folder("metrics"))
    set_environment(run, TELEQ_URL=address, DATABASE_URL=addresses[WEB], PROMETHEUS_MULTIPROC_DIR=metrics)
    say("Preparing the database ...")
    manage(run, "migrate", "--verbosity=0", DATABASE_URL=addresses[OWNER])
    say(manage(run, "demo", DATABASE_URL=addresses[OWNER]))
    say("Starting web, workers and beat ...")
    web = start_services(run, listener, addresses)
    logins = manage(run, "demo", "--logins")
    run.wait(web, lambda: web_answers(port))
    say(f"\nteleQ is running at {address} Ctrl-C stops it. Data and logs: {run.folder}\n\n{logins}")
    return listener, addresses


def listen(first: str) -> socket.socket:
    """Listen on the first free port from this one on. Raises Failure where there is none.

    The socket is passed on to the web server, so that nobody takes the port before that has started.
    """
    if not first.isdigit():
        raise Failure(f"PORT must be a number, not {first!r}.")
    for port in range(int(first), 65536):
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port))
            listener.listen()
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise Failure(f"Port {port}: {error.strerror}. Set PORT to another.") from None
            continue
        return listener
    raise Failure(f"No port from {first} up to 65535 is free.")


def start_servers(run: Run, *postgres_options: str, roles_sql: str = "") -> dict[str, str]:
    """Start PostgreSQL and Valkey, where none are given. Returns the database's address for each of its roles.

    A DATABASE_URL that is given must be a superuser's: the roles are made by it, and nothing else is done by it.
    """
    superuser = os.environ.get("DATABASE_URL")
    if not superuser:
        say("Starting PostgreSQL ...")
        superuser = run.start_postgres(*postgres_options)
    addresses = run.make_roles(superuser, roles_sql)
    if not os.environ.get("REDIS_URL"):
        say("Starting Valkey ...")
        os.environ["REDIS_URL"] = run.start_valkey()
    return addresses


def set_environment(run: Run, **more: str) -> None:
    """Set what every process started from here on needs. The servers are running by then and need none of it."""
    os.environ.setdefault("SECRET_KEY", run.secret("secret_key").read_text())
    # PYTHONPATH, since working folders are elsewhere.
    os.environ.update(more, TELEQ_DEMO="1", PYTHONPATH=str(ROOT), PYTHONUNBUFFERED="1", PYTHONUTF8="1")


def start_services(run: Run, listener: socket.socket, addresses: dict[str, str]) -> Child:
    """Start web, workers and beat, each with its own role in the database. Returns the web server."""
    if not os.environ.get("RESERVE_FOLDER"):
        os.environ["RESERVE_FOLDER"] = str(run.folder / "reserve")
        (run.folder / "reserve").mkdir(mode=0o700, exist_ok=True)
    as_role = {role: os.environ | {"DATABASE_URL": address} for role, address in addresses.items()}
    descriptor = listener.fileno()
    served = web_command(f"fd://{descriptor}")
    web = run.spawn("web", run.services_folder, *served, pass_fds=[descriptor], env=as_role[WEB])
    for name in WORKERS:
        role = as_role[RETENTION if name == "retention" else WORKER]
        run.spawn(f"worker-{name}", run.services_folder, *worker_command(name), env=role)
    run.spawn("beat", run.services_folder, *beat_command("beat"), env=as_role[WORKER])
    return web


def web_command(bind: str) -> list[str]:
    config = f"--config={ROOT / 'gunicorn.conf.py'}"
    gunicorn = [PYTHON, "-m", "gunicorn", "teleq.wsgi:application", "--preload", "--no-control-socket"]
    return [*gunicorn, config, f"--bind={bind}"]


def worker_command(name: str) -> list[str]:
    options = ["--concurrency=1", "--without-gossip", "--without-mingle", "--loglevel=warning"]
    return [*CELERY, "worker", *options, "-Q", WORKERS[name], "-n", f"{name}@%h"]


def beat_command(schedule: str) -> list[str]:
    return [*CELERY, "beat", f"--schedule={schedule}", "--pidfile=", "--loglevel=warning"]


def manage(run: Run, *arguments: str, **environment: str) -> str:
    """Run manage.py with these arguments. Returns what it prints. Raises CalledProcessError."""
    done = subprocess.run(
        [PYTHON, ROOT / "manage.py", *arguments],
        cwd=run.services_folder,
        env=os.environ | environment,
        check=True,
        stdout=subprocess.PIPE,
        encoding="utf-8",
        start_new_session=True,
        preexec_fn=end_with_parent,
    )
    return done.stdout.rstrip()


def web_answers(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/login/")
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


# The tests ------------------------------------------------------------------------------------------------------------


FAST = ["-m", "not slow"]
"""Without what starts processes or servers, goes through pages, or tries every address or order: tests/conftest.py."""
PROCESSES = min((os.cpu_count() or 1) + 1, 15)
"""One more than there are cores, since some wait at times; and no more than there are brokers (tests/parallel.py)."""
FOR_TESTS = f"""
    ALTER ROLE {OWNER} CREATEDB;
    GRANT {WEB}, {WORKER}, {RETENTION}, pg_read_all_stats, pg_checkpoint, pg_signal_backend TO {OWNER};
    GRANT SET ON PARAMETER session_replication_role TO {OWNER};
"""
"""What the tests' and the benchmarks' own connection may do beside what an owner may: make databases, act as the
product, see and end others' connections. tests/conftest.py says what for."""
IN_PARALLEL = [f"--numprocesses={PROCESSES}", "--dist=loadfile", "--no-loadscope-reorder"]
"""A database and a broker for each process, and a file's tests in one process, as they share what they start."""


def tests(arguments: list[str]) -> int:
    ours = {"--checks", "--fast"}
    options = [argument for argument in arguments if argument not in ours]
    if "--fast" in arguments:
        options = FAST + options
    with Run("teleq-test") as run:
        # What is lost in a power cut is made again by the next run.
        faster = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")
        if not os.environ.get("DATABASE_URL"):
            os.environ["POSTGRES_LOG"] = str(run.folder / "postgres.log")
        addresses = start_servers(run, *faster, roles_sql=FOR_TESTS)
        os.environ["DATABASE_URL"] = addresses[OWNER]
        set_environment(run, **{f"DATABASE_URL_{role}": address for role, address in addresses.items()})
        # Workers of the tests have no beat: what they would look for themselves is what a test leaves to be found.
        os.environ.setdefault("LOOK_EVERY_SECONDS", "3600")
        keep_bytecode(run)
        if "--checks" in arguments:
            run_checks()
        if "--fast" not in arguments:
            find_browser()
        return run_pytest(options if names_files(options) else IN_PARALLEL + options)


def keep_bytecode(run: Run) -> None:
    """In the data folder, also where none may be written beside the sources: else each process that a test starts
    compiles Django and all the rest anew, which takes longer than most tests."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    os.environ["PYTHONPYCACHEPREFIX"] = str(run.folder / "bytecode")


def names_files(options: list[str]) -> bool:
    """Whether files or folders are named. Those run in one process: a second database takes longer than a few tests."""
    return any(Path(option.partition("::")[0]).exists() for option in options)


def run_checks() -> None:
    """bin/test --checks: linters, types, which way imports go, templates, migrations. Raises CalledProcessError at the
    first that finds something."""
    scripts = (
        "bin/run bin/test bin/supply-chain bin/messages bin/digests bin/release"  # no .py by which they would be found
    )
    templates = " ".join(sorted(str(path.relative_to(ROOT)) for path in TEMPLATES.rglob("*.html")))
    for check in (
        f"ruff check . {scripts}",
        f"ruff format --check . {scripts}",
        "mypy",
        "lint-imports --no-cache",
        f"djade --target-version 5.2 --check {templates}",
        "python manage.py makemigrations --check --dry-run",
        "python -m local.migrations",
    ):
        say(f"\n$ {check}")
        program, *words = check.split()
        subprocess.run([Path(PYTHON).parent / program, *words], check=True)


def installed_browser(names: Iterable[str] = BROWSERS) -> str | None:
    """The machine's Chromium, if it has one: the first of these."""
    return next(filter(None, map(shutil.which, names)), None)


def find_browser() -> None:
    """The machine's Chromium where there is one, else Playwright's own."""
    if installed_browser():
        return
    install = [PYTHON, "-m", "playwright", "install", "chromium"]
    if subprocess.run(install, check=False, capture_output=True).returncode:
        say("The browser tests need Chromium, which could not be fetched. Type:")
        say("apt install chromium chromium-headless-shell")


def run_pytest(arguments: list[str]) -> int:
    pytest = subprocess.Popen([PYTHON, "-m", "pytest", *arguments], preexec_fn=end_with_parent)
    try:
        code = pytest.wait()
    except KeyboardInterrupt:
        code = interrupt(pytest)
    return code if code >= 0 else 128 - code


def interrupt(pytest: subprocess.Popen[bytes]) -> int:
    """Let pytest end by itself: the terminal sends Ctrl-C to it too, and a second one would cost its summary. A pytest
    that has got none is sent one after three seconds, and killed after ten more. Returns its exit code."""
    try:
        return pytest.wait(3)
    except subprocess.TimeoutExpired:
        pytest.send_signal(signal.SIGINT)
    try:
        return pytest.wait(10)
    except subprocess.TimeoutExpired:
        pytest.kill()
        return pytest.wait()


# Words to whoever started it ------------------------------------------------------------------------------------------


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def fail(line: str) -> int:
    sys.stderr.write(f"{line}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
