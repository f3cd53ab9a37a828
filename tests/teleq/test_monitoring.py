"""What a region's operations team takes from docs/operate: alerts, dashboard and runbook say what the product has."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from datetime import timedelta
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from access.access_log import MONTHS_AHEAD
from administration.health import signs
from administration.health.facts import RETENTION, SWEEP
from administration.health.gauges import Gauges
from administration.health.problems import (
    ARCHIVING_FAILS,
    OLDEST_WAITING,
    RETENTION_WITHIN,
    SWEEP_WITHIN,
    UNKNOWN_AT_MOST,
)
from administration.models import Sign
from sms.models import Lane, ProviderState
from teleq import metrics
from teleq.handbook.pages import anchor_of
from tests.conftest import ROOT

OPERATE = ROOT / "docs" / "operate"
ALERTS: list[dict[str, Any]] = [
    rule
    for group in yaml.safe_load((OPERATE / "monitoring" / "alerts.yml").read_text())["groups"]
    for rule in group["rules"]
]
DASHBOARD = json.loads((OPERATE / "monitoring" / "dashboard.json").read_text())
QUERIES = {f"alert {rule['alert']}": rule["expr"] for rule in ALERTS} | {
    f"panel {panel['title']}, {target['refId']}": target["expr"]
    for panel in DASHBOARD["panels"]
    for target in panel["targets"]
}
RUNBOOK = (OPERATE / "runbook.md").read_text()
PROBLEMS = (ROOT / "administration" / "health" / "problems.py").read_text()


@pytest.fixture
def told(db: None, client) -> dict[str, set[str]]:
    """Every metric that the product tells of, with its labels."""
    signs.leave(Sign.Kind.BEAT, signs.BEAT)
    signs.leave(Sign.Kind.TASK, SWEEP)
    signs.leave(Sign.Kind.TASK, RETENTION)
    ProviderState.objects.create(name="kannel")
    client.get("/login/")
    client.post("/login/", {"login": "ingen", "password": "fel"})
    found: dict[str, set[str]] = {"up": {"job", "instance"}}
    for family in text_string_to_metric_families(metrics.exposition(Gauges()).decode()):
        for sample in family.samples:
            found.setdefault(sample.name, set()).update(sample.labels)
        if family.type == "histogram":
            labels = {"view"} if family.name == "teleq_page_seconds" else {"kind"}
            found[f"{family.name}_bucket"] = labels | {"le"}
    return found


def counted(sample: str) -> float:
    found = re.search(rf"^{re.escape(sample)} (\S+)$", metrics.exposition().decode(), re.MULTILINE)
    return float(found[1]) if found else 0.0


@pytest.mark.django_db
def test_pages_are_counted_by_view_and_not_by_address(client, nurse):
    client.force_login(nurse)
    page, answers = (
        'teleq_page_seconds_count{view="cases:case"}',
        'teleq_responses_total{status="404",view="cases:case"}',
    )
    before = counted(page), counted(answers)
    assert client.get("/cases/712345/").status_code == 404
    assert (counted(page), counted(answers)) == (before[0] + 1, before[1] + 1)
    client.get("/finns-inte/712346/")
    assert "71234" not in metrics.exposition().decode()


@pytest.mark.django_db
def test_a_wrong_password_is_counted_and_not_whose(client, nurse):
    failures = 'teleq_sign_in_failures_total{method="password",what="failed"}'
    before = counted(failures)
    client.post("/login/", {"login": nurse.username, "password": "helt-fel-lösenord"})
    assert counted(failures) == before + 1
    assert nurse.username not in metrics.exposition().decode()


@pytest.mark.parametrize("query", QUERIES)
def test_each_query_asks_for_metrics_and_labels_that_there_are(query, told):
    asked = re.findall(r"\b(teleq_\w+|up)\b(?:\{([^}]*)\})?", QUERIES[query])
    assert asked
    for name, labels in asked:
        assert name in told, name
        assert set(re.findall(r"(\w+)\s*(?:=~|!=|=)", labels)) <= told[name]
    every_label = set().union(*(told[name] for name, _ in asked))
    for labels in re.findall(r"\bby \(([^)]*)\)", QUERIES[query]):
        assert {label.strip() for label in labels.split(",")} <= every_label


def test_no_label_tells_of_a_person_or_a_queue_of_patients(told):
    labels = set().union(*told.values()) - {"job", "instance"}
    ours = {"kind", "provider", "state", "reason", "lane", "le", "view", "status", "method", "what"}
    assert labels - {"implementation", "major", "minor", "patchlevel", "version", "generation"} <= ours | {
        *("part", "process", "queue", "task"),
    }
    celerys = set(re.findall(r'teleq_workers\{queue="(\w+)"\}', metrics.exposition(Gauges()).decode()))
    assert celerys == {"manual", "bulk", "sweep", "retention", "reserve"}


@pytest.mark.parametrize("rule", ALERTS, ids=[rule["alert"] for rule in ALERTS])
def test_each_alert_has_a_paragraph_in_the_runbook_and_leads_to_it(rule):
    assert f"\n### {rule['alert']}\n\n" in RUNBOOK
    assert rule["annotations"]["runbook"] == f"docs/operate/runbook.md#{anchor_of(rule['alert'])}"
    assert rule["annotations"]["summary"]
    assert rule["labels"]["severity"] in ("critical", "warning")


def test_each_paragraph_is_of_an_alert_that_there_is():
    assert re.findall(r"^### (Teleq\w+)$", RUNBOOK, re.MULTILINE) == [rule["alert"] for rule in ALERTS]


def test_each_problem_of_driftlage_is_an_alert_too():
    shown = set(re.findall(r'"(Teleq\w+)"', PROBLEMS))
    assert shown
    assert shown <= {rule["alert"] for rule in ALERTS}


@pytest.mark.parametrize(
    ("alert", "limit"),
    [
        ("TeleqBeatSilent", signs.FRESH),
        ("TeleqWorkerSilent", signs.FRESH),
        ("TeleqSweepLate", SWEEP_WITHIN),
        ("TeleqRetentionLate", RETENTION_WITHIN),
        ("TeleqSmsWaiting", OLDEST_WAITING[Lane.MANUAL]),
        ("TeleqSmsWaiting", OLDEST_WAITING[Lane.BULK]),
        ("TeleqSmsUnknown", UNKNOWN_AT_MOST),
        ("TeleqAccessLogMonths", MONTHS_AHEAD),
        ("TeleqArchivingFails", ARCHIVING_FAILS),
    ],
)
def test_alert_and_page_have_the_same_limit(alert, limit):
    [expression] = [rule["expr"] for rule in ALERTS if rule["alert"] == alert]
    number = limit.total_seconds() if isinstance(limit, timedelta) else limit
    assert re.search(rf"[<>] {number:.0f}\b", expression)


def promtool(*arguments: str) -> str:
    """What Prometheus' own tool finds wrong; nothing, if all is well."""
    if shutil.which("promtool") is None:
        pytest.skip("promtool is not installed; Debian has it in the package prometheus")
    command = ["promtool", "check", *arguments]
    done = subprocess.run(command, check=False, capture_output=True, encoding="utf-8")
    return done.stdout + done.stderr if done.returncode else ""


@pytest.mark.parametrize(("check", "file"), [("rules", "alerts.yml"), ("config", "prometheus.yml")])
def test_prometheus_own_tool_finds_no_fault(check, file):
    options = ["--syntax-only"] if check == "config" else []  # else it asks for the token's file
    assert promtool(check, *options, str(OPERATE / "monitoring" / file)) == ""


@pytest.mark.parametrize("query", QUERIES)
def test_prometheus_own_tool_reads_each_query(query, tmp_path):
    file = tmp_path / "rule.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "g", "rules": [{"record": "r", "expr": QUERIES[query]}]}]}))
    assert promtool("rules", str(file)) == ""
