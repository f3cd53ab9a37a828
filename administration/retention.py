"""Retention: each night every app removes its rows that are past their time, a batch at a time, and they are counted.

Each batch is a transaction of its own: the run may be stopped at any moment, and the next one goes on from there. How
long each kind is kept is in the settings (KEEP_...).
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime
from functools import partial

from django.conf import settings
from django.db import OperationalError

import cases.retention
import consent.retention
import sms.retention
from access import access_log, record, sessions
from administration import totals
from administration.models import RetentionRun
from teleq.clock import database_now
from teleq.database import waited_too_long

logger = logging.getLogger(__name__)

TURN = 30.0
"""Seconds that one turn goes on at the most: the same worker has reminders and messages to see to."""


def remove_what_is_past_its_time(turn: float = TURN) -> bool:
    """Remove rows for about `turn` seconds. Returns whether nothing is left to remove. Stores a RetentionRun."""
    removed: Counter[str] = Counter()
    ends = time.monotonic() + turn
    try:
        for kind, batch in _steps(database_now()):
            while count := _unless_held(kind, batch):
                removed[kind] += count
                if time.monotonic() > ends:
                    return False
        return True
    finally:
        if removed:
            RetentionRun.objects.create(removed=removed)


def _unless_held(kind: str, batch: Callable[[], int]) -> int:
    """Remove one batch and return how many rows that was. 0 where somebody has held a lock on them for too long: that
    kind is left to another night, and the other kinds go on."""
    try:
        return batch()
    except OperationalError as error:
        if not waited_too_long(error):
            raise
        logger.warning("Retention has waited too long for a lock: the rest of %s is left to another night", kind)
        return 0


def _steps(at: datetime) -> Iterator[tuple[str, Callable[[], int]]]:
    """Each kind's name in Swedish and what removes a batch of it. Messages come before events of the answers' history,
    as an event that decided a message is kept as long as the message is."""
    yield "SMS-texter", partial(sms.retention.remove_texts, at - settings.KEEP_SMS_TEXTS)
    yield "inkomna SMS", partial(sms.retention.remove_inbound, at - settings.KEEP_SMS_TEXTS)
    yield "oplacerade SMS", partial(sms.retention.remove_unplaced, at - settings.KEEP_SMS_TEXTS)
    yield "SMS", partial(sms.retention.remove_messages, at - settings.KEEP_SMS)
    yield "utkast", partial(cases.retention.remove_drafts, at - settings.KEEP_DRAFTS)
    yield "ärenden", partial(cases.retention.remove_closed, at - settings.KEEP_CASES)
    yield "tider", partial(cases.retention.remove_past_slots, at)
    yield "svar", partial(consent.retention.remove_lapsed, at)
    yield "markeringar", partial(cases.retention.remove_ended_marks, at - settings.KEEP_ACCESS_LOG)
    yield "åtkomster", partial(access_log.remove_old, at - settings.KEEP_ACCESS_LOG)
    yield "sessioner", partial(sessions.remove_old, at)
    yield "inloggningar", partial(record.remove_old, at - settings.KEEP_ACCESS_LOG)
    yield "ändrade behörigheter", partial(record.remove_old_rights, at - settings.KEEP_ACCESS_LOG)
    # The day's totals are made from the events: they tell which answer was in force at a callback's time.
    counted = at - totals.SETTLES - totals.DAY
    yield "händelser", partial(consent.retention.remove_lapsed_events, counted, sms.retention.decided())
