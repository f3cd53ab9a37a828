"""Promise 3: "Nej" is immediate. Claim and answer take the same row locks, so every run has one order."""

import pytest
from django.db import transaction

from consent.models import Answer
from sms import gateway
from sms.models import Lane, Message, Refusal, State
from teleq import administration
from teleq.models import OutgoingSms
from tests.concurrency import in_another_connection, wait_until_a_connection_waits_for_a_lock

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize(("answer", "reason"), [(Answer.NO, Refusal.DECLINED), (Answer.UNSET, Refusal.MISSING)])
def test_a_claim_waits_for_an_answer_that_is_being_written_and_obeys_it(answer, reason, accept, say, provider):
    say(Answer.YES)
    message = accept()
    with transaction.atomic():
        say(answer)
        drained = in_another_connection(lambda: gateway.drain(Lane.BULK))
        wait_until_a_connection_waits_for_a_lock()
    drained.result(20)
    message.refresh_from_db()
    assert (message.state, message.refusal) == (State.REFUSED, reason)
    assert provider.received == []


def test_an_answer_waits_for_a_claim_that_came_first(accept, say, provider, queue):
    yes = say(Answer.YES)
    message = accept()
    with transaction.atomic():  # what a claim holds while it judges
        list(Message.objects.due().select_for_update())
        OutgoingSms.objects.held([queue.pk])
        held = type(yes.consent).objects.held([yes.consent.key])
        no = in_another_connection(lambda: say(Answer.NO))
        wait_until_a_connection_waits_for_a_lock()
        assert held[yes.consent.key].answer == Answer.YES
    assert no.result(20).consent.answer == Answer.NO
    gateway.drain(Lane.BULK)
    message.refresh_from_db()
    assert message.refusal == Refusal.DECLINED


def test_a_claim_waits_for_the_switch_that_is_being_turned_and_obeys_it(accept, plain_queue, provider):
    message = accept(queue_id=plain_queue.pk)
    settings = OutgoingSms.objects.get(queue=plain_queue)
    settings.consent_required = True
    with transaction.atomic():
        administration.save_outgoing_sms(settings)
        drained = in_another_connection(lambda: gateway.drain(Lane.BULK))
        wait_until_a_connection_waits_for_a_lock()
    drained.result(20)
    message.refresh_from_db()
    assert message.refusal == Refusal.MISSING
    assert provider.received == []


def test_a_message_that_waits_to_be_tried_again_is_judged_again(accept, say, provider):
    say(Answer.YES)
    message = accept()
    provider.answers = [503]
    gateway.drain(Lane.BULK)
    message.refresh_from_db()
    assert message.state == State.QUEUED
    say(Answer.NO)
    Message.objects.update(due_at=message.created_at)
    gateway.drain(Lane.BULK)
    message.refresh_from_db()
    assert message.refusal == Refusal.DECLINED
    assert len(provider.received) == 1
