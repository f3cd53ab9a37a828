"""PostgreSQL's clock decides, however many hosts there are: where else the product reads its host's, and why it may."""

from __future__ import annotations

import re

from tests.conftest import ROOT

APPS = ("access", "administration", "cases", "consent", "intake", "sms", "telephony", "teleq")
READS = re.compile(
    r"\btime\.time\(\)|\btimezone\.now\b|\bdatetime\.(now|today|utcnow)\(|\bdate\.today\(|\blocal(date|time)\(\)|\bauto_now"
)

DAY = "which day it is: another one for as long as the clocks differ, at midnight"
SHOWN = "what a page says of a time that is stored"
LONG = "a limit of hours or days"
MAY = {
    "access/access_log.py": "which of the log's months are looked through, with a day to spare",
    "access/adapters.py": "a sign-in counts for a quarter of an hour before it is asked for again, by allauth's clock",
    "administration/admin/intake_keys.py": DAY,
    "administration/admin/log_extract.py": SHOWN,
    "administration/admin/log_reviews.py": DAY,
    "administration/admin/queues.py": DAY,
    "administration/admin/rights.py": DAY,
    "administration/admin/statistics.py": DAY,
    "administration/admin/stopped_sms.py": DAY,
    "administration/admin/users.py": DAY,
    "administration/first_day/checks.py": "is held against PostgreSQL's: that is what is checked",
    "administration/log_review/reviews.py": DAY,
    "administration/patient_data/extract.py": SHOWN,
    "administration/reserve.py": LONG,
    "administration/rights.py": DAY,
    "administration/statistics/callback_days.py": DAY,
    "administration/statistics/callbacks.py": DAY,
    "administration/totals.py": DAY,
    "cases/views/case.py": DAY,
    "cases/views/rebooking.py": DAY,
    "consent/models.py": SHOWN,
    "intake/api.py": DAY,
    "intake/keys.py": DAY,
    "intake/schemas.py": DAY,
    "telephony/voices.py": LONG,
    "teleq/personal_identity.py": DAY,
    "teleq/swedish.py": SHOWN,
}


def test_a_hosts_clock_is_read_only_where_two_minutes_are_no_matter():
    modules = (path for app in APPS for path in (ROOT / app).rglob("*.py") if "migrations" not in path.parts)
    assert {str(path.relative_to(ROOT)) for path in modules if READS.search(path.read_text())} == MAY.keys()
