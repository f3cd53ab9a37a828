"""Retention: each night the rows that are past their time are removed, a batch at a time, and they are counted.

Each batch is a transaction of its own: the run may be stopped at any moment, and the next one goes on from there. What
is past its time, and how old it is by then, stands in the database's own functions (`administration.database`), which
only the retention's role may call.
"""

from __future__ import annotations

import logging
import time
from collections import Counter

from django.db import OperationalError

from administration.database.functions import call
from administration.models import RetentionRun
from teleq.database import waited_too_long

logger = logging.getLogger(__name__)

BATCH = 2000
CASES = 500
"""A case has events, notes and ties to its messages, which go with it."""
TURN = 30.0
"""Seconds that one turn goes on at the most. Each leaves a RetentionRun, so that a long night can be followed."""

KINDS = {
    "SMS-texter": "sms_texts",
    "inkomna SMS": "inbound_sms",
    "oplacerade SMS": "unplaced_sms",
    "förlorade SMS": "lost_sms",
    "SMS": "sms",
    "samtal till telefonmenyn": "calls",
    "ljudfiler": "spoken_files",
    "ersatta inspelningar": "recordings",
    "utkast": "drafts",
    "ärenden": "cases",
    "tider": "slots",
    "svar": "answers",
    "markeringar": "marks",
    "åtkomster": "access_log",
    "sessioner": "sessions",
    "inloggningar": "sign_ins",
    "ändrade behörigheter": "rights_changes",
    "händelser": "history",
}
"""What is removed, in Swedish, and the function that removes a batch of it. Messages come before events of the answers'
history, as an event that decided a message is kept as long as the message is."""


def remove_what_is_past_its_time() -> bool:
    """Remove rows for about TURN seconds. Returns whether nothing is left to remove. Stores a RetentionRun."""
    removed: Counter[str] = Counter()
    ends = time.monotonic() + TURN
    try:
        for kind, name in KINDS.items():
            while count := _unless_held(kind, name):
                removed[kind] += count
                if time.monotonic() > ends:
                    return False
        return True
    finally:
        if removed:
            RetentionRun.objects.create(removed=removed)


def _unless_held(kind: str, name: str) -> int:
    """Remove one batch and return how many rows that was. 0 where somebody has held a lock on them for too long: that
    kind is left to another night, and the other kinds go on."""
    try:
        return remove_batch(name)
    except OperationalError as error:
        if not waited_too_long(error):
            raise
        logger.warning("Retention has waited too long for a lock: the rest of %s is left to another night", kind)
        return 0


def remove_batch(name: str) -> int:
    """Remove a batch of one kind (KINDS) and return how many rows that was.

    What is gone through by a mark may have batches of which nothing is to be removed: goes on until some are, or all
    have been looked at.
    """
    while True:
        answer = call(f"retention_{name}", CASES if name == "cases" else BATCH)
        moved, removed = answer if isinstance(answer, tuple) else (False, answer)
        if removed or not moved:
            return int(removed)
