"""Makes .venv with what the requirements files pin, and goes on inside it. Standard library only."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
STAMP = VENV / "installed.json"
LATER_PYTHONS = ("python3.13", "python3.12", "python3.11", "python3.14")


def enter(module: str, *arguments: str, requirements: list[str]) -> NoReturn:
    """Becomes `python -m module arguments` in .venv, in the project's folder."""
    _check_machine()
    if "TELEQ_DATA" in os.environ:
        os.environ["TELEQ_DATA"] = os.path.abspath(os.environ["TELEQ_DATA"])
    os.chdir(ROOT)
    with _one_at_a_time():
        _make_venv()
        _install(requirements)
    os.execv(PYTHON, [str(PYTHON), "-m", module, *arguments])


def _check_machine() -> None:
    if os.name == "nt":
        sys.exit("This needs Linux or macOS. On Windows: type `wsl --install`, and run it inside WSL.")
    if sys.version_info >= (3, 11):  # noqa: UP036  an earlier one may be what started this
        return
    for name in LATER_PYTHONS:
        python = shutil.which(name)
        if python and _works(python):
            os.execv(python, [python, *sys.argv])
    sys.exit(f"This needs Python 3.11 or later; {sys.executable} is {sys.version.split()[0]}.")


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    """bin/run and bin/test share .venv and may be started together."""
    import fcntl  # not on Windows, which has been turned away by now

    folder = os.open(ROOT, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def _make_venv() -> None:
    """Make .venv where there is none, or where the Python that it was made with is gone."""
    if _works(str(PYTHON)):
        return
    say("Making .venv ...")
    shutil.rmtree(VENV, ignore_errors=True)
    if uv := shutil.which("uv"):
        _run(uv, "venv", "--quiet", "--python", sys.executable, VENV)
    else:
        _run(sys.executable, "-m", "venv", "--without-pip", VENV)


def _install(requirements: list[str]) -> None:
    hashes = {name: hashlib.sha256((ROOT / name).read_bytes()).hexdigest() for name in requirements}
    installed = json.loads(STAMP.read_text()) if STAMP.exists() else {}
    if hashes.items() <= installed.items():
        return
    say("Installing what the requirements files pin (half a minute the first time) ...")
    files = [word for name in requirements for word in ("-r", ROOT / name)]
    _run(*_installer(), "install", "--quiet", "--require-hashes", *files)
    STAMP.write_text(json.dumps({**installed, **hashes}))


def _installer() -> list[str | Path]:
    if uv := shutil.which("uv"):
        os.environ["VIRTUAL_ENV"] = str(VENV)
        return [uv, "pip"]
    pip = ["-m", "pip", "--disable-pip-version-check", "--no-input"]
    if find_spec("ensurepip"):
        _run(PYTHON, "-m", "ensurepip", stdout=subprocess.DEVNULL)
        return [PYTHON, *pip]
    if find_spec("pip"):
        return [sys.executable, *pip, "--python", PYTHON]
    # Debian and Ubuntu keep ensurepip in a package of its own.
    package = f"python{sys.version_info.major}.{sys.version_info.minor}-venv"
    return sys.exit(f"This Python has no pip. Type: {'' if os.geteuid() == 0 else 'sudo '}apt install {package}")


def _works(python: str) -> bool:
    try:
        return subprocess.run([python, "-c", ""], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def _run(*command: str | Path, stdout: int | None = None) -> None:
    words = [str(word) for word in command]
    if subprocess.run(words, stdout=stdout, check=False).returncode:
        sys.exit(f"This did not work; its own words are above: {' '.join(words)}")


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
