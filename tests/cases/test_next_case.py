"""Ta nästa ärende: brådskande first, then the earliest time; each to one nurse, however many press at once."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from threading import Barrier, Event

import pytest
from django.db import transaction
from django.utils import timezone

from access.models import AccessEntry
from cases import acts, presence
from cases.models import Case, CaseEvent, Presence, Priority, Status
from cases.next_case import take_next
from teleq.clock import database_now
from teleq.models import Membership, Queue, User
from tests.cases.desk import desk_of, said
from tests.cases.protecting import mark
from tests.concurrency import in_another_connection, wait_until_a_connection_waits_for_a_lock

NEXT = "Ta nästa ärende"
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)


@pytest.fixture
def due(book) -> Callable[..., Case]:
    """A case whose time was some minutes ago."""
    return lambda minutes=1, **columns: book(callback_at=timezone.now() - minutes * MINUTE, **columns)


@pytest.fixture
def next_of(queue, plain_queue) -> Callable[..., Case | None]:
    return lambda user, **options: take_next(user, [queue, plain_queue], **options)


def assignee_of(case: Case) -> User | None:
    case.refresh_from_db()
    return case.assignee


# Which one -----------------------------------------------------------------------------------------------------------


def test_the_urgent_come_first_and_then_the_earliest_time(due, nurse, next_of):
    late, later = due(30), due(60)
    urgent, urgent_before = due(5, priority=Priority.URGENT), due(10, priority=Priority.URGENT)
    order = [next_of(nurse) for _ in range(5)]
    assert order == [urgent_before, urgent, later, late, None]
    assert assignee_of(late) == nurse
    assert late.status == Status.ONGOING
    assert late.taken_at == pytest.approx(database_now(), abs=MINUTE)
    assert late.events.latest_act().kind == CaseEvent.Kind.TAKEN


@pytest.mark.parametrize(("minutes_before", "given"), [(9, True), (11, False)])
def test_it_is_given_from_ten_minutes_before_its_time(minutes_before, given, book, nurse, next_of):
    case = book(callback_at=timezone.now() + minutes_before * MINUTE)
    assert next_of(nurse) == (case if given else None)


def test_how_long_before_is_each_queues_own(book, nurse, queue, plain_queue):
    Queue.objects.filter(pk=queue.pk).update(early_minutes=0)
    Queue.objects.filter(pk=plain_queue.pk).update(early_minutes=60)
    in_half_an_hour = timezone.now() + 30 * MINUTE
    book(callback_at=in_half_an_hour - MINUTE)
    case = book(callback_at=in_half_an_hour, queue=plain_queue)
    queues = list(Queue.objects.for_user(nurse))
    assert [take_next(nurse, queues) for _ in range(2)] == [case, None]


def test_what_has_been_called_without_answer_is_given_at_its_new_time(due, nurse, next_of):
    called = due()
    acts.record_attempt(called, reached=False, by=nurse)
    assert next_of(nurse) == called


@pytest.mark.parametrize("how", ["taken", "open at a colleague", "call without result", "done", "cancelled"])
def test_what_is_somebodys_or_nobodys_any_more_is_not_given(how, due, nurse, colleague, next_of):
    case = due()
    match how:
        case "taken":
            acts.take(case, by=colleague)
        case "open at a colleague":
            presence.note(colleague, case)
        case "call without result":
            Case.objects.update(call_began_at=database_now() - 2 * HOUR)
        case "done":
            acts.close(case, Status.DONE, by=colleague)
        case "cancelled":
            acts.close(case, Status.CANCELLED, by=None)
    before = case.events.count()
    assert next_of(nurse) is None
    assert next_of(nurse, early=True) is None
    assert case.events.count() == before


def test_what_one_has_open_oneself_and_what_a_colleague_had_open_a_minute_ago_is_given(due, nurse, colleague, next_of):
    mine, left = due(2), due(1)
    presence.note(nurse, mine)
    presence.note(colleague, left)
    Presence.objects.filter(case=left).update(seen_at=database_now() - MINUTE)
    assert [next_of(nurse), next_of(nurse)] == [mine, left]


def test_who_has_protected_personal_data_is_called_as_others_are(due, nurse, next_of):
    case = due()
    mark(case, nurse)
    assert next_of(nurse) == case


def test_another_queues_case_is_never_given(due, nurse, other_queue, plain_queue):
    due(queue=other_queue)
    due(queue=plain_queue)
    Membership.objects.filter(user=nurse, queue=plain_queue).delete()
    assert take_next(nurse, list(Queue.objects.all())) is None


# Ten at once ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def nurses(make_user, queue) -> list[User]:
    people = [make_user(f"nurse{number}", "Nurse", str(number)) for number in range(10)]
    Membership.objects.bulk_create(Membership(user=user, queue=queue) for user in people)
    return people


def all_at_once(nurses: list[User], queue: Queue, take: Callable[..., Case | None] = take_next) -> list[Case | None]:
    """Each in a connection of their own, let go when all of them are there."""
    ready = Barrier(len(nurses))

    def press(user: User) -> Case | None:
        user.refresh_from_db()  # so that it is connected
        ready.wait(timeout=60)
        return take(user, [queue])

    futures = [in_another_connection(lambda user=user: press(user)) for user in nurses]
    return [future.result(timeout=60) for future in futures]


@pytest.mark.django_db(transaction=True)
def test_ten_who_press_at_once_get_ten_different_ones_the_most_urgent_ones(due, nurses, queue):
    for minutes in range(8):
        due(minutes)
    urgent = [due(0, priority=Priority.URGENT).pk for _ in range(4)]
    taken = all_at_once(nurses, queue)
    assert len({case.pk for case in taken}) == 10
    assert set(urgent) <= {case.pk for case in taken}
    for user, case in zip(nurses, taken, strict=True):
        assert assignee_of(case) == user
        assert case.events.filter(kind="taken").count() == 1
    assert Case.objects.filter(assignee=None).count() == 2


@pytest.mark.django_db(transaction=True)
def test_of_ten_who_press_at_once_for_three_exactly_three_get_one(due, nurses, queue):
    cases = [due(minutes) for minutes in range(3)]
    taken = [case for case in all_at_once(nurses, queue) if case]
    assert sorted(case.pk for case in taken) == sorted(case.pk for case in cases)
    assert CaseEvent.objects.filter(kind="taken").count() == 3


@pytest.mark.django_db(transaction=True)
def test_who_asks_while_the_only_one_is_being_changed_gets_it_when_that_is_done(due, nurse, queue):
    """A sweep, or a colleague who saves its details, holds it for a moment: there is one all the same."""
    case = due()
    with transaction.atomic():
        Case.objects.select_for_update(no_key=True).get(pk=case.pk)
        asked = in_another_connection(lambda: take_next(nurse, [queue]))
        wait_until_a_connection_waits_for_a_lock()
    assert asked.result(timeout=30) == case


@pytest.mark.django_db(transaction=True)
def test_who_waits_for_one_case_keeps_no_other_from_anybody(due, nurse, colleague, queue):
    """A row that was taken while one waited for it stays locked in PostgreSQL, unless it is given back: the nurse then
    waits for the second with the first in hand, and whoever has the second and wants the first waits for the nurse."""
    first, second = due(2), due(1)
    first_is_being_taken, second_is_held = Event(), Event()
    nurse_waits, first_may_be_taken = Event(), Event()

    def take_the_first() -> None:
        with transaction.atomic():
            acts.take(first, by=colleague)
            first_is_being_taken.set()
            assert first_may_be_taken.wait(60)

    def hold_the_second_and_change_the_first() -> None:
        with transaction.atomic():
            Case.objects.select_for_update(no_key=True).get(pk=second.pk)
            second_is_held.set()
            assert nurse_waits.wait(60)
            Case.objects.select_for_update(no_key=True).get(pk=first.pk)

    taking = in_another_connection(take_the_first)
    assert first_is_being_taken.wait(60)
    holding = in_another_connection(hold_the_second_and_change_the_first)
    assert second_is_held.wait(60)
    asked = in_another_connection(lambda: take_next(nurse, [queue]))
    wait_until_a_connection_waits_for_a_lock()
    first_may_be_taken.set()
    taking.result(timeout=60)
    wait_until_a_connection_waits_for_a_lock()  # the nurse again, now for the second
    nurse_waits.set()
    holding.result(timeout=60)
    assert asked.result(timeout=60) == second
    assert [assignee_of(first), assignee_of(second)] == [colleague, nurse]


@pytest.mark.django_db(transaction=True)
def test_who_asks_while_a_colleague_takes_the_first_gets_the_second_at_once(due, nurse, colleague, queue):
    first, second = due(2), due(1)
    with transaction.atomic():
        acts.take(first, by=colleague)
        assert in_another_connection(lambda: take_next(nurse, [queue])).result(timeout=30) == second
    assert assignee_of(first) == colleague


@pytest.mark.django_db(transaction=True)
def test_ten_who_press_on_pages_at_once_have_ten_cases_each_on_record(due, nurses, queue):
    for minutes in range(10):
        due(minutes)
    lists = {user.pk: desk_of(user).work_list() for user in nurses}
    all_at_once(nurses, queue, take=lambda user, _: lists[user.pk].press(NEXT))
    taken = dict(Case.objects.values_list("assignee", "pk"))
    assert set(taken) == {user.pk for user in nurses}
    changes = AccessEntry.objects.filter(act=AccessEntry.Act.CHANGE).values_list("user", "case_id")
    assert sorted(changes) == sorted(taken.items())


# On the pages --------------------------------------------------------------------------------------------------------


def test_from_the_list_one_comes_to_the_case(due, desk, nurse):
    case = due()
    page = desk.work_list().press(NEXT)
    assert page.address == f"/cases/{case.pk}/"
    assert page.has_button("Släpp ärendet")
    assert "Tog ärendet." in page.text


def test_in_the_queue_that_is_chosen_only_its_own_are_given(due, desk, queue, plain_queue, nurse):
    elsewhere, here = due(60), due(1, queue=plain_queue)
    assert desk.work_list(f"?queue={plain_queue.pk}").press(NEXT).address == f"/cases/{here.pk}/"
    assert desk.work_list(f"?queue={plain_queue.pk}").press(NEXT).address == "/"
    assert assignee_of(elsewhere) is None
    assert desk.work_list().press(NEXT).address == f"/cases/{elsewhere.pk}/"


def test_before_its_time_one_is_told_when_the_next_is_and_takes_it_anyway(book, desk, nurse):
    at = timezone.localtime() + 2 * HOUR
    later = book(callback_at=at + HOUR, priority=Priority.URGENT)
    case = book(callback_at=at)
    page = desk.work_list().press(NEXT)
    clock = f"{at:%H.%M}"
    assert re.fullmatch(rf"Inget ärende att ringa just nu\. Nästa (imorgon )?{re.escape(clock)}\.", said(page))
    assert assignee_of(case) is None
    assert page.press("Ta ändå").address == f"/cases/{case.pk}/"
    assert assignee_of(case) == nurse
    assert assignee_of(later) is None
    assert not desk.work_list().has_button("Ta ändå")


def test_to_take_one_anyway_takes_what_has_become_due_meanwhile_first(book, due, desk):
    book(callback_at=timezone.now() + HOUR)
    page = desk.work_list().press(NEXT)
    urgent = due(0, priority=Priority.URGENT)
    assert page.press("Ta ändå").address == f"/cases/{urgent.pk}/"


def test_where_nothing_waits_at_all_that_is_said(desk, case, colleague):
    acts.close(case, Status.DONE, by=colleague)
    page = desk.work_list().press(NEXT)
    assert said(page) == "Inget ärende väntar."
    assert not page.has_button("Ta ändå")


def test_where_what_waits_is_open_at_a_colleague_there_is_nothing_to_take(desk, due, colleague):
    case = due()
    desk_of(colleague).case(case)
    page = desk.work_list().press(NEXT)
    assert said(page).startswith("Inget ärende att ringa just nu. De som väntar är öppna hos en kollega")
    assert not page.has_button("Ta ändå")
    assert assignee_of(case) is None


def test_after_klart_one_goes_on_to_the_next_or_back(due, desk, nurse):
    first, second = due(2), due(1)
    closed = desk.case(first).press("Råd givet")
    assert "/" in closed.links
    assert closed.press(NEXT).address == f"/cases/{second.pk}/"


def test_a_case_that_is_open_has_no_such_button(case, desk):
    assert not desk.case(case).has_button(NEXT)
