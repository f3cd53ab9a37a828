"""The functions by which rows are deleted that no role of the product may delete itself.

They belong to the tables' owner and run with the owner's rights (SECURITY DEFINER), so each of them checks for itself
that what it is asked for may go. Whoever calls says how many rows at most, or which; how old they must be, never.

The nightly retention's delete one batch and return how many rows that was. Rows that somebody has locked are skipped,
and left to the next night. How long things are kept is written into the function from the settings (KEEP_...) of
whoever migrates: a process of the product that is told otherwise, or taken over, deletes nothing sooner for that.

A removal's (GDPR article 17) demand that it is on record in the access log, in the same transaction.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import connection, models

from access.checks import FIVE_YEARS
from access.models import AccessEntry, RightsChange, Session, SignIn
from administration.statistics.sql import LOCAL
from administration.totals import DAY, SETTLES
from cases.models import CLOSED, Case, Draft, Slot
from consent.models import Answer, Consent, HistoryMark
from sms.models import InboundSms, LostSms, Message, RetentionMark, UnplacedSms
from sms.states import PENDING, UNSETTLED
from telephony import recordings, voices
from telephony.models import Call, Recording, SpokenFile
from teleq.triggers import SEARCH_PATH


@dataclass(frozen=True)
class Function:
    name: str
    arguments: str
    body: str
    """In PL/pgSQL, from DECLARE."""
    role: str
    """The one that may call it."""
    returns: str = "integer"

    def create(self) -> str:
        """SQL that makes the function, or makes it anew, and lets its role call it and nobody else."""
        signature = f"{self.name}({self.arguments})"
        return f"""
            CREATE OR REPLACE FUNCTION {signature} RETURNS {self.returns}
            LANGUAGE plpgsql SECURITY DEFINER SET search_path = {SEARCH_PATH} AS $body${self.body}$body$;
            REVOKE ALL ON FUNCTION {signature} FROM PUBLIC;
            GRANT EXECUTE ON FUNCTION {signature} TO {self.role};
        """


# The nightly retention -----------------------------------------------------------------------------------------------


def _nightly(name: str, body: str, outputs: str = "") -> Function:
    returns = "record" if outputs else "integer"
    return Function(f"retention_{name}", f"most integer{outputs}", body, "teleq_retention", returns)


def _old_rows(name: str, model: type[models.Model], past: str, order: str) -> Function:
    """A function that deletes a batch of a table's rows, and the rows that are theirs (ON DELETE CASCADE in Django)."""
    key = model._meta.pk
    assert key
    return _nightly(
        name,
        f"""
        DECLARE
            gone {key.db_type(connection)}[];
        BEGIN
            gone := ARRAY(
                SELECT {key.column} FROM {_table(model)} WHERE {past} ORDER BY {order} LIMIT most FOR UPDATE SKIP LOCKED
            );
            {_delete(model, "gone")}
            RETURN cardinality(gone);
        END;
        """,
    )


def _table(model: type[models.Model]) -> str:
    return model._meta.db_table


def _delete(model: type[models.Model], ids: str) -> str:
    """SQL that deletes these rows, after the rows that go with them."""
    key = model._meta.pk
    assert key
    own = [each for each in model._meta.related_objects if each.on_delete is models.CASCADE]
    # Their own would have to go before them: there are none, and PostgreSQL would refuse.
    children = [f"DELETE FROM {_table(each.related_model)} WHERE {each.field.column} = ANY ({ids});" for each in own]
    return "\n".join([*children, f"DELETE FROM {_table(model)} WHERE {key.column} = ANY ({ids});"])


NOW = "(SELECT clock_timestamp())"
"""Once for each statement, not anew for each row: so an index finds what is before it, and nothing after it is read."""


def _before(time: timedelta) -> str:
    return f"{NOW} - interval '{int(time.total_seconds())} seconds'"


def _any_of(values: Any) -> str:
    return ", ".join(f"'{value}'" for value in sorted(values))


DECIDED = f"""EXISTS (
                SELECT FROM {_table(Message)} WHERE to_number = event.phone_number AND consent_event_id = event.pgh_id
            )"""
"""Whether an event of an answer's history decided a message that is still there. It is one to the event's number, and
there is an index by number."""


def _of_messages(name: str, what: RetentionMark.What, keep: timedelta, untouched: str, take: str) -> Function:
    """A function that does something to a batch of the messages that were accepted longer ago than this.

    They are gone through in the order of their ids, and RetentionMark remembers how far: what was done to before, as a
    text that is empty, is not read again. Those that can't be taken yet are remembered one by one. `untouched` says of
    a message that it is still to be done something to, and `take` does that to those whose ids are in `gone`.

    Ids and times are in the same order but for a few seconds, since a transaction's rows have the time at which it
    began: one that is too young stops those after it until it is old enough itself, and no longer.
    """
    return _nightly(
        name,
        f"""
        DECLARE
            mark sms_retentionmark;
            old bigint[];
            upto bigint;
            gone bigint[];
            events bigint[];
        BEGIN
            INSERT INTO sms_retentionmark (what, message_id, left_over) VALUES ('{what}', 0, '{{}}')
            ON CONFLICT DO NOTHING;
            SELECT * INTO mark FROM sms_retentionmark WHERE what = '{what}' FOR UPDATE;
            WITH batch AS (
                SELECT id, created_at < {_before(keep)} AS past FROM sms_message WHERE id > mark.message_id
                ORDER BY id LIMIT most
            )
            SELECT array_agg(id) FILTER (WHERE past), coalesce(min(id) FILTER (WHERE NOT past) - 1, max(id))
            INTO old, upto FROM batch;
            old := old || mark.left_over;
            upto := coalesce(upto, mark.message_id);
            gone := ARRAY(SELECT id FROM sms_message WHERE id = ANY (old) AND {untouched} FOR UPDATE SKIP LOCKED);
            {take}
            removed := cardinality(gone);
            moved := upto > mark.message_id;
            UPDATE sms_retentionmark SET message_id = upto, left_over = ARRAY(
                SELECT id FROM sms_message WHERE id = ANY (old) AND id <= upto AND {STILL_THERE[what]}
            ) WHERE what = '{what}';
        END;
        """,
        outputs=", OUT moved boolean, OUT removed integer",
    )


STILL_THERE = {RetentionMark.What.TEXTS: "text <> ''", RetentionMark.What.MESSAGES: "true"}
"""Whether a message is still to be taken, though it could not be now."""


def _texts() -> Function:
    """To whom, when and by which answer stays. The guard lets a text be taken away, and not changed (`sms.guard`)."""
    return _of_messages(
        "sms_texts",
        RetentionMark.What.TEXTS,
        settings.KEEP_SMS_TEXTS,
        f"text <> '' AND state NOT IN ({_any_of(PENDING)})",
        "UPDATE sms_message SET text = '' WHERE id = ANY (gone);",
    )


def _messages() -> Function:
    """With them go the events of lapsed answers that decided only these."""
    return _of_messages(
        "sms",
        RetentionMark.What.MESSAGES,
        settings.KEEP_SMS,
        f"state NOT IN ({_any_of(UNSETTLED)})",
        f"""
            events := ARRAY(SELECT consent_event_id FROM sms_message WHERE id = ANY (gone));
            {_delete(Message, "gone")}
            DELETE FROM consent_consentevent AS event
            WHERE pgh_id = ANY (events) AND valid_until <= clock_timestamp() AND NOT {DECIDED};
        """,
    )


MARKS = """
            DELETE FROM cases_protectionmark WHERE id = ANY ({marks});
            DELETE FROM cases_protectionmarkevent WHERE pgh_obj_id = ANY ({marks});
"""
"""Marks of protected personal data go with their history, to which the first line adds that they went."""


def _marks(past: str) -> Function:
    return _nightly(
        "marks",
        f"""
        DECLARE
            gone bigint[];
        BEGIN
            gone := ARRAY(
                SELECT id FROM cases_protectionmark WHERE {past} ORDER BY ended_at LIMIT most FOR UPDATE SKIP LOCKED
            );
            {MARKS.format(marks="gone")}
            RETURN cardinality(gone);
        END;
        """,
    )


def _history() -> Function:
    """Events of answers that have lapsed, except those that decided a message: those go with it.

    Each event is looked at once, in the order in which their answers lapsed: HistoryMark remembers how far. They stay
    until their days' totals are counted, which are made from them.
    """
    return _nightly(
        "history",
        f"""
        DECLARE
            mark consent_historymark;
            batch bigint[];
            looked_at integer;
        BEGIN
            INSERT INTO consent_historymark (id, valid_until, event_id)
            VALUES ({HistoryMark.ONLY}, '2000-01-01Z', 0) ON CONFLICT DO NOTHING;
            SELECT * INTO mark FROM consent_historymark WHERE id = {HistoryMark.ONLY} FOR UPDATE;
            batch := ARRAY(
                SELECT pgh_id FROM consent_consentevent
                WHERE (valid_until, pgh_id) > (mark.valid_until, mark.event_id)
                    AND valid_until <= {_before(SETTLES + DAY)}
                ORDER BY valid_until, pgh_id LIMIT most
            );
            looked_at := cardinality(batch);
            UPDATE consent_historymark SET (valid_until, event_id) = (
                SELECT valid_until, pgh_id FROM consent_consentevent WHERE pgh_id = batch[looked_at]
            ) WHERE id = {HistoryMark.ONLY} AND looked_at > 0;
            DELETE FROM consent_consentevent AS event WHERE pgh_id = ANY (batch) AND NOT {DECIDED};
            GET DIAGNOSTICS removed = ROW_COUNT;
            moved := looked_at > 0;
        END;
        """,
        outputs=", OUT moved boolean, OUT removed integer",
    )


# GDPR article 17 -----------------------------------------------------------------------------------------------------


def _removal(name: str, delete: str) -> Function:
    """A function that removes those of these rows that may be, and returns how many."""
    return Function(
        f"removal_{name}",
        "ids bigint[]",
        f"""
        DECLARE
            gone bigint[];
            removed integer;
        BEGIN
            -- now() is when the transaction began.
            IF NOT EXISTS (SELECT FROM access_accessentry WHERE act = '{AccessEntry.Act.REMOVAL}' AND at >= now()) THEN
                RAISE EXCEPTION 'a removal has to be in the access log first' USING ERRCODE = 'check_violation';
            END IF;
            {delete}
            GET DIAGNOSTICS removed = ROW_COUNT;
            RETURN removed;
        END;
        """,
        "teleq_product",
    )


CLOSED_CASES = f"""
            gone := ARRAY(
                SELECT id FROM cases_case WHERE id = ANY (ids) AND status IN ({_any_of(CLOSED)}) FOR UPDATE
            );
            PERFORM FROM administration_callbackmark FOR SHARE;  -- the night is not counting them now
            DELETE FROM administration_callbackday AS d USING cases_case AS c
            WHERE c.id = ANY (gone) AND d.queue_id = c.queue_id AND d.day = (c.created_at {LOCAL})::date;
            {{delete}}
"""
UNLESS_NO_IN_FORCE = f"""
            DELETE FROM consent_consent
            WHERE id = ANY (ids) AND NOT (answer = '{Answer.NO}' AND valid_until > clock_timestamp());
"""
OF_ANSWERS_THAT_ARE_GONE = f"""
            DELETE FROM consent_consentevent AS event
            WHERE pgh_id = ANY (ids) AND NOT EXISTS (SELECT FROM consent_consent WHERE id = event.pgh_obj_id)
                AND NOT {DECIDED};
"""


def _unused_files() -> str:
    shared = f"call_id IS NULL AND made_at < {_before(voices.KEPT_UNUSED)}"
    return f"({shared} OR call_id IS NOT NULL AND made_at < {_before(voices.KEPT_AFTER_THE_CALL)})"


def _replaced_recordings() -> str:
    named = f"SELECT unnest(recordings) FROM {_table(SpokenFile)}"
    return f"replaced_at < {_before(recordings.KEPT_REPLACED)} AND id NOT IN ({named})"


MADE_BY_MIGRATIONS = {
    "access_make_months()": "teleq_retention",
    "access_months_ahead()": "teleq_product, teleq_retention",
    "access_has_stray_entries()": "teleq_product, teleq_retention",
}
"""Functions that an app's migration makes and that are to run as the owner, such as those that make and drop a log's
partitions: `name(argument types)`, and the role that may call it."""


def run_as_owner(signature: str, role: str) -> str:
    """SQL that lets a function that is there run as its owner, and its role call it."""
    return f"""
        ALTER FUNCTION {signature} SECURITY DEFINER SET search_path = {SEARCH_PATH};
        GRANT EXECUTE ON FUNCTION {signature} TO {role};
    """


def functions() -> list[Function]:
    """All that are made here."""
    log = max(settings.KEEP_ACCESS_LOG, FIVE_YEARS)
    texts, closed = settings.KEEP_SMS_TEXTS, f"status IN ({_any_of(CLOSED)})"
    return [
        _texts(),
        _old_rows("inbound_sms", InboundSms, f"received_at < {_before(texts)}", "received_at"),
        _old_rows("unplaced_sms", UnplacedSms, f"received_at < {_before(texts)}", "received_at"),
        _old_rows("lost_sms", LostSms, f"sent_at < {_before(texts)}", "sent_at"),
        _messages(),
        _old_rows("calls", Call, f"started_at < {_before(settings.KEEP_CALLS)} AND ended_at IS NOT NULL", "started_at"),
        _old_rows("spoken_files", SpokenFile, _unused_files(), "made_at"),
        _old_rows("recordings", Recording, _replaced_recordings(), "replaced_at"),
        _old_rows("drafts", Draft, f"saved_at < {_before(settings.KEEP_DRAFTS)}", "saved_at"),
        # An open case stays, however old it is: somebody has to close it.
        _old_rows("cases", Case, f"{closed} AND callback_at < {_before(settings.KEEP_CASES)}", "callback_at"),
        _old_rows("slots", Slot, f"starts_at < {NOW}", "starts_at"),
        # No event is written of it: earlier ones have the time at which the answer lapsed.
        _old_rows("answers", Consent, f"valid_until <= {NOW}", "valid_until"),
        _marks(f"ended_at < {_before(log)}"),
        _nightly("access_log", f"BEGIN RETURN access_drop_old_months({_before(log)}); END;"),
        _old_rows("sessions", Session, f"expire_date < {NOW}", "expire_date"),
        _old_rows("sign_ins", SignIn, f"at < {_before(log)}", "at"),
        _old_rows("rights_changes", RightsChange, f"at < {_before(log)}", "at"),
        _history(),
        _removal("cases", CLOSED_CASES.format(delete=_delete(Case, "gone"))),
        _removal("inbound_sms", "DELETE FROM sms_inboundsms WHERE id = ANY (ids);"),
        _removal("calls", "DELETE FROM telephony_call WHERE id = ANY (ids) AND ended_at IS NOT NULL;"),
        _removal("unplaced_sms", "DELETE FROM sms_unplacedsms WHERE id = ANY (ids);"),
        _removal("answers", UNLESS_NO_IN_FORCE),
        _removal("marks", MARKS.format(marks="ids")),
        _removal("history", OF_ANSWERS_THAT_ARE_GONE),
    ]


def call(name: str, argument: int | list[int]) -> Any:
    """What the function returns: a number, or a row of them."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM {name}(%s)", [argument])
        row = cursor.fetchone()
    return row[0] if len(row) == 1 else row
