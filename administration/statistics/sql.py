"""The SQL that counts callbacks (`administration.statistics.callbacks`). Each statement gives one value: JSON.

A case is one row, with what has happened to it, and its attempts are theirs. An outcome that was undone is none. A case
that was closed and is open again has not been closed. A day is one by the clock in Stockholm.
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

CASES = f"""
    WITH sought AS MATERIALIZED (
        SELECT id, queue_id, created_at, callback_at, outcome, created_at >= %(begins)s AS in_period,
            CASE WHEN status IN ({_any_of(CLOSED)}) THEN status ELSE 'open' END AS state
        FROM cases_case
        WHERE queue_id = ANY(%(queues)s) AND created_at >= %(came_in_since)s AND created_at < %(ends)s
    ), undone AS MATERIALIZED (
        SELECT undoes_id FROM sought JOIN cases_caseevent ON case_id = sought.id WHERE undoes_id IS NOT NULL
    ), noted AS (
        SELECT e.id, e.case_id, e.at, e.detail, s.in_period, (e.changes -> 'callback_at' ->> 0) AS was_due,
            e.kind = '{Kind.CALLED}' AS rang, e.kind IN ({_any_of(TELLS)}) AS tells,
            e.kind IN ({_any_of(CLOSES)}) AS closes, e.kind = '{Kind.NO_ANSWER}' AS no_answer,
            e.kind = '{Kind.REACHED}' OR e.kind = '{Kind.DONE}' AND e.changes ? 'attempts' AS reached
        FROM sought AS s JOIN cases_caseevent AS e ON e.case_id = s.id
        WHERE e.kind IN ({_any_of(READ)}) AND e.id NOT IN (SELECT undoes_id FROM undone)
    ), event AS MATERIALIZED (
        -- in their order: of an attempt its number, and the call that it is of, which began since the result before
        SELECT id, case_id, in_period, detail, at, closes, reached, tried, was_due,
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
        SELECT queue_id, in_period, created_at, state, outcome, coalesce(attempts, 0) AS attempts, first_at,
            reached_number, coalesce(was_due, callback_at) AS due_at, day,
            extract(epoch FROM first_at - created_at)::float AS wait,
            CASE WHEN state <> 'open' THEN closed_at END AS closed_at,
            coalesce((reached_at {LOCAL})::date = day, false) AS same_day,
            coalesce((first_at {LOCAL})::date = day, false) AS tried_same_day,
            state = '{Status.CANCELLED}' AND coalesce((closed_at {LOCAL})::date = day, false)
                AND coalesce((reached_at {LOCAL})::date <> day, true) AS left_out
        FROM sought CROSS JOIN LATERAL (SELECT (created_at {LOCAL})::date AS day) AS its
            LEFT JOIN history ON case_id = id
    )
"""

TOTALS = """
    SELECT {queue} AS queue, count(*) AS cases, count(*) FILTER (WHERE left_out) AS left_out,
        count(*) FILTER (WHERE same_day) AS same_day, count(*) FILTER (WHERE attempts > 0) AS tried,
        count(*) FILTER (WHERE reached_number = 1) AS reached_first, coalesce(sum(attempts), 0) AS attempts,
        count(*) FILTER (WHERE attempts = 0 AND state = 'open') AS untried_open,
        count(*) FILTER (WHERE attempts = 0 AND state <> 'open') AS untried_closed,
        percentile_cont(0.5) WITHIN GROUP (ORDER BY wait) AS median,
        percentile_disc(0.9) WITHIN GROUP (ORDER BY wait) AS p90, max(wait) AS longest
    FROM callback WHERE in_period
"""

HOUR_OF = "date_bin('1 hour', {0}, 'epoch')"
"""The full hour that a time is in: in Stockholm the same as in UTC, as they are whole hours apart."""
NEXT_HOUR = HOUR_OF.format("{0} + interval '59:59.999999'")
"""The first full hour from a time on."""
WAITED = f"""
    , waited AS (
        -- a case waits at each full hour from its time on, until it gets an attempt or is closed
        SELECT greatest({NEXT_HOUR.format("greatest(due_at, created_at)")}, %(begins)s) AS begins,
            least(first_at, closed_at, created_at + interval '{WAITS_FOR.days} days', %(ends)s) AS ends
        FROM callback
    ), change AS (
        SELECT at, sum(one) AS more FROM (
            SELECT begins AS at, 1 AS one FROM waited WHERE begins < ends
            UNION ALL SELECT {NEXT_HOUR.format("ends")}, -1 FROM waited WHERE begins < ends
        ) AS one GROUP BY at
    ), full_hour AS (
        SELECT at, coalesce(sum(more) OVER (ORDER BY at), 0) AS waiting
        FROM generate_series(%(begins)s, least(%(ends)s - interval '1 hour', now()), interval '1 hour') AS at
            LEFT JOIN change USING (at)
    )
"""


def _as_json(**queries: str) -> str:
    """SQL for one value: an object with the rows of each query."""
    parts = (f"'{name}', (SELECT jsonb_agg(each) FROM ({query}) AS each)" for name, query in queries.items())
    return f"SELECT jsonb_build_object({', '.join(parts)})"


TOTALS_ONLY = CASES + _as_json(totals=TOTALS.format(queue="NULL::bigint"))
"""Of cases that came in from `came_in_since` on, which is `begins`."""
EVERYTHING = (
    CASES
    + WAITED
    + _as_json(
        totals=TOTALS.format(queue="queue_id") + " GROUP BY GROUPING SETS ((), (queue_id))",
        days="""
            SELECT day, same_day, tried_same_day AS tried, count(*)
            FROM callback WHERE in_period AND NOT left_out GROUP BY 1, 2, 3
        """,
        waits=f"""
            SELECT width_bucket(wait, ARRAY[{", ".join(map(str, WAITS))}]::float[]) AS bucket, count(*)
            FROM callback WHERE in_period AND attempts > 0 GROUP BY 1
        """,
        reached="""
            SELECT CASE WHEN reached_number > 4 THEN 4 ELSE reached_number END AS number,
                CASE WHEN reached_number IS NULL THEN state END AS state, count(*)
            FROM callback WHERE in_period GROUP BY 1, 2
        """,
        attempts=f"""
            SELECT least(attempts, {MOST_ATTEMPTS}) AS attempts, count(*) FROM callback WHERE in_period GROUP BY 1
        """,
        no_answer="SELECT detail, count(*) FROM event WHERE in_period AND tried AND NOT reached GROUP BY 1",
        outcomes="SELECT state, outcome, count(*) FROM callback WHERE in_period GROUP BY 1, 2",
        hours=f"""
            SELECT what, extract(isodow FROM hour {LOCAL})::int - 1 AS weekday,
                extract(hour FROM hour {LOCAL})::int AS hour, sum(count) AS count
            FROM (
                SELECT 'came_in' AS what, {HOUR_OF.format("created_at")} AS hour, count(*)
                FROM callback WHERE in_period GROUP BY 2
                UNION ALL
                SELECT 'due', {HOUR_OF.format("due_at")}, count(*) FROM callback WHERE in_period GROUP BY 2
                UNION ALL
                SELECT 'tried', {HOUR_OF.format("tried_at")}, count(*)
                FROM event WHERE in_period AND tried GROUP BY 2
            ) AS happened GROUP BY 1, 2, 3
        """,
        waiting=f"""
            SELECT extract(hour FROM at {LOCAL})::int AS hour, extract(isodow FROM at {LOCAL}) > 5 AS weekend,
                avg(waiting) AS average, max(waiting) AS most
            FROM full_hour GROUP BY 1, 2
        """,
    )
)
"""Of cases that came in from `begins` on; and for how many waited, from `came_in_since` on."""
