"""The last guard (promise 10): triggers in PostgreSQL, which refuse a message that becomes `sending` without consent.

`sms.judge` judges in Python. The triggers do it again in SQL, at the end of every statement that writes messages, by
rows that they lock themselves. So code that goes round the gateway fails. So does a claim if a number has got its very
first Nej meanwhile, as that row was not there to be locked. While all sending is stopped (`sms.brake`) nothing leaves,
nor from a copy of the database (`sms.sending_database`).

The triggers also refuse moves between states that are not in `sms.states.MOVES`, and that a text is changed: only when
nothing is left to do with a message may its text be taken away (retention; GDPR article 17). No role of the product can
switch them off.
"""

import pgtrigger

from sms.sending_database import MAY_SEND
from sms.states import MOVES, MOVES_OF_A_COPY, PENDING
from teleq.locks import EVERYTHING, Lock
from teleq.triggers import Trigger

_MOVES = ", ".join(f"('{state}', '{following}')" for state in MOVES for following in sorted(MOVES[state]))
"""Each pair of states between which a message may move, in SQL."""
_OF_A_COPY = ", ".join(f"('{state}', '{following}')" for state, all in MOVES_OF_A_COPY.items() for following in all)
_PENDING = ", ".join(f"'{state}'" for state in sorted(PENDING))
_STOPPED = f"{Lock.SENDING.value}, {EVERYTHING}"
"""The lock that whoever stops all sending takes alone."""

_BEGINS_WELL = """
    SELECT min(id) INTO bad FROM new_rows WHERE state NOT IN ('queued', 'refused');
    IF bad IS NOT NULL THEN
        RAISE EXCEPTION 'SMS %: a message begins as queued or refused', bad USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
"""

_MOVES_WELL = """
    SELECT min(n.id) INTO bad FROM new_rows n LEFT JOIN old_rows o ON o.id = n.id
    WHERE o.id IS NULL
       OR (o.key, o.kind, o.queue_id, o.to_number)
           IS DISTINCT FROM (n.key, n.kind, n.queue_id, n.to_number)
       OR o.text <> n.text AND (n.text <> '' OR o.state IN (PENDING) OR n.state <> o.state)
       OR o.state <> 'queued'
           AND (o.refusal, o.claimed_at, o.consent_required,
                o.consent_event_id, o.consent_answer, o.consent_channel, o.consent_answered_at)
           IS DISTINCT FROM (n.refusal, n.claimed_at, n.consent_required,
                n.consent_event_id, n.consent_answer, n.consent_channel, n.consent_answered_at)
       OR n.provider <> o.provider AND o.state <> 'queued'
           AND NOT (o.state = 'unknown' AND o.provider = '');  -- found in its list afterwards
    IF bad IS NOT NULL THEN
        RAISE EXCEPTION 'SMS %: what it is, who it is for and how it was judged never changes', bad
            USING ERRCODE = 'check_violation';
    END IF;

    SELECT min(n.id) INTO bad FROM new_rows n JOIN old_rows o ON o.id = n.id
    WHERE n.state <> o.state AND (o.state, n.state) NOT IN (MOVES)
        AND NOT ((o.state, n.state) IN (OF_A_COPY) AND EXISTS (
            SELECT FROM sms_sendingstop WHERE kind = 'restored_copy' AND released_at IS NULL
        ));
    IF bad IS NOT NULL THEN
        RAISE EXCEPTION 'SMS %: not a move that a message can make', bad USING ERRCODE = 'check_violation';
    END IF;

    SELECT array_agg(n.id) INTO leaving FROM new_rows n JOIN old_rows o ON o.id = n.id
    WHERE n.state = 'sending' AND o.state <> 'sending';
    IF leaving IS NULL THEN
        RETURN NULL;
    END IF;
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'SMS %: may not leave where an answer that was just given can''t be seen', leaving[1]
            USING ERRCODE = 'check_violation';
    END IF;

    PERFORM pg_advisory_xact_lock_shared(STOPPED);
    IF EXISTS (SELECT FROM sms_sendingstop WHERE released_at IS NULL) THEN
        RAISE EXCEPTION 'SMS %: all sending is stopped', leaving[1] USING ERRCODE = 'check_violation';
    END IF;
    IF NOT MAY_SEND THEN
        RAISE EXCEPTION 'SMS %: this is a copy of the database', leaving[1] USING ERRCODE = 'check_violation';
    END IF;

    PERFORM FROM teleq_outgoingsms WHERE queue_id IN (SELECT queue_id FROM new_rows WHERE id = ANY (leaving))
    ORDER BY queue_id FOR SHARE;
    PERFORM FROM new_rows n JOIN teleq_queue q ON q.id = n.queue_id
        JOIN consent_consent c ON c.care_provider_id = q.care_provider_id AND c.phone_number = n.to_number
    WHERE n.id = ANY (leaving)
    ORDER BY c.care_provider_id, c.phone_number FOR SHARE OF c;

    SELECT min(n.id) INTO bad FROM new_rows n JOIN teleq_queue q ON q.id = n.queue_id
        LEFT JOIN teleq_outgoingsms s ON s.queue_id = n.queue_id
        LEFT JOIN consent_consent c ON c.care_provider_id = q.care_provider_id AND c.phone_number = n.to_number
    WHERE n.id = ANY (leaving)
      AND (s.queue_id IS NULL
           OR n.to_number !~ '^[+][1-9][0-9]+$'  -- else its answer isn't found
           OR (c.answer = 'no' AND c.valid_until > n.claimed_at)
           OR EXISTS (SELECT FROM consent_withdrawal w  -- not yet the answer
                      WHERE w.care_provider_id = q.care_provider_id AND w.phone_number = n.to_number)
           OR (s.consent_required AND (c.answer = 'yes' AND c.valid_until > clock_timestamp()) IS NOT TRUE)
           OR n.claimed_at IS NULL OR n.claimed_at < now() OR n.claimed_at > clock_timestamp());
    IF bad IS NOT NULL THEN
        RAISE EXCEPTION 'SMS %: may not leave without consent in force at this moment', bad
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
"""

TRIGGERS = [
    Trigger(
        name="begins_well",
        level=pgtrigger.Statement,
        when=pgtrigger.After,
        operation=pgtrigger.Insert,
        referencing=pgtrigger.Referencing(new="new_rows"),  # type: ignore[no-untyped-call]
        declare=[("bad", "bigint")],
        func=_BEGINS_WELL,
    ),
    Trigger(
        name="moves_well",
        level=pgtrigger.Statement,
        when=pgtrigger.After,
        operation=pgtrigger.Update,
        referencing=pgtrigger.Referencing(old="old_rows", new="new_rows"),  # type: ignore[no-untyped-call]
        declare=[("bad", "bigint"), ("leaving", "bigint[]")],
        func=_MOVES_WELL.replace("MOVES", _MOVES)
        .replace("OF_A_COPY", _OF_A_COPY)
        .replace("PENDING", _PENDING)
        .replace("STOPPED", _STOPPED)
        .replace("MAY_SEND", MAY_SEND),
    ),
]
