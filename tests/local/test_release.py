"""bin/release: a tree says which release it is, in all places, and what the one after it has to get on with."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from local.release import with_release
from teleq.version import VERSION
from tests.conftest import ROOT
from tests.upgrade.next_release import copy_of_the_tree, of, run

CHANGELOG = "# Changelog\n\n## [Unreleased]\n\n### Added\n\n- A thing.\n\n## [1.0.0] - 2026-11-27\n\n- All.\n"


def test_what_was_unreleased_becomes_the_release():
    assert with_release(CHANGELOG, "1.1.0", "2027-01-31") == (
        "# Changelog\n\n## [Unreleased]\n\n## [1.1.0] - 2027-01-31\n\n### Added\n\n- A thing.\n\n"
        "## [1.0.0] - 2026-11-27\n\n- All.\n"
    )


def test_run_again_it_has_the_later_day():
    once = with_release(CHANGELOG, "1.1.0", "2027-01-31")
    assert once
    assert with_release(once, "1.1.0", "2027-02-01") == once.replace("2027-01-31", "2027-02-01")


def test_a_release_of_which_nothing_is_said_is_none():
    assert with_release("## [Unreleased]\n\n## [1.0.0] - 2026-11-27\n\n- All.\n", "1.1.0", "2027-01-31") is None


def test_the_changelog_has_this_release():
    headings = re.findall(
        r"^## \[(\d+\.\d+\.\d+)\] - \d{4}-\d\d-\d\d$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE
    )
    assert headings[0] == VERSION


@pytest.mark.slow
def test_a_tree_is_made_the_next_release(tmp_path: Path):
    tree = copy_of_the_tree(tmp_path)
    changelog = (tree / "CHANGELOG.md").read_text()
    (tree / "CHANGELOG.md").write_text(changelog.replace("## [Unreleased]\n", "## [Unreleased]\n\n- A thing.\n"))
    (tree / "database" / "released.txt").write_text("")
    assert "git tag -a v9.1.0" in run(tree, "-m", "local.release", "9.1.0")
    assert 'VERSION = "9.1.0"' in (tree / "teleq" / "version.py").read_text()
    assert 'image.version="9.1.0"' in (tree / "Dockerfile").read_text()
    assert "\n## [9.1.0] - 20" in (tree / "CHANGELOG.md").read_text()
    assert "\nmigration sms 0001_initial " in (tree / "database" / "released.txt").read_text()


@pytest.mark.parametrize("said", ["", "v1.1.0", "1.1", "1.01.0"])
def test_what_is_no_version_is_refused(said):
    words = [sys.executable, "-m", "local.release", *filter(None, [said])]
    done = subprocess.run(words, cwd=ROOT, env=of(ROOT), capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "Which release is it to be?" in done.stderr
