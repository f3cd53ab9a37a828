"""What goes on in a ward during an upgrade: a telephone system books, a nurse sends SMS, a provider reports delivery.

Each goes to one of the web servers that a load balancer would choose from, another where one can't be reached, as
telephone systems and browsers behind a balancer do. What they were answered is kept.
"""

from __future__ import annotations

import itertools
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

import psycopg2
import requests

from tests.cases.desk import Form, forms_on, squeezed
from tests.conftest import PASSWORD

LOGIN, SEND = "Logga in", "Skicka SMS"


@dataclass
class Balancer:
    ports: list[int]
    """Of those that are to be asked; changed while all goes on."""
    _turn: Iterator[int] = field(default_factory=itertools.count)

    def ask(self, method: str, path: str, session: requests.Session, **said: object) -> requests.Response:
        while True:
            ports = list(self.ports)
            port = ports[next(self._turn) % len(ports)]
            try:
                return session.request(method, f"http://127.0.0.1:{port}{path}", timeout=60, **said)
            except requests.ConnectionError:
                if self.ports == ports and len(ports) == 1:
                    raise


@dataclass
class Load:
    balancer: Balancer
    key: str
    bookings: Iterator[tuple[int, str]]
    """Queue and number, never the same pair twice."""
    callback_at: datetime
    cases: list[int]
    """To whom SMS are sent by hand."""
    database: str
    pause: float = 0
    """Seconds from one act of somebody's to their next."""
    booked: list[int] = field(default_factory=list)
    """Ids of the cases that the telephone system was told of."""
    pressed: int = 0
    statuses: Counter[tuple[str, int]] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def going_on(self) -> Iterator[None]:
        acts = (self._book, self._nurse(), self._nurse(), self._reporter())
        threads = [threading.Thread(target=self._until_over, args=[act]) for act in acts]
        for each in threads:
            each.start()
        try:
            yield
        finally:
            self.over.set()
            for each in threads:
                each.join()

    def _until_over(self, act: Callable[[], None]) -> None:
        try:
            while not self.over.wait(self.pause):
                act()
        except Exception as failure:  # told by the test
            self.failures.append(f"{type(failure).__name__}: {failure}")

    def _asked(self, what: str, method: str, path: str, session: requests.Session, **said: object) -> requests.Response:
        response = self.balancer.ask(method, path, session, **said)
        self.statuses[what, response.status_code] += 1
        return response

    def _book(self) -> None:
        queue, number = next(self.bookings)
        body = {"queue": queue, "call_id": f"{queue}-{number}", "callback_at": self.callback_at.isoformat()}
        headers = {"Authorization": f"Bearer {self.key}"}
        body["a_number"] = number
        response = self._asked("book", "POST", "/api/v1/callbacks", requests.Session(), json=body, headers=headers)
        if response.status_code == 201:
            self.booked.append(response.json()["id"])

    def _nurse(self) -> Callable[[], None]:
        session = requests.Session()
        page = self.balancer.ask("GET", "/login/", session)
        form = _form_with(page.text, LOGIN).fields | {"login": "anna", "password": PASSWORD}
        self._asked("sign in", "POST", "/login/", session, data=form)
        turn = itertools.count()

        def press() -> None:
            case = self.cases[next(turn) % len(self.cases)]
            page = self._asked("case", "GET", f"/cases/{case}/", session)
            form = _form_with(page.text, SEND)
            said = form.fields | {"text": f"Nummer {next(turn)}", "send": "anyway"}
            response = self._asked("press", "POST", f"/cases/{case}/sms/", session, data=said)
            if response.status_code == 200:
                self.pressed += 1

        return press

    def _reporter(self) -> Callable[[], None]:
        session = requests.Session()
        connection = psycopg2.connect(self.database)
        connection.autocommit = True

        def report() -> None:
            with connection.cursor() as cursor:
                cursor.execute("SELECT id, receipt_token FROM sms_message WHERE state = 'sent' ORDER BY id LIMIT 5")
                sent = cursor.fetchall()
            for message, token in sent:
                self._asked("report", "GET", f"/sms/receipts/kannel/{message}/{token}?type=1&id=x", session)
            self.over.wait(0.1)

        return report


def _form_with(html: str, label: str) -> Form:
    found = [form for form in forms_on(html) for button in form.buttons if squeezed(button.label) == label]
    assert found, f"no button {label!r}"
    return found[0]
