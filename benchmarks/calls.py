"""How long a caller waits for the next words: `benchmarks/run calls`.

Ten patients at a time go through whole calls to the telephone menu, as 46elks tells of them, over HTTP, from gunicorn:
the first words, other times, one of them, the booking, the question about SMS, hanging up; five turns a second. First
nothing else happens; then the real workers send 100,000 SMS. A turn's time is counted from when it was due, so that
one that had to wait for another is counted whole. The figures are in docs/performance.md.
"""

from __future__ import annotations

import argparse
import http.client
import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import count
from typing import Any
from urllib.parse import urlencode, urlsplit

import django

django.setup()

from django.conf import settings

from benchmarks.at_size import machine, ms, nobodys_number, p50, p99
from benchmarks.gateway import build_town, fill, provided, started, waiting, worker
from benchmarks.polling import served
from cases.models import Case, TelephoneHours
from local.supervisor import WORKERS
from telephony import recordings, shipped
from telephony.models import Announcement, PatientsNumber
from telephony.models.recording import Language
from teleq.clock import elapsed
from teleq.models import OutgoingSms, Queue

NUMBER = "+46846500450"
CALLERS = 10
WITHIN = 0.3
"""Seconds, within which a caller is to be answered."""
KEYS = ("3", "2", "1", "2")
"""Other times, the second one, book it, and no to SMS: nobody's number is ever texted."""
WARM_UP = 5
"""Seconds before each of the two."""
BEAT = ("--schedule=beat", "--pidfile=", "--loglevel=warning")
"""Without beat the web would do its work."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=30, help="how long each of the two is measured (30)")
    parser.add_argument("--turns", type=float, default=5, help="turns a second (5)")
    parser.add_argument("--bulk", type=int, default=100_000, help="SMS under way in the second one (100,000)")
    options = parser.parse_args()
    build_town()
    open_number()
    print(machine())
    with ExitStack() as exits:
        exits.enter_context(provided())
        exits.enter_context(started("-m", "celery", "-A", "teleq", "beat", *BEAT))
        for name, queues in WORKERS.items():
            exits.enter_context(worker(name, "-Q", queues, "--concurrency=1"))
        address, _ = exits.enter_context(served())
        callers = Callers(address)
        print(f"\n| under way | turns | turns/s | p50 | p99 | longest | within {WITHIN * 1000:.0f} ms |")
        print("|---|--:|--:|--:|--:|--:|--:|")
        for sms in (0, options.bulk):
            callers.call_for(WARM_UP, options.turns)
            fill(sms)
            seconds, waited = callers.call_for(options.seconds, options.turns)
            report(f"{sms:,} SMS" if sms else "nothing else", seconds, waited)
        print(f"\n{waiting():,} SMS were left after the last turn; {Case.objects.count():,} calls booked")


def report(what: str, seconds: float, waited: list[float]) -> None:
    within = sum(each <= WITHIN for each in waited) / len(waited)
    cells = [what, len(waited), f"{len(waited) / seconds:.1f}", ms(p50(waited)), ms(p99(waited)), ms(max(waited))]
    print("|", " | ".join(map(str, cells)), f"| {within:.1%} |", flush=True)


def open_number() -> None:
    """A number that leads straight to a queue with enough places for everybody, in the test voice."""
    queue = Queue.objects.earliest("id")
    queue.slot_capacity = 1000
    queue.save(update_fields=["slot_capacity"])
    OutgoingSms.objects.filter(queue=queue).update(confirmation_on=True)
    TelephoneHours.objects.bulk_create(TelephoneHours(queue=queue, weekday=weekday) for weekday in range(5))
    shipped.load(queue.care_provider, Language.SWEDISH)
    greeting = Announcement.objects.create(care_provider=queue.care_provider, words="Välkommen.")
    [sound] = (shipped.FOLDER / Language.SWEDISH).glob("goodbye.wav")
    given = [recordings.Given(greeting.sentence, greeting.words, sound.read_bytes())]
    recordings.fill_in(queue.care_provider, Language.SWEDISH, given, by=None)
    PatientsNumber.objects.create(
        care_provider=queue.care_provider,
        number=NUMBER,
        greeting=greeting,
        queue=queue,
        asks_consent=True,
        is_on=True,
    )


@dataclass
class Callers:
    """Those who call, each in a thread of their own, one call after another."""

    address: tuple[str, int]
    fetched: set[str] = field(default_factory=set)
    """Addresses of what is said: a provider keeps what it has fetched."""
    ids: Iterator[int] = field(default_factory=lambda: count(1))

    def call_for(self, seconds: float, rate: float) -> tuple[float, list[float]]:
        """Return how long it took, and how many seconds each turn had to be waited for."""
        start, waited = elapsed(), list[float]()

        def work(place: int) -> None:
            turns = self._turns()
            for number in count():
                due = start + (place + number * CALLERS) / rate
                if due > start + seconds:
                    return
                time.sleep(max(0.0, due - elapsed()))
                action = next(turns)
                waited.append(elapsed() - due)
                self._fetch(action.get("ivr") or action.get("play"))

        with ThreadPoolExecutor(CALLERS) as pool:
            list(pool.map(work, range(CALLERS)))
        return elapsed() - start, waited

    def _turns(self) -> Iterator[dict[str, Any]]:
        """What is responded to each turn of calls without end."""
        while True:
            number = next(self.ids)
            form = {"direction": "incoming", "callid": f"c{number}", "from": nobodys_number(number), "to": NUMBER}
            action = self._post(f"/telefon/46elks/samtal/{settings.VOICE_SECRET}", form)
            yield action
            for key in KEYS:
                assert "ivr" in action, action
                action = self._post(action["next"], form | {"result": key})
                yield action
            self._post(action["whenhangup"], form)
            yield {}

    def _post(self, address: str, form: dict[str, str]) -> dict[str, Any]:
        action: dict[str, Any] = json.loads(self._ask("POST", address, urlencode(form)) or "{}")
        return action

    def _fetch(self, address: str | None) -> None:
        if address and address not in self.fetched:
            self.fetched.add(address)
            self._ask("GET", address)

    def _ask(self, method: str, address: str, body: str | None = None) -> bytes:
        """A connection for each, as the proxy opens one for each request."""
        web = http.client.HTTPConnection(*self.address, timeout=60)
        headers = {"Host": "localhost", "Content-Type": "application/x-www-form-urlencoded"}
        web.request(method, urlsplit(address).path, body, headers)
        response = web.getresponse()
        try:
            assert response.status in (200, 204), f"{address}: {response.status}"
            return response.read()
        finally:
            web.close()


if __name__ == "__main__":
    main()
