"""The line to a provider: how many messages may leave now, over all workers, and whether it is left alone for a while.

Two columns of one row per provider, asked before the claim: what may not be handed over yet isn't claimed either.
"""

from __future__ import annotations

import logging
import math
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Any, NamedTuple

from django.conf import settings
from django.db import connection, models
from django.db.models import F
from django.db.models.functions import Now

from sms.models import Lane, ProviderLine
from sms.providers.base import Outcome, SendResult, storable

logger = logging.getLogger(__name__)

PAUSE = timedelta(seconds=30)
FAILURES_TO_PAUSE = 5
"""So many in a row that the provider could not take, and it counts as down ..."""
SILENCE = 1.0
"""... if it has answered none for so many seconds: one that takes every other message is not down."""
TOLD_AFTERWARDS = timedelta(minutes=2)
"""Whether it is up again is known when the next message is tried, at the latest by the sweep that comes each minute."""

ANSWERED = {Outcome.ACCEPTED, Outcome.QUEUED, Outcome.REJECTED}

RESERVED_AHEAD = {Lane.BULK: timedelta(seconds=1), Lane.MANUAL: timedelta(seconds=2)}
"""Where the rate is limited, a claim takes no more than can be started within this time. What bulk has reserved is
never so much that a manual message doesn't find a place behind it."""
SPARE = 0.1
"""The part of the rate that is left unused, so that what is a little late makes no second too full."""


class Slot(NamedTuple):
    """When a message may be started, on this process's monotonic clock."""

    begins: float
    ends: float


ANY_TIME = Slot(-math.inf, math.inf)


@dataclass(frozen=True)
class Allowance:
    messages: int
    paused: bool = False
    first_at: float = 0.0
    """When the first may be started, on this process's monotonic clock."""
    apart: float = 0.0
    """Seconds from one to the next, where the rate is limited."""
    reserved_until: datetime | None = None

    def slot(self, place: int) -> Slot:
        if not self.apart:
            return ANY_TIME
        begins = self.first_at + place * self.apart
        return Slot(begins, begins + SPARE)


class News(Enum):
    """What all workers have been told about the provider."""

    DOWN = "down"
    UP_AGAIN = "up again"


class Line:
    """The line to one provider, as one drain uses it."""

    def __init__(self, provider: str, lane: Lane) -> None:
        self.provider, self.lane = provider, lane
        self.is_down = False
        self._on_trial = False
        """The pause is over, and one message of this drain is to show whether the provider takes them again."""
        self._failures, self._answered_at = 0, -math.inf
        self._shut_status = ""

    def ask(self, wanted: int) -> Allowance:
        """How many of these may be handed over: none while the line is paused, one to try with after the pause."""
        if self._on_trial:
            return Allowance(0, paused=True)
        row = self._rows.first()
        if settings.SMS_RATE or (row and row.paused_until):
            return self._reserve(wanted)
        return Allowance(wanted)

    def give_back(self, allowed: Allowance, used: int) -> None:
        """What was allowed and not used, as less was due or allowed by consent, is for others, if none came after."""
        if self._on_trial and not used:
            self._on_trial = False
            self._rows.update(paused_until=Now())
        if allowed.reserved_until and used < allowed.messages:
            unused = timedelta(seconds=(allowed.messages - used) * allowed.apart)
            self._rows.filter(next_at=allowed.reserved_until).update(next_at=F("next_at") - unused)

    def hear(self, result: SendResult) -> None:
        """Learn from what became of a message: at once, so that what has not been started isn't when it is down."""
        if result.outcome is Outcome.SHUT:
            self.is_down, self._shut_status = True, storable(result.status)
        if self._shut_status:  # what was in the air may have been taken before; till it is told, it stays shut
            return
        if result.outcome in ANSWERED:
            self._failures, self._answered_at = 0, time.monotonic()
        else:
            self._failures += 1
        enough = self._failures >= (1 if self._on_trial else FAILURES_TO_PAUSE)
        self.is_down = enough and time.monotonic() - self._answered_at >= SILENCE

    def tell(self) -> News | None:
        """Let all workers know what has been heard."""
        if self.is_down:
            self._make_row()
            self._rows.update(paused_until=Now() + PAUSE, shut_status=self._shut_status)
            self._on_trial = False
            if self._shut_status:
                logger.critical("%s lets no SMS in: %s", self.provider, self._shut_status)
                self._shut_status = ""
            return News.DOWN
        if self._on_trial and self._answered_at > -math.inf:
            self._rows.update(paused_until=None, shut_status="")
            self._on_trial = False
            return News.UP_AGAIN
        return None

    @property
    def _rows(self) -> models.QuerySet[ProviderLine]:
        return ProviderLine.objects.filter(name=self.provider)

    def _make_row(self) -> None:
        ProviderLine.objects.bulk_create([ProviderLine(name=self.provider)], ignore_conflicts=True)

    def _reserve(self, wanted: int) -> Allowance:
        """One statement, so that two workers never reserve the same moment, nor try with a message each."""
        self._make_row()
        apart = 1 / (float(settings.SMS_RATE) * (1 - SPARE)) if settings.SMS_RATE else 0.0
        asked: dict[str, Any] = {
            "provider": self.provider,
            "wanted": wanted,
            "apart": apart,
            "ahead": RESERVED_AHEAD[self.lane],
            "pause": PAUSE,
        }
        before = time.monotonic()
        with connection.cursor() as cursor:
            cursor.execute(RESERVE, asked)
            messages, wait, paused, self._on_trial, reserved_until = cursor.fetchone()
        if self._on_trial:
            self._failures, self._answered_at = 0, -math.inf  # what was before the pause says nothing now
        return Allowance(messages, paused, before + wait, apart, reserved_until)


# While a message is tried with, the pause goes on: if its worker dies, another is tried with when that is over.
RESERVE = """
    WITH line AS (
        SELECT name, clock.at, greatest(next_at, clock.at) AS free_at,
            coalesce(paused_until > clock.at, false) AS paused, coalesce(paused_until <= clock.at, false) AS on_trial
        FROM sms_providerline, (SELECT clock_timestamp() AS at) AS clock
        WHERE name = %(provider)s FOR UPDATE OF sms_providerline
    ), allowed AS (
        SELECT *, CASE
            WHEN paused THEN 0
            WHEN on_trial THEN least(%(wanted)s, 1)
            ELSE greatest(0, least(%(wanted)s,
                ceil(extract(epoch FROM at + %(ahead)s - free_at) / nullif(%(apart)s, 0))))
        END::int AS messages FROM line
    )
    UPDATE sms_providerline AS l SET
        next_at = free_at + messages * %(apart)s * interval '1 second',
        paused_until = CASE WHEN on_trial AND messages > 0 THEN at + %(pause)s ELSE paused_until END
    FROM allowed WHERE l.name = allowed.name
    RETURNING messages, extract(epoch FROM free_at - at)::float, paused, on_trial AND messages > 0, next_at
"""


def paused() -> ProviderLine | None:
    """The configured provider's line, if messages wait for it to take some again: staff are told."""
    recently = Now() - TOLD_AFTERWARDS
    return ProviderLine.objects.filter(name=settings.SMS_PROVIDER, paused_until__gt=recently).first()


def is_rate(text: str) -> bool:
    """Whether it is a number of messages a second."""
    try:
        return 0 < float(text) < math.inf
    except ValueError:
        return False
