"""Promise 7: what the nurse sees is what the gateway does: one rule when a message is accepted and when it is claimed.

That the screen asks it too is tested with the cases; its full truth table, with the consent.
"""

import pytest

from consent import register
from consent.models import Answer, Consent
from sms import gateway
from sms.models import Kind, Lane, State
from teleq.models import OutgoingSms, database_now
from tests.conftest import LANDLINE, MOBILE

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("number", [MOBILE, LANDLINE])
@pytest.mark.parametrize("lapsed", [False, True], ids=["in force", "lapsed"])
@pytest.mark.parametrize("answer", [None, *Answer])
@pytest.mark.parametrize("box", ["ticked", "not ticked", "missing"])
def test_accept_and_claim_say_what_the_rule_says(box, answer, lapsed, number, accept, say, queue, care_provider):
    if answer:
        say(Answer.YES if answer is not Answer.YES else Answer.NO, number=number)
        say(answer, number=number)
    if lapsed:
        Consent.objects.update(answered_at="2024-01-01T00:00Z", valid_until="2025-03-01T00:00Z")
    rows = OutgoingSms.objects.filter(queue=queue)
    rows.delete() if box == "missing" else rows.update(consent_required=box == "ticked")

    consent = register.current(care_provider.pk, number).consent
    expected = gateway.refusal(rows.first(), consent, number, database_now())

    accepted = accept(kind=Kind.MANUAL, to_number=number)
    assert accepted.refusal == (expected or "")
    automatic = accept(to_number=number)
    assert automatic.state == State.QUEUED
    claimed = gateway.claim(Lane.BULK, "simulator")
    automatic.refresh_from_db()
    assert automatic.refusal == (expected or "")
    assert len(claimed.sending) == (0 if expected else 1)
