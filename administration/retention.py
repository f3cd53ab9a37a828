"""What is removed each night: each app takes away its own, a batch at a time, and what was removed is counted.

Stopped at any moment it has done no harm, and goes on where it was the next time: what is to go is read from the rows.
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
from access import access_log, record
from administration import totals
from administration.models import RetentionRun
from teleq.clock import database_now
from teleq.database import waited_too_long

logger = logging.getLogger(__name__)

TURN = 30.0
"""Seconds that it goes on at the most, before reminders and messages get their turn."""


def remove_what_is_past_its_time(turn: float = TURN) -> bool:
    """Returns whether everything is done."""
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
    """One batch, and how many that was. What somebody holds for long is left to another night, and the rest goes on."""
    try:
        return batch()
    except OperationalError as error:
        if not waited_too_long(error):
            raise
        logger.warning("Retention has waited too long for a lock: the rest of %s is left to another night", kind)
        return 0


def _steps(at: datetime) -> Iterator[tuple[str, Callable[[], int]]]:
    """In this order: messages go before the answers' history that they keep."""
    yield "SMS-texter", partial(sms.retention.remove_texts, at - settings.KEEP_SMS_TEXTS)
    yield "inkomna SMS", partial(sms.retention.remove_inbound, at - settings.KEEP_SMS_TEXTS)
    yield "oplacerade SMS", partial(sms.retention.remove_unplaced, at - settings.KEEP_SMS_TEXTS)
    yield "SMS", partial(sms.retention.remove_messages, at - settings.KEEP_SMS)
    yield "ärenden", partial(cases.retention.remove_closed, at - settings.KEEP_CASES)
    yield "tider", partial(cases.retention.remove_past_slots, at)
    yield "svar", partial(consent.retention.remove_lapsed, at)
    yield "åtkomster", partial(access_log.remove_old, at - settings.KEEP_ACCESS_LOG)
    yield "inloggningar", partial(record.remove_old, at - settings.KEEP_ACCESS_LOG)
    yield "ändrade behörigheter", partial(record.remove_old_rights, at - settings.KEEP_ACCESS_LOG)
    counted = at - totals.SETTLES - totals.DAY  # till then they tell what answer a callback's patient had given
    yield "händelser", partial(consent.retention.remove_lapsed_events, counted, sms.retention.decided())
