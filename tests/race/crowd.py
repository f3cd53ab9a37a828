"""Everybody at once, each a process with a connection of their own, on the same few numbers.

Run as a program by `tests.race.run`, with a seed and for how many seconds; prints SETTLING when that is over, and then
how much was done. The same seed rolls the same dice; who comes first is up to the machine.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from itertools import count
from random import Random

import django
from django.db import OperationalError, connection, transaction
from django.db.models.functions import Now

django.setup()

from administration.outgoing_sms import save_outgoing_sms  # noqa: E402
from cases import acts, callbacks  # noqa: E402
from cases.changing import NotPossible  # noqa: E402
from cases.models import Case, Status  # noqa: E402
from consent import register  # noqa: E402
from consent.models import Answer, Consent  # noqa: E402
from sms import dispatcher, gateway, receipts  # noqa: E402
from sms.http_client import TimeLimit  # noqa: E402
from sms.models import Kind, Lane, Message, Unsettled  # noqa: E402
from sms.states import State  # noqa: E402
from teleq.clock import database_now  # noqa: E402
from teleq.database import waited_too_long  # noqa: E402
from teleq.models import CareProvider, OutgoingSms, Queue, User  # noqa: E402
from tests.race.town import LANDLINE, NUMBERS  # noqa: E402
from tests.race.witness import SEE_ANSWER, SEE_SWITCH, sql  # noqa: E402
from tests.reporting import told  # noqa: E402

dispatcher.TIME_LIMIT = TimeLimit(total=0.5)  # a silent one holds us up
WAITING_AT_MOST = 2000

processes = multiprocessing.get_context("fork")
Act = Callable[[Random], str]


def a_number(dice: Random) -> str:
    """One of a few nearly always; now and then one that may never have been asked."""
    return dice.choice(NUMBERS[:5]) if dice.random() < 0.95 else dice.choice([*NUMBERS, LANDLINE])


# Nurses and patients -------------------------------------------------------------------------------------------------


def answer(dice: Random) -> str:
    provider, number = dice.choice(CareProvider.objects.order_by("pk")), a_number(dice)
    if dice.random() < 0.15:
        register.withdraw(provider.pk, number)
        sql(SEE_ANSWER, provider.pk, number)
        return "withdrawals by SMS"
    said = dice.choice([Answer.YES, Answer.YES, Answer.NO, Answer.UNSET])
    seen = register.current(provider.pk, number).event_id
    nurse, renew = User.objects.get(username="anna"), dice.random() < 0.3
    try:
        register.answer_in_case(provider, number, said, by=nurse, case_id=1, seen_event=seen, renew=renew)
    except register.ChangedMeanwhile:
        return "answers overtaken"
    sql(SEE_ANSWER, provider.pk, number)
    return "answers"


def lapse(dice: Random) -> str:
    """An answer stops to count in a moment: written past the register, which gives every answer 14 months."""
    provider, number = dice.choice(CareProvider.objects.order_by("pk")), a_number(dice)
    at = database_now()
    Consent.objects.filter(care_provider=provider, phone_number=number).update(
        answered_at=at - timedelta(days=430), valid_until=at + timedelta(milliseconds=dice.uniform(0, 300))
    )
    sql(SEE_ANSWER, provider.pk, number)
    return "lapses"


def text_by_hand(dice: Random) -> str:
    case, nurse = a_case(dice), User.objects.get(username="anna")
    token, shown = f"{dice.getrandbits(64):x}", case.phone_number.as_e164
    try:
        for _ in range(dice.choice([1, 1, 2])):  # pressed twice it is one message
            callbacks.send_sms(case, "Hej!", token=token, shown=shown, by=nurse)
    except callbacks.NumberChanged:
        return "numbers changed meanwhile"
    return "sent by hand"


def work_on_case(dice: Random) -> str:
    """A case is moved, closed, opened again or given another number: what waited for it is cancelled."""
    case, nurse = a_case(dice), User.objects.get(username="anna")
    soon = database_now() + timedelta(minutes=dice.uniform(10, 30))
    try:
        match dice.choice(["move", "move", "close", "reopen", "reopen", "number"]):
            case "move":
                callbacks.move(case, soon, by=nurse)
            case "close":
                acts.close(case, Status.DONE, by=nurse)
            case "reopen":
                acts.reopen(case, by=nurse)
            case "number":
                other = Case._meta.get_field("phone_number").to_python(a_number(dice))
                callbacks.change_number(case, other, shown=case.phone_number.as_e164, by=nurse)
    except (NotPossible, callbacks.NumberChanged):
        return "cases changed meanwhile"
    return "cases worked on"


def a_case(dice: Random) -> Case:
    return dice.choice(Case.objects.order_by("pk"))


# The queues ----------------------------------------------------------------------------------------------------------


def toggle(dice: Random) -> str:
    outgoing_sms = dice.choice(OutgoingSms.objects.order_by("pk"))
    outgoing_sms.consent_required = not outgoing_sms.consent_required
    save_outgoing_sms(outgoing_sms)
    sql(SEE_SWITCH, outgoing_sms.queue_id)
    time.sleep(dice.uniform(0, 0.02))  # an administrator has other things to do
    return "switches turned"


numbered = count()


def accept(dice: Random) -> str:
    """Reminders, as a sweep accepts them; of some the time runs out in a moment."""
    if Message.objects.filter(state=State.QUEUED).count() > WAITING_AT_MOST:
        time.sleep(0.05)
        return "accepting held back"
    queues, at = list(Queue.objects.order_by("pk")), database_now()
    drafts = [
        gateway.Draft(
            key=f"race:{next(numbered)}",
            kind=Kind.REMINDER,
            queue_id=dice.choice(queues).pk,
            to_number=a_number(dice),
            text="Hej!",
            due_at=at,
            send_before=at + (timedelta(hours=1) if dice.random() < 0.97 else timedelta(milliseconds=50)),
        )
        for _ in range(dice.randint(1, 200))
    ]
    done["accepted in bulk"] += len(gateway.accept(drafts))
    return "bulks"


# Provider, time and workers ------------------------------------------------------------------------------------------


def report(dice: Random) -> str:
    """The provider reports delivery, of what it took and of what nobody knows."""
    ours = Message.objects.filter(state__in=[State.SENT, State.UNKNOWN]).order_by("-state_at")
    for message in ours[: dice.randint(0, 10)]:
        receipts.record(message.provider, message.pk, message.receipt_token, told(dice.choice(["delivered", "failed"])))
    return "reports"


def let_time_pass(dice: Random) -> str:
    """What waits to be tried again is due, and a provider that was left alone is asked again."""
    time.sleep(dice.uniform(0, 0.1))
    make_due()
    return "times passed"


@transaction.atomic
def make_due() -> None:
    ids = Unsettled.objects.filter(sending_since=None, at__gt=Now()).exclude(lane="").hold(skip_locked=True)
    sql("UPDATE sms_message SET due_at = least(now(), send_before - interval '1 us') WHERE id = ANY (%s)", ids)
    sql("UPDATE sms_providerstate SET open_until = now() WHERE open_until > now()")


def drain(lane: Lane, stop_at: float) -> None:
    while time.time() < stop_at:
        if not gateway.drain(lane):
            time.sleep(0.005)


# The race ------------------------------------------------------------------------------------------------------------

CROWD: dict[str, dict[Act, int]] = {
    "nurse 1": {answer: 5, text_by_hand: 3, work_on_case: 1},
    "nurse 2": {answer: 5, text_by_hand: 1, work_on_case: 3},
    "administrator": {toggle: 1},
    "sweep": {accept: 1},
    "world": {lapse: 4, report: 3, let_time_pass: 1},
}
WORKERS = (Lane.MANUAL, Lane.BULK, Lane.BULK)
KILL_EVERY = 1.5

SETTLING = "settling"

done: Counter[str] = Counter()
everybody = processes.Barrier(len(CROWD) + 1)
"""The clock starts when everybody is there, which takes its time on a busy machine."""


def busy(acts: dict[Act, int], dice: Random, seconds: float, tell: Callable[[Counter[str]], None]) -> None:
    connection.ensure_connection()
    everybody.wait()
    stop_at = time.time() + seconds
    while time.time() < stop_at:
        try:
            done[dice.choices(list(acts), list(acts.values()))[0](dice)] += 1
        except OperationalError as error:
            if not waited_too_long(error):
                raise
            done["told to try again"] += 1  # as whoever waits three seconds for a lock is by the pages
    tell(done)


def main(seed: str, seconds: float) -> None:
    told = processes.SimpleQueue()
    people = [start(partial(busy, acts, Random(f"{seed} {name}"), seconds, told.put)) for name, acts in CROWD.items()]
    everybody.wait()
    stop_at = time.time() + seconds
    workers = [start(partial(drain, lane, stop_at)) for lane in WORKERS]
    dice, killed = Random(f"{seed} killer"), 0
    while time.time() < stop_at - KILL_EVERY:
        time.sleep(KILL_EVERY * dice.uniform(0.5, 1.5))
        unlucky = dice.randrange(len(workers))
        if workers[unlucky].exitcode is None:
            os.kill(workers[unlucky].pid, signal.SIGKILL)
            workers[unlucky].join()
            workers[unlucky] = start(partial(drain, WORKERS[unlucky], stop_at))
            killed += 1
    total = sum((told.get() for person in people if running_well(person)), Counter({"workers killed": killed}))
    if not all(running_well(process) for process in people + workers):
        sys.exit("one of the crowd stumbled")
    print(SETTLING, flush=True)  # noqa: T201
    settle()
    print(json.dumps(total))  # noqa: T201  it is what the program is for


def start(act: Callable[[], None]) -> multiprocessing.process.BaseProcess:
    process = processes.Process(target=act)
    process.start()
    return process


def running_well(process: multiprocessing.process.BaseProcess) -> bool:
    process.join()
    return process.exitcode == 0


def settle() -> None:
    """All that is left is delivered or given up, as it would be in the hours after."""
    sql("UPDATE sms_message SET state_at = state_at - interval '1 hour' WHERE state = 'sending'")
    gateway.sweep()
    while Message.objects.filter(state=State.QUEUED).exists():
        make_due()
        for lane in Lane:
            gateway.drain(lane)


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]))
