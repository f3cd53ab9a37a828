"""The line to a provider: how many messages may leave now, over all workers, and whether it is left alone for a while.

Two columns of one row per provider, asked before the claim: what may not be handed over yet isn't claimed either.
"""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Any, NamedTuple

from django.conf import settings
from django.db import connection, models
from django.db.models import F, Q
from django.db.models.functions import Now

from sms.models import Lane, ProviderLine
from sms.providers.base import Outcome, SendResult, loggable, storable
from teleq.clock import elapsed

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
    """When a message may be started, on the clock `elapsed`."""

    begins: float
    ends: float


@dataclass(frozen=True)
class Allowance:
    messages: int
    paused: bool = False
    first_at: float = 0.0
    """When the first may be started, on the clock `elapsed`."""
    apart: float = 0.0
    """Seconds from one to the next, where the rate is limited."""
    reserved_until: datetime | None = None
    trial_until: datetime | None = None
    """If the one message is a trial, the end of the pause that goes on meanwhile: no other trial has the same."""

    def slot(self, place: int, latest: float = math.inf) -> Slot:
        if not self.apart:
            return Slot(-math.inf, latest)
        begins = self.first_at + place * self.apart
        return Slot(begins, min(begins + SPARE, latest))


@dataclass
class Trial:
    """The message that shows, after a pause, whether the provider takes any again."""

    message_id: int
    until: datetime
    result: SendResult | None = None


class News(Enum):
    """What all workers have been told about the provider."""

    DOWN = "down"
    UP_AGAIN = "up again"


class Line:
    """The line to one provider, as one drain uses it: its rate limiter and its circuit breaker.

    The circuit is closed where the row has no pause, open while it has one, and half-open while a message is on trial.
    `hear` is called from the thread that the messages are in the air in, all else from the drain's.
    """

    def __init__(self, provider: str, lane: Lane) -> None:
        self.provider, self.lane = provider, lane
        self.is_down = False
        """Whether this drain has heard that the provider is down. It stays so for the drain."""
        self._trial: Trial | None = None
        self._heard, self._not_taken = 0, 0
        self._failures, self._answered_at = 0, -math.inf
        self._last_failure, self._shut_status = "", ""
        self._told: str | None = None
        """The `_shut_status` with which all workers were told that it is down, or None if they weren't."""

    @property
    def on_trial(self) -> bool:
        """Whether a message of this drain is in the air to try with. Till it has landed, no other may be."""
        return self._trial is not None

    def ask(self, wanted: int) -> Allowance:
        """How many of these may be handed over: none while the line is paused, one to try with after the pause."""
        row = self._rows.first()
        if settings.SMS_RATE or (row and row.paused_until):
            return self._reserve(wanted)
        return Allowance(wanted)

    def give_back(self, allowed: Allowance, used: int) -> None:
        """What was allowed and not used, as less was due or allowed by consent, is for others, if none came after."""
        if allowed.trial_until and not used:
            self._leave_trial_to_the_next(allowed.trial_until)
        if allowed.reserved_until and used < allowed.messages:
            unused = timedelta(seconds=(allowed.messages - used) * allowed.apart)
            self._rows.filter(next_at=allowed.reserved_until).update(next_at=F("next_at") - unused)

    def try_with(self, allowed: Allowance, message_id: int) -> None:
        """This message is the trial, if there is to be one."""
        if allowed.trial_until:
            self._trial = Trial(message_id, allowed.trial_until)
            logger.warning("%s: circuit breaker half-open, SMS %s is tried", self.provider, message_id)

    def hear(self, message_id: int, result: SendResult) -> None:
        """Learn from what became of a message: at once, so that what has not been started isn't when it is down."""
        if (trial := self._trial) and trial.message_id == message_id:
            trial.result = result
        if result.outcome is Outcome.NOT_STARTED:
            return
        self._heard += 1
        if result.outcome in ANSWERED:
            self._failures, self._answered_at = 0, elapsed()
            return
        self._failures, self._not_taken = self._failures + 1, self._not_taken + 1
        self._last_failure = result.status
        if result.outcome is Outcome.SHUT:
            self.is_down, self._shut_status = True, storable(result.status)
        elif self._failures >= FAILURES_TO_PAUSE and elapsed() - self._answered_at >= SILENCE:
            self.is_down = True

    def tell(self) -> News | None:
        """Let all workers know what has been heard."""
        if self._trial and self._trial.result:
            return self._end_trial(self._trial, self._trial.result)
        if not self.is_down:
            return None
        if self._told != (shut_status := self._shut_status):
            self._told = shut_status
            self._open(shut_status)
        return News.DOWN

    def sum_up(self) -> None:
        """Log what the provider didn't take, where it was too little for the circuit breaker."""
        if self._not_taken and self._told is None:
            counts = f"{self._not_taken} of {self._heard}"
            logger.warning("%s: %s not taken, the last with: %s", self.provider, counts, loggable(self._last_failure))

    @property
    def _rows(self) -> models.QuerySet[ProviderLine]:
        return ProviderLine.objects.filter(name=self.provider)

    def _make_row(self) -> None:
        ProviderLine.objects.bulk_create([ProviderLine(name=self.provider)], ignore_conflicts=True)

    def _open(self, shut_status: str) -> None:
        """From closed, which the first worker does; or one of them has heard since that nothing at all is let in."""
        self._make_row()
        unsaid = Q(paused_until=None) | Q(shut_status="") if shut_status else Q(paused_until=None)
        if self._rows.filter(unsaid).update(paused_until=Now() + PAUSE, shut_status=shut_status):
            why = "it lets no SMS in" if shut_status else f"{self._failures} in a row not taken"
            self._log_open(f"circuit breaker open, {why}", self._last_failure, shut_status)

    def _end_trial(self, trial: Trial, result: SendResult) -> News | None:
        """By what became of it: closed for all by the first success, whichever trial it is; open again by a failure,
        unless another trial has begun since."""
        self._trial = None
        if result.outcome is Outcome.NOT_STARTED:
            self._leave_trial_to_the_next(trial.until)
            return None
        if result.outcome in ANSWERED:
            self._failures = 0
            if not self._rows.exclude(paused_until=None).update(paused_until=None, shut_status=""):
                return None
            logger.warning("%s: circuit breaker closed, SMS %s was taken", self.provider, trial.message_id)
            return News.UP_AGAIN
        shut_status = storable(result.status) if result.outcome is Outcome.SHUT else ""
        self.is_down, self._told = True, self._shut_status
        if self._rows.filter(paused_until=trial.until).update(paused_until=Now() + PAUSE, shut_status=shut_status):
            why = "it lets no SMS in" if shut_status else f"SMS {trial.message_id} was not taken"
            self._log_open(f"circuit breaker open again, {why}", result.status, shut_status)
        return News.DOWN

    def _leave_trial_to_the_next(self, until: datetime) -> None:
        self._rows.filter(paused_until=until).update(paused_until=Now())

    def _log_open(self, what: str, said: str, shut_status: str) -> None:
        level = logging.CRITICAL if shut_status else logging.WARNING  # somebody has to mend it, or it mends itself
        logger.log(level, "%s: %s: %s", self.provider, what, loggable(said))

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
        before = elapsed()
        with connection.cursor() as cursor:
            cursor.execute(RESERVE, asked)
            messages, wait, paused, reserved_until, trial_until = cursor.fetchone()
        return Allowance(messages, paused, before + wait, apart, reserved_until, trial_until)


# While a message is on trial, the pause goes on, for longer than the provider may take to answer it: if its worker
# dies, another is tried when that is over.
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
    RETURNING messages, extract(epoch FROM free_at - at)::float, paused, next_at,
        CASE WHEN on_trial AND messages > 0 THEN paused_until END
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
