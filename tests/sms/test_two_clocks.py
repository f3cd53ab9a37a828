"""Beat's machine and the workers' disagree about the time, and what beat asks for is done all the same."""

from __future__ import annotations

from datetime import timedelta

import pytest
from celery.beat import ScheduleEntry, Scheduler

from consent.models import Answer
from sms.models import InboundSms, Kind, Message
from sms.states import State
from teleq.celery import app
from teleq.clock import database_now
from tests.cases.reminding import set_up
from tests.concurrency import wait_until
from tests.conftest import MOBILE
from tests.sms.broker import wipe_the_broker
from tests.sms.test_worker_and_beat import due_for_reminder

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(params=["two minutes", "two hours"])
def behind(request, monkeypatch) -> None:
    """This process is beat's machine, and its clock is behind."""
    by, now = {"two minutes": timedelta(minutes=2), "two hours": timedelta(hours=2)}[request.param], app.now
    monkeypatch.setattr(app, "now", lambda: now() - by)


def beat_asks() -> None:
    """For everything, as beat itself does when it is time."""
    scheduler = Scheduler(app, lazy=True)
    for name, entry in app.conf.beat_schedule.items():
        scheduler.apply_async(ScheduleEntry(name=name, app=app, **entry), advance=False)


def test_what_is_due_is_sent_reminders_are_made_and_what_is_past_its_time_is_removed(
    behind, queue, accept, say, worker, retention_worker, provider
):
    say(Answer.YES)
    set_up(queue, reminder_on=True, reminder_minutes=60, reminder_text="{enhet} ringer {tid}.")
    accept()
    due_for_reminder(queue)
    old = database_now() - timedelta(days=1000)
    InboundSms.objects.create(queue=queue, from_number=MOBILE, text="Tack!", provider="simulator", received_at=old)
    wipe_the_broker()  # with it go the wake-ups
    worker(provider.url)
    retention_worker()
    beat_asks()
    wait_until(lambda: Message.objects.filter(state=State.SENT).exists())
    wait_until(lambda: Message.objects.filter(kind=Kind.REMINDER, case_message__isnull=False).exists())
    wait_until(lambda: not InboundSms.objects.exists())
