"""What becomes of messages is counted: once each, by kind, provider and reason, in whichever process it happens."""

from __future__ import annotations

import os
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta

import pytest
from django.db import OperationalError, transaction
from prometheus_client import CollectorRegistry, Histogram
from prometheus_client.parser import text_string_to_metric_families

from consent.models import Answer
from local.servers import free_port
from sms import gateway, outcomes, receipts
from sms.models import Kind, Lane, Message
from sms.providers.base import Delivery, DeliveryReport, Outcome, SendResult
from sms.states import State
from teleq import metrics
from teleq.clock import database_now
from teleq.metrics import Durations
from tests.concurrency import wait_until
from tests.conftest import LANDLINE, MOBILE

pytestmark = pytest.mark.django_db(transaction=True)


def read(text: str) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


@pytest.fixture
def counted() -> Callable[..., float]:
    """By how much a metric has grown since the test began."""
    before = read(metrics.exposition().decode())

    def grown(name: str, **labels: str) -> float:
        key = (name, frozenset(labels.items()))
        return read(metrics.exposition().decode()).get(key, 0.0) - before.get(key, 0.0)

    return grown


def test_a_message_is_counted_when_it_is_accepted_taken_and_delivered(counted, accept, say, provider):
    say(Answer.YES)
    message = accept()
    assert counted("teleq_sms_accepted_total", kind="reminder") == 1
    gateway.drain(Lane.BULK)
    by = {"kind": "reminder", "provider": "simulator"}
    assert counted("teleq_sms_outcomes_total", **by, state="sent") == 1
    assert counted("teleq_sms_handover_seconds_count", kind="reminder") == 1
    report = DeliveryReport(Delivery.DELIVERED)
    for _ in range(2):  # the second is no news
        receipts.record("simulator", message.pk, message.receipt_token, report)
    assert counted("teleq_sms_outcomes_total", **by, state="delivered") == 1
    assert counted("teleq_sms_delivery_seconds_count", kind="reminder") == 1


def test_the_same_key_again_is_the_same_message_and_counted_once(counted, draft):
    again = draft()
    for _ in range(3):
        gateway.accept([again])
    assert counted("teleq_sms_accepted_total", kind="reminder") == 1


def test_a_result_that_could_not_be_recorded_and_is_recorded_again_is_counted_once(counted, accept, say, provider):
    say(Answer.YES)
    message = accept()
    claimed = gateway.claim(Lane.BULK, "simulator")
    result = {message.pk: SendResult(Outcome.ACCEPTED)}
    with suppress(OperationalError), transaction.atomic():
        outcomes.record(result)
        raise OperationalError
    outcomes.record(result, {message.pk: claimed.at})
    assert Message.objects.get(pk=message.pk).state == State.SENT
    assert counted("teleq_sms_outcomes_total", kind="reminder", provider="simulator", state="sent") == 1


def test_what_is_stopped_is_counted_by_its_reason(counted, accept, say, plain_queue):
    say(Answer.NO)
    accept()  # judged when it is claimed
    accept(kind=Kind.MANUAL)  # judged at once
    accept(to_number="+46701740606")
    accept(to_number=LANDLINE, queue_id=plain_queue.pk)
    now = database_now()
    accept(due_at=now - timedelta(hours=2), send_before=now - timedelta(hours=1))
    gateway.drain(Lane.BULK)
    gateway.drain(Lane.MANUAL)
    assert counted("teleq_sms_refused_total", reason="declined") == 2
    assert counted("teleq_sms_refused_total", reason="missing") == 1
    assert counted("teleq_sms_refused_total", reason="not_mobile") == 1
    assert counted("teleq_sms_expired_total") == 1


@pytest.mark.parametrize(("response", "state"), [(400, "failed"), ("cut", "unknown"), (503, "queued")])
def test_what_the_provider_does_not_take_is_counted_by_what_became_of_it(
    response, state, counted, accept, say, provider
):
    say(Answer.YES)
    provider.responses = [response]
    accept(kind=Kind.MANUAL)
    gateway.drain(Lane.MANUAL)
    assert counted("teleq_sms_outcomes_total", kind="manual", provider="simulator", state=state) == 1
    assert counted("teleq_sms_handover_seconds_count", kind="manual") == 0


def test_what_a_sweep_finds_is_counted_as_unknown(counted, accept, say):
    say(Answer.YES)
    message = accept()
    claimed = gateway.claim(Lane.BULK, "simulator")
    assert claimed.sending
    Message.objects.filter(pk=message.pk).update(state_at=message.created_at - timedelta(minutes=3))
    gateway.sweep()
    assert Message.objects.get(pk=message.pk).state == State.UNKNOWN
    assert counted("teleq_sms_outcomes_total", kind="reminder", provider="simulator", state="unknown") == 1


def test_the_time_counts_from_when_a_message_was_accepted(counted, accept, say, provider):
    say(Answer.YES)
    message = accept()
    from tests.database_roles import past_the_triggers  # noqa: PLC0415

    with past_the_triggers():
        Message.objects.filter(pk=message.pk).update(created_at=message.created_at - timedelta(minutes=10))
    gateway.drain(Lane.BULK)
    assert counted("teleq_sms_handover_seconds_bucket", kind="reminder", le="300.0") == 0
    assert counted("teleq_sms_handover_seconds_bucket", kind="reminder", le="900.0") == 1


def test_many_times_at_once_are_counted_as_one_by_one():
    bounds = [0.1, 1, 10]
    seconds = [0.0, 0.1, 0.10001, 1, 5, 10, 11, 10_000]
    registry = CollectorRegistry()
    at_once = Durations("at_once", "", buckets=bounds, registry=registry)
    one_by_one = Histogram("one_by_one", "", buckets=bounds, registry=registry)
    at_once.observe_all(seconds)
    for each in seconds:
        one_by_one.observe(each)
    told = {
        name: [(sample.name.removeprefix(name), sample.labels, sample.value) for sample in family.samples]
        for name, family in ((family.name, family) for family in registry.collect())
    }
    assert told["at_once"] == told["one_by_one"]


def test_a_worker_tells_on_its_port_what_all_its_processes_have_counted(accept, say, celery, provider, tmp_path):
    say(Answer.YES)
    port = free_port()
    celery(
        *("worker", "--concurrency=2", "--without-gossip", "--without-mingle", "-Q", "manual,bulk,sweep"),
        TELEQ_URL=provider.url,
        METRICS_PORT=str(port),
        PROMETHEUS_MULTIPROC_DIR=str(tmp_path / "metrics"),
    )
    accept(kind=Kind.MANUAL)
    accept()

    def told() -> str:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as response:
                return response.read().decode()
        except OSError:
            return ""

    def sent(kind: str) -> float | None:
        labels = {"kind": kind, "provider": "simulator", "state": "sent"}
        return read(told()).get(("teleq_sms_outcomes_total", frozenset(labels.items())))

    wait_until(lambda: sent("manual") == sent("reminder") == 1)
    assert len([name for name in os.listdir(tmp_path / "metrics") if name.startswith("counter")]) >= 2
    assert MOBILE not in told()
