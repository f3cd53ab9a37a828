"""The next release, made of this tree as a developer would make it.

It has a column with a default of the database's own, which its code fills in; an index, made concurrently; and a guard
that refuses one thing more. The first two migrations are the files beside this one; makemigrations makes the guard's.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.conftest import ROOT

HERE = Path(__file__).parent
VERSION = "9.1.0"
LEFT_OUT = shutil.ignore_patterns(
    *(".git", ".venv", ".teleq*", "__pycache__", "node_modules", "staticfiles", "benchmarks", ".*_cache", "secrets")
)
COLUMN = """
    booked_with = models.CharField(max_length=20, blank=True, default="", db_default="")
    attempts = models."""
GUARD = """
    SELECT min(id) INTO bad FROM new_rows WHERE text = '' AND state = 'queued';
    IF bad IS NOT NULL THEN
        RAISE EXCEPTION 'SMS %: a message has a text', bad USING ERRCODE = 'check_violation';
    END IF;
"""
CHANGES = [
    # file, what stands there, what stands there then
    ("teleq/version.py", "\nVERSION = ", f'\nVERSION = "{VERSION}"  # it was '),
    ("cases/models/case.py", "\n    attempts = models.", COLUMN),
    ("cases/callbacks.py", "\n        case.save()\n", "\n        case.booked_with = VERSION\n        case.save()\n"),
    ("cases/callbacks.py", "\nfrom teleq.models ", "\nfrom teleq.version import VERSION\nfrom teleq.models "),
    (
        "sms/models/message.py",
        '            models.Index(fields=["to_number"], name="message_to_number"),\n',
        '            models.Index(fields=["to_number"], name="message_to_number"),\n'
        '            models.Index(fields=["provider_status"], name="message_by_status"),\n',
    ),
    ("sms/guard.py", '\n_BEGINS_WELL = """\n', f'\n_BEGINS_WELL = """\n{GUARD}'),
]


def make_next_release(folder: Path) -> Path:
    """The tree of the next release, in a new folder within this one."""
    tree = copy_of_the_tree(folder)
    run(tree, "-m", "local.migrations", "--write")  # what stands is what is released
    for file, before, after in CHANGES:
        text = (tree / file).read_text()
        assert text.count(before) == 1, f"{file}: {before}"
        (tree / file).write_text(text.replace(before, after))
    for each in sorted(HERE.glob("*_*.py")):
        if each.name != "__init__.py":
            _add_migration(tree, each)
    run(tree, "manage.py", "makemigrations", "sms", "--name", "guard")
    run(tree, "manage.py", "makemigrations", "--check", "--dry-run")
    return tree


def copy_of_the_tree(folder: Path) -> Path:
    tree = folder / "next"
    shutil.copytree(ROOT, tree, ignore=LEFT_OUT)
    return tree


def _add_migration(tree: Path, file: Path) -> None:
    app, _, name = file.stem.partition("_")
    folder = tree / app / "migrations"
    latest = max(each.stem for each in folder.glob("0*.py"))
    number = int(latest[:4]) + 1
    (folder / f"{number:04}_{name}.py").write_text(file.read_text().replace("LATEST", latest))


def run(tree: Path, *words: str, **environment: str) -> str:
    """What Python says of this in the tree. Raises CalledProcessError."""
    done = subprocess.run(
        [sys.executable, *words],
        cwd=tree,
        env=of(tree) | environment,
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def of(tree: Path) -> dict[str, str]:
    """The environment of a process of this tree."""
    return os.environ | {"PYTHONPATH": str(tree)}
