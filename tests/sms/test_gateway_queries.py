"""A claim and a record take the same few queries for one message as for two hundred, of one queue or of many."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from consent.models import Answer
from sms import gateway, outcomes
from sms.models import Lane, Message, Refusal
from sms.providers.base import Outcome, SendResult
from sms.states import State
from teleq.clock import database_now
from tests.conftest import LANDLINE, MOBILE, make_queue

pytestmark = pytest.mark.django_db(transaction=True)  # a claim is a transaction of its own

UNANSWERED = "+46701740606"
ACCEPTED = SendResult(Outcome.ACCEPTED, provider_message_id="id-1", status="created")


def queries(act: Callable[[], object]) -> list[str]:
    with CaptureQueriesContext(connection) as captured:
        act()
    return [query["sql"] for query in captured]


def claim_and_record() -> tuple[list[str], list[str]]:
    """The queries of each, for all that is due."""
    claims: list[gateway.Claim] = []
    claiming = queries(lambda: claims.append(gateway.claim(Lane.BULK, "simulator")))
    results = {message.pk: ACCEPTED for message in claims[0].sending}
    recording = queries(lambda: outcomes.record(results))
    assert not Message.objects.filter(state__in=[State.QUEUED, State.SENDING]).exists()
    return claiming, recording


@pytest.fixture
def of_one(accept, say) -> tuple[int, int]:
    """How many queries one message takes."""
    say(Answer.YES)
    accept()
    claiming, recording = claim_and_record()
    return len(claiming), len(recording)


@pytest.mark.parametrize("messages", [20, gateway.CLAIM_SIZE])
def test_many_messages_take_as_many_queries_as_one(messages, draft, of_one):
    gateway.accept([draft() for _ in range(messages)])
    assert tuple(map(len, claim_and_record())) == of_one


def test_many_queues_take_as_many_queries_as_one(draft, care_provider, of_one):
    queues = [make_queue(care_provider, f"Kö {number}", consent_required=True) for number in range(20)]
    gateway.accept([draft(queue_id=queue.pk) for queue in queues])
    assert tuple(map(len, claim_and_record())) == of_one


def test_messages_that_are_stopped_take_no_query_of_their_own(accept, say, of_one):
    say(Answer.YES, LANDLINE)
    at = database_now()
    for _ in range(5):
        accept(to_number=UNANSWERED)
        accept(to_number=LANDLINE)
        accept(due_at=at - timedelta(hours=2), send_before=at - timedelta(hours=1))
        accept()
    assert tuple(map(len, claim_and_record())) == of_one
    for outcome in ({"state": State.EXPIRED}, {"refusal": Refusal.MISSING}, {"refusal": Refusal.NOT_MOBILE}):
        assert Message.objects.filter(**outcome).count() == 5


def test_what_is_handed_over_is_read_by_the_claim(accept, say):
    """Nothing about a message is asked for between its claim and the provider."""
    say(Answer.YES)
    accept()
    claimed = gateway.claim(Lane.BULK, "simulator")
    [message] = claimed.sending
    read: list[object] = []
    assert not queries(lambda: read.extend([message.number, message.text, message.receipt_token]))
    assert read[0] == MOBILE
