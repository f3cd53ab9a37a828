"""What the work list reads: the user's queues, and the cases of a page, as tuples rather than models.

To make a model's object of each row, with its telephone numbers parsed, would cost more than all the rest. Each
query is put together once (`teleq.prepared`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

from django.core.paginator import Page, Paginator
from django.db.models import Count, DateTimeField, Exists, OuterRef, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce

from cases import holding, inbound
from cases.models import CLOSED, Case, CaseQuerySet, Status
from cases.work_list.choice import MINE, SORTS, WITH_CLOSED, Choice
from consent.models import NumberKey
from teleq.models import Queue, User, full_name
from teleq.phone_numbers import number_text
from teleq.prepared import Prepared

PAGE_SIZE = 50
LISTED_AT_MOST = 5000

OF_PATIENT = ("name", "reason", "interpreter_language", "speak_with", "phone_number")
"""What is hidden of who has protected personal data."""
FOR_THE_LOG = "personal_identity_number"
COLUMNS = (
    *("pk", "queue_id", "callback_at", *OF_PATIENT, FOR_THE_LOG),
    *("status", "outcome", "priority", "attempts", "taken_at", "call_began_at", "released_at", "assignee_id"),
    *("assignee__first_name", "assignee__last_name", "assignee__username"),
    *("protected", "unread_sms", "more_on_number"),
)
"""What is read of each case, in this order."""
NUMBER = COLUMNS.index("phone_number")


class OwnQueue(NamedTuple):
    """One of the user's queues."""

    pk: int
    unit: str
    name: str
    care_provider_id: int
    max_attempts: int
    early_minutes: int
    release_minutes: int
    consent_required: bool | None
    """None where its settings are missing."""
    open_cases: int
    unread_sms: int
    held: int
    """How many of its cases the user has."""

    def __str__(self) -> str:
        return f"{self.unit} {self.name}"


@dataclass
class ListedCase:
    """What is read of a case."""

    pk: int
    queue_id: int
    callback_at: datetime
    name: str
    reason: str
    interpreter_language: str
    speak_with: str
    phone_number: str
    personal_identity_number: str
    """For the access log."""
    status: str
    outcome: str
    priority: int
    attempts: int
    taken_at: datetime | None
    call_began_at: datetime | None
    released_at: datetime | None
    """When it is released, where that is soon and the user is who has it."""
    assignee_id: int | None
    assignee: str
    queue: OwnQueue
    protected: bool
    unread_sms: bool
    more_on_number: bool

    @property
    def is_open(self) -> bool:
        return self.status not in CLOSED

    @property
    def consent_key(self) -> NumberKey:
        return (self.queue.care_provider_id, self.phone_number)


def own_queues(user: User) -> list[OwnQueue]:
    return [OwnQueue(*row) for row in queues_of(user=user.pk)]


@Prepared
def queues_of(user: int) -> QuerySet[Queue, Any]:
    with_counts = Queue.objects.for_user(User(pk=user)).annotate(
        open_cases=_count_by_queue(Case.objects.open()),
        unread_sms=_count_by_queue(inbound.without_case()),
        held=_count_by_queue(holding.held_by(User(pk=user))),
    )
    settings = ("max_attempts", "early_minutes", "release_minutes", "outgoing_sms__consent_required")
    return with_counts.values_list(
        "pk", "unit", "name", "care_provider_id", *settings, "open_cases", "unread_sms", "held"
    )


def _count_by_queue(rows: QuerySet[Any]) -> Coalesce:
    """How many of these a queue has, for a query of queues."""
    of_queue = rows.filter(queue=OuterRef("pk")).order_by().values("queue")
    return Coalesce(Subquery(of_queue.annotate(how_many=Count("pk")).values("how_many")), 0)


def page_of(user: User, chosen: Choice) -> tuple[Page[Any], list[tuple[Any, ...]]]:
    """The chosen page, or the last, and its cases.

    Counted only where there is more than one, and as far as anybody turns pages: to count a million takes longer than
    all the rest of the page.
    """
    in_one, ids = chosen.queue_id is not None, chosen.ids(user)
    cases, how_many = listed(chosen.status, chosen.order, in_one), counted(chosen.status, in_one)
    pages: Paginator[Any] = Paginator([], PAGE_SIZE)
    found = cases.page(PAGE_SIZE + 1, 0, **ids) if chosen.page == 1 else []
    is_all = chosen.page == 1 and len(found) <= min(PAGE_SIZE, LISTED_AT_MOST)
    pages.count = len(found) if is_all else how_many.count(LISTED_AT_MOST, **ids)
    page = pages.get_page(chosen.page)
    before = (page.number - 1) * PAGE_SIZE
    if chosen.page > 1:
        found = cases.page(PAGE_SIZE, before, **ids)
    return page, found[: min(PAGE_SIZE, pages.count - before)]


@lru_cache(maxsize=256)
def listed(status: str, order: str, in_one_queue: bool) -> Prepared[Any]:
    def in_order(cases: CaseQuerySet, user: int) -> QuerySet[Case, Any]:
        own = Case.objects.for_user(User(pk=user))
        told = with_what_is_told(cases, own, user).order_by(*SORTS[order.removeprefix("-")])
        return (told.reverse() if order.startswith("-") else told).values_list(*COLUMNS)

    def of_all(user: int) -> QuerySet[Case, Any]:
        return in_order(_chosen(status, user), user)

    def of_one(user: int, queue: int) -> QuerySet[Case, Any]:
        return in_order(_chosen(status, user).filter(queue=queue), user)

    return Prepared(of_one if in_one_queue else of_all)


@lru_cache(maxsize=64)
def counted(status: str, in_one_queue: bool) -> Prepared[Any]:
    def of_all(user: int) -> QuerySet[Case, Any]:
        return _chosen(status, user).values_list("pk")

    def of_one(user: int, queue: int) -> QuerySet[Case, Any]:
        return of_all(user).filter(queue=queue)

    return Prepared(of_one if in_one_queue else of_all)


def _chosen(status: str, user: int) -> CaseQuerySet:
    cases = Case.objects.for_user(User(pk=user))
    if status in Status.values:
        cases = cases.filter(status=status)
    if status == MINE:
        cases = cases.filter(assignee=user)
    return cases if status in WITH_CLOSED else cases.open()


def with_what_is_told(cases: CaseQuerySet, among: CaseQuerySet, user: int | None) -> CaseQuerySet:
    """Each with what the list shows of it. Whether its number has several open cases is asked among the others: all of
    the user's, whichever are shown. Nobody in particular is told when any is released."""
    same = among.open().filter(phone_number=OuterRef("phone_number")).exclude(pk=OuterRef("pk"))
    told: CaseQuerySet = cases.with_protection().annotate(
        unread_sms=inbound.unread_of_case(),
        more_on_number=Exists(same),
        released_at=holding.warned_at(user) if user else Value(None, DateTimeField()),
    )
    return told


def cases_of(found: Iterable[tuple[Any, ...]], queues: Mapping[int, OwnQueue]) -> Iterator[ListedCase]:
    for *columns, first_name, last_name, username, protected, unread_sms, more_on_number in found:
        columns[NUMBER] = number_text(columns[NUMBER])
        assignee = full_name(first_name, last_name, username) if username else ""
        queue = queues.get(columns[1])
        if queue:  # else somebody has been let into it in between
            yield ListedCase(*[*columns, assignee, queue, protected, unread_sms, more_on_number])
