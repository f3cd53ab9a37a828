"""The line to a provider: how many messages may leave now, over all workers, and whether it is left alone for a while.

Two columns of one row per provider, asked before the claim: what may not be handed over yet isn't claimed either.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import connection, models
from django.db.models.functions import Now

from sms.models import ProviderLine

PAUSE = timedelta(seconds=30)
FAILURES_TO_PAUSE = 5
"""So many that the provider could not take, with none that it did, and it counts as down."""
RESERVED_AHEAD = timedelta(seconds=1)
"""Where the rate is limited, a claim takes no more than can be started within this time."""


@dataclass(frozen=True)
class Allowance:
    messages: int
    wait: float = 0.0
    """Seconds till the first may be started."""
    apart: float = 0.0
    """Seconds from one to the next."""
    paused: bool = False


class Line:
    """The line to one provider, as one drain uses it."""

    def __init__(self, provider: str) -> None:
        self.provider = provider
        self.on_trial = False
        """The pause is over, and whether the provider takes messages again is not known yet."""

    def ask(self, wanted: int) -> Allowance:
        """How many of these may be handed over: none while the line is paused, one to try with after the pause."""
        row = self._rows.first()
        self.on_trial = row is not None and row.paused_until is not None
        if self.on_trial or settings.SMS_RATE:
            return self._reserve(wanted)
        return Allowance(wanted)

    def note(self, answered: int, failed: int) -> bool:
        """Learn from what became of messages, and say whether the provider is left alone from now on."""
        if answered:
            if self.on_trial:
                self._rows.update(paused_until=None)
            return False
        if failed < (1 if self.on_trial else FAILURES_TO_PAUSE):
            return False
        self._make_row()
        self._rows.update(paused_until=Now() + PAUSE)
        return True

    @property
    def _rows(self) -> models.QuerySet[ProviderLine]:
        return ProviderLine.objects.filter(name=self.provider)

    def _make_row(self) -> None:
        ProviderLine.objects.bulk_create([ProviderLine(name=self.provider)], ignore_conflicts=True)

    def _reserve(self, wanted: int) -> Allowance:
        """One statement, so that two workers never reserve the same moment."""
        self._make_row()
        apart = 1 / settings.SMS_RATE if settings.SMS_RATE else 0.0
        asked: dict[str, Any] = {"provider": self.provider, "wanted": wanted, "apart": apart, "ahead": RESERVED_AHEAD}
        with connection.cursor() as cursor:
            cursor.execute(RESERVE, asked)
            messages, wait, paused = cursor.fetchone()
            return Allowance(messages, wait, apart, paused)


RESERVE = """
    WITH line AS (
        SELECT name, clock.at, greatest(next_at, clock.at) AS free_at,
            paused_until IS NOT NULL AND paused_until > clock.at AS paused, paused_until IS NOT NULL AS on_trial
        FROM sms_providerline, (SELECT clock_timestamp() AS at) AS clock
        WHERE name = %(provider)s FOR UPDATE OF sms_providerline
    ), granted AS (
        SELECT *, CASE
            WHEN paused THEN 0
            WHEN on_trial THEN 1
            ELSE least(%(wanted)s, ceil(extract(epoch FROM at + %(ahead)s - free_at) / %(apart)s))
        END::int AS messages FROM line
    )
    UPDATE sms_providerline AS l SET next_at = free_at + greatest(messages, 0) * %(apart)s * interval '1 second'
    FROM granted WHERE l.name = granted.name
    RETURNING greatest(messages, 0), extract(epoch FROM free_at - at)::float, paused
"""


def is_paused() -> bool:
    """Whether messages wait for the configured provider to take some again: staff are told."""
    return ProviderLine.objects.filter(name=settings.SMS_PROVIDER, paused_until__gt=Now()).exists()
