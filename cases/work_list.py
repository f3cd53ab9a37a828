"""The work list: the user's cases by booked time, a page at a time, in a fixed number of queries."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypedDict

from django.core.paginator import Page, Paginator
from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce

from cases import inbound
from cases.models import CLOSED, Case, CaseQuerySet, Status
from consent.models import Answer, Consent
from consent.verdict import answer_in_force
from sms.circuit_breaker import open_circuit
from teleq.clock import database_now
from teleq.models import Queue, User
from teleq.phone_numbers import number_text
from teleq.whole_numbers import whole_number

if TYPE_CHECKING:
    from django_stubs_ext import WithAnnotations

    ListedCase = WithAnnotations[Case, "Unread"]

PAGE_SIZE = 50
LISTED_AT_MOST = 5000
OPEN, ALL = "open", "all"
STATUS_CHOICES = [(OPEN, "Öppna"), *Status.choices, (ALL, "Alla")]


@dataclass(frozen=True)
class Choice:
    """What the user has chosen to see. Anything unknown reads as the default."""

    queue_id: int | None = None
    status: str = OPEN
    page: str = "1"

    @classmethod
    def of(cls, query: Mapping[str, str]) -> Choice:
        queue, status = query.get("queue", ""), query.get("status", OPEN)
        return cls(
            queue_id=whole_number(queue),
            status=status if status in dict(STATUS_CHOICES) else OPEN,
            page=query.get("page", "1"),
        )


class Unread(TypedDict):
    """What PostgreSQL adds to each case of the list."""

    has_unread_sms: bool


@dataclass(frozen=True)
class Row:
    case: Case
    answer: Answer | None
    """None where the case doesn't show Samtycke till SMS."""
    to_be_asked: bool
    """Nobody has answered for the number, or the answer has lapsed. A chosen Ej valt is an answer."""
    more_on_number: bool
    """The patient's number has another open case in the user's queues. Not told of a case that is hidden."""
    overdue: bool
    unread_sms: bool
    """The patient has sent an SMS, and nobody has read it."""
    hidden: bool
    """The patient has protected personal data: neither name, number nor reason is shown."""


def context(user: User, chosen: Choice) -> dict[str, Any]:
    own: QuerySet[Queue] = Queue.objects.for_user(user)
    open_cases, unread_sms = _count_by_queue(Case.objects.open()), _count_by_queue(inbound.without_case())
    queues = list(own.annotate(open_cases=open_cases, unread_sms=unread_sms))
    if chosen.queue_id not in {queue.pk for queue in queues}:
        chosen = replace(chosen, queue_id=None)
    page = _page(_chosen_cases(user, chosen), chosen.page)
    at = database_now()
    return {
        "queues": queues,
        "open_cases": sum(queue.open_cases for queue in queues),
        "chosen": chosen,
        "statuses": STATUS_CHOICES,
        "page": page,
        "more_than_listed": page.paginator.count == LISTED_AT_MOST and not page.has_next(),
        "rows": _rows(page, user, at),
        "at": at,
        "open_circuit": open_circuit(),
        "inbound_sms": sum(queue.unread_sms for queue in queues),
    }


def _count_by_queue(rows: QuerySet[Any]) -> Coalesce:
    """How many of these a queue has, for a query of queues."""
    of_queue = rows.filter(queue=OuterRef("pk")).order_by().values("queue")
    return Coalesce(Subquery(of_queue.annotate(how_many=Count("pk")).values("how_many")), 0)


def _listed(cases: CaseQuerySet) -> QuerySet[ListedCase]:
    """In the order that they are to be called in, with what the list shows of each."""
    listed: QuerySet[Case] = cases.with_protection().select_related("queue__outgoing_sms", "assignee")
    return listed.order_by("callback_at", "id").annotate(has_unread_sms=inbound.unread_of_case())


def _chosen_cases(user: User, chosen: Choice) -> QuerySet[ListedCase]:
    """Open ones in the order that they are to be called in; where closed ones are among them, the latest first."""
    cases = Case.objects.for_user(user)
    if chosen.queue_id:
        cases = cases.filter(queue=chosen.queue_id)
    if chosen.status not in (OPEN, ALL):
        cases = cases.filter(status=chosen.status)
    if chosen.status in (ALL, *CLOSED):
        return _listed(cases).reverse()
    return _listed(cases.open())


def _page(cases: QuerySet[ListedCase], number: str) -> Page[ListedCase]:
    """Counted only as far as anybody turns pages: to count a million takes longer than all the rest of the page."""
    pages = Paginator(cases, PAGE_SIZE)
    pages.count = cases.order_by().values("pk")[:LISTED_AT_MOST].count()
    return pages.get_page(number)


def latest(user: User, cases: CaseQuerySet, at_most: int, at: datetime) -> list[Row]:
    """Of these cases the latest, as the list shows them. What it shows is asked for of those alone."""
    chosen = cases.order_by("-callback_at", "-id").values("pk")[:at_most]
    return _rows(_listed(Case.objects.filter(pk__in=chosen)).reverse(), user, at)


def _rows(cases: Iterable[ListedCase], user: User, at: datetime) -> list[Row]:
    cases = list(cases)
    consents = Consent.objects.by_number([case.consent_key for case in cases])
    shared = _numbers_with_several_open(cases, user)
    rows = []
    for case in cases:
        consent = consents.get(case.consent_key)
        answer = answer_in_force(consent, at)
        shows_consent = case.shows_consent(answer)
        rows.append(
            Row(
                case=case,
                answer=answer if shows_consent else None,
                to_be_asked=case.is_open and shows_consent and not (consent and consent.counts(at)),
                more_on_number=case.is_open and not case.protected and number_text(case.phone_number) in shared,
                overdue=case.is_open and case.callback_at < at,
                unread_sms=case.is_open and case.has_unread_sms,
                hidden=case.protected,
            )
        )
    return rows


def _numbers_with_several_open(cases: Iterable[Case], user: User) -> set[str]:
    """Counted in all of the user's queues, whichever of them are shown."""
    numbers = {number_text(case.phone_number) for case in cases}
    counted = Case.objects.for_user(user).open().filter(phone_number__in=numbers).values("phone_number")
    several = counted.annotate(cases=Count("pk")).filter(cases__gt=1)
    return {number_text(number) for number in several.values_list("phone_number", flat=True)}
