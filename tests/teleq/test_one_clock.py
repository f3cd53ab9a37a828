"""PostgreSQL's clock decides, however many hosts there are: where the product reads its host's, and why that may be."""

from __future__ import annotations

import re
from collections import Counter

from tests.conftest import ROOT

APPS = ("access", "administration", "cases", "consent", "intake", "sms", "telephony", "teleq")
READS = re.compile(
    r"\btime\.time\(\)|\btimezone\.now\b|\bdatetime\.(now|today|utcnow)\(|\bdate\.today\(|\blocal(date|time)\(\)|\bauto_now"
)

DAY = "which day it is: another one for the minute that the clocks differ by, at midnight"
SHOWN = "what a page says, to the minute"
LONG = "a limit of hours or days, of which a minute is nothing"
OWN = "only with what the same host has written or read itself"

MAY = {
    "access/access_log.py": LONG,
}


def test_the_hosts_clock_is_read_where_it_decides_nothing():
    found: Counter[str] = Counter()
    for app in APPS:
        for path in (ROOT / app).rglob("*.py"):
            if "migrations" not in path.parts:
                found[str(path.relative_to(ROOT))] += len(READS.findall(path.read_text()))
    assert {name: count for name, count in found.items() if count} == {name: count for name, (count, _) in MAY.items()}
