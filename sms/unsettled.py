"""Triggers that keep `sms.models.Unsettled`: a row for each message that teleQ has still something to do about.

PostgreSQL does it, at the end of every statement that writes messages, so that no way of writing one forgets it.
"""

import pgtrigger

from sms.states import UNSETTLED
from teleq.triggers import Trigger

_STATES = ", ".join(f"'{state}'" for state in sorted(UNSETTLED))
_ROW = """n.id, n.queue_id,
        CASE WHEN n.state = 'sent' THEN '' WHEN n.kind = 'manual' THEN 'manual' ELSE 'bulk' END,
        CASE WHEN n.state = 'sent' THEN n.state_at ELSE n.due_at END,
        CASE WHEN n.state = 'sending' THEN n.state_at END"""
"""The row of a message `n`: message_id, queue_id, lane, at, sending_since."""


def _sql(text: str) -> str:
    return text.replace("STATES", _STATES).replace("ROW", _ROW)


_WRITTEN = """
    INSERT INTO sms_unsettled (message_id, queue_id, lane, at, sending_since)
    SELECT ROW FROM new_rows n WHERE n.state IN (STATES);
    RETURN NULL;
"""

# The ids are put into an array first: PostgreSQL takes those to be few, and looks them up by the key however large the
# table was when it planned the statement, once for all.
_MOVED = """
    SELECT array_agg(n.id) INTO moved FROM new_rows n JOIN old_rows o ON o.id = n.id
    WHERE (n.state, n.state_at, n.due_at) <> (o.state, o.state_at, o.due_at)
        AND (n.state IN (STATES) OR o.state IN (STATES));
    IF moved IS NULL THEN
        RETURN NULL;
    END IF;
    MERGE INTO sms_unsettled u
    USING (SELECT n.state, ROW FROM new_rows n WHERE n.id = ANY (moved))
        AS m (state, id, queue_id, lane, at, sending_since)
    ON u.message_id = m.id AND u.message_id = ANY (moved)
    WHEN MATCHED AND m.state IN (STATES) THEN
        UPDATE SET lane = m.lane, at = m.at, sending_since = m.sending_since
    WHEN MATCHED THEN
        DELETE
    WHEN NOT MATCHED AND m.state IN (STATES) THEN
        INSERT (message_id, queue_id, lane, at, sending_since)
        VALUES (m.id, m.queue_id, m.lane, m.at, m.sending_since);
    RETURN NULL;
"""

_DELETED = """
    DELETE FROM sms_unsettled WHERE message_id = ANY (ARRAY(SELECT id FROM old_rows));
    RETURN NULL;
"""


def _trigger(name: str, operation: pgtrigger.Operation, func: str, **rows: str) -> Trigger:
    return Trigger(
        name=name,
        level=pgtrigger.Statement,
        when=pgtrigger.After,
        operation=operation,
        referencing=pgtrigger.Referencing(**rows),  # type: ignore[no-untyped-call]
        declare=[("moved", "bigint[]")] if operation is pgtrigger.Update else None,
        func=_sql(func),
    )


TRIGGERS = [
    _trigger("unsettled_written", pgtrigger.Insert, _WRITTEN, new="new_rows"),
    _trigger("unsettled_moved", pgtrigger.Update, _MOVED, old="old_rows", new="new_rows"),
    _trigger("unsettled_deleted", pgtrigger.Delete, _DELETED, old="old_rows"),
]
