"""Promise 12, the reviewer's side: a sample of the access log is drawn, read, judged and closed (Loggkontroll)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from datetime import date, datetime, time, timedelta

import pytest
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from access.access_log import Act
from access.models import AccessEntry
from administration.log_review import reviews, rules, telling
from administration.log_review.rules import Period
from administration.log_review.sample import draw
from administration.models import LogReview, LogReviewInterval, ReviewedEntry
from cases.models import Case, ClosedDay, TelephoneHours
from teleq.models import CareProvider, CareProviderRole, Membership, ProviderRole, Queue, Role, User
from tests.administration.forms import text_of
from tests.conftest import MOBILE
from tests.fixtures.admin import with_role

pytestmark = pytest.mark.django_db

REVIEWS = "/admin/log-reviews/"
PERSON = "191212121212"
OTHER = "+46701740606"
Rule = LogReview.Rule
TODAY = timezone.localdate
MONDAY = date(2026, 11, 23)
"""An ordinary Monday."""


@pytest.fixture
def today() -> date:
    return timezone.localdate()


def at(day: date, hour: int, minute: int = 0) -> datetime:
    return timezone.make_aware(datetime.combine(day, time(hour, minute)))


@pytest.fixture
def looked(nurse, queue) -> Callable[..., AccessEntry]:
    """Somebody has opened a case; a moment ago, unless said otherwise."""

    def look(user: User | None = nurse, place: Queue = queue, **columns) -> AccessEntry:
        values = {"act": Act.VIEW, "phone_number": MOBILE, "at": timezone.now(), "roles": "Medarbetare", **columns}
        return AccessEntry.objects.create(user=user, queue=place, care_provider=place.care_provider, **values)

    return look


@pytest.fixture
def reviewer(log_reviewer) -> Client:
    client = Client()
    client.force_login(log_reviewer)
    return client


def found(
    rule: Rule, provider: CareProvider, reviewer: User, first: date | None = None, last: date | None = None, **options
) -> set[int]:
    """The ids of all that a rule finds."""
    period = Period(first or timezone.localdate() - timedelta(days=1), last or first or timezone.localdate())
    finding = rules.find(rule, provider, period, **{"with_lists": False, "reviewer": reviewer, **options})
    return {each.entry_id for each in draw(finding, 1000)}


def begin(client: Client, **chosen):
    today = timezone.localdate()
    data = {"rule": Rule.RANDOM, "since": today - timedelta(days=1), "until": today, "size": 10}
    page = client.get(REVIEWS)
    return client.post(REVIEWS, {**data, "press": page.context["begin"]["press"].value(), **chosen})


@pytest.fixture
def begun(reviewer, looked) -> str:
    """The address of a review of three looks."""
    for number in (MOBILE, OTHER, "+46701740607"):
        looked(phone_number=number, had_case=True)
    return begin(reviewer)["Location"]


def shown(page) -> dict[str, str]:
    """What a browser would post if the review were saved as it is shown."""
    posted = {}
    for form in [page.context["whole"], *(row["form"] for row in page.context["rows"] if row["form"])]:
        for field in form:
            posted[field.html_name] = field.value() or ""
            posted[field.html_initial_name] = field.value() or ""
    return posted


def save(client: Client, address: str, **changed):
    return client.post(
        address, {**shown(client.get(address)), **{name.replace("_", "-", 1): value for name, value in changed.items()}}
    )


def judged(**outcomes) -> dict[str, str]:
    return {f"entry-{place[1:]}-outcome": outcome for place, outcome in outcomes.items()}


ALL_JUSTIFIED = {f"entry-{place}-outcome": "justified" for place in (1, 2, 3)}


def test_a_review_goes_from_sample_to_outcome(reviewer, begun, log_reviewer, today):
    page = reviewer.get(begun)
    assert text_of(page).count("Anna Lind, Medarbetare i VC Spindeln Rådgivning, öppnade ärendet för") == 3
    data = shown(page)
    answer = reviewer.post(begun, {**data, **ALL_JUSTIFIED, "save": "2"})
    assert answer["Location"] == f"{begun}#entry-2"
    data = shown(reviewer.get(begun))
    answer = reviewer.post(begun, {**data, "whole-outcome": "nothing", "close": "1"})
    assert answer.status_code == 302
    review = LogReview.objects.get()
    assert (review.outcome, review.closed_by) == ("nothing", log_reviewer)
    assert timezone.localdate(review.closed_at) == today
