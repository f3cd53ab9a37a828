"""What the tests of providers share."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from sms import gateway
from sms.models import Lane, Message
from tests.sms.wire import Wire, listening


@pytest.fixture
def wire() -> Iterator[Wire]:
    with listening() as server:
        yield server


@pytest.fixture
def send(draft, plain_queue) -> Callable[..., Message]:
    """Hand one message over, in a queue where no Ja is needed."""

    def hand_over(text: str = "Hej! Vi ringer åter.", to_number: str = "+46701740620") -> Message:
        [message] = gateway.accept([draft(queue_id=plain_queue.pk, to_number=to_number, text=text)])
        gateway.drain(Lane.BULK)
        return Message.objects.get(pk=message.pk)

    return hand_over
