"""What the work with messages costs, by how many there are: `benchmarks/run messages [--full] [--dump]`.

With 10 thousand and 1 million messages, with `--full` 10 million too: accept, claim, record, delivery reports, what
looks messages up, retention's batches and statistics; each with PostgreSQL's CPU time and the pages that it read. With
`--dump` the largest is then worked with for ten minutes while a pg_dump and a transaction as old as it are open. The
figures are in docs/performance.md.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, NamedTuple

import django

django.setup()

import psycopg2
from django.conf import settings
from django.db import connection
from django.utils import timezone

from administration import queues, retention, stopped_sms, totals
from administration.statistics import consent_and_sms
from administration.statistics.tables import Period
from benchmarks.at_size import (
    Databases,
    bare,
    execute,
    machine,
    ms,
    nobodys_number,
    nobodys_number_sql,
    p50,
    p99,
    read,
)
from benchmarks.processes import cpu_of
from sms import gateway
from sms.models import Kind, Lane, Message
from teleq.models import CareProvider, OutgoingSms, Queue, User

SIZES, FULL = [10_000, 1_000_000], 10_000_000
PROVIDERS, QUEUES = 10, 100
A_CASE_HAS = 2.5
"""Messages, on average: the confirmation, the reminder, and sometimes one by hand."""
CLAIM = gateway.CLAIM_SIZE
DUMP_TAKES = 600
"""Seconds that a dump is open for."""
DUMP_RATE = 100
"""Messages a second that are accepted, claimed, recorded and reported meanwhile: a country's on a Monday at eight."""

MESSAGES = f"""
    INSERT INTO sms_message (id, key, kind, queue_id, to_number, text, created_at, due_at, send_before, state, state_at,
                             claimed_at, refusal, attempts, consent_answer, consent_channel, consent_event_id, provider,
                             provider_message_id, provider_status, receipt_token)
    SELECT n, kind || ':' || n || ':1', kind, 1 + "case" %% {QUEUES}, {nobodys_number_sql('"case" %% %(patients)s')},
           'Hej! Det här är en påminnelse om att vi ringer upp dig i dag omkring klockan 14.30.', at, at,
           at + interval '1 hour', state, at + interval '1 minute',
           CASE WHEN state IN ('delivered', 'failed') THEN at END,
           CASE WHEN state = 'refused' THEN 'declined' ELSE '' END, 1, 'yes', 'case', "case" %% %(patients)s,
           CASE WHEN state IN ('delivered', 'failed') THEN 'simulator' ELSE '' END, md5(n::text), 'delivered',
           left(md5(n::text), 32)
    FROM generate_series(1, %(size)s) AS n,
         LATERAL (SELECT 1 + (n - 1) * 2 / 5, now() - (%(size)s + 1 - n) * interval '365 days' / %(size)s,
                         (ARRAY['confirmation', 'reminder', 'manual'])[1 + n %% 3],
                         CASE WHEN n %% 12 = 0 THEN 'refused' WHEN n %% 100 = 1 THEN 'failed'
                              WHEN n %% 100 = 2 THEN 'expired' ELSE 'delivered' END) AS its ("case", at, kind, state)
"""
CASES = f"""
    INSERT INTO cases_case (id, queue_id, name, reason, interpreter_language, speak_with, phone_number, a_number,
                            personal_identity_number, callback_at, booking, booked_at, attempts, priority, status,
                            outcome, wrong_number, created_at)
    SELECT n, 1 + n %% {QUEUES}, (ARRAY['Anna', 'Erik', 'Åsa', 'Örjan'])[1 + n %% 4] || ' Lind' || n %% 5000,
           'Provsvar', '', '', {nobodys_number_sql("n %% %(patients)s")}, NULL, '', at, 1, at - interval '1 hour', 1, 2,
           CASE WHEN n > %(cases)s - 3000 AND n %% 3 = 0 THEN 'waiting' WHEN n %% 7 = 0 THEN 'cancelled' ELSE 'done' END,
           '', false, at - interval '1 hour'
    FROM generate_series(1, %(cases)s) AS n,
         LATERAL (SELECT now() - (%(cases)s - n) * interval '365 days' / %(cases)s) AS called (at)
"""
CASE_MESSAGES = """
    INSERT INTO cases_casemessage (case_id, message_id, booking)
    SELECT 1 + (n - 1) * 2 / 5, n, 1 FROM generate_series(1, %(size)s) AS n
"""
CONSENTS = f"""
    INSERT INTO consent_consent (id, care_provider_id, phone_number, answer, answered_by_id, channel, case_id, person,
                                 answered_at, valid_until)
    SELECT 1 + n, 1 + (n %% {QUEUES}) / {QUEUES // PROVIDERS}, {nobodys_number_sql("n")},
           CASE WHEN n %% 12 = 0 THEN 'no' ELSE 'yes' END, 1, 'case', n, '', now(), now() + interval '14 months'
    FROM generate_series(0, %(patients)s - 1) AS n
"""
ANSWERS = """
    INSERT INTO consent_consentevent (pgh_created_at, pgh_label, pgh_obj_id, id, care_provider_id, phone_number,
                                      answer, answered_by_id, channel, case_id, person, answered_at, valid_until)
    SELECT answered_at, 'insert', id, id, care_provider_id, phone_number, answer, answered_by_id, channel, case_id, '',
           answered_at, valid_until
    FROM consent_consent
"""


def fill(size: int) -> None:
    """A year of messages, cases and answers. The numbers of a care provider's patients are its own."""
    execute("SET synchronous_commit = off")
    User.objects.create(username="nurse")
    for number in range(QUEUES):
        name = f"Vårdgivare {number * PROVIDERS // QUEUES}"
        provider, _ = CareProvider.objects.get_or_create(name=name, sms_consent_ordered=True)
        queues.create_queue(Queue(care_provider=provider, unit="VC Spindeln", name=f"Kö {number}"))
    OutgoingSms.objects.update(consent_required=True)
    cases = int(size / A_CASE_HAS)
    parameters = {"size": size, "cases": cases, "patients": cases // 4 // QUEUES * QUEUES}
    with bare("sms_message", "cases_case", "cases_casemessage", "consent_consent", "consent_consentevent"):
        for statement in (MESSAGES, CASES, CASE_MESSAGES, CONSENTS, ANSWERS):
            execute(statement, parameters)
    for table, key in (("sms_message", "id"), ("cases_case", "id"), ("consent_consent", "id")):
        execute(f"SELECT setval(pg_get_serial_sequence('{table}', '{key}'), max({key})) FROM {table}")
