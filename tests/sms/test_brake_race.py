"""Claims on real connections while the brake is set and released: after a stop is committed none claims anything."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import Future

import pytest
from django.db.models import Count, Q

from consent.models import Answer
from sms import brake, gateway
from sms.models import Kind, Lane, Message, SendingStop
from sms.states import State
from tests.concurrency import in_another_connection, wait_until

MESSAGES, CLAIM_SIZE, CLAIMERS, STOPS = 1200, 5, 4, 12


@pytest.mark.django_db(transaction=True)
def test_no_claim_is_committed_after_a_stop(draft, say, operator):
    say(Answer.YES)
    gateway.accept([draft(kind=Kind.CONFIRMATION if each % 2 else Kind.MANUAL) for each in range(MESSAGES)])
    ended: list[bool] = []
    claims: Counter[int] = Counter()
    """By claimer, how many claims it has made."""

    def claim_on_and_on(number: int) -> int:
        claimed = 0
        while not ended:
            claimed += len(gateway.claim(list(Lane)[number % 2], "simulator", CLAIM_SIZE).sending)
            claims[number] += 1
        return claimed

    def everybody_has_claimed_again() -> None:
        """Each claimer has begun a claim since now, and ended it."""
        before = dict(claims)
        wait_until(lambda: all(claims[number] >= before.get(number, 0) + 2 for number in range(CLAIMERS)))

    def claimed() -> int:
        return Message.objects.filter(state=State.SENDING).count()

    claimers: list[Future[int]] = []
    for number in range(CLAIMERS):
        claimers.append(in_another_connection(lambda number=number: claim_on_and_on(number)))
    try:
        for _ in range(STOPS):
            before = claimed()
            wait_until(lambda before=before: claimed() > before)
            stopped, _ = brake.stop("Fel länk.", by=operator)
            stood = claimed()
            everybody_has_claimed_again()
            assert claimed() == stood
            if stood == MESSAGES:
                pytest.fail("nothing was left to claim: the test says nothing")
            brake.release(stopped.pk, "Rättat.", by=operator)
    finally:
        ended.append(True)
    assert sum(claimer.result(60) for claimer in claimers) == claimed() > 0
    # By PostgreSQL's clock, the same.
    during = Q()
    for stopped in SendingStop.objects.all():
        during |= Q(claimed_at__gte=stopped.stopped_at, claimed_at__lte=stopped.released_at)
    assert Message.objects.aggregate(during=Count("id", filter=during))["during"] == 0
