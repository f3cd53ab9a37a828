"""Skyddade personuppgifter: once a mark is committed no automatic SMS is planned or left waiting, in whichever order.

Real connections, each test a number's or a person's very first mark: there is no row of it that could be locked.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db import transaction

from cases import automatic_sms, callbacks
from cases.models import Case, ProtectionMark
from consent.models import Answer
from intake import booking
from sms.models import Kind, Message
from sms.states import State
from teleq.models import Queue
from tests.cases.desk import OTHER_MOBILE
from tests.cases.protecting import is_protected, mark
from tests.cases.reminding import WAITING, later, let_pass, outcomes, turn_on
from tests.concurrency import in_another_connection, wait_until_a_connection_waits_for_a_lock
from tests.conftest import MOBILE
from tests.intake.telephone_system import at

pytestmark = pytest.mark.django_db(transaction=True)

PERSON = "191212121212"
CANCELLED = (Kind.CONFIRMATION, "Inställt")
CANCELLED_REMINDER = (Kind.REMINDER, "Inställt")
SAME = pytest.mark.parametrize(
    "same",
    [
        {"phone_number": MOBILE},
        {"phone_number": OTHER_MOBILE, "personal_identity_number": PERSON},
        {"phone_number": OTHER_MOBILE, "a_number": MOBILE},
    ],
    ids=["number", "personnummer", "A-number"],
)
"""What another case has in common with the one that is marked."""


@pytest.fixture(autouse=True)
def _on(queue, plain_queue, say):
    turn_on(queue)
    turn_on(plain_queue)
    say(Answer.YES)


@pytest.fixture
def patient(book) -> Case:
    """The case that is marked: it is over, and nothing waits for it."""
    return book(personal_identity_number=PERSON, callback_at=later(minutes=-5))


@pytest.fixture
def marked(patient, nurse) -> Callable[[], bool]:
    return lambda: mark(patient, nurse)


def nothing_waits() -> bool:
    return not Message.objects.filter(state=State.QUEUED).exists()


@SAME
def test_a_mark_waits_for_a_booking_under_way_and_cancels_its_confirmation(same, book, marked, plain_queue):
    with transaction.atomic():
        case = book(queue=plain_queue, **same)
        marking = in_another_connection(marked)
        wait_until_a_connection_waits_for_a_lock()
    assert marking.result(20)
    assert outcomes(case) == [CANCELLED]


@SAME
def test_a_booking_waits_for_a_mark_that_is_being_made_and_is_not_confirmed(same, book, marked, plain_queue):
    with transaction.atomic():
        marked()
        booked = in_another_connection(lambda: book(queue=plain_queue, **same))
        wait_until_a_connection_waits_for_a_lock()
    assert outcomes(booked.result(20)) == []


def test_a_booking_is_confirmed_where_the_mark_was_taken_back(book, marked):
    with transaction.atomic():
        marked()
        booked = in_another_connection(book)
        wait_until_a_connection_waits_for_a_lock()
        transaction.set_rollback(True)
    assert outcomes(booked.result(20)) == [WAITING]


@pytest.fixture
def wanted(open_queue, day) -> booking.Wanted:
    return booking.Wanted(
        queue=Queue.objects.get(pk=open_queue.pk),
        call_id="samtal 1",
        phone_number=MOBILE,
        a_number=None,
        personal_identity_number="",
        callback_at=at(day, "10:00"),
    )


def test_a_call_that_books_meanwhile_is_not_confirmed(wanted, marked):
    with transaction.atomic():
        marked()
        booked = in_another_connection(lambda: booking.book(wanted))
        wait_until_a_connection_waits_for_a_lock()
    case, made = booked.result(20)
    assert made
    assert outcomes(case) == []


@pytest.fixture
def due(book) -> Case:
    """To be reminded of."""
    case = book(callback_at=later(hours=3))
    let_pass(hours=2, minutes=1)
    case.refresh_from_db()
    return case


def test_a_mark_waits_for_a_sweep_of_reminders_and_cancels_them(due, marked):
    with transaction.atomic():
        automatic_sms.remind_all_due()
        marking = in_another_connection(marked)
        wait_until_a_connection_waits_for_a_lock()
    marking.result(20)
    assert outcomes(due) == [CANCELLED, CANCELLED_REMINDER]


def test_a_sweep_waits_for_a_mark_that_is_being_made_and_reminds_of_nothing(due, book, marked):
    other = book(phone_number=OTHER_MOBILE, callback_at=due.callback_at)
    Case.objects.filter(pk=other.pk).update(booked_at=due.booked_at)
    with transaction.atomic():
        marked()
        sweep = in_another_connection(automatic_sms.remind_all_due)
        wait_until_a_connection_waits_for_a_lock()
    sweep.result(20)
    assert outcomes(due) == [CANCELLED]
    assert outcomes(other) == [WAITING, (Kind.REMINDER, "Väntar")]


def test_a_case_that_is_moved_meanwhile_is_not_confirmed_anew_and_nobody_waits_for_ever(due, marked):
    with transaction.atomic():
        marked()
        moved = in_another_connection(lambda: callbacks.move(due, later(hours=5), by=None))
        wait_until_a_connection_waits_for_a_lock()
    assert moved.result(20) is None
    assert outcomes(due) == [CANCELLED]


def test_a_mark_waits_for_a_case_that_is_being_moved_and_cancels_its_confirmation(due, marked):
    with transaction.atomic():
        callbacks.move(due, later(hours=5), by=None)
        marking = in_another_connection(marked)
        wait_until_a_connection_waits_for_a_lock()
    assert marking.result(20)
    assert outcomes(due) == [CANCELLED, CANCELLED]


def test_a_number_that_is_changed_to_one_being_marked_is_not_confirmed(book, marked, nurse):
    case = book(phone_number=OTHER_MOBILE)
    number = Case._meta.get_field("phone_number").to_python(MOBILE)
    with transaction.atomic():
        marked()
        changed = in_another_connection(lambda: callbacks.change_number(case, number, shown=OTHER_MOBILE, by=nurse))
        wait_until_a_connection_waits_for_a_lock()
    assert changed.result(20)
    assert outcomes(case) == [CANCELLED]
    assert is_protected(case)


def test_a_protected_case_whose_number_is_changed_while_the_new_one_is_booked_hides_both(book, marked, nurse, patient):
    marked()
    number = Case._meta.get_field("phone_number").to_python(OTHER_MOBILE)
    with transaction.atomic():
        callbacks.change_number(patient, number, shown=MOBILE, by=nurse)
        booked = in_another_connection(lambda: book(phone_number=OTHER_MOBILE))
        wait_until_a_connection_waits_for_a_lock()
    assert is_protected(booked.result(20))
    assert nothing_waits()


def test_two_who_mark_the_same_patient_at_once_make_one_mark_each_of_number_and_person(patient, book, nurse, marked):
    same = book(personal_identity_number=PERSON, callback_at=later(minutes=-5))
    with transaction.atomic():
        marked()
        other = in_another_connection(lambda: mark(same, nurse))
        wait_until_a_connection_waits_for_a_lock()
    assert other.result(20) is False
    assert sorted(ProtectionMark.objects.values_list("identifier", flat=True)) == [MOBILE, PERSON]


def test_another_care_providers_bookings_wait_for_nobody(book, marked, other_queue, say):
    turn_on(other_queue)
    with transaction.atomic():
        marked()
        booked = in_another_connection(lambda: book(queue=other_queue)).result(20)
    assert outcomes(booked) == [WAITING]
    assert not is_protected(booked)
