"""Who is at work while something breaks: `python -m benchmarks.faults.load WAY`.

Messages come in four ways, each a process of its own: many as rows, as `gateway.accept` writes them; and by the product
itself reminders that are due, bookings that are confirmed, and nurses who press Skicka SMS. In a fifth, answers change
meanwhile, mostly those of a few numbers. What can't be done, as the database is away or a lock is held, is let be, as
somebody who is told to try again does.

Begins at each line on stdin, which says how many messages come in how many seconds. Then it prints, on one line, the
keys of the messages that it was told are accepted.
"""

from __future__ import annotations

import secrets
import sys
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from random import Random

import django

django.setup()

from django.db import DatabaseError, InterfaceError, connection

from benchmarks.faults.town import FIRST_NUMBER, HOT, NUMBERS, number
from benchmarks.reminders import DUE_CASES
from cases import automatic_sms, callbacks
from cases.changing import NotPossible
from cases.models import Case, Status
from consent import register
from consent.models import Answer
from sms import gateway
from sms.models import Lane
from teleq.clock import database_now
from teleq.models import CareProvider, Queue, User

SHARES = {"rows": 0.9, "reminders": 0.08, "bookings": 0.01, "presses": 0.01}
"""Of all messages. A reminder costs more to write than to send, and a booking or a press as much as sending ten."""
A_SECOND = 20
"""How many answers change."""
AT_ONCE = {"rows": 200, "reminders": 100}
ROWS = """
    INSERT INTO sms_message (key, kind, queue_id, to_number, text, receipt_token, created_at, state_at, due_at,
        send_before, state, refusal, attempts, consent_answer, consent_channel, provider, provider_message_id,
        provider_status)
    SELECT format('rows:%%s:%%s', %(once)s, n), 'reminder',
        (%(queues)s::bigint[])[1 + floor(random() * cardinality(%(queues)s::bigint[]))],
        '+46701740' || %(first)s + floor(random() * %(numbers)s)::int,
        'Vi ringer dig. Häls. VC Spindeln', md5(random()::text), at, at, at, at + interval '1 hour',
        'queued', '', 0, '', '', '', '', ''
    FROM generate_series(1, %(size)s) AS n, (SELECT clock_timestamp() AS at) AS clock
    RETURNING key
"""
STAY_OPEN = 5_000
"""So many patients wait for their callback at once. Those that came first have been called then."""
PRESSED = "Hej! Vi ringer snart."
"""What nurses write: by that the provider's log tells their messages from the automatic ones."""

Act = Callable[[int], Iterator[str]]
"""Makes so many messages and yields the keys of those that were accepted."""


class Town:
    def __init__(self) -> None:
        self.dice = Random()
        self.nurse = User.objects.get(username="anna")
        self.queues = list(Queue.objects.select_related("care_provider").order_by("pk"))
        self.queue_ids = [queue.pk for queue in self.queues]
        self.providers = list(CareProvider.objects.order_by("pk"))
        self.case: Case | None = None
        self.open: list[int] = []

    def rows(self, count: int) -> Iterator[str]:
        values = {
            "once": secrets.token_hex(6),
            "queues": self.queue_ids,
            "first": FIRST_NUMBER,
            "numbers": NUMBERS,
            "size": count,
        }
        with connection.cursor() as cursor:
            cursor.execute(ROWS, values)
            keys = [key for (key,) in cursor.fetchall()]
        gateway.wake_on_commit(Lane.BULK)
        yield from keys

    def reminders(self, count: int) -> Iterator[str]:
        """Cases become due, and what beat asks for each minute is done at once."""
        with connection.cursor() as cursor:
            cursor.execute(DUE_CASES + " RETURNING id", {"queues": self.queue_ids, "size": count})
            made = [pk for (pk,) in cursor.fetchall()]
        automatic_sms.remind_all_due()
        self._call_the_first(made)
        yield from (f"reminder:{pk}:1" for pk in made)

    def _call_the_first(self, made: list[int]) -> None:
        self.open += made
        called, self.open = self.open[:-STAY_OPEN], self.open[-STAY_OPEN:]
        if called:
            Case.objects.filter(pk__in=called).update(status=Status.DONE)

    def bookings(self, count: int) -> Iterator[str]:
        for _ in range(count):
            case = Case(
                queue=self.dice.choice(self.queues),
                phone_number=number(self.dice.randrange(NUMBERS)),
                callback_at=database_now() + timedelta(minutes=self.dice.randrange(90, 300)),
            )
            callbacks.create(case, by=self.nurse)
            yield f"confirmation:{case.pk}:{case.booking}"

    def presses(self, count: int) -> Iterator[str]:
        for _ in range(count):
            if self.case is None or self.dice.random() < 0.2:
                self.case = self._a_case()
            token = secrets.token_hex(8)
            shown = self.case.phone_number.as_e164
            yield callbacks.send_sms(self.case, PRESSED, token=token, shown=shown, by=self.nurse).key

    def _a_case(self) -> Case:
        """To text from. It is booked late enough not to be reminded of."""
        case = Case(
            queue=self.dice.choice(self.queues),
            phone_number=number(self.dice.randrange(NUMBERS)),
            callback_at=database_now() + timedelta(hours=6),
        )
        case.save()
        return case

    def answers(self, count: int) -> Iterator[str]:
        for _ in range(count):
            provider = self.dice.choice(self.providers)
            said = number(self.dice.randrange(HOT if self.dice.random() < 0.8 else NUMBERS))
            if self.dice.random() < 0.15:
                register.withdraw(provider.pk, said)
                continue
            answer = self.dice.choice([Answer.YES, Answer.YES, Answer.YES, Answer.NO, Answer.UNSET])
            seen = register.current(provider.pk, said).event_id
            register.answer_in_case(provider, said, answer, by=self.nurse, case_id=1, seen_event=seen)
        yield from ()


NOT_NOW = (DatabaseError, InterfaceError, NotPossible, register.ChangedMeanwhile)


def at_pace(act: Act, count: int, seconds: float, at_once: int, is_over: Callable[[], bool]) -> Iterator[str]:
    """In equal steps over the whole time. What was hindered is made up for, as patients call again, till it is over."""
    began, done = time.monotonic(), 0
    while done < count and not is_over():
        ahead = began + seconds * done / count - time.monotonic()
        if ahead > 0:
            time.sleep(ahead)
        some = min(at_once, count - done)
        try:
            keys = list(act(some))
        except NOT_NOW:
            connection.close()
            time.sleep(0.2)
            continue
        yield from keys
        done += some


def main(way: str) -> None:
    town = Town()
    act: Act = getattr(town, way)
    print("ready", flush=True)
    for line in sys.stdin:
        messages, seconds = map(float, line.split())
        town.case, town.open = None, []  # there are no cases of the fault before
        print(*at_work(way, act, int(messages), seconds), flush=True)


def at_work(way: str, act: Act, messages: int, seconds: float) -> Iterator[str]:
    if way == "answers":
        ends = time.monotonic() + seconds
        return at_pace(act, int(A_SECOND * seconds), seconds, 1, lambda: time.monotonic() > ends)
    count, at_once = max(1, int(messages * SHARES[way])), AT_ONCE.get(way, 1)
    return at_pace(act, count, seconds, at_once, lambda: False)


if __name__ == "__main__":
    main(*sys.argv[1:])
