"""What a turn of a call asks of the database: so many statements at each step, however much there is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from itertools import count, pairwise

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from cases.models import ClosedDay
from telephony.models import Choice, Menu, PatientsNumber
from tests.telephony.caller import Caller
from tests.telephony.conftest import NUMBER, recorded

pytestmark = pytest.mark.django_db

PERSON = "+46846500460"
NOBODY = "anonymous"


class Deaf(Caller):
    """Fetches nothing of what is said."""

    def _listen(self, address: str | None) -> None:
        pass


@dataclass(frozen=True)
class Turn:
    statements: int
    act: Callable[[Caller], object]
    keys: tuple[str, ...] = ()
    """What is pressed before it."""
    has_a_time: bool = False
    """Whether it is in the second call of somebody who booked in the first."""
    withheld: bool = False
    is_first: bool = False
    """Whether it is the call's beginning."""


def pressing(keys: str) -> Callable[[Caller], object]:
    return lambda call: call.press(keys)


TURNS = {
    "a call comes": Turn(13, Caller.call, is_first=True),
    "from no number": Turn(9, Caller.call, is_first=True, withheld=True),
    "no key": Turn(6, pressing("")),
    "a wrong key": Turn(6, pressing("7")),
    "other times": Turn(9, pressing("3")),
    "more times": Turn(9, pressing("4"), ("3",)),
    "one of them": Turn(6, pressing("2"), ("3",)),
    "another number": Turn(6, pressing("0701740607#"), ("2",)),
    "it is right": Turn(9, pressing("1"), ("2", "0701740607#")),
    "booking": Turn(20, pressing("1")),
    "booking nothing": Turn(6, pressing("9")),
    "a person": Turn(9, pressing("0")),
    "who doesn't answer": Turn(6, lambda call: call.person("failed"), ("0",)),
    "hanging up": Turn(3, Caller.hang_up),
    "a second call": Turn(14, Caller.call, is_first=True, has_a_time=True),
    "another time": Turn(12, pressing("1"), has_a_time=True),
    "moving": Turn(27, pressing("2"), ("1",), has_a_time=True),
    "shall it be cancelled": Turn(8, pressing("2"), has_a_time=True),
    "cancelling": Turn(24, pressing("1"), ("2",), has_a_time=True),
    "for somebody else too": Turn(11, pressing("3"), has_a_time=True),
}


def before(turn: Turn, calls_from: str) -> Caller:
    """A call that has come to the turn."""
    if turn.has_a_time:
        Deaf(NUMBER, calls_from).call().press("1").hang_up()
    call = Deaf(NUMBER, NOBODY if turn.withheld else calls_from)
    if not turn.is_first:
        call.call()
    for keys in turn.keys:
        call.press(keys)
    return call


def statements(act: Callable[[], object]) -> int:
    """But for those that begin and end a transaction within the test's own."""
    with CaptureQueriesContext(connection) as queries:
        act()
    return sum("SAVEPOINT" not in query["sql"] for query in queries)


@pytest.fixture
def to_a_person(number: PatientsNumber) -> PatientsNumber:
    number.person_number = PERSON
    number.save()
    number.queue.slot_capacity = 100
    number.queue.save()
    return number


@pytest.fixture(params=["little", "much"])
def town(request, to_a_person, queue, care_provider, book, eight):
    """A number and its queue; and the same with hours, closed days, other patients' times and older recordings."""
    if request.param == "little":
        return
    to_a_person.hours.bulk_create(
        to_a_person.hours.model(number=to_a_person, weekday=weekday, opens=opens, closes=closes)
        for weekday in range(7)
        for opens, closes in (("00:00", "12:00"), ("12:00", "23:59:59"))
    )
    today = timezone.localdate()
    ClosedDay.objects.bulk_create(ClosedDay(queue=queue, day=today + timedelta(days=30 + day)) for day in range(30))
    for place in range(20):
        book(callback_at=eight + timedelta(minutes=15 * (place % 4)), phone_number=f"+467017406{70 + place}")
    for words in ("Tack.", "Tack och hej.", "Tack och hej då."):
        recorded(care_provider, "goodbye", words)


def test_each_kind_of_turn_takes_so_many_statements_however_much_there_is(town):
    callers = (f"+467017406{number}" for number in count(10))
    for turn in TURNS.values():
        turn.act(before(turn, next(callers)))  # what is said for the first time has to be put together
    taken = {name: statements(partial(turn.act, before(turn, next(callers)))) for name, turn in TURNS.items()}
    assert taken == {name: turn.statements for name, turn in TURNS.items()}


@pytest.fixture
def menu(to_a_person, announce, queue, care_provider) -> Menu:
    """Four menus, each in the one before; the last leads to the queue, which asks about SMS."""
    menus = [Menu.objects.create(care_provider=care_provider, name=f"Meny {number}") for number in range(4)]
    for menu, inner in pairwise(menus):
        Choice.objects.create(of_menu=menu, key=1, words=announce("Tryck 1."), menu=inner)
    Choice.objects.create(of_menu=menus[-1], key=1, words=announce("Tryck 1."), queue=queue)
    to_a_person.queue, to_a_person.menu, to_a_person.asks_consent = None, menus[0], True
    to_a_person.save()
    return menus[0]


def test_a_menu_takes_as_many_with_nine_choices_as_with_one(menu, announce, queue):
    Deaf(NUMBER, "+46701740610").call().press("*").press("1")
    few, key_of_few = menu_and_key("+46701740611")
    for key in range(2, 10):
        Choice.objects.create(of_menu=menu, key=key, order=key, words=announce(f"Tryck {key}."), queue=queue)
    Deaf(NUMBER, "+46701740612").call().press("*").press("1")
    assert menu_and_key("+46701740613") == (few, key_of_few) == (8, 8)


def menu_and_key(calls_from: str) -> tuple[int, int]:
    """Of the menu said again, and of a key that leads on from there."""
    call = Deaf(NUMBER, calls_from).call()
    return statements(partial(call.press, "*")), statements(partial(call.press, "1"))


def test_booking_takes_as_many_after_one_menu_as_after_four_and_so_does_the_answer_about_sms(menu, to_a_person):
    def taken(calls_from: str, menus: int) -> tuple[int, int]:
        call = Deaf(NUMBER, calls_from).call()
        for _ in range(menus):
            call.press("1")
        return statements(partial(call.press, "1")), statements(partial(call.press, "1"))

    taken("+46701740610", 4)
    after_four = taken("+46701740611", 4)
    to_a_person.menu = Menu.objects.get(name="Meny 3")
    to_a_person.save()
    assert taken("+46701740612", 1) == after_four


@pytest.mark.parametrize("is_closed", [False, True])
def test_a_call_takes_as_many_of_a_number_with_three_times_as_with_two(is_closed, to_a_person, queue, eight, book):
    def taken(calls_from: str, times: int) -> int:
        for place in range(times):
            book(callback_at=eight + timedelta(minutes=15 * place), phone_number=calls_from)
        return statements(Deaf(NUMBER, calls_from).call)

    if is_closed:
        ClosedDay.objects.create(queue=queue, day=timezone.localdate())
    for times in (2, 3):
        taken(f"+4670174061{times}", times)
    assert taken("+46701740615", 3) == taken("+46701740614", 2)
