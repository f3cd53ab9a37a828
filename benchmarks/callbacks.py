"""How long Admin's statistics on callbacks take with 200,000 cases and a million events: `benchmarks/run callbacks`.

The cases came in over a year of weekdays: in forty queues, and in one. Each was rung, not reached, rung again and
reached, and closed. Before the night has stored any day, and after. The figures are in docs/performance.md.
"""

from __future__ import annotations

import argparse
from datetime import timedelta
from functools import partial

import django

django.setup()

from django.utils import timezone

from administration.queues import create_queue
from administration.statistics import callback_days, callbacks
from administration.statistics.tables import Period
from benchmarks.at_size import Databases, Times, bare, execute, machine, ms, nobodys_number_sql, p50, p99, read
from teleq.models import CareProvider, Queue, User

CASES = 200_000
QUEUES = [40, 1]
PERIODS = {"a week": 7, "a month": 30, "a year": 364}

FILL_CASES = f"""
    INSERT INTO cases_case (id, queue_id, name, reason, phone_number, a_number, personal_identity_number, callback_at,
                            booking, booked_at, attempts, priority, status, outcome, wrong_number, created_at,
                            interpreter_language, speak_with)
    SELECT n, 1 + n %% %(queues)s, '', 'Provsvar', {nobodys_number_sql("n")}, NULL, '', at + interval '2 hours',
           2, at, 2, 2, CASE WHEN n %% 50 = 0 THEN 'cancelled' ELSE 'done' END,
           CASE WHEN n %% 50 = 0 THEN '' ELSE 'advice' END, false, at, '', ''
    FROM generate_series(1, {CASES}) AS n,
         LATERAL (SELECT now() - n * interval '364 days' / {CASES} - interval '6 hours') AS came_in (at)
"""
FILL_EVENTS = """
    INSERT INTO cases_caseevent (case_id, kind, changes, detail, before, undoes_id, user_id, at)
    SELECT c.id, event.kind, event.changes::jsonb, event.detail, NULL, NULL, 1, c.created_at + event.after
    FROM cases_case AS c, (VALUES
        (interval '0', 'created', '{}', ''),
        (interval '60 minutes', 'called', '{}', ''),
        (interval '62 minutes', 'no_answer',
            '{"attempts": [0, 1], "callback_at": ["2026-01-01T08:00:00+00:00", "2026-01-01T09:00:00+00:00"]}', 'busy'),
        (interval '90 minutes', 'called', '{}', ''),
        (interval '95 minutes', 'done', '{"attempts": [1, 2]}', 'advice')
    ) AS event (after, kind, changes, detail)
    ORDER BY c.created_at + event.after
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=10, help="how often each is asked for (10)")
    options = parser.parse_args()
    databases = Databases(QUEUES)
    print(machine())
    with databases.filled(fill):
        events = CASES * 5
        print(f"\n| {CASES:,} cases of a year, {events:,} events | p50 | p99 |\n|---|---:|---:|")
        for number in QUEUES:
            databases.use(number)
            assert read("SELECT count(*) FROM cases_caseevent")[0][0] == events
            every = list(Queue.objects.order_by("id"))
            chosen = [every[:1], every] if number > 1 else [every]
            for when in (", no day stored", ""):
                for asked in chosen:
                    for name, days in PERIODS.items():
                        report(f"{name} of {len(asked)} of {number} queues{when}", asked, days, options.times)
                callback_days.add_up()


def fill(number: int) -> None:
    User.objects.create(username="anna")
    provider = CareProvider.objects.create(name="Vårdgivare", sms_consent_ordered=True)
    for each in range(number):
        create_queue(Queue(care_provider=provider, unit="VC Spindeln", name=f"Kö {each}"))
    with bare("cases_case", "cases_caseevent"):
        execute(FILL_CASES, {"queues": number})
        execute(FILL_EVENTS)


def report(what: str, asked: list[Queue], days: int, times: int) -> None:
    today, measured = timezone.localdate(), Times()
    period = Period(today - timedelta(days=days - 1), today)
    for _ in range(times):
        measured.measure(partial(figures, asked, period))
    print(f"| {what} | {ms(p50(measured.whole))} | {ms(p99(measured.whole))} |", flush=True)


def figures(asked: list[Queue], period: Period) -> None:
    callbacks.tables(callbacks.count([queue.pk for queue in asked], period), asked, period)


if __name__ == "__main__":
    main()
