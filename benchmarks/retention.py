"""How fast texts, lapsed answers and their history are removed: `benchmarks/run retention [--full]`.

From a million answers, with `--full` from ten million: the night's own batches, one after another, till so many rows
are gone. Each statement is timed, as the longest is how long a claim may have to wait. Then two nights of messages'
texts, of messages that mostly have lost theirs already: how many rows a batch reads, the first one and the last. The
figures are in docs/performance.md.
"""

from __future__ import annotations

import argparse
import time
from datetime import timedelta

import django

django.setup()

from django.conf import settings

from administration import retention
from administration.totals import DAY, SETTLES
from benchmarks.at_size import bare, execute, machine, ms, p99, read, timed_statements
from benchmarks.consent import FULL, SIZES, fill

LAPSED = 200_000
A_YEAR = timedelta(minutes=590_000)
"""In which `fill` lets answers lapse, evenly."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--full", action="store_true", help="from 10 million answers: some minutes more")
    options = parser.parse_args()
    size = FULL if options.full else SIZES[-1]
    print(f"filling a database with {size:,} answers ...", flush=True)
    lapsed_for = LAPSED / size * A_YEAR + SETTLES + 2 * DAY
    fill(size, messages=100_000, begins=-lapsed_for)
    execute("VACUUM ANALYZE")
    execute("CHECKPOINT")
    print(machine())
    print(f"\n| what, of {size:,} | rows | rows/s | statement, p99 | longest |\n|---|---:|---:|---:|---:|")
    report("answers", retention.KINDS["svar"])
    report("events of the answers", retention.KINDS["händelser"])
    print(f"\n| texts of messages | texts | texts/s | longest | rows read by a batch | by the last |\n{'|---' * 6}|")
    with bare("sms_message"):
        execute("DELETE FROM sms_unsettled")
        execute("DELETE FROM sms_message")  # they are young, and stand before
        execute(
            OLD_MESSAGES,
            {"messages": NIGHTS * A_NIGHTS, "night": A_NIGHTS, "nights": NIGHTS - 1, "keep": settings.KEEP_SMS_TEXTS},
        )
    execute("VACUUM ANALYZE sms_message")
    for night in ("a first night, of two", "the night after it"):
        report_texts(night)
        execute("UPDATE sms_message SET created_at = created_at - interval '1 day'")
        execute("VACUUM ANALYZE sms_message")


def report(what: str, kind: str) -> None:
    removed = 0
    with timed_statements() as statements:
        start = time.perf_counter()
        while removed < LAPSED and (count := retention.remove_batch(kind)):
            removed += count
        seconds = time.perf_counter() - start
    print(f"| {what} | {removed:,} | {removed / seconds:,.0f} | {ms(p99(statements))} | {ms(max(statements))} |")


NIGHTS, A_NIGHTS = 3, 110_000
OLD_MESSAGES = """
    INSERT INTO sms_message (key, kind, queue_id, to_number, text, created_at, due_at, send_before, state, refusal,
                             attempts, consent_answer, consent_channel, provider, provider_message_id, provider_status,
                             receipt_token)
    SELECT 'old:' || n, 'reminder', 1, '+88120', 'Hej! Det här är en påminnelse om att vi ringer upp dig.', at, at,
           at + interval '1 hour', 'expired', '', 0, '', '', '', '', '', ''
    FROM generate_series(1, %(messages)s) AS n,
         LATERAL (SELECT now() - %(keep)s + (n / %(night)s - %(nights)s + 0.5) * interval '1 day' AS at) AS written
"""


def report_texts(night: str) -> None:
    taken, read_each = 0, []
    with timed_statements() as statements:
        start = time.perf_counter()
        while True:
            before = _rows_read()
            if not (count := retention.remove_batch("sms_texts")):
                break
            read_each.append(_rows_read() - before)
            taken += count
        seconds = time.perf_counter() - start
    reads = f"{read_each[0]:,} | {read_each[-1]:,}"
    print(f"| {night} | {taken:,} | {taken / seconds:,.0f} | {ms(max(statements))} | {reads} |")


def _rows_read() -> int:
    execute("SELECT pg_stat_force_next_flush()")
    [[rows]] = read("SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_user_tables WHERE relname = 'sms_message'")
    return int(rows)


if __name__ == "__main__":
    main()
