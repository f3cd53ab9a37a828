"""Öppna ärende i annan kö: a member of one of a care provider's queues reads a case of another, for a stated reason.

Only where the care provider allows it, only cases of the number or personnummer that was searched for, and nothing in
them can be changed. Before the reason is given nothing is told but that there are some, and with which care provider.
Each opening is written to the access log, for the reviewer.

Source: patientdatalagen (2008:355) 4 kap. 1-3 §§; HSLF-FS 2016:40 4 kap. (aktiva val, and the log).
"""

from __future__ import annotations

from typing import Any

from django.db.models import Exists, OuterRef, QuerySet

from cases import history, inbound
from cases.forms import IdentifierForm
from cases.models import Case, CaseQuerySet
from consent import register
from teleq.clock import database_now
from teleq.models import CareProvider, User

LISTED_AT_MOST = 20


def found(user: User, search: IdentifierForm) -> CaseQuerySet:
    """The cases in other queues that a valid search finds, the latest first, each with its `protected`."""
    cases = Case.objects.in_other_queues_for(user).matching(search.number, search.personal_identity_number)
    related = cases.with_protection().select_related("queue__care_provider", "queue__outgoing_sms", "assignee")
    return related.order_by("-callback_at", "-id")


def care_providers(user: User, search: IdentifierForm) -> QuerySet[CareProvider]:
    """Those that have such cases: all that is told before a reason is given."""
    there = found(user, search).filter(queue__care_provider=OuterRef("pk"))
    return CareProvider.objects.filter(Exists(there)).order_by("name")


def context(case: Case, reason: str) -> dict[str, Any]:
    """What the page of a case in another queue shows, in a fixed number of queries."""
    at = database_now()
    current = register.current(*case.consent_key)
    answer = current.answer(at)
    marks = case.protection_marks().select_related("marked_by", "ended_by").order_by("id")
    return {
        "case": case,
        "reason": reason,
        "overdue": case.is_open and case.callback_at < at,
        "answer": answer if case.shows_consent(answer) else None,
        "history": history.of_case(case, inbound.of_case(case), marks),
    }
