"""bin/supply-chain: what production is made of, and a known vulnerability found where it can be looked up."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.sms.wire import Wire, listening

PINNED = {line.partition("==")[0] for line in (ROOT / "requirements.txt").read_text().splitlines() if "==" in line}


def run(tmp_path: Path, source: str) -> tuple[int, str]:
    environment = os.environ | {"SBOM": str(tmp_path / "sbom.json"), "OSV_URL": source, "NO_PROXY": "127.0.0.1"}
    command = [sys.executable, "-m", "local.supply_chain"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, encoding="utf-8", check=False)
    return done.returncode, done.stdout + done.stderr


@pytest.fixture
def osv():
    """osv.dev, which says the same of each package."""
    with listening() as wire:
        yield wire


@pytest.mark.slow
def test_without_a_network_the_bill_is_made_and_the_scan_says_that_it_was_skipped(tmp_path):
    code, said = run(tmp_path, "http://127.0.0.1:9/v1/query")
    assert code == 0
    assert "Known vulnerabilities: skipped: source not reachable" in said
    bill = json.loads((tmp_path / "sbom.json").read_text())
    assert bill["bomFormat"] == "CycloneDX"
    assert {component["name"] for component in bill["components"]} == PINNED
    assert "future" not in PINNED


@pytest.mark.slow
def test_a_known_vulnerability_fails_and_is_named(osv: Wire, tmp_path):
    osv.response = (200, {"vulns": [{"id": "GHSA-1", "summary": "x", "affected": []}]})
    code, said = run(tmp_path, osv.url)
    assert code == 1
    assert "gunicorn" in said
    assert "GHSA-1" in said


@pytest.mark.slow
def test_none_is_said_to_be_none(osv: Wire, tmp_path):
    osv.response = (200, {})
    assert run(tmp_path, osv.url)[0] == 0
    assert len(osv.requests) > 0.9 * len(PINNED)  # all but what other systems need


@pytest.mark.slow
def test_a_source_that_fails_meanwhile_fails_nothing(osv: Wire, tmp_path):
    osv.response = (500, "")
    code, said = run(tmp_path, osv.url)
    assert (code, "skipped: source not reachable" in said) == (0, True)
