"""Bokningsbekräftelse and påminnelse om återuppringning: when they are written, what they say, and what stops them."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from django.contrib.messages import get_messages
from django.urls import reverse
from django.utils import timezone

from cases import acts, automatic_sms, callbacks
from cases.models import Case, Status
from consent.models import Answer
from intake import booking
from sms import gateway
from sms.models import Kind, Lane, Message
from sms.outcomes import record
from sms.providers.base import Outcome, SendResult
from sms.states import State
from teleq.clock import database_now
from teleq.models import OutgoingSms, Queue
from tests.cases.desk import OTHER_MOBILE, Page, in_a_month, messages_of
from tests.cases.reminding import (
    CONFIRMED,
    REMINDED,
    WAITING,
    later,
    let_pass,
    outcomes,
    remind_and_deliver,
    reminders,
    set_up,
    texts,
    turn_on,
)
from tests.conftest import LANDLINE, MOBILE
from tests.database_roles import as_owner
from tests.intake.telephone_system import an_open_day, at, keep_open

pytestmark = pytest.mark.django_db

THURSDAY = at(date(2031, 3, 13), "10:30")
FRIDAY = at(date(2031, 3, 14), "09:00")


@pytest.fixture(autouse=True)
def _both_on(queue, plain_queue):
    for each in (queue, plain_queue):
        turn_on(each)


# Confirmed -----------------------------------------------------------------------------------------------------------


def new_case(desk, queue, **typed: object) -> Page:
    values = {"queue": queue.pk, "phone_number": "070-174 06 05", "callback_at": in_a_month()} | typed
    return desk.open(reverse("cases:new_case")).press("Skapa ärendet", **values)


def test_what_a_nurse_books_is_confirmed(desk, queue, say, provider):
    say(Answer.YES)
    new_case(desk, queue)
    gateway.drain(Lane.BULK)
    day = timezone.localdate() + timedelta(days=30)
    weekday = ("måndag", "tisdag", "onsdag", "torsdag", "fredag", "lördag", "söndag")[day.weekday()]
    months = (
        *("januari", "februari", "mars", "april", "maj", "juni"),
        *("juli", "augusti", "september", "oktober", "november", "december"),
    )
    said = f"Vi ringer {weekday} {day.day} {months[day.month - 1]} kl. 10.30. VC Spindeln"
    assert texts(provider) == [(MOBILE, said)]
    assert outcomes(Case.objects.get()) == [CONFIRMED]


def test_what_the_telephone_system_books_is_confirmed(queue, say, provider):
    say(Answer.YES)
    case, _ = booking.book(wanted(queue))
    gateway.drain(Lane.BULK)
    assert outcomes(case) == [CONFIRMED]
    assert texts(provider)[0][0] == MOBILE


def wanted(queue: Queue, call_id: str = "samtal 1") -> booking.Wanted:
    """A callback at ten, on the first day from the day after tomorrow that is no holiday."""
    if not queue.telephone_hours.exists():
        keep_open(queue)
    return booking.Wanted(
        queue=queue,
        call_id=call_id,
        phone_number=MOBILE,
        a_number=None,
        personal_identity_number="",
        callback_at=at(an_open_day(queue), "10:00"),
    )


@pytest.mark.parametrize("off", ["confirmation_on", "reminder_on"])
def test_a_queue_that_has_one_of_them_off_sends_the_other_only(off, book, queue, say, provider):
    say(Answer.YES)
    set_up(queue, **{off: False})
    case = book(callback_at=later(hours=3))
    let_pass(hours=2, minutes=1)
    remind_and_deliver()
    assert outcomes(case) == ([REMINDED] if off == "confirmation_on" else [CONFIRMED])


def test_a_queue_without_settings_sends_nothing(book, queue, say, provider):
    say(Answer.YES)
    with as_owner():
        OutgoingSms.objects.filter(queue=queue).delete()
    case = book(queue=Queue.objects.get(pk=queue.pk), callback_at=later(hours=3))
    let_pass(hours=2, minutes=1)
    remind_and_deliver()
    assert (outcomes(case), texts(provider)) == ([], [])


def test_a_time_that_has_been_is_not_confirmed(book):
    assert messages_of(book(callback_at=later(minutes=-1))) == []


# Consent -------------------------------------------------------------------------------------------------------------


def the_patient_has_said(answer: str, say, lapsed) -> None:
    if answer == "Nej":
        say(Answer.NO)
    elif answer == "ett Ja som har gått ut":
        lapsed(Answer.YES)
    elif answer == "Ej valt":
        say(Answer.UNSET)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("ingenting", "Samtycke till SMS saknas"),
        ("Ej valt", "Samtycke till SMS saknas"),
        ("ett Ja som har gått ut", "Samtycke till SMS saknas"),
        ("Nej", "SMS-utskick avböjt"),
    ],
)
def test_without_a_ja_it_stays_in_the_history_with_its_reason(answer, reason, say, lapsed, desk, queue, provider):
    the_patient_has_said(answer, say, lapsed)
    new_case(desk, queue)
    case = Case.objects.get()
    for _ in range(2):
        gateway.drain(Lane.BULK)
    page = desk.case(case)
    assert page.text.count(f"Bokningsbekräftelse: {reason}.") == 1
    assert not list(get_messages(page.client.get(page.address).wsgi_request))
    assert provider.received == []


def test_a_later_ja_does_not_release_it_and_the_reminder_leaves(book, say, provider):
    case = book(callback_at=later(hours=3))
    gateway.drain(Lane.BULK)
    say(Answer.YES)
    gateway.drain(Lane.BULK)
    assert outcomes(case) == [(Kind.CONFIRMATION, "Samtycke till SMS saknas")]
    let_pass(hours=2, minutes=1)
    remind_and_deliver()
    assert outcomes(case) == [(Kind.CONFIRMATION, "Samtycke till SMS saknas"), REMINDED]
    assert len(provider.received) == 1


def test_a_refused_reminder_is_refused_once(book, say, provider):
    say(Answer.NO)
    case = book(callback_at=later(hours=3))
    let_pass(hours=2, minutes=1)
    remind_and_deliver()
    say(Answer.YES)
    remind_and_deliver()
    declined = "SMS-utskick avböjt"
    assert outcomes(case) == [(Kind.CONFIRMATION, declined), (Kind.REMINDER, declined)]
    assert provider.received == []


def test_a_nej_after_it_was_accepted_stops_it(book, say, provider):
    say(Answer.YES)
    case = book()
    assert outcomes(case) == [WAITING]
    say(Answer.NO)
    gateway.drain(Lane.BULK)
    assert outcomes(case) == [(Kind.CONFIRMATION, "SMS-utskick avböjt")]
    assert provider.received == []


def test_without_the_box_ticked_no_answer_is_needed_and_a_nej_still_stops(book, plain_queue, say, provider):
    case, other = book(queue=plain_queue), book(queue=plain_queue, phone_number=OTHER_MOBILE)
    say(Answer.NO, number=OTHER_MOBILE)
    gateway.drain(Lane.BULK)
    assert outcomes(case) == [CONFIRMED]
    assert outcomes(other) == [(Kind.CONFIRMATION, "SMS-utskick avböjt")]
    assert [to for to, _ in texts(provider)] == [MOBILE]


def test_a_landline_is_told_apart_after_consent(book, plain_queue, provider):
    ticked, plain = book(phone_number=LANDLINE), book(queue=plain_queue, phone_number=LANDLINE)
    gateway.drain(Lane.BULK)
    assert outcomes(ticked) == [(Kind.CONFIRMATION, "Samtycke till SMS saknas")]
    assert outcomes(plain) == [(Kind.CONFIRMATION, "Numret kan inte ta emot SMS (inte ett mobilnummer).")]
    assert provider.received == []


# Reminded ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def confirmed(book, say, provider) -> Case:
    """A callback in three hours, booked and confirmed."""
    say(Answer.YES)
    case = book(callback_at=later(hours=3))
    gateway.drain(Lane.BULK)
    provider.received.clear()
    return case


def test_the_reminder_leaves_when_its_time_has_come_and_not_before(confirmed, provider):
    let_pass(hours=1, minutes=59)
    remind_and_deliver()
    assert outcomes(confirmed) == [CONFIRMED]
    let_pass(minutes=2)
    remind_and_deliver()
    confirmed.refresh_from_db()
    assert outcomes(confirmed) == [CONFIRMED, REMINDED]
    [reminder] = reminders(confirmed)
    assert reminder.due_at == confirmed.callback_at - timedelta(hours=1)
    assert reminder.send_before == confirmed.callback_at


@pytest.mark.parametrize(("minutes", "reminded"), [(61, 1), (60, 0), (59, 0)])
def test_who_books_inside_the_lead_is_not_reminded(minutes, reminded, book, queue):
    case = book()
    booked_at = database_now() - timedelta(minutes=30)
    Case.objects.update(booked_at=booked_at, callback_at=booked_at + timedelta(minutes=minutes, seconds=-1))
    automatic_sms.remind_all_due()
    assert len(reminders(case)) == reminded


def test_each_queue_has_a_lead_of_its_own(book, queue, plain_queue):
    set_up(queue, reminder_minutes=15)
    set_up(plain_queue, reminder_minutes=24 * 60)
    soon, long_before = book(callback_at=later(days=2)), book(queue=plain_queue, callback_at=later(days=2))
    let_pass(days=1, minutes=1)
    assert automatic_sms.remind_all_due() == 1
    assert [len(reminders(case)) for case in (soon, long_before)] == [0, 1]
    let_pass(hours=23, minutes=45)
    assert automatic_sms.remind_all_due() == 1
    assert [len(reminders(case)) for case in (soon, long_before)] == [1, 1]


@pytest.mark.parametrize("late", [1, 59])
def test_after_an_hour_without_beat_what_is_due_leaves_once(late, confirmed, provider):
    let_pass(hours=2, minutes=late)
    for _ in range(3):
        remind_and_deliver()
    assert outcomes(confirmed) == [CONFIRMED, REMINDED]
    assert len(provider.received) == 1


def test_after_the_callback_nobody_is_reminded_of_it(confirmed):
    let_pass(hours=3, seconds=1)
    assert automatic_sms.remind_all_due() == 0
    assert outcomes(confirmed) == [CONFIRMED]


def test_a_reminder_that_waited_till_its_callback_expires(confirmed, provider):
    let_pass(hours=2, minutes=30)
    automatic_sms.remind_all_due()
    let_pass(minutes=31)
    gateway.drain(Lane.BULK)
    assert outcomes(confirmed) == [CONFIRMED, (Kind.REMINDER, "För sent")]
    assert provider.received == []


def test_a_case_that_a_nurse_works_on_at_this_moment_is_still_reminded(confirmed, nurse):
    acts.take(confirmed, by=nurse)
    let_pass(hours=2, minutes=1)
    assert automatic_sms.remind_all_due() == 1


def test_more_than_a_batch_is_gone_through_to_the_end(confirmed, book, monkeypatch, django_capture_on_commit_callbacks):
    monkeypatch.setattr(automatic_sms, "BATCH", 2)
    cases = [confirmed, *(book(callback_at=confirmed.callback_at) for _ in range(4))]  # all at the same time
    let_pass(hours=2, minutes=1)
    with django_capture_on_commit_callbacks() as wakes:
        assert automatic_sms.remind_all_due() == 5
    assert len(wakes) == 3  # one a batch
    assert [len(reminders(case)) for case in cases] == [1] * 5


def test_the_sweep_asks_as_often_however_many_are_due(confirmed, book, django_assert_num_queries):
    let_pass(hours=2, minutes=1)
    with django_assert_num_queries(20, exact=False) as alone:
        automatic_sms.remind_all_due()
    for number in range(20):
        book(callback_at=later(hours=3), phone_number=f"+467017406{5 + number:02}")
    let_pass(hours=2, minutes=1)
    with django_assert_num_queries(len(alone)):
        assert automatic_sms.remind_all_due() == 20


# Moved ---------------------------------------------------------------------------------------------------------------


def test_moved_before_it_was_confirmed_only_the_new_time_is(book, say, provider):
    say(Answer.YES)
    case = book(callback_at=THURSDAY)
    callbacks.move(case, FRIDAY, by=None)
    assert outcomes(case) == [(Kind.CONFIRMATION, "Inställt"), WAITING]
    gateway.drain(Lane.BULK)
    assert texts(provider) == [(MOBILE, "Vi ringer fredag 14 mars kl. 09.00. VC Spindeln")]


def test_there_and_back_again_gives_three_confirmations_and_one_reminder(confirmed, provider):
    first = confirmed.callback_at
    for time in (first + timedelta(days=1), first):
        callbacks.move(confirmed, time, by=None)
        gateway.drain(Lane.BULK)
    confirmed.refresh_from_db()
    assert outcomes(confirmed) == [CONFIRMED] * 3
    let_pass(hours=2, minutes=1)
    for _ in range(2):
        remind_and_deliver()
    assert outcomes(confirmed) == [CONFIRMED] * 3 + [REMINDED]
    assert [message.case_message.booking for message in messages_of(confirmed)] == [1, 2, 3, 3]


def test_a_reminder_that_waits_is_cancelled_and_the_new_time_gets_its_own(confirmed, nurse, provider):
    let_pass(hours=2, minutes=1)
    automatic_sms.remind_all_due()
    callbacks.move(confirmed, later(hours=5), by=nurse)
    gateway.drain(Lane.BULK)
    assert outcomes(confirmed) == [CONFIRMED, (Kind.REMINDER, "Inställt"), CONFIRMED]
    let_pass(hours=4, minutes=1)
    remind_and_deliver()
    assert outcomes(confirmed)[3:] == [REMINDED]
    assert len(provider.received) == 2


def test_the_same_time_again_is_no_other_booking(confirmed):
    callbacks.move(confirmed, confirmed.callback_at, by=None)
    assert outcomes(confirmed) == [CONFIRMED]


def test_another_number_is_confirmed_anew_and_the_old_one_hears_nothing(book, desk, say, provider):
    say(Answer.YES)
    say(Answer.YES, number=OTHER_MOBILE)
    case = book(callback_at=THURSDAY)
    desk.case(case).press("Spara numret", phone_number="070-174 06 06")
    gateway.drain(Lane.BULK)
    assert outcomes(case) == [(Kind.CONFIRMATION, "Inställt"), CONFIRMED]
    assert texts(provider) == [(OTHER_MOBILE, "Vi ringer torsdag 13 mars kl. 10.30. VC Spindeln")]


def test_another_number_is_judged_by_its_own_answer(confirmed, desk, provider):
    desk.case(confirmed).press("Spara numret", phone_number="070-174 06 06")
    gateway.drain(Lane.BULK)
    assert outcomes(confirmed) == [CONFIRMED, (Kind.CONFIRMATION, "Samtycke till SMS saknas")]
    assert provider.received == []


# Closed --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [Status.DONE, Status.CANCELLED])
def test_a_closed_case_sends_nothing(status, confirmed, nurse, provider):
    let_pass(hours=2, minutes=1)
    automatic_sms.remind_all_due()
    acts.close(confirmed, status, by=nurse)
    remind_and_deliver()
    assert outcomes(confirmed) == [CONFIRMED, (Kind.REMINDER, "Inställt")]
    assert provider.received == []


def test_a_cancelled_callback_is_not_confirmed(book, say, provider):
    say(Answer.YES)
    case = book()
    booking.cancel(case)
    gateway.drain(Lane.BULK)
    assert outcomes(case) == [(Kind.CONFIRMATION, "Inställt")]
    assert provider.received == []


def test_opened_again_it_gets_the_reminder_that_was_cancelled(confirmed, nurse, provider):
    let_pass(hours=2, minutes=1)
    automatic_sms.remind_all_due()
    acts.close(confirmed, Status.DONE, by=nurse)
    acts.reopen(confirmed, by=nurse)
    remind_and_deliver()
    assert outcomes(confirmed) == [CONFIRMED, (Kind.REMINDER, "Inställt"), REMINDED]


def test_opened_again_it_gets_no_second_reminder(book, say, nurse, provider):
    """Not even where its confirmation still waited when it was closed."""
    say(Answer.YES)
    case = book(callback_at=later(hours=3))
    let_pass(hours=2, minutes=1)
    Message.objects.update(due_at=later(minutes=5))  # the provider was away
    remind_and_deliver()
    acts.close(case, Status.DONE, by=nurse)
    acts.reopen(case, by=nurse)
    remind_and_deliver()
    assert outcomes(case) == [(Kind.CONFIRMATION, "Inställt"), REMINDED]
    assert len(provider.received) == 1


@pytest.mark.parametrize("change", ["closed", "moved"])
def test_what_the_provider_turns_away_while_the_case_changes_is_not_tried_again(change, confirmed, nurse, provider):
    let_pass(hours=2, minutes=1)
    automatic_sms.remind_all_due()
    [claimed] = gateway.claim(Lane.BULK, "simulator").sending
    reminder = Message.objects.get(pk=claimed.pk)
    if change == "closed":
        acts.close(confirmed, Status.DONE, by=nurse)
    else:
        callbacks.move(confirmed, later(hours=5), by=nurse)
    record({reminder.pk: SendResult(Outcome.RETRY_LATER)})
    gateway.drain(Lane.BULK)
    reminder.refresh_from_db()
    assert reminder.outcome == "För sent"
    assert "Snart" not in str(texts(provider))


def test_what_was_handed_over_when_the_case_was_closed_keeps_its_outcome(confirmed, nurse):
    let_pass(hours=2, minutes=1)
    automatic_sms.remind_all_due()
    [claimed] = gateway.claim(Lane.BULK, "simulator").sending
    reminder = Message.objects.get(pk=claimed.pk)
    acts.close(confirmed, Status.DONE, by=nurse)
    record({reminder.pk: SendResult(Outcome.ACCEPTED)})
    reminder.refresh_from_db()
    assert reminder.state == State.SENT
