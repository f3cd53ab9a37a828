"""The SQL that counts callbacks (`administration.statistics.callbacks`), in two steps.

A queue's cases that came in on one day are counted into one row of numbers: with what has happened to them, and their
attempts. An outcome that was undone is none. A case that was closed and is open again has not been closed. A day is one
by the clock in Stockholm. Those rows of a period are then added up. The night stores a day's row
(`administration.statistics.callback_days`), and one that is stored is counted no more, until something happens to one
of its cases.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from cases.holding import CALL_LASTS
from cases.models import CLOSED, CaseEvent, Status

WAITS_FOR = timedelta(days=31)
"""How long after it came in a case is counted as one that waits. So how many waited at an hour can be told without
looking at all the cases there are."""
MINUTE, HOUR = 60, 3600
WAITS = (15 * MINUTE, 30 * MINUTE, HOUR, 2 * HOUR, 4 * HOUR, 8 * HOUR, 24 * HOUR, 72 * HOUR)
"""Where one group of waiting times ends and the next begins, in seconds. A time on the border is in the longer one."""
MOST_ATTEMPTS = 5
"""Cases with as many or more are told of together."""

Kind = CaseEvent.Kind
LOCAL = "AT TIME ZONE 'Europe/Stockholm'"


def _any_of(values: Iterable[str]) -> str:
    return ", ".join(f"'{value}'" for value in values)


TELLS = [Kind.NOT_CALLED, Kind.REACHED, Kind.NO_ANSWER, Kind.DONE, Kind.CANCELLED]
"""The kinds of event that tell how a callback went."""
READ = [*TELLS, Kind.CALLED, Kind.MOVED, Kind.UNDONE]
"""And those by which a call begins, or that give the case another time."""
CLOSES = [Kind.DONE, Kind.CANCELLED]
A_CALL = f"{int(CALL_LASTS.total_seconds())} seconds"

# Which days are counted ----------------------------------------------------------------------------------------------

TOUCHED = f"""
    SELECT DISTINCT its.queue_id, (c.created_at {LOCAL})::date AS day
    FROM cases_caseevent AS e JOIN cases_case AS c ON c.id = e.case_id,
        LATERAL (VALUES (c.queue_id), ((e.before ->> 'queue')::bigint)) AS its (queue_id)
    WHERE e.id > %(mark)s AND its.queue_id IS NOT NULL
"""
"""The queues and days of whose cases something has happened to one since they were stored; also those of the queue that
a case was moved from. The mark (`CallbackMark`) is a value, so that PostgreSQL knows that few events are later."""

COLUMNS = (
    *("cases", "left_out", "same_day", "tried_same_day", "tried", "reached_first", "attempts"),
    *("untried_open", "untried_closed", "waits", "counts", "waiting"),
)
"""Of `administration.models.CallbackDay`: what is told of a queue's day."""

CASES = f"""
    WITH touched AS MATERIALIZED ({TOUCHED}), stored AS MATERIALIZED (
        SELECT queue_id, day, {", ".join(COLUMNS)} FROM administration_callbackday AS d
        WHERE queue_id = ANY(%(queues)s) AND day BETWEEN %(since)s AND %(last)s
            AND NOT EXISTS (SELECT FROM touched WHERE touched.queue_id = d.queue_id AND touched.day = d.day)
    ), uncounted AS (
        SELECT queue_id, %(since)s::date + n AS day
        FROM unnest(%(queues)s::bigint[]) AS queue_id, generate_series(0, %(last)s::date - %(since)s::date) AS n
        EXCEPT SELECT queue_id, day FROM stored
    ), sought AS MATERIALIZED (
        SELECT its.*, uncounted.day FROM uncounted, LATERAL (
            SELECT id, queue_id, created_at, callback_at, outcome,
                CASE WHEN status IN ({_any_of(CLOSED)}) THEN status ELSE 'open' END AS state
            FROM cases_case
            WHERE queue_id = uncounted.queue_id AND created_at >= uncounted.day::timestamp {LOCAL}
                AND created_at < (uncounted.day + 1)::timestamp {LOCAL}
            OFFSET 0  -- each day by the index: PostgreSQL would compare all of a queue's cases with all of its days
        ) AS its
    ), happened AS MATERIALIZED (
        SELECT its.*, sought.queue_id, sought.day FROM sought, LATERAL (
            SELECT id, case_id, kind, at, detail, undoes_id, changes -> 'callback_at' ->> 0 AS was_due,
                changes ? 'attempts' AS attempted
            FROM cases_caseevent WHERE case_id = sought.id
            OFFSET 0  -- each case's by the index: it is taken that cases are sought of all days, and most are stored
        ) AS its
        WHERE kind IN ({_any_of(READ)})
    ), noted AS (
        SELECT *, kind = '{Kind.CALLED}' AS rang, kind IN ({_any_of(TELLS)}) AS tells,
            kind IN ({_any_of(CLOSES)}) AS closes, kind = '{Kind.NO_ANSWER}' AS no_answer,
            kind = '{Kind.REACHED}' OR kind = '{Kind.DONE}' AND attempted AS reached
        FROM happened
        WHERE id NOT IN (SELECT undoes_id FROM happened WHERE undoes_id IS NOT NULL)
    ), event AS MATERIALIZED (
        -- in their order: of an attempt its number, and the call that it is of, which began since the result before
        SELECT id, case_id, queue_id, day, detail, at, closes, reached, tried, was_due,
            earlier_attempts + tried::int AS number,
            CASE WHEN rang_id > coalesce(told_id, 0) AND rang_at > at - interval '{A_CALL}' THEN rang_at ELSE at END
                AS tried_at
        FROM (
            SELECT *, reached OR no_answer AS tried, count(*) FILTER (WHERE reached OR no_answer) OVER earlier
                AS earlier_attempts, max(id) FILTER (WHERE tells) OVER earlier AS told_id,
                max(id) FILTER (WHERE rang) OVER earlier AS rang_id, max(at) FILTER (WHERE rang) OVER earlier AS rang_at
            FROM noted
            WINDOW earlier AS (PARTITION BY case_id ORDER BY id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
        ) AS each
        WHERE tried OR closes OR was_due IS NOT NULL
        ORDER BY case_id, id
    ), history AS (
        -- the time that a case had when it got its first attempt is what the next change of it was from
        SELECT case_id, count(*) FILTER (WHERE tried) AS attempts, max(at) FILTER (WHERE closes) AS closed_at,
            min(tried_at) FILTER (WHERE tried) AS first_at, min(tried_at) FILTER (WHERE reached) AS reached_at,
            min(number) FILTER (WHERE reached) AS reached_number,
            (array_agg(was_due ORDER BY id) FILTER (WHERE was_due IS NOT NULL AND number > 0))[1]::timestamptz
                AS was_due
        FROM event GROUP BY case_id
    ), callback AS MATERIALIZED (
        SELECT queue_id, day, created_at, state, outcome, coalesce(attempts, 0) AS attempts, first_at,
            reached_number, coalesce(was_due, callback_at) AS due_at,
            floor(extract(epoch FROM first_at - created_at))::int AS wait,
            CASE WHEN state <> 'open' THEN closed_at END AS closed_at,
            coalesce((reached_at {LOCAL})::date = day, false) AS same_day,
            coalesce((first_at {LOCAL})::date = day, false) AS tried_same_day,
            state = '{Status.CANCELLED}' AND coalesce((closed_at {LOCAL})::date = day, false)
                AND coalesce((reached_at {LOCAL})::date <> day, true) AS left_out
        FROM sought LEFT JOIN history ON case_id = id
    )
"""

# What is counted of a day --------------------------------------------------------------------------------------------

HOUR_OF = "date_bin('1 hour', {0}, 'epoch')"
"""The full hour that a time is in: in Stockholm the same as in UTC, as they are whole hours apart."""
NEXT_HOUR = HOUR_OF.format("{0} + interval '59:59.999999'")
"""The first full hour from a time on."""


def _counted(what: str, *columns: str, of: str = "callback", where: str = "true") -> str:
    """SQL that counts a day's rows by these columns: its key is a JSON array of what is counted and their values."""
    names = [f"column{number}" for number, _ in enumerate(columns)]
    values = ", ".join(f"{column} AS {name}" for column, name in zip(columns, names, strict=True))
    key = f"jsonb_build_array('{what}', {', '.join(names)})::text"
    return (
        f"SELECT queue_id, day, {key} AS key, count(*) AS n FROM (SELECT queue_id, day, {values} FROM {of}"
        f" WHERE {where}) AS each GROUP BY queue_id, day, {', '.join(names)}"
    )


def _by_hour(what: str, at: str, **of: str) -> str:
    """By weekday, from 0 for Monday, and hour."""
    return _counted(what, f"extract(isodow FROM {at} {LOCAL})::int - 1", f"extract(hour FROM {at} {LOCAL})::int", **of)


COUNTS = [
    _counted("waits", f"width_bucket(wait, ARRAY[{', '.join(map(str, WAITS))}])", where="attempts > 0"),
    _counted(
        "reached",
        "CASE WHEN reached_number > 4 THEN 4 ELSE reached_number END",
        "CASE WHEN reached_number IS NULL THEN state END",
    ),
    _counted("attempts", f"least(attempts, {MOST_ATTEMPTS})"),
    _counted("no_answer", "detail", of="event", where="tried AND NOT reached"),
    _counted("outcomes", "state", "outcome"),
    _by_hour("came_in", "created_at"),
    _by_hour("due", "due_at"),
    _by_hour("tried", "tried_at", of="event", where="tried"),
]

COUNTED = f"""
    , waited AS (
        -- a case waits at each full hour from its time on, until it gets an attempt or is closed
        SELECT queue_id, day, {NEXT_HOUR.format("greatest(due_at, created_at)")} AS begins,
            least(first_at, closed_at, created_at + interval '{WAITS_FOR.days} days') AS ends
        FROM callback
    ), change AS (
        SELECT queue_id, day, at, sum(one) AS more FROM (
            SELECT queue_id, day, begins AS at, 1 AS one FROM waited WHERE begins < ends
            UNION ALL SELECT queue_id, day, {NEXT_HOUR.format("ends")}, -1 FROM waited WHERE begins < ends
        ) AS one GROUP BY queue_id, day, at
    ), counted AS (
        SELECT queue_id, day, count(*) AS cases, count(*) FILTER (WHERE left_out) AS left_out,
            count(*) FILTER (WHERE same_day) AS same_day,
            count(*) FILTER (WHERE tried_same_day AND NOT same_day AND NOT left_out) AS tried_same_day,
            count(*) FILTER (WHERE attempts > 0) AS tried,
            count(*) FILTER (WHERE reached_number = 1) AS reached_first, sum(attempts) AS attempts,
            count(*) FILTER (WHERE attempts = 0 AND state = 'open') AS untried_open,
            count(*) FILTER (WHERE attempts = 0 AND state <> 'open') AS untried_closed,
            coalesce(array_agg(wait ORDER BY wait) FILTER (WHERE attempts > 0), '{{}}') AS waits
        FROM callback GROUP BY queue_id, day
    ), found AS (
        SELECT queue_id, day, {", ".join(column for column in COLUMNS if column != "waiting")},
            coalesce(waiting, '{{}}') AS waiting
        FROM counted JOIN (
            SELECT queue_id, day, jsonb_object_agg(key, n) AS counts
            FROM ({" UNION ALL ".join(COUNTS)}) AS each GROUP BY queue_id, day
        ) AS by_key USING (queue_id, day) LEFT JOIN (
            SELECT queue_id, day, jsonb_object_agg(extract(epoch FROM at)::bigint, more) AS waiting
            FROM change WHERE more <> 0 GROUP BY queue_id, day
        ) AS by_time USING (queue_id, day)
    )
"""
STORE = f"""
    INSERT INTO administration_callbackday (queue_id, day, {", ".join(COLUMNS)})
    {CASES} {COUNTED} SELECT queue_id, day, {", ".join(COLUMNS)} FROM found ON CONFLICT DO NOTHING
"""
"""The days `since` to `last` that are not stored."""

LATEST = """
    SELECT coalesce(max(id), 0) FROM (
        SELECT id FROM cases_caseevent WHERE at < clock_timestamp() - %(longest)s ORDER BY id DESC LIMIT 1
    ) AS latest
"""
MAKE_MARK = f"""
    INSERT INTO administration_callbackmark (id, event_id) SELECT %(only)s, ({LATEST}) ON CONFLICT DO NOTHING
"""
MOVE_MARK = f"UPDATE administration_callbackmark SET event_id = greatest(event_id, ({LATEST}))"
FORGET = f"""
    DELETE FROM administration_callbackday AS d USING ({TOUCHED}) AS touched
    WHERE touched.queue_id = d.queue_id AND touched.day = d.day
"""

# The days of a period, added up --------------------------------------------------------------------------------------

PERIOD = f"""
    {CASES} {COUNTED}, figures AS MATERIALIZED (
        SELECT *, day >= %(first)s AS in_period FROM (
            SELECT queue_id, day, {", ".join(COLUMNS)} FROM stored
            UNION ALL SELECT queue_id, day, {", ".join(COLUMNS)} FROM found
        ) AS each
    )
"""
SUMS = ["cases", "left_out", "same_day", "tried", "reached_first", "attempts", "untried_open", "untried_closed"]
TOTALS = f"""
    SELECT sums.*, median, p90, longest FROM (
        SELECT {{queue}} AS queue, {", ".join(f"coalesce(sum({column}), 0) AS {column}" for column in SUMS)}
        FROM figures WHERE in_period GROUP BY {{group}}
    ) AS sums LEFT JOIN (
        SELECT {{queue}} AS queue, percentile_cont(0.5) WITHIN GROUP (ORDER BY wait::float) AS median,
            percentile_disc(0.9) WITHIN GROUP (ORDER BY wait::float) AS p90, max(wait) AS longest
        FROM figures, unnest(waits) AS wait WHERE in_period GROUP BY {{group}}
    ) AS waits ON waits.queue IS NOT DISTINCT FROM sums.queue
"""
ALL_TOGETHER = TOTALS.format(queue="NULL::bigint", group="()")
AND_BY_QUEUE = TOTALS.format(queue="queue_id", group="GROUPING SETS ((), (queue_id))")


def _as_json(**queries: str) -> str:
    """SQL for one value: an object with the rows of each query."""
    parts = (f"'{name}', (SELECT jsonb_agg(each) FROM ({query}) AS each)" for name, query in queries.items())
    return f"SELECT jsonb_build_object({', '.join(parts)})"


TOTALS_ONLY = PERIOD + _as_json(totals=ALL_TOGETHER)
"""Of cases that came in on the days `first` to `last`; `since` is the first too."""
EVERYTHING = PERIOD + _as_json(
    totals=AND_BY_QUEUE,
    days="""
        SELECT day, sum(same_day) AS same_day, sum(tried_same_day) AS tried,
            sum(cases - left_out - same_day - tried_same_day) AS untried
        FROM figures WHERE in_period AND cases > left_out GROUP BY day
    """,
    counts="""
        SELECT key, sum(n::int) AS count FROM figures, jsonb_each_text(counts) AS each (key, n)
        WHERE in_period GROUP BY key
    """,
    waiting=f"""
        SELECT extract(hour FROM at {LOCAL})::int AS hour, extract(isodow FROM at {LOCAL}) > 5 AS weekend,
            avg(waiting) AS average, max(waiting) AS most
        FROM (
            SELECT at, sum(coalesce(more, 0)) OVER (ORDER BY at) AS waiting
            FROM (
                SELECT to_timestamp(greatest(key::bigint, extract(epoch FROM %(first)s::timestamp {LOCAL}))) AS at,
                    sum(more::int) AS more
                FROM figures, jsonb_each_text(waiting) AS each (key, more) GROUP BY 1
            ) AS change RIGHT JOIN generate_series(
                %(first)s::timestamp {LOCAL},
                least((%(last)s::date + 1)::timestamp {LOCAL} - interval '1 hour', now()), interval '1 hour'
            ) AS at USING (at)
        ) AS full_hour GROUP BY 1, 2
    """,
)
"""Of cases that came in on the days `first` to `last`; and for how many waited, from `since` on."""
