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


COUNTS = [Kind.CALLED, Kind.NOT_CALLED, Kind.REACHED, Kind.NO_ANSWER, Kind.DONE, Kind.CANCELLED]
"""The kinds of event that tell how a callback went."""
READ = [*COUNTS, Kind.MOVED, Kind.UNDONE]
"""And those that give it another time, or take an outcome back."""
CLOSES = [Kind.DONE, Kind.CANCELLED]
A_CALL = f"{int(CALL_LASTS.total_seconds())} seconds"

CASES = f"""
    WITH sought AS MATERIALIZED (
        SELECT id, queue_id, created_at, callback_at, outcome, created_at >= %(begins)s AS in_period,
            CASE WHEN status IN ({_any_of(CLOSED)}) THEN status ELSE 'open' END AS state
        FROM cases_case
        WHERE queue_id = ANY(%(queues)s) AND created_at >= %(came_in_since)s AND created_at < %(ends)s
    ), noted AS MATERIALIZED (
        SELECT e.id, e.case_id, e.at, e.detail, e.undoes_id, s.in_period, (e.changes -> 'callback_at' ->> 0) AS was_due,
            e.kind = '{Kind.CALLED}' AS rang, e.kind = '{Kind.NO_ANSWER}' AS no_answer,
            e.kind IN ({_any_of(COUNTS)}) AS counts, e.kind IN ({_any_of(CLOSES)}) AS closes,
            e.kind = '{Kind.REACHED}' OR e.kind = '{Kind.DONE}' AND e.changes ? 'attempts' AS reached
        FROM sought AS s JOIN cases_caseevent AS e ON e.case_id = s.id
        WHERE e.kind IN ({_any_of(READ)})
    ), event AS MATERIALIZED (
        -- in their order, without those that were undone: of the attempts how many there were by then, and of a result
        -- the call that it is of, which began since the result before
        SELECT *, count(*) FILTER (WHERE reached OR no_answer) OVER until_now AS number,
            CASE WHEN max(id) FILTER (WHERE rang) OVER until_now > coalesce(max(id) FILTER (WHERE counts AND NOT rang)
                OVER (PARTITION BY case_id ORDER BY id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0)
                THEN max(at) FILTER (WHERE rang) OVER until_now END AS rang_at
        FROM noted
        WHERE (counts OR was_due IS NOT NULL)
            AND id NOT IN (SELECT undoes_id FROM noted WHERE undoes_id IS NOT NULL)
        WINDOW until_now AS (PARTITION BY case_id ORDER BY id ROWS UNBOUNDED PRECEDING)
    ), attempt AS MATERIALIZED (
        SELECT case_id, in_period, detail, reached, number,
            CASE WHEN rang_at > at - interval '{A_CALL}' THEN rang_at ELSE at END AS at
        FROM event WHERE reached OR no_answer
    ), tried AS (
        SELECT case_id, count(*) AS attempts, min(at) AS first_at, min(at) FILTER (WHERE reached) AS reached_at,
            min(number) FILTER (WHERE reached) AS reached_number
        FROM attempt GROUP BY case_id
    ), closed AS (
        SELECT case_id, max(at) AS at FROM event WHERE closes GROUP BY case_id
    ), booked AS (
        -- the time that a case had when it got its first attempt is what the next change of it was from
        SELECT DISTINCT ON (case_id) case_id, was_due::timestamptz AS at
        FROM event WHERE was_due IS NOT NULL AND number > 0 ORDER BY case_id, id
    ), callback AS MATERIALIZED (
        SELECT s.queue_id, s.in_period, s.created_at, s.state, s.outcome, coalesce(t.attempts, 0) AS attempts,
            t.first_at, t.reached_number, coalesce(booked.at, s.callback_at) AS due_at,
            extract(epoch FROM t.first_at - s.created_at)::float AS wait,
            CASE WHEN s.state <> 'open' THEN closed.at END AS closed_at, day,
            coalesce((t.reached_at {LOCAL})::date = day, false) AS same_day,
            coalesce((t.first_at {LOCAL})::date = day, false) AS tried_same_day,
            s.state = '{Status.CANCELLED}' AND coalesce((closed.at {LOCAL})::date = day, false)
                AND coalesce((t.reached_at {LOCAL})::date <> day, true) AS left_out
        FROM sought AS s CROSS JOIN LATERAL (SELECT (s.created_at {LOCAL})::date AS day) AS its
            LEFT JOIN tried AS t ON t.case_id = s.id LEFT JOIN closed ON closed.case_id = s.id
            LEFT JOIN booked ON booked.case_id = s.id
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

NEXT_HOUR = "date_trunc('hour', {0} + interval '1 hour' - interval '1 microsecond')"
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
        no_answer="SELECT detail, count(*) FROM attempt WHERE in_period AND NOT reached GROUP BY 1",
        outcomes="SELECT state, outcome, count(*) FROM callback WHERE in_period GROUP BY 1, 2",
        hours=f"""
            SELECT what, extract(isodow FROM hour)::int - 1 AS weekday, extract(hour FROM hour)::int AS hour,
                sum(count) AS count
            FROM (
                SELECT 'came_in' AS what, date_trunc('hour', created_at {LOCAL}) AS hour, count(*)
                FROM callback WHERE in_period GROUP BY 2
                UNION ALL
                SELECT 'due', date_trunc('hour', due_at {LOCAL}), count(*) FROM callback WHERE in_period GROUP BY 2
                UNION ALL
                SELECT 'tried', date_trunc('hour', at {LOCAL}), count(*) FROM attempt WHERE in_period GROUP BY 2
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
