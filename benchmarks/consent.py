"""How long it takes to look up answers, by how many there are: `benchmarks/run consent [--full]`.

One number, a page of 50, the 200 that a claim locks, and a whole claim of 200 messages, with 10 thousand and 1 million
answers; with `--full` 10 million too. The figures are in docs/performance.md.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import django

django.setup()

from django.db import transaction

from administration import queues
from benchmarks.at_size import (
    Databases,
    Times,
    bare,
    execute,
    machine,
    ms,
    nobodys_number,
    nobodys_number_sql,
    p50,
    p99,
)
from benchmarks.plot import Lines, write
from consent.models import Consent, NumberKey
from sms import gateway
from sms.models import Lane
from teleq.models import CareProvider, OutgoingSms, Queue, User

SIZES, FULL = [10_000, 1_000_000], 10_000_000
PROVIDERS = 10
CLAIM = gateway.CLAIM_SIZE
CLAIMS = 20
"""In each round."""

ANSWERS = f"""
    INSERT INTO consent_consent (id, care_provider_id, phone_number, answer, answered_by_id, channel, case_id,
                                 person, answered_at, valid_until)
    SELECT n, 1 + n %% {PROVIDERS}, {nobodys_number_sql("n")}, CASE WHEN n / 10 %% 10 = 0 THEN 'no' ELSE 'yes' END,
           1, 'case', n, '', until - interval '14 months', until
    FROM generate_series(1, %(size)s) AS n,
         LATERAL (SELECT now() + %(begins)s + n %% 590000 * interval '1 minute') AS valid (until)
"""
EVENTS = """
    INSERT INTO consent_consentevent (pgh_created_at, pgh_label, pgh_obj_id, id, care_provider_id, phone_number,
                                      answer, answered_by_id, channel, case_id, person, answered_at, valid_until)
    SELECT answered_at, 'insert', id, id, care_provider_id, phone_number,
           answer, answered_by_id, channel, case_id, '', answered_at, valid_until
    FROM consent_consent
"""
MESSAGES = f"""
    INSERT INTO sms_message (key, kind, queue_id, to_number, text, due_at, send_before, state, refusal, attempts,
                             consent_answer, consent_channel, provider, provider_message_id, provider_status,
                             receipt_token)
    SELECT 'benchmark:' || place, 'reminder', 1 + n %% {PROVIDERS}, {nobodys_number_sql("n")}, 'Hej!',
           now() - interval '1 minute', now() + interval '1 day', 'queued', '', 0, '', '', '', '', '', ''
    FROM generate_series(1, %(messages)s) AS place,
         LATERAL (SELECT 1 + floor(random() * %(size)s)::bigint + place * 0) AS answered (n)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--full", action="store_true", help="10 million answers too: some minutes more")
    parser.add_argument("--rounds", type=int, default=5, help="how often each number of answers gets its turn (5)")
    options = parser.parse_args()
    databases = Databases([*SIZES, FULL] if options.full else SIZES)
    print(machine())
    with databases.filled(lambda size: fill(size, options.rounds * CLAIMS * CLAIM)):
        measured = measure(databases, options.rounds)
        report(databases.sizes, measured)
        print(f"\n{plot(databases.sizes, measured)}")


def fill(size: int, messages: int, begins: timedelta = timedelta(days=1)) -> None:
    """The first of the answers lapses after this time; the last a good year later."""
    User.objects.create(username="nurse")
    for number in range(PROVIDERS):
        provider = CareProvider.objects.create(name=f"Vårdgivare {number}", sms_consent_ordered=True)
        queues.create_queue(Queue(care_provider=provider, unit="VC Spindeln", name=f"Kö {number}"))
    OutgoingSms.objects.update(consent_required=True)
    with bare("consent_consent", "consent_consentevent"):
        execute(ANSWERS, {"size": size, "begins": begins})
        execute(EVENTS)
    execute(MESSAGES, {"size": size, "messages": messages})


# What is measured ----------------------------------------------------------------------------------------------------


def look_up(numbers: int) -> Callable[[int], Callable[[], object]]:
    def prepare(size: int) -> Callable[[], object]:
        keys = random_keys(numbers, size)
        return lambda: found_all(Consent.objects.by_number(keys), keys)

    return prepare


def lock(size: int) -> Callable[[], object]:
    keys = random_keys(CLAIM, size)

    @transaction.atomic
    def act() -> None:
        found_all(Consent.objects.held(keys), keys)

    return act


def latest_events(size: int) -> Callable[[], object]:
    consents = Consent.objects.by_number(random_keys(CLAIM, size)).values()
    return lambda: Consent.objects.latest_events(consents)


def history(size: int) -> Callable[[], object]:
    [(provider, number)] = random_keys(1, size)
    return lambda: list(Consent.history().filter(care_provider=provider, phone_number=number))


def claim(_: int) -> Callable[[], object]:
    def act() -> None:
        claimed = gateway.claim(Lane.BULK, "simulator", CLAIM)
        assert claimed.judged == CLAIM
        assert claimed.sending

    return act


ACTS = {
    "one number": (look_up(1), 200),
    "a page of 50": (look_up(50), 40),
    "200 locked": (lock, 20),
    "their latest events": (latest_events, 20),
    "a number's history": (history, 20),
    "a claim of 200": (claim, CLAIMS),
}
"""What is done, and how often in each round."""
ONCE = ["a claim of 200"]


def random_keys(numbers: int, size: int) -> list[NumberKey]:
    return [(1 + n % PROVIDERS, nobodys_number(n)) for n in random.sample(range(1, size + 1), numbers)]


def found_all(found: dict[NumberKey, Consent], keys: list[NumberKey]) -> None:
    assert len(found) == len(keys)


Measured = dict[tuple[str, int], tuple[Times, Times]]


def measure(databases: Databases, rounds: int) -> Measured:
    """Time each act with numbers that have not been looked up before, and then with the same numbers again."""
    measured = {(name, size): (Times(), Times()) for name in ACTS for size in databases.sizes}
    for _ in range(rounds):
        for size in databases.sizes:
            databases.use(size)
            look_up(50)(size)()  # warm up: a new connection reads PostgreSQL's catalogue first
            for name, (prepare, times) in ACTS.items():
                first, again = measured[name, size]
                for _ in range(times):
                    act = prepare(size)
                    first.measure(act)
                    if name not in ONCE:
                        again.measure(act)
    return measured


def report(sizes: list[int], measured: Measured) -> None:
    print(
        "\n| what | answers | p50 | p99 | of it SQL, p50 | at once again, p50 | p50 to the first | p99 to the first |"
    )
    print("|---|---:|---:|---:|---:|---:|---:|---:|")
    for name in ACTS:
        for size in sizes:
            first, again = measured[name, size]
            least = measured[name, sizes[0]][0]
            print(
                f"| {name} | {size:,} | {ms(p50(first.whole))} | {ms(p99(first.whole))} | {ms(p50(first.sql))}"
                f" | {ms(p50(again.whole)) if again.whole else '–'}"
                f" | {p50(first.whole) / p50(least.whole):.2f} | {p99(first.whole) / p99(least.whole):.2f} |"
            )


def plot(sizes: list[int], measured: Measured) -> Path:
    def line(name: str) -> list[float]:
        return [1000 * p50(measured[name, size][0].whole) for size in sizes]

    points = [f"{size:,}" for size in sizes]
    *quick, slow = ACTS
    return write(
        "consent",
        Lines("Milliseconds (p50), by the number of answers", points, {name: line(name) for name in quick}, "ms"),
        Lines("A claim of 200 messages", points, {slow: line(slow)}, "ms"),
    )


if __name__ == "__main__":
    main()
