"""How long Admin's statistics of a year take with a million messages: `benchmarks/run statistics`.

A million callbacks, each with an answer and a message, spread over a year: of ten queues, of which one is asked for,
and all of one queue. The figures are in docs/performance.md.
"""

from __future__ import annotations

import argparse
import time
from datetime import timedelta
from functools import partial

import django

django.setup()

from django.utils import timezone

from administration import totals
from administration.queues import create_queue
from administration.statistics import consent_and_sms
from administration.statistics.tables import Period
from benchmarks.at_size import Databases, Times, bare, execute, machine, ms, nobodys_number_sql, p50, p99
from benchmarks.pages import CASE_MESSAGES
from teleq.models import CareProvider, Queue, User

MESSAGES = 1_000_000
QUEUES = [10, 1]
YEAR = timedelta(days=364)

CASES = f"""
    INSERT INTO cases_case (id, queue_id, name, reason, interpreter_language, speak_with, phone_number, a_number,
                            personal_identity_number, callback_at, booking, booked_at, attempts, priority, status,
                            outcome, wrong_number, created_at)
    SELECT n, 1 + n %% %(queues)s, '', 'Provsvar', '', '', {nobodys_number_sql("n")}, NULL, '', at, 1,
           at - interval '1 hour', 1, 2, 'done', '', false, at - interval '1 hour'
    FROM generate_series(1, {MESSAGES}) AS n,
         LATERAL (SELECT now() - n * interval '364 days' / {MESSAGES}) AS called (at)
"""
SMS = """
    INSERT INTO sms_message (id, key, kind, queue_id, to_number, text, created_at, due_at, send_before, state, state_at,
                             claimed_at, refusal, attempts, consent_answer, consent_channel, provider,
                             provider_message_id, provider_status, receipt_token)
    SELECT id, 'confirmation:' || id || ':1', CASE WHEN id % 3 = 0 THEN 'confirmation' ELSE 'reminder' END, queue_id,
           phone_number, 'Din tid är bokad.', created_at, created_at, callback_at,
           CASE WHEN id % 10 = 0 THEN 'refused' ELSE 'delivered' END, created_at,
           CASE WHEN id % 10 > 0 THEN created_at END, CASE WHEN id % 10 = 0 THEN 'declined' ELSE '' END,
           1, 'yes', 'case', '', '', '', ''
    FROM cases_case
"""
ANSWERS = """
    INSERT INTO consent_consentevent (pgh_created_at, pgh_label, pgh_obj_id, id, care_provider_id, phone_number,
                                      answer, answered_by_id, channel, case_id, person, answered_at, valid_until)
    SELECT created_at, 'insert', id, id, 1, phone_number, CASE WHEN id % 5 = 0 THEN 'no' ELSE 'yes' END, 1, 'case', id,
           '', created_at, created_at + interval '14 months'
    FROM cases_case
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=20, help="how often each is asked for (20)")
    options = parser.parse_args()
    databases = Databases(QUEUES)
    print(machine())
    with databases.filled(fill):
        print(f"\n| a year, {MESSAGES:,} messages in all | p50 | p99 |\n|---|---:|---:|")
        for queues in QUEUES:
            databases.use(queues)
            report(f"of one queue of {queues}, nothing added up", 2)
            start = time.perf_counter()
            totals.add_up()
            print(f"| the night's adding up, the first time | {ms(time.perf_counter() - start)} | |", flush=True)
            report(f"of one queue of {queues}", options.times)


def fill(queues: int) -> None:
    User.objects.create(username="anna")
    provider = CareProvider.objects.create(name="Vårdgivare", sms_consent_ordered=True)
    for number in range(queues):
        create_queue(Queue(care_provider=provider, unit="VC Spindeln", name=f"Kö {number}"))
    with bare("cases_case", "cases_casemessage", "sms_message", "consent_consentevent"):
        execute(CASES, {"queues": queues})
        for statement in (SMS, CASE_MESSAGES, ANSWERS):
            execute(statement)


def report(what: str, times: int) -> None:
    queue, today, measured = Queue.objects.earliest("id"), timezone.localdate(), Times()
    for _ in range(times):
        measured.measure(partial(consent_and_sms.of_queues, [queue.pk], Period(today - YEAR, today)))
    print(f"| {what} | {ms(p50(measured.whole))} | {ms(p99(measured.whole))} |", flush=True)


if __name__ == "__main__":
    main()
