"""What bin/supply-chain does: a bill of materials (CycloneDX) from requirements.txt, and a look-up of vulnerabilities.

They are looked up at osv.dev, or at a mirror of it that OSV_URL names. Where that can't be reached, it says so and
fails nothing: CI must run without a network. A known vulnerability fails it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from local.servers import ROOT

REQUIREMENTS = ROOT / "requirements.txt"
PROGRAMS = Path(sys.executable).parent


def main() -> int:
    bill = Path(os.environ.get("SBOM") or ROOT / "sbom.json")
    write_bill(bill)
    say(f"Bill of materials (CycloneDX): {bill}")
    source = os.environ.get("OSV_URL") or "https://api.osv.dev/v1/query"
    found = known_vulnerabilities(source) if reachable(source) else None
    if found is None:
        say(f"Known vulnerabilities: skipped: source not reachable ({source})")
        return 0
    for line in found:
        say(line)
    say(f"Known vulnerabilities: {len(found) or 'none'} ({source})")
    return 1 if found else 0


def write_bill(to: Path) -> None:
    """The same from the same requirements, with hashes and without a time of its own."""
    command: list[str | Path] = [
        PROGRAMS / "cyclonedx-py",
        "requirements",
        REQUIREMENTS,
        "--output-reproducible",
        "--of=JSON",
        "-o",
        to,
    ]
    subprocess.run(command, check=True)


def reachable(source: str) -> bool:
    if not source.startswith(("https://", "http://127.0.0.1:")):
        raise SystemExit(f"OSV_URL is {source!r}; it must begin with https://.")
    try:
        urllib.request.urlopen(urllib.request.Request(source, b"{}"), timeout=10).close()  # noqa: S310  see above
    except urllib.error.HTTPError:
        return True  # it answers
    except OSError:
        return False
    return True


def known_vulnerabilities(source: str) -> list[str] | None:
    """A line for each; None where the source failed meanwhile."""
    with tempfile.TemporaryDirectory() as folder:
        told = Path(folder) / "told.json"
        options = ["--require-hashes", "--disable-pip", "--progress-spinner=off", f"--cache-dir={folder}/cache"]
        service = ["--vulnerability-service=osv", f"--osv-url={source}", "--format=json", f"--output={told}"]
        subprocess.run([PROGRAMS / "pip-audit", "-r", REQUIREMENTS, *options, *service], check=False)
        if not told.exists():
            return None
        packages: list[dict[str, Any]] = json.loads(told.read_text())["dependencies"]
    return [
        f"{package['name']} {package['version']}: {known['id']}, mended in {', '.join(known['fix_versions']) or '–'}"
        for package in packages
        for known in package.get("vulns", ())
    ]


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
