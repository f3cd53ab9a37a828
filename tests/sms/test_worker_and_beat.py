"""A real worker and a real beat: what is due leaves by itself, whatever becomes of the broker."""

from __future__ import annotations

from datetime import timedelta

import pytest

from cases import automatic_sms, callbacks
from cases.models import Case
from consent.models import Answer
from demo.models import SimulatedSms
from sms.models import Kind, Message
from sms.states import State
from teleq.clock import database_now
from teleq.models import Queue
from tests.cases.reminding import set_up
from tests.concurrency import wait_until
from tests.conftest import MOBILE
from tests.sms.broker import wipe_the_broker

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _on(queue, say):
    set_up(queue, reminder_on=True, reminder_minutes=60, reminder_text="{enhet} ringer {tid}.")
    say(Answer.YES)


def due_for_reminder(queue: Queue) -> Case:
    at = database_now()
    case = callbacks.create(Case(queue=queue, phone_number=MOBILE, callback_at=at + timedelta(minutes=59)), by=None)
    Case.objects.filter(pk=case.pk).update(booked_at=at - timedelta(hours=2))
    return case


def reminder_is_delivered(case: Case) -> bool:
    reminders = Message.objects.filter(case_message__case=case, kind=Kind.REMINDER)
    return reminders.filter(state=State.DELIVERED).exists()


def test_a_due_reminder_leaves_by_itself_also_when_the_broker_has_been_wiped(queue, worker, beat, live_server):
    accepted = due_for_reminder(queue)
    automatic_sms.remind_all_due()
    wipe_the_broker()  # with it goes the wake-up
    assert Message.objects.get().state == State.QUEUED
    worker(live_server.url)
    beat()
    wait_until(lambda: reminder_is_delivered(accepted))

    wipe_the_broker()  # under the feet of those who are at work
    untouched = due_for_reminder(queue)
    wait_until(lambda: reminder_is_delivered(untouched))
    assert SimulatedSms.objects.count() == Message.objects.count() == 2
    assert SimulatedSms.objects.first().text.startswith("VC Spindeln ringer ")
    assert Case.objects.filter(pk__in=[accepted.pk, untouched.pk], booking=1).count() == 2


def test_two_beats_do_no_harm(queue, worker, beat, live_server):
    worker(live_server.url)
    beat()
    beat()
    for due in [due_for_reminder(queue) for _ in range(3)]:
        wait_until(lambda case=due: reminder_is_delivered(case))
    assert SimulatedSms.objects.count() == Message.objects.count() == 3
