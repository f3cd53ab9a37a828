"""The image's own steps, run outside it, twice: what they leave is the same to the byte.

In the same folder, as a program's file has its own path in it; on other files' times and in another order, as of two
checkouts. What pip unpacks is pinned by hashes, and is the registry's.
"""

from __future__ import annotations

import hashlib
import os
import random
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import django
import pytest

from teleq.version import VERSION
from tests.conftest import ROOT

pytestmark = pytest.mark.slow

DOCKERFILE = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
RUN = [" ".join(step.split()) for step in re.findall(r"^RUN (.+)$", DOCKERFILE, re.MULTILINE)]
LEFT_OUT = shutil.ignore_patterns("__pycache__", "node_modules")


def copied() -> list[Path]:
    """What `COPY . .` takes: .dockerignore leaves out all but these."""
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    return [ROOT / line[1:] for line in lines if line.startswith("!")]


def check_out(folder: Path, dice: random.Random) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for each in dice.sample(copied(), len(copied())):
        to = folder / each.relative_to(ROOT)
        to.parent.mkdir(parents=True, exist_ok=True)
        if each.is_dir():
            shutil.copytree(each, to, ignore=LEFT_OUT)
        else:
            shutil.copy(each, to)
    for each in folder.rglob("*"):
        at = dice.uniform(1e9, 1.7e9)
        os.utime(each, (at, at))


def carry_out(step: str, folder: Path) -> None:
    ours = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(["sh", "-ec", step], cwd=folder, env=ours, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def digests(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): f"{path.stat().st_mode:o} {hashlib.sha256(path.read_bytes()).hexdigest()}"
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_what_is_made_of_the_tree_is_the_same_twice(tmp_path):
    built = []
    for seed in (1, 2):
        check_out(tmp_path / "teleq", random.Random(seed))
        carry_out(RUN[1], tmp_path / "teleq")
        built.append(digests(tmp_path / "teleq"))
    assert any(name.startswith("staticfiles/") and name.endswith(".gz") for name in built[0])
    assert any(name.endswith(".pyc") for name in built[0])
    assert built[0] == built[1]


def test_what_is_compiled_of_the_packages_is_the_same_twice(tmp_path):
    packages = "/usr/local/lib/python3.12/site-packages"
    [step] = [each for each in RUN[0].split(" && ") if "compileall" in each]
    assert packages in step
    built = []
    for seed in (1, 2):
        folder = tmp_path / "packages"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(Path(django.__file__).parent / "db", folder, ignore=LEFT_OUT)
        for each in folder.rglob("*"):
            os.utime(each, (seed * 1e9, seed * 1e9))
        carry_out(step.replace(packages, shlex.quote(str(folder))), tmp_path)
        built.append(digests(folder))
    assert any(name.endswith(".pyc") for name in built[0])
    assert built[0] == built[1]


def test_nothing_is_installed_that_is_not_pinned_or_is_built_here():
    [install] = [step for step in RUN[0].split(" && ") if "pip install" in step]
    assert {"--require-hashes", "--only-binary=:all:", "--no-compile", "--no-cache-dir"} <= set(install.split())
    pins = re.findall(r"^[a-z][\w.\[\]-]*==.*\n", (ROOT / "requirements.txt").read_text(), re.IGNORECASE | re.MULTILINE)
    assert len(pins) > 50
    assert all(pin.rstrip().endswith("\\") for pin in pins)  # its hashes follow


def test_no_step_asks_for_the_time_or_for_what_changes():
    for word in ("apt", "curl", "wget", "git ", "date", "useradd", "mktemp"):
        assert not any(re.search(rf"\b{word}", step) for step in RUN), word


def test_its_label_says_which_release_it_is():
    assert re.findall(r'image\.version="([^"]+)"', DOCKERFILE) == [VERSION]
