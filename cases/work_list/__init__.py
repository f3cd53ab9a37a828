"""The work list: the user's cases by booked time, a page at a time, in a fixed number of queries."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from django.core.paginator import Page

from cases.models import Case, CaseQuerySet
from cases.work_list.choice import SORTS, STATUS_CHOICES, Choice
from cases.work_list.digest import version
from cases.work_list.reading import (
    COLUMNS,
    LISTED_AT_MOST,
    PAGE_SIZE,
    ListedCase,
    OwnQueue,
    own_queues,
    page_of,
    with_what_is_told,
)
from cases.work_list.rows import Row, Section, in_sections, rows_of
from sms import brake
from sms.circuit_breaker import open_circuit
from sms.models import ProviderState, SendingStop
from teleq.clock import database_now
from teleq.models import Queue, User

__all__ = [
    "PAGE_SIZE",
    "Choice",
    "ListedCase",
    "Row",
    "context",
    "in_sections",
    "latest",
    "of_queue",
    "told",
    "version",
    "work_list",
]


@dataclass
class WorkList:
    """All that the page of the list is made of."""

    chosen: Choice
    queues: list[OwnQueue]
    page: Page[Row]
    at: datetime
    open_circuit: ProviderState | None
    sending_stop: SendingStop | None
    version: str
    """As `version` told it before anything was read: what comes meanwhile is asked for again."""
    rows: list[Row] = field(init=False)

    def __post_init__(self) -> None:
        self.rows = list(self.page)

    @property
    def open_cases(self) -> int:
        return sum(queue.open_cases for queue in self.queues)

    @property
    def held(self) -> int:
        return sum(queue.held for queue in self.queues)

    @property
    def inbound_sms(self) -> int:
        return sum(queue.unread_sms for queue in self.queues)

    @property
    def more_than_listed(self) -> bool:
        return self.page.paginator.count == LISTED_AT_MOST and not self.page.has_next()

    @property
    def shows_queue(self) -> bool:
        return len(self.queues) > 1 and not self.chosen.queue_id

    @property
    def tabs(self) -> list[tuple[str, OwnQueue | None, bool]]:
        """Address, queue and whether it is the chosen one; first all of them."""
        return [
            (self.chosen.but(queue_id=queue and queue.pk).query, queue, self.chosen.queue_id == (queue and queue.pk))
            for queue in (None, *self.queues)
        ]

    @property
    def sorting(self) -> dict[str, tuple[str, str]]:
        """Of each heading that the list may be sorted by: where it leads, and how the list is sorted by it now."""
        by, backwards = self.chosen.order.removeprefix("-"), self.chosen.order.startswith("-")
        told = {}
        for name in SORTS:
            now = ("descending" if backwards else "ascending") if name == by else ""
            sort = f"-{name}" if now == "ascending" else name
            told[name] = (Choice.of({**_asked(self.chosen), "sort": sort}).query, now)
        return told

    @property
    def previous(self) -> str:
        return self.chosen.but(page=self.page.previous_page_number()).query if self.page.has_previous() else ""

    @property
    def next(self) -> str:
        return self.chosen.but(page=self.page.next_page_number()).query if self.page.has_next() else ""

    @property
    def sections(self) -> list[tuple[Section | None, list[Row]]]:
        """The rows by their sections; in one without a heading where the list is sorted by something else."""
        if not self.chosen.in_sections:
            return [(None, self.rows)]
        return [*in_sections(self.rows)]


def _asked(chosen: Choice) -> dict[str, str]:
    return {"queue": str(chosen.queue_id or ""), "status": chosen.status}


def work_list(user: User, chosen: Choice) -> WorkList:
    shown = version(user, chosen)
    queues = own_queues(user)
    if chosen.queue_id not in {queue.pk for queue in queues}:
        chosen = replace(chosen, queue_id=None)
    page, found = page_of(user, chosen)
    at = database_now()
    page.object_list = rows_of(found, queues, user, at)
    queue_ids = [chosen.queue_id] if chosen.queue_id else [queue.pk for queue in queues]
    chosen = replace(chosen, page=page.number)
    return WorkList(chosen, queues, page, at, open_circuit(queue_ids), brake.in_force(), shown)


def context(user: User, chosen: Choice) -> dict[str, Any]:
    shown = work_list(user, chosen)
    return {**told(shown), "statuses": STATUS_CHOICES}


def told(shown: WorkList) -> dict[str, Any]:
    """What the templates need of what changes by itself."""
    around = {"open_circuit": shown.open_circuit, "sending_stop": shown.sending_stop}
    return {"listing": shown, "rows": shown.rows, "chosen": shown.chosen, **around}


def latest(user: User, cases: CaseQuerySet, at_most: int, at: datetime) -> list[Row]:
    """Of these cases the latest, as the list shows them. What it shows is asked for of those alone."""
    chosen = cases.order_by("-callback_at", "-id").values("pk")[:at_most]
    own = Case.objects.for_user(user)
    told = with_what_is_told(Case.objects.filter(pk__in=chosen), own, user.pk).order_by("-callback_at", "-id")
    return rows_of(list(told.values_list(*COLUMNS)), own_queues(user), user, at)


def of_queue(queue: Queue, at: datetime) -> list[Row]:
    """All open cases of a queue as its list shows them, for nobody in particular: what its reserve list is made of. A
    fixed number of queries. The queue with its `outgoing_sms`."""
    own = Case.objects.in_queues(Queue.objects.filter(pk=queue.pk)).open()
    found = with_what_is_told(own, own, None).order_by(*SORTS["time"]).values_list(*COLUMNS)
    outgoing_sms = queue.outgoing_sms_or_none
    as_own = OwnQueue(
        queue.pk,
        queue.unit,
        queue.name,
        queue.care_provider_id,
        queue.max_attempts,
        queue.early_minutes,
        queue.release_minutes,
        outgoing_sms.consent_required if outgoing_sms else None,
        open_cases=0,  # nobody asks for them
        unread_sms=0,
        held=0,
    )
    return rows_of(list(found), [as_own], None, at)
