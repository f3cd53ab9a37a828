"""Records the results of handing messages over, and when a message that was not sent is tried again.

Many in one statement. Used by `sms.gateway` only.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Collection
from contextlib import suppress
from datetime import datetime, timedelta
from itertools import chain, repeat
from typing import Any

from django.db import InterfaceError, InternalError, OperationalError, connection, transaction

from consent import register
from sms import metrics
from sms.models import Message, Unsettled
from sms.providers.base import Outcome, SendResult, storable
from sms.states import State
from teleq.database import array

logger = logging.getLogger(__name__)

AWAY = (InterfaceError, OperationalError, InternalError)
"""Raised when PostgreSQL restarts, is a read-only standby, loses the connection, or doesn't give a lock in time."""
RECORD_AGAIN = (0.5, 1, 2, 4)
"""Seconds between tries while the database is away. The last one is repeated."""
FIRST_RETRY, LONGEST_RETRY = timedelta(seconds=10), timedelta(minutes=10)
"""The delay before a message that was not sent is due again: twice as long each time, up to the longest."""

AFTER_HAND_OVER = {
    Outcome.ACCEPTED: State.SENT,
    Outcome.QUEUED: State.SENT,
    Outcome.REJECTED: State.FAILED,
    Outcome.RETRY_LATER: State.QUEUED,
    Outcome.NOT_STARTED: State.QUEUED,
    Outcome.SHUT: State.QUEUED,
    Outcome.UNKNOWN: State.UNKNOWN,
}
NO_TRY = {Outcome.NOT_STARTED, Outcome.SHUT}
"""These don't count as an attempt, and don't delay the message: they say nothing about it."""


def record_at_last(results: dict[int, SendResult], claimed_at: dict[int, datetime | None]) -> None:
    """`record`, tried again until the database is there: a result that isn't recorded would be `unknown` for good.

    `claimed_at` is when each message was claimed, by id. A worker that is told to stop waits for this too.
    """
    try:
        return record(results)
    except AWAY as error:
        logger.warning("What became of %s SMS is held till it can be recorded: %s", len(results), type(error).__name__)
    for seconds in chain(RECORD_AGAIN, repeat(RECORD_AGAIN[-1])):
        connection.close()
        time.sleep(seconds)
        with suppress(*AWAY):
            record(results, claimed_at)
            break
    logger.warning("What became of %s SMS is recorded now", len(results))
    return None


@transaction.atomic
def record(results: dict[int, SendResult], claimed_at: dict[int, datetime | None] | None = None) -> None:
    """Record the results, by message id. The state that a delivery report has set meanwhile is kept.

    A message that the sweep has made `unknown` meanwhile gets its result, but is not sent again. With `claimed_at`, a
    message that has been claimed again since is left alone: an earlier try to record, which seemed to fail, had got
    through.
    """
    given = results.values()
    parameters: dict[str, Any] = {
        "ids": array(results),
        "states": array(AFTER_HAND_OVER[result.outcome] for result in given),
        "tried": array(result.outcome not in NO_TRY for result in given),
        "provider_message_ids": array(storable(result.provider_message_id) for result in given),
        "statuses": array(storable(result.status) for result in given),
        "claimed_at": array(claimed_at[message_id] if claimed_at else None for message_id in results),
        "first_retry": FIRST_RETRY,
        "longest_retry": LONGEST_RETRY,
    }
    _hold(results)
    with connection.cursor() as cursor:
        cursor.execute(RECORD, parameters)
        metrics.recorded(map(metrics.Recorded._make, cursor.fetchall()))
        if cursor.rowcount < len(results):
            cursor.execute(RECORD_ID, parameters)
    if opted_out := [message_id for message_id, result in results.items() if result.opted_out]:
        # Carried out by the sweep: this transaction holds messages, and must not wait for an answer's lock meanwhile.
        register.store_withdrawals(Message.objects.filter(pk__in=opted_out).number_keys())


def _hold(message_ids: Collection[int]) -> None:
    """Lock the messages in the order in which everyone does. Those that the sweep has given up are settled."""
    unsettled = Unsettled.objects.of(message_ids).hold()
    if settled := set(message_ids).difference(unsettled):
        list(Message.objects.select_for_update().filter(pk__in=settled).order_by("pk").values_list("pk"))


# The delay of each retry is varied at random by a fifth, so that messages that failed together aren't due together.
RECORD = """
    WITH result AS (
        SELECT * FROM unnest(%(ids)s::bigint[], %(states)s::text[], %(tried)s::boolean[],
            %(provider_message_ids)s::text[], %(statuses)s::text[], %(claimed_at)s::timestamptz[])
            AS _ (id, state, tried, provider_message_id, status, claimed_at)
    )
    UPDATE sms_message AS m SET state = result.state, state_at = clock_timestamp(), provider_status = result.status,
        provider_message_id = coalesce(nullif(result.provider_message_id, ''), m.provider_message_id),
        attempts = CASE WHEN tried THEN attempts ELSE attempts - 1 END,
        due_at = CASE WHEN tried AND result.state = 'queued' THEN least(
            clock_timestamp() + (0.8 + 0.4 * random())
                * least(%(longest_retry)s, %(first_retry)s * power(2, least(attempts - 1, 10))),
            send_before - interval '1 microsecond') ELSE due_at END
    FROM result
    WHERE m.id = result.id AND (m.state = 'sending' OR m.state = 'unknown' AND result.state IN ('sent', 'failed'))
        AND m.claimed_at = coalesce(result.claimed_at, m.claimed_at)
    RETURNING m.kind, m.provider, m.state, extract(epoch FROM m.state_at - m.created_at)::float
"""
# Where a delivery report came first and RECORD changed nothing: the provider's id is missing still.
RECORD_ID = """
    UPDATE sms_message AS m SET provider_message_id = result.provider_message_id
    FROM unnest(%(ids)s::bigint[], %(provider_message_ids)s::text[]) AS result (id, provider_message_id)
    WHERE m.id = result.id AND m.provider_message_id = '' AND result.provider_message_id <> ''
"""
