"""What it costs that pages stay open: `benchmarks/run polling`.

Two hundred nurses have the work list open. Each page asks every five seconds whether the list has changed, with the
version that it shows, and takes the rows where it has, as static/js/list.js does: over HTTP, from gunicorn. First
nothing happens; then some nurses do what changes a case, as they would between them. The CPU time of the web server and
of PostgreSQL is measured, and told as a share of one processor. The figures are in docs/performance.md.
"""

from __future__ import annotations

import argparse
import http.client
import os
import re
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import cycle

import django

django.setup()

from django.conf import settings
from django.db import connection
from django.test import Client

from benchmarks.at_size import Databases, execute, machine
from benchmarks.pages import fill
from benchmarks.processes import Meter, family
from cases import acts
from cases.models import Case, Status
from local.servers import ROOT, end_with_parent
from teleq.clock import elapsed
from teleq.models import Membership, Queue, User

NURSES, EVERY = 200, 5.0
"""So many pages, each of which asks so often (seconds)."""
QUEUES, QUEUES_EACH = 20, 2
THREADS = 16
VERSION = re.compile(r'"version": "([0-9a-f]+)"')


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=20, help="how long each of the two is measured (20)")
    parser.add_argument("--acts", type=float, default=3, help="acts a second that change a case (3)")
    parser.add_argument("--cases", type=int, default=100_000, help="how many cases there are (100,000)")
    options = parser.parse_args()
    databases = Databases([options.cases])
    print(machine())
    with databases.filled(town), served() as (address, pid):
        pages = Pages(address)
        pages.open_all()
        print("\n| what | asked/s | nothing had changed | web a poll | PostgreSQL a poll | share of a processor |")
        print("|---|--:|--:|--:|--:|--:|")
        for what, rate in (("nothing happens", 0.0), (f"{options.acts:g} acts a second", options.acts)):
            meter = Meter({"web": family(pid)})
            with acting(rate):
                took, statuses = pages.ask_for(options.seconds)
            report(what, took, statuses, meter.cpu())


def report(what: str, took: float, statuses: Counter[int], cpu: dict[str, float]) -> None:
    polls = statuses.total()
    web, postgres = cpu["web"] / polls, cpu["PostgreSQL"] / polls
    share = (web + postgres) * NURSES / EVERY
    print(
        f"| {what} | {polls / took:.0f} | {statuses[204] / polls:.0%} | {web * 1000:.1f} ms | {postgres * 1000:.1f} ms"
        f" | {share:.0%} |",
        flush=True,
    )


def town(cases: int) -> None:
    """As for the pages, with more queues and nurses: each nurse in two queues, some thirty open cases."""
    fill(cases)
    provider = Queue.objects.get(pk=1).care_provider
    Queue.objects.bulk_create(
        Queue(care_provider=provider, unit="VC Spindeln", name=f"Kö {number}")
        for number in range(Queue.objects.count(), QUEUES)
    )
    ids = list(Queue.objects.order_by("pk").values_list("pk", flat=True))
    execute("UPDATE cases_case SET queue_id = (%s::bigint[])[1 + id %% %s]", [ids, QUEUES])
    nurses = [
        User(username=f"nurse{number}", first_name="Karin", last_name=f"Lind {number}") for number in range(NURSES)
    ]
    User.objects.bulk_create(nurses)
    Membership.objects.bulk_create(
        Membership(user=nurse, queue_id=ids[(place + also) % QUEUES])
        for place, nurse in enumerate(nurses)
        for also in range(QUEUES_EACH)
    )


@contextmanager
def served() -> Iterator[tuple[tuple[str, int], int]]:
    """gunicorn as in production. Yields its address and its process."""
    database = os.environ["DATABASE_URL"].rpartition("/")[0] + "/" + connection.settings_dict["NAME"]
    with socket.create_server(("127.0.0.1", 0), backlog=512) as listening:
        descriptor = listening.fileno()
        options = [f"--bind=fd://{descriptor}", "--no-control-socket", "--preload", "--log-level=warning"]
        web = subprocess.Popen(
            [sys.executable, "-m", "gunicorn", "teleq.wsgi:application", *options],
            cwd=ROOT,
            env=os.environ | {"DATABASE_URL": database},
            pass_fds=[descriptor],
            preexec_fn=end_with_parent,  # noqa: PLW1509  no threads yet
        )
        try:
            yield listening.getsockname(), web.pid
        finally:
            web.terminate()
            web.wait(20)


@dataclass
class Page:
    """A work list that somebody has open."""

    cookie: str
    version: str = ""


@dataclass
class Pages:
    address: tuple[str, int]
    pages: list[Page] = field(default_factory=list)

    def open_all(self) -> None:
        """Everybody signs in once and opens the list."""
        for nurse in User.objects.filter(username__startswith="nurse"):
            browser = Client(SERVER_NAME="localhost")
            browser.force_login(nurse)
            self.pages.append(Page(f"{settings.SESSION_COOKIE_NAME}={browser.session.session_key}"))
        for page in self.pages:
            page.version = VERSION.findall(self._get(page, "/")[1])[0]
            self.ask(page)

    def ask(self, page: Page) -> int:
        status, html = self._get(page, f"/cases/list/?version={page.version}")
        if status == 200:
            [page.version] = VERSION.findall(html)
        return status

    def ask_for(self, seconds: float) -> tuple[float, Counter[int]]:
        """Each page asks every five seconds, spread over them. Returns how long it took, and what was answered."""
        pages, statuses, lock = cycle(self.pages), Counter[int](), threading.Lock()
        start, asked = elapsed(), 0

        def work() -> None:
            nonlocal asked
            while True:
                with lock:
                    page, due = next(pages), start + asked * EVERY / NURSES
                    asked += 1
                if due > start + seconds:
                    return
                time.sleep(max(0.0, due - elapsed()))
                status = self.ask(page)
                with lock:
                    statuses[status] += 1

        threads = [threading.Thread(target=work) for _ in range(THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert set(statuses) <= {200, 204}, statuses
        return elapsed() - start, statuses

    def _get(self, page: Page, address: str) -> tuple[int, str]:
        browser = http.client.HTTPConnection(*self.address, timeout=30)
        browser.request("GET", address, headers={"Cookie": page.cookie, "HX-Request": "true", "Host": "localhost"})
        response = browser.getresponse()
        try:
            return response.status, response.read().decode()
        finally:
            browser.close()


@contextmanager
def acting(rate: float) -> Iterator[None]:
    """Somebody takes a case, or lets it go, so many times a second."""
    done = threading.Event()

    def act() -> None:
        cases = cycle(Case.objects.exclude(status__in=(Status.DONE, Status.CANCELLED)).order_by("?")[:200])
        nurse = User.objects.get(username="nurse0")
        while not done.wait(1 / rate):
            case = next(cases)
            case.refresh_from_db()
            (acts.release if case.assignee else acts.take)(case, by=case.assignee or nurse)
        connection.close()

    thread = threading.Thread(target=act) if rate else None
    if thread:
        thread.start()
    yield
    done.set()
    if thread:
        thread.join()


if __name__ == "__main__":
    main()
