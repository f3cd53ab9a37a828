"""What bin/release does: this tree says which release it is. CONTRIBUTING.md, "A release", says what else is done.

The version is written into teleq/version.py and the image's label, CHANGELOG.md's "Unreleased" becomes the release, and
database/released.txt says what the release after it has to get on with. May be run again until the tag is set.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VERSION = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)")
UNRELEASED = "## [Unreleased]\n"
PLACES = {
    "teleq/version.py": (re.compile(r'^VERSION = "[^"]*"', re.MULTILINE), 'VERSION = "{}"'),
    "Dockerfile": (re.compile(r'(image\.version=)"[^"]*"'), r'\g<1>"{}"'),
}
"""Where the version stands, for those that can't read teleq/version.py too."""


def main() -> int:
    if len(sys.argv) != 2 or not VERSION.fullmatch(sys.argv[1]):
        sys.stderr.write("Which release is it to be? bin/release 1.2.0\n")
        return 2
    version = sys.argv[1]
    changelog = ROOT / "CHANGELOG.md"
    dated = with_release(changelog.read_text(), version, datetime.now(UTC).date().isoformat())
    if dated is None:
        sys.stderr.write(f"CHANGELOG.md says nothing of {version}: write it under {UNRELEASED.strip()}\n")
        return 1
    changelog.write_text(dated)
    for name, (pattern, words) in PLACES.items():
        file = ROOT / name
        text, times = pattern.subn(words.format(version), file.read_text())
        assert times == 1, name
        file.write_text(text)
    subprocess.run([sys.executable, "-m", "local.migrations", "--write"], cwd=ROOT, check=True, env=_settings())
    sys.stdout.write(f"This is {version} now. When bin/test --checks has passed:\n")
    sys.stdout.write(f'git commit -am "Release {version}" && git tag -a v{version} -m "teleQ {version}"\n')
    return 0


def with_release(changelog: str, version: str, day: str) -> str | None:
    """The changelog with this release and its day. None where it says nothing of it."""
    heading = f"## [{version}] - {day}\n"
    there = re.compile(rf"^## \[{re.escape(version)}\].*\n", re.MULTILINE)
    if there.search(changelog):
        return there.sub(heading, changelog, count=1)
    before, found, after = changelog.partition(UNRELEASED)
    if not found or not after.partition("\n## ")[0].strip():
        return None
    return f"{before}{UNRELEASED}\n{heading}{after}"


def _settings() -> dict[str, str]:
    """Nothing is asked of a database or a broker."""
    return os.environ | {
        "DJANGO_SETTINGS_MODULE": "teleq.settings",
        "SECRET_KEY": "none",
        "DATABASE_URL": "postgres://",
        "REDIS_URL": "redis://",
    }


if __name__ == "__main__":
    sys.exit(main())
