"""Promise 5: a later Ja never releases a message that was refused. Sending again is a new act."""

import pytest

from consent.models import Answer
from sms import gateway
from sms.models import Kind, Lane, Message
from sms.states import State

pytestmark = pytest.mark.django_db(transaction=True)


def drain_both_lanes() -> None:
    for lane in Lane:
        gateway.drain(lane)


@pytest.fixture(params=[Kind.MANUAL, Kind.CONFIRMATION, Kind.REMINDER])
def kind(request) -> Kind:
    return request.param


@pytest.mark.parametrize("answer", [Answer.NO, None])
def test_a_later_yes_does_not_release_it(kind, answer, accept, say, provider, wakes_at_once):
    if answer:
        say(answer)
    message = accept(kind=kind)
    message.refresh_from_db()
    assert message.state == State.REFUSED
    say(Answer.YES)
    gateway.sweep()
    drain_both_lanes()
    again = Message.objects.get()
    assert (again.state, again.refusal, again.state_at) == (State.REFUSED, message.refusal, message.state_at)
    assert provider.received == []


def test_asking_again_with_its_key_does_not_release_it(kind, draft, say, provider):
    gateway.accept([draft(key="one", kind=kind)])
    drain_both_lanes()
    say(Answer.YES)
    assert gateway.accept([draft(key="one", kind=kind)]) == []
    drain_both_lanes()
    assert Message.objects.get().state == State.REFUSED
    assert provider.received == []


def test_sending_again_is_a_message_of_its_own(kind, accept, say, provider):
    refused = accept(kind=kind)
    drain_both_lanes()
    say(Answer.YES)
    again = accept(kind=kind)
    drain_both_lanes()
    refused.refresh_from_db()
    again.refresh_from_db()
    assert (refused.state, again.state) == (State.REFUSED, State.SENT)
    assert len(provider.received) == 1
