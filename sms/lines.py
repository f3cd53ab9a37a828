"""The providers as one drain uses them: in order, each with its rate limiter and its circuit breaker.

A message goes to the first that is ready and can send for its sender (`sms.routing`). What a provider surely didn't get
is offered to the next one at once, to each once; then the message waits like any other that is tried again. What may
have been sent is never offered. docs/decisions/0038 says why it is so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sms.circuit_breaker import CircuitBreaker
from sms.models import Lane
from sms.providers import PROVIDERS
from sms.providers.base import Outcome, SendResult
from sms.rate_limiter import RateLimiter
from sms.routing import able
from teleq.models import OutgoingSms

DUE_AS_BEFORE = {Outcome.SHUT, Outcome.NOT_STARTED}
"""A message with one of these waits without a delay."""


class Line:
    """One provider as the drain of one lane uses it."""

    def __init__(self, name: str, lane: Lane) -> None:
        self.provider = PROVIDERS[name]()
        self.limiter, self.breaker = RateLimiter(name, lane), CircuitBreaker(name)
        self.offered: list[int] = []
        """Messages that the provider before it has just turned away, by id."""
        self.in_flight: dict[int, str] = {}
        """The sender of each message that it has been given and whose result isn't known yet."""

    @property
    def name(self) -> str:
        return self.provider.name

    @property
    def is_ready(self) -> bool:
        """Whether it may be asked for a permit: not while its circuit is open, nor while it has a message on trial."""
        return not (self.breaker.is_open or self.breaker.is_half_open)


class Numbers:
    """The queues that send from a telephone number, by the one provider that can send for it.

    Read before a claim, for its `without`. The claim looks once more when it has locked the queues' settings.
    """

    def __init__(self, lines: Sequence[Line]) -> None:
        self._provider: dict[int, str] = {}
        if len(lines) > 1:  # with one provider there is nothing to choose
            senders = OutgoingSms.objects.filter(sender__startswith="+").values_list("queue_id", "sender")
            self._provider = {queue_id: name for queue_id, sender in senders for name in able(sender)}

    def belong_to(self, line: Line) -> bool:
        return line.name in self._provider.values()

    def of_others(self, line: Line) -> list[int]:
        """The queues that the provider can't send for."""
        return [queue_id for queue_id, name in self._provider.items() if name != line.name]

    def all_but_of(self, line: Line) -> list[int]:
        """The queues that another provider may send for, too, and those that the provider can't send for."""
        own = [queue_id for queue_id, name in self._provider.items() if name == line.name]
        return list(OutgoingSms.objects.exclude(queue_id__in=own).values_list("queue_id", flat=True))


def offer_to_next(lines: Sequence[Line], results: Mapping[int, SendResult]) -> bool:
    """Offer what a provider surely didn't get to the next one that can send it. Returns whether anything can be claimed
    at once."""
    again = False
    for place, line in enumerate(lines):
        for message_id in [each for each in results if each in line.in_flight]:
            sender, outcome = line.in_flight.pop(message_id), results[message_id].outcome
            if outcome is Outcome.RETRY_LATER:
                names = able(sender)
                following = (other for other in lines[place + 1 :] if other.is_ready and other.name in names)
                if to := next(following, None):
                    to.offered.append(message_id)
                    again = True
            elif line.breaker.is_open and outcome in DUE_AS_BEFORE:  # the next one claims it like any other
                again = True
    return again
