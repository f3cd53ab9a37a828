"""Promise 7: what the nurse sees is what the gateway does: one rule when a message is accepted and when it is claimed.

That the screen asks it too is tested with the cases; its full truth table, with the consent.
"""

from itertools import product

import pytest

from consent.models import Answer, Consent
from sms import gateway
from sms.judge import refusal
from sms.models import Kind, Lane, Message
from sms.states import State
from teleq.clock import database_now
from teleq.models import OutgoingSms
from tests.database_roles import as_owner

pytestmark = pytest.mark.django_db(transaction=True)

MOBILES, LANDLINES = "+467017406{:02}", "+468465004{:02}"


@pytest.fixture
def numbers(say) -> list[str]:
    """Mobiles and landlines with every answer, in force and lapsed, and with none."""
    numbers = []
    for form, (index, (answer, lapsed)) in product((MOBILES, LANDLINES), enumerate(product(Answer, (False, True)), 5)):
        number = form.format(index)
        say(Answer.NO if answer is not Answer.NO else Answer.YES, number=number)
        say(answer, number=number)
        if lapsed:
            lapsed_at = {"answered_at": "2024-01-01T00:00Z", "valid_until": "2025-03-01T00:00Z"}
            Consent.objects.filter(phone_number=number).update(**lapsed_at)
        numbers.append(number)
    return [*numbers, MOBILES.format(99), LANDLINES.format(99)]


@pytest.mark.parametrize("box", ["ticked", "not ticked", "missing"])
def test_accept_and_claim_say_what_the_rule_says(box, numbers, draft, queue, care_provider):
    rows = OutgoingSms.objects.filter(queue=queue)
    with as_owner():
        rows.delete() if box == "missing" else rows.update(consent_required=box == "ticked")
    outgoing_sms, consents = rows.first(), Consent.objects.by_number([(care_provider.pk, number) for number in numbers])
    at = database_now()
    rule = {
        number: refusal(outgoing_sms, consents.get((care_provider.pk, number)), number, at) or "" for number in numbers
    }
    assert len(set(rule.values())) == {"ticked": 4, "not ticked": 3, "missing": 2}[box]

    accepted = gateway.accept([draft(kind=Kind.MANUAL, to_number=number) for number in numbers])
    assert {message.to_number.as_e164: message.refusal for message in accepted} == rule

    automatic = gateway.accept([draft(to_number=number) for number in numbers])
    assert {message.state for message in automatic} == {State.QUEUED}
    gateway.claim(Lane.BULK, "simulator")
    claimed = Message.objects.filter(kind=Kind.REMINDER)
    assert {message.to_number.as_e164: message.refusal for message in claimed} == rule
    assert {message.state for message in claimed if not message.refusal} <= {State.SENDING}
