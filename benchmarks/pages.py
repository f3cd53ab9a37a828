"""How long the nurses' pages take, by how many cases there are: `benchmarks/run pages`.

The work list, its filters and its second page, a search and the case view, with a thousand and a million cases, beside
a page with nothing on it but the frame. In process, through Django's test client, by a nurse who is signed in. The
figures are in docs/performance.md.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import cast

import django

django.setup()

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.test import Client
from django.urls import path

from administration import queues
from benchmarks.at_size import (
    Databases,
    Times,
    bare,
    execute,
    machine,
    ms,
    nobodys_number_sql,
    p50,
    p99,
)
from benchmarks.plot import Bars, write
from cases.models import Case
from sms.models import StandardText
from teleq import urls
from teleq.models import CareProvider, Membership, OutgoingSms, Queue, User

SIZES = [1_000, 1_000_000]
QUEUES, MINE = 10, 5
OPEN = 300
PERSONNUMMER = "191212121212"

GIVEN = "{Anna,Anders,Maria,Erik,Karin,Lars,Eva,Johan,Åsa,Örjan,Fatima,Mohammed,Anna-Karin,José,Zlatan,Ingrid,Ali,Ulla}"
FAMILY = "{Andersson,Johansson,Karlsson,Nilsson,Eriksson,Åkesson,Öberg,Ek,Lind,Hassan,Novak,Nguyen,Wikström}"
RARE = "Xerxes Testsson"
NAME = f"""
    CASE WHEN n %% 100000 = 3 THEN '{RARE}' ELSE
        ('{GIVEN}'::text[])[1 + patient %% 18] || ' ' || ('{FAMILY}'::text[])[1 + patient %% 13] || patient %% 100 END
"""
PERSON = """
    to_char(date '1930-01-01' + (patient %% 33000)::int, 'YYYYMMDD') || lpad((patient / 33000)::text, 4, '0')
"""
CASES = f"""
    INSERT INTO cases_case (id, queue_id, name, reason, interpreter_language, speak_with, phone_number, a_number,
                            personal_identity_number, callback_at, booking, booked_at, attempts, priority, status,
                            outcome, wrong_number, assignee_id, taken_at, created_at)
    SELECT n, 1 + n %% {QUEUES}, {NAME}, 'Provsvar', CASE WHEN n %% 12 = 0 THEN 'arabiska' ELSE '' END,
           CASE WHEN n %% 25 = 0 THEN 'läkare' ELSE '' END, {nobodys_number_sql("patient")},
           CASE WHEN n %% 5 > 0 THEN {nobodys_number_sql("patient")} END,
           CASE WHEN n = %(size)s THEN '{PERSONNUMMER}' WHEN n %% 10 > 0 THEN {PERSON} ELSE '' END,
           at, 1, at - interval '1 day', n %% 3, CASE WHEN n %% 20 = 0 THEN 1 ELSE 2 END, status,
           '', false, CASE WHEN status = 'ongoing' THEN 1 END,
           CASE WHEN status = 'ongoing' THEN now() END, at - interval '1 day'
    FROM generate_series(1, %(size)s) AS n,
         LATERAL (SELECT n > %(size)s - {OPEN}, (n - (n %% 20 = 0)::int) %% (%(size)s / 2)) AS about (open, patient),
         LATERAL (SELECT
             CASE WHEN open THEN now() + (n - %(size)s + {OPEN} - 60) * interval '2 minutes'
                  ELSE now() - (%(size)s - {OPEN} + 1 - n) * interval '700 days' / %(size)s END,
             CASE WHEN NOT open THEN CASE WHEN n %% 7 = 0 THEN 'cancelled' ELSE 'done' END
                  WHEN n %% 7 = 0 THEN 'ongoing' WHEN n %% 7 = 1 THEN 'no_answer' ELSE 'waiting' END
         ) AS now_ (at, status)
"""
EVENTS = """
    INSERT INTO cases_caseevent (case_id, kind, changes, detail, user_id, at)
    SELECT id, kind, '{}', '', 1, created_at FROM cases_case, unnest(ARRAY['created', 'taken', 'reached']) AS kind
"""
MESSAGES = """
    INSERT INTO sms_message (id, key, kind, queue_id, to_number, text, created_at, due_at, send_before, state, state_at,
                             claimed_at, refusal, attempts, consent_answer, consent_channel, provider,
                             provider_message_id, provider_status, receipt_token)
    SELECT id, 'confirmation:' || id || ':1', 'confirmation', queue_id, phone_number, 'Din tid är bokad.', created_at,
           created_at, callback_at, 'delivered', created_at, created_at, '', 1, 'yes', 'case', '', '', '', ''
    FROM cases_case
"""
CASE_MESSAGES = "INSERT INTO cases_casemessage (case_id, message_id, booking) SELECT id, id, 1 FROM cases_case"
NOTES = """
    INSERT INTO cases_note (case_id, text, author_id, created_at)
    SELECT id, 'Ringer igen.', 1, created_at FROM cases_case WHERE id % 3 = 0
"""
CONSENTS = """
    INSERT INTO consent_consent (care_provider_id, phone_number, answer, answered_by_id, channel, case_id, person,
                                 answered_at, valid_until)
    SELECT 1, phone_number, CASE WHEN min(id) % 5 = 0 THEN 'no' ELSE 'yes' END, 1, 'case', min(id), '', now(),
           now() + interval '14 months'
    FROM cases_case GROUP BY phone_number
"""
ANSWERS = """
    INSERT INTO consent_consentevent (pgh_created_at, pgh_label, pgh_obj_id, id, care_provider_id, phone_number,
                                      answer, answered_by_id, channel, case_id, person, answered_at, valid_until)
    SELECT answered_at, label, id, id, care_provider_id, phone_number, answer, answered_by_id, channel, case_id, '',
           answered_at, valid_until
    FROM consent_consent, unnest(ARRAY['insert', 'update']) AS label
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=10, help="how often each number of cases gets its turn (10)")
    parser.add_argument("--times", type=int, default=20, help="how often each page is asked for in a round (20)")
    parser.add_argument("--many", type=int, default=SIZES[1], help="the larger number of cases (1,000,000)")
    options = parser.parse_args()
    SIZES[1] = options.many
    settings.ROOT_URLCONF = (*urls.urlpatterns, path("trivial/", trivial))
    databases = Databases(SIZES)
    print(machine())
    with databases.filled(fill):
        measured = measure(databases, options.rounds, options.times)
        report(measured)
        print(f"\n{plot(measured)}")


def fill(size: int) -> None:
    nurse = User.objects.create(username="anna", first_name="Anna", last_name="Lind")
    for number in range(QUEUES):
        provider, _ = CareProvider.objects.get_or_create(name=f"Vårdgivare {number % 2}", sms_consent_ordered=True)
        queue = queues.create_queue(Queue(care_provider=provider, unit="VC Spindeln", name=f"Kö {number}"))
        StandardText.objects.create(queue=queue, name="ring 3 gånger", text="Hej. Vi har försökt nå dig tre gånger.")
        if number < MINE:
            Membership.objects.create(user=nurse, queue=queue)
    OutgoingSms.objects.update(consent_required=True)
    with bare("cases_case", "cases_caseevent", "cases_note", "cases_casemessage", "sms_message"):
        execute(CASES, {"size": size})
        for statement in (EVENTS, NOTES, MESSAGES, CASE_MESSAGES):
            execute(statement)
    with bare("consent_consent", "consent_consentevent"):
        execute(CONSENTS)
        execute(ANSWERS)


def trivial(request: HttpRequest) -> HttpResponse:
    return render(request, "teleq/base.html")


PAGES: dict[str, Callable[[Client, Case], HttpResponse]] = {
    "a trivial page": lambda browser, case: browser.get("/trivial/"),
    "work list": lambda browser, case: browser.get("/"),
    "work list, page 2": lambda browser, case: browser.get("/?page=2"),
    "work list, one queue": lambda browser, case: browser.get(f"/?queue={case.queue_id}"),
    "work list, Klart": lambda browser, case: browser.get("/?status=done"),
    "work list, Avbokat": lambda browser, case: browser.get("/?status=cancelled"),
    "work list, Alla": lambda browser, case: browser.get("/?status=all"),
    "work list, Alla, last page": lambda browser, case: browser.get("/?status=all&page=99999"),
    "work list, Mina": lambda browser, case: browser.get("/?status=mine"),
    "work list, by status": lambda browser, case: browser.get("/?sort=status"),
    "work list, by priority": lambda browser, case: browser.get("/?sort=priority"),
    "work list, Alla by status": lambda browser, case: browser.get("/?status=all&sort=status"),
    "work list, Alla by priority": lambda browser, case: browser.get("/?status=all&sort=-priority"),
    "work list, asked for by itself": lambda browser, case: browser.get("/cases/list/"),
    "search, a number": lambda browser, case: search(browser, case.phone_number.as_e164),
    "search, a personnummer": lambda browser, case: search(browser, PERSONNUMMER),
    "search, the last five of a number": lambda browser, case: search(browser, case.phone_number.as_e164[-5:]),
    "search, three digits": lambda browser, case: search(browser, case.phone_number.as_e164[-3:]),
    "search, a day of birth": lambda browser, case: search(browser, PERSONNUMMER[:8]),
    "search, a rare name": lambda browser, case: search(browser, RARE[:4]),
    "search, a common name": lambda browser, case: search(browser, "and an"),
    "search, two letters": lambda browser, case: search(browser, "an"),
    "search, what nobody is called": lambda browser, case: search(browser, "qvintus"),
    "case view": lambda browser, case: browser.get(f"/cases/{case.pk}/"),
}


def search(browser: Client, query: str) -> HttpResponse:
    """Both the post and the page that it leads to."""
    return cast(HttpResponse, browser.post("/cases/search/", {"query": query}, follow=True))


TRIVIAL = "a trivial page"
Measured = dict[tuple[str, int], Times]


def measure(databases: Databases, rounds: int, times: int) -> Measured:
    measured = {(page, size): Times() for page in PAGES for size in databases.sizes}
    for _ in range(rounds):
        for size in databases.sizes:
            databases.use(size)
            browser = Client(SERVER_NAME="localhost")
            browser.force_login(User.objects.get())
            cases = list(Case.objects.for_user(User.objects.get()).open().order_by("-pk")[: times + 1])
            for page, ask in PAGES.items():
                ask(browser, cases[-1])  # warm up: a new connection reads PostgreSQL's catalogue first
                for case in cases[:times]:
                    response = measured[page, size].measure(partial(ask, browser, case))
                    assert response.status_code == 200, page
    return measured


def report(measured: Measured) -> None:
    few, _ = SIZES
    print("\n| page | cases | p50 | p99 | of it SQL, p50 | to a trivial page | p50 to a thousand | p99 to a thousand |")
    print("|---|---:|---:|---:|---:|---:|---:|---:|")
    for page in PAGES:
        for size in SIZES:
            times, least = measured[page, size], measured[page, few]
            print(
                f"| {page} | {size:,} | {ms(p50(times.whole))} | {ms(p99(times.whole))} | {ms(p50(times.sql))}"
                f" | {p50(times.whole) / p50(measured[TRIVIAL, size].whole):.2f}"
                f" | {p50(times.whole) / p50(least.whole):.2f} | {p99(times.whole) / p99(least.whole):.2f} |"
            )


def plot(measured: Measured) -> Path:
    return write(
        "pages",
        *(
            Bars(
                f"Milliseconds (p50), {size:,} cases",
                {page: 1000 * p50(measured[page, size].whole) for page in PAGES},
                "ms",
            )
            for size in SIZES
        ),
    )


if __name__ == "__main__":
    main()
