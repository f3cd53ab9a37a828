"""A telephone system: what it asks the intake API, and what it is answered."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from django.db import transaction
from django.test import Client
from django.utils import timezone

from cases import free_times
from cases.models import Slot, TelephoneHours
from intake.models import IntakeKey
from teleq.models import CareProvider, Queue, User
from tests.concurrency import in_another_connection, wait_until_a_connection_waits_for_a_lock
from tests.conftest import MOBILE


@dataclass
class Answer:
    status: int
    body: Any

    @property
    def reasons(self) -> dict[str, str]:
        return {error["field"]: error["reason"] for error in self.body["errors"]}

    @property
    def nearest(self) -> list[datetime]:
        return [datetime.fromisoformat(free["starts_at"]) for free in self.body["free_times"]]


@dataclass
class TelephoneSystem:
    key: str
    calls: int = 0

    def get(self, address: str, **query: object) -> Answer:
        return self._answer(Client().get(f"/api/v1{address}", query, headers=self._headers))

    def post(self, address: str, body: object = "", content_type: str = "application/json") -> Answer:
        """The body as JSON, unless it is bytes."""
        return self._answer(Client().post(f"/api/v1{address}", body, content_type=content_type, headers=self._headers))

    def book(self, queue: Queue, at: datetime, /, **said: object) -> Answer:
        """A new call from MOBILE, unless said otherwise."""
        self.calls += 1
        wanted = {"queue": queue.pk, "call_id": f"call-{self.calls}", "callback_at": at.isoformat(), "a_number": MOBILE}
        return self.post("/callbacks", wanted | said)

    def move(self, callback: int, to: datetime) -> Answer:
        return self.post(f"/callbacks/{callback}/move", {"callback_at": to.isoformat()})

    def cancel(self, callback: int) -> Answer:
        return self.post(f"/callbacks/{callback}/cancel")

    def read(self, callback: int) -> Answer:
        return self.get(f"/callbacks/{callback}")

    def free_times(self, queue: Queue, **query: object) -> dict[datetime, int]:
        """How many places each has."""
        answer = self.get(f"/queues/{queue.pk}/free-times", **query)
        assert answer.status == 200, answer.body
        return {datetime.fromisoformat(free["starts_at"]): free["places"] for free in answer.body}

    @property
    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}"}

    @staticmethod
    def _answer(response: Any) -> Answer:
        assert response["Content-Type"] == "application/json; charset=utf-8", response.content
        return Answer(response.status_code, response.json())


def connect(care_provider: CareProvider, by: User, name: str = "Växeln") -> TelephoneSystem:
    key = IntakeKey(care_provider=care_provider, name=name, created_by=by)
    system = TelephoneSystem(key.give_new_key())
    key.save()
    return system


def keep_open(queue: Queue, opens: str = "08:00", closes: str = "16:00", weekdays: Iterable[int] = range(7)) -> None:
    TelephoneHours.objects.bulk_create(
        TelephoneHours(queue=queue, weekday=weekday, opens=time.fromisoformat(opens), closes=time.fromisoformat(closes))
        for weekday in weekdays
    )


def divide(queue: Queue, minutes: int = 15, places: int = 1) -> None:
    queue.slot_minutes, queue.slot_capacity = minutes, places
    queue.save(update_fields=["slot_minutes", "slot_capacity"])


def at(day: date, clock: str) -> datetime:
    """By the clock in Stockholm."""
    return timezone.make_aware(datetime.combine(day, time.fromisoformat(clock)))


def at_once(queue: Queue, times: Iterable[datetime], *acts: Callable[[], Answer]) -> list[Answer]:
    """Run these at the same time, each in a connection of its own.

    They are let go when each of them waits: for the queue's row, which a new case needs and which comes last, or for
    one of the others. The rows of the slots are there before, else it is they that would wait for the queue's.
    """
    Slot.objects.bulk_create([Slot(queue=queue, starts_at=time) for time in times], ignore_conflicts=True)
    with transaction.atomic():
        Queue.objects.select_for_update().get(pk=queue.pk)
        futures = [in_another_connection(act) for act in acts]
        wait_until_a_connection_waits_for_a_lock(len(acts))
    return [future.result(20) for future in futures]


def an_open_day(queue: Queue, after: timedelta = timedelta(days=2)) -> date:
    """The first day that the queue is open, a few days from now: whatever the day the tests are run."""
    first = timezone.localdate() + after
    return timezone.localtime(free_times.slots_of(queue, first, first + timedelta(days=14))[0]).date()
