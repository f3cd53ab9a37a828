"""A provider's outage is two lines in the workers' log, when it begins and when it ends: however many messages wait."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import transaction
from django.db.models.functions import Now

from consent.models import Answer
from sms import gateway
from sms.models import Kind, Lane, Message, ProviderState, Unsettled
from sms.states import State
from tests.concurrency import wait_until
from tests.sms.broker import wipe_the_broker

pytestmark = pytest.mark.django_db(transaction=True)

MANY = 1500


def alarming(log: Path) -> list[str]:
    """Lines of WARNING and worse, without those of the start (Celery passes on what is printed)."""
    return re.findall(r"^\S+ (?:WARNING|ERROR|CRITICAL) (?!celery\.redirected).*$", log.read_text(), re.MULTILINE)


def a_trial_begins() -> None:
    ProviderState.objects.update(open_until=Now() - timedelta(seconds=1))
    gateway.wake(Lane.BULK)


def all_have_left() -> bool:
    """Without waiting for those to be due that were tried in vain."""
    for lane in Lane:
        with transaction.atomic():  # the small table's rows are locked before their messages, as by everybody
            waiting = Unsettled.objects.waiting(lane).hold()
            Message.objects.filter(pk__in=waiting).update(due_at=Now() - timedelta(seconds=1))
        if waiting:
            gateway.wake(lane)
    return not Message.objects.filter(state__in=[State.QUEUED, State.SENDING]).exists()


@pytest.mark.parametrize("response", [503, "cut"])
def test_it_is_told_when_it_begins_and_when_it_ends(response, draft, say, provider, worker, tmp_path):
    say(Answer.YES)
    provider.responses = [response] * 10 * MANY
    wipe_the_broker()
    gateway.accept([draft() for _ in range(MANY)])
    worker(provider.url)
    wait_until(lambda: ProviderState.objects.filter(open_until__isnull=False).exists())
    for _ in range(3):
        gateway.accept([draft(kind=Kind.MANUAL) for _ in range(5)])
        asked = len(provider.received)
        a_trial_begins()
        wait_until(lambda before=asked: len(provider.received) > before)
        wait_until(lambda: ProviderState.objects.filter(open_until__gt=Now()).exists())
    provider.responses = []
    a_trial_begins()
    wait_until(lambda: not ProviderState.objects.filter(open_until__isnull=False).exists())
    wait_until(all_have_left)
    assert Message.objects.filter(state=State.SENT).count() > MANY / 2
    begins, ends = alarming(tmp_path / "worker.log")
    assert "circuit breaker open, " in begins
    assert "circuit breaker closed" in ends
