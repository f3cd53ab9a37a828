"""What the user has chosen to see in the work list."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any
from urllib.parse import urlencode

from django.utils.translation import gettext_lazy

from cases.models import CLOSED, Status
from teleq.models import User
from teleq.whole_numbers import whole_number

OPEN, MINE, ALL = "open", "mine", "all"
STATUS_CHOICES = [
    (OPEN, gettext_lazy("Öppna")),
    (MINE, gettext_lazy("Mina")),
    *Status.choices,
    (ALL, gettext_lazy("Alla")),
]
WITH_CLOSED = (ALL, *CLOSED)
SORTS = {
    "time": ("callback_at", "id"),
    "status": ("-status", "callback_at", "id"),  # their names in code happen to be in the order of the work, backwards
    "priority": ("priority", "callback_at", "id"),
}
"""What the list may be sorted by. Each has its indexes; with a minus before it, it is read backwards."""


@dataclass(frozen=True)
class Choice:
    """What the user has chosen to see, as it stands in the address of the list and of the cases opened from it.

    Anything unknown reads as the default.
    """

    queue_id: int | None = None
    status: str = OPEN
    sort: str = ""
    """One of `SORTS`, with a minus where it is backwards; empty where it is the default."""
    page: int = 1

    @classmethod
    def of(cls, query: Mapping[str, str]) -> Choice:
        status = query.get("status", OPEN)
        chosen = cls(
            queue_id=whole_number(query.get("queue", "")),
            status=status if status in dict(STATUS_CHOICES) else OPEN,
            page=whole_number(query.get("page", "")) or 1,
        )
        sort = query.get("sort", "")
        known = sort.removeprefix("-") in SORTS and sort != chosen.order
        return replace(chosen, sort=sort) if known else chosen

    @property
    def order(self) -> str:
        """As `sort`, said in any case: by time, and where closed ones are among them the latest first."""
        return self.sort or ("-time" if self.status in WITH_CLOSED else "time")

    @property
    def in_sections(self) -> bool:
        return self.order == "time" and self.status not in WITH_CLOSED

    def ids(self, user: User) -> dict[str, int]:
        """What the list's queries are asked with: the user and, where one is chosen, the queue."""
        return {"user": user.pk} | ({} if self.queue_id is None else {"queue": self.queue_id})

    def but(self, **changed: Any) -> Choice:
        """Another choice, on its first page."""
        return replace(self, **{"page": 1, **changed})

    @cached_property
    def query(self) -> str:
        """With its question mark; empty where all is as by default."""
        chosen = {"queue": self.queue_id, "status": self.status, "sort": self.sort, "page": self.page}
        defaults = {"queue": None, "status": OPEN, "sort": "", "page": 1}
        told = {name: value for name, value in chosen.items() if value != defaults[name]}
        return f"?{urlencode(told)}" if told else ""
