"""Promise 6, for what is sent by itself: one confirmation and one reminder per booking, whoever asks at once."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import transaction

from cases import acts, automatic_sms, callbacks
from cases.models import Case, CaseMessage, Status
from consent.models import Answer
from intake import booking
from sms import gateway
from sms.models import Kind, Lane, Message
from teleq.models import Queue
from tests.cases.desk import at_once
from tests.cases.reminding import (
    CONFIRMED,
    REMINDED,
    WAITING,
    later,
    let_pass,
    outcomes,
    remind_and_deliver,
    reminders,
    texts,
    turn_on,
)
from tests.concurrency import in_another_connection, wait_until_a_connection_waits_for_a_lock
from tests.conftest import MOBILE
from tests.intake.telephone_system import at

pytestmark = pytest.mark.django_db(transaction=True)
CANCELLED_REMINDER = (Kind.REMINDER, "Inställt")


@pytest.fixture(autouse=True)
def _on(queue, say):
    turn_on(queue)
    say(Answer.YES)


@pytest.fixture
def due(book, provider) -> Case:
    """Confirmed, and to be reminded of."""
    case = book(callback_at=later(hours=3))
    gateway.drain(Lane.BULK)
    let_pass(hours=2, minutes=1)
    provider.received.clear()
    case.refresh_from_db()
    return case


# Reminders -----------------------------------------------------------------------------------------------------------


def test_a_second_sweep_during_the_first_neither_waits_nor_reminds_again(due):
    with transaction.atomic():
        assert automatic_sms.remind_all_due() == 1
        assert in_another_connection(automatic_sms.remind_all_due).result(20) == 0
    assert automatic_sms.remind_all_due() == 0
    remind_and_deliver()
    assert outcomes(due) == [CONFIRMED, REMINDED]


def test_a_sweep_that_saw_the_case_before_another_had_reminded_writes_nothing(due):
    """The key decides: what it saw is old by the time it writes."""
    draft = gateway.Draft(
        key=f"reminder:{due.pk}:{due.booking}",
        kind=Kind.REMINDER,
        queue_id=due.queue_id,
        to_number=MOBILE,
        text="Snart!",
        due_at=due.callback_at - timedelta(hours=1),
        send_before=due.callback_at,
    )
    with transaction.atomic():
        CaseMessage.objects.tie(gateway.accept([draft]), {draft.key: due})
        sweep = in_another_connection(automatic_sms.remind_all_due)
        wait_until_a_connection_waits_for_a_lock()
    assert sweep.result(20) == 1
    assert [message.text for message in reminders(due)] == ["Snart!"]


def test_several_sweeps_at_once_remind_of_each_callback_once(book, monkeypatch, provider):
    monkeypatch.setattr(automatic_sms, "BATCH", 3)
    cases = [book(callback_at=later(hours=3), phone_number=f"+467017406{number:02}") for number in range(5, 35)]
    let_pass(hours=2, minutes=1)
    sweeps = [in_another_connection(automatic_sms.remind_all_due) for _ in range(4)]
    for sweep in sweeps:
        sweep.result(30)
    automatic_sms.remind_all_due()
    assert [len(reminders(case)) for case in cases] == [1] * 30


# Confirmations -------------------------------------------------------------------------------------------------------


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


def test_one_call_is_confirmed_once_however_often_it_books(wanted):
    bookings = [booking.book(wanted) for _ in range(3)]
    assert [made for _, made in bookings] == [True, False, False]
    assert outcomes(Case.objects.get()) == [WAITING]


def test_one_call_that_books_twice_at_once_is_confirmed_once(wanted):
    with transaction.atomic():
        Queue.objects.select_for_update().get(pk=wanted.queue.pk)  # a new case needs it, and waits
        both = [in_another_connection(lambda: booking.book(wanted)) for _ in range(2)]
        wait_until_a_connection_waits_for_a_lock(2)
    assert sorted(made for _, made in (each.result(20) for each in both)) == [False, True]
    assert outcomes(Case.objects.get()) == [WAITING]


def test_moved_twice_at_once_to_the_same_time_it_is_confirmed_once(due, provider):
    to = later(days=1)
    done = at_once(due, *[lambda: callbacks.move(due, to, by=None)] * 2)
    assert done == [None, None]
    gateway.drain(Lane.BULK)
    assert outcomes(due) == [CONFIRMED] * 2
    due.refresh_from_db()
    assert due.booking == 2


def test_confirming_again_writes_nothing(due):
    automatic_sms.confirm(due)
    assert outcomes(due) == [CONFIRMED]
    assert CaseMessage.objects.count() == Message.objects.count() == 1


# Moved at the moment it is reminded of -------------------------------------------------------------------------------


def test_moved_just_after_the_reminder_was_written_it_is_taken_back(due, provider):
    with transaction.atomic():
        automatic_sms.remind_all_due()
        move = in_another_connection(lambda: callbacks.move(due, later(days=1), by=None))
        wait_until_a_connection_waits_for_a_lock()
    move.result(20)
    remind_and_deliver()
    assert outcomes(due) == [CONFIRMED, CANCELLED_REMINDER, CONFIRMED]
    assert not any("Snart" in text for _, text in texts(provider))


def test_moved_just_before_the_sweep_writes_it_is_not_reminded_of(due, provider):
    with transaction.atomic():
        callbacks.move(due, later(days=1), by=None)
        assert in_another_connection(automatic_sms.remind_all_due).result(20) == 0
    remind_and_deliver()
    assert outcomes(due) == [CONFIRMED, CONFIRMED]


def test_moved_while_sweeps_go_on_no_reminder_of_the_old_time_leaves(book, provider, monkeypatch):
    monkeypatch.setattr(automatic_sms, "BATCH", 2)
    cases = [book(callback_at=later(hours=3), phone_number=MOBILE) for _ in range(20)]
    gateway.drain(Lane.BULK)
    let_pass(hours=2, minutes=1)
    provider.received.clear()
    tomorrow = later(days=1)
    moves = in_another_connection(lambda: [callbacks.move(case, tomorrow, by=None) for case in cases])
    sweeps = [in_another_connection(automatic_sms.remind_all_due) for _ in range(2)]
    for act in (moves, *sweeps):
        act.result(30)
    remind_and_deliver()
    assert len(provider.received) == 20
    assert not any("Snart" in text for _, text in texts(provider))
    for case in cases:
        assert outcomes(case) in ([CONFIRMED, CONFIRMED], [CONFIRMED, CANCELLED_REMINDER, CONFIRMED])


def test_closed_while_it_is_being_claimed_what_left_has_left_and_the_rest_is_cancelled(due, nurse, provider):
    """Whichever of the two comes first has all of it: nothing leaves that the closed case says was cancelled."""
    automatic_sms.remind_all_due()
    drain = in_another_connection(lambda: gateway.drain(Lane.BULK))
    acts.close(due, Status.DONE, by=nurse)
    drain.result(20)
    assert outcomes(due) == [CONFIRMED, REMINDED if provider.received else CANCELLED_REMINDER]
