"""The ledger: a day of answers, withdrawals, lapses and messages at random, and afterwards every message is accounted
for by the history, read by code that shares nothing with the gateway's."""

from __future__ import annotations

from datetime import timedelta
from random import Random

import pytest
from django.db import connection

from consent.models import Answer, Consent
from sms import gateway
from sms.models import Kind, Lane, Message
from teleq.clock import database_now
from teleq.models import OutgoingSms

pytestmark = [pytest.mark.django_db, pytest.mark.slow]

NUMBERS = [f"+46701740{number}" for number in range(605, 611)]
AT_THAT_MOMENT = """
    SELECT m.id, m.state, m.refusal, m.consent_event_id, m.consent_required, last.pgh_id,
        coalesce(CASE WHEN last.valid_until > coalesce(m.claimed_at, m.state_at) THEN last.answer END, 'unset')
    FROM sms_message m LEFT JOIN LATERAL (
        SELECT * FROM consent_consentevent e
        WHERE e.phone_number = m.to_number AND e.pgh_created_at <= coalesce(m.claimed_at, m.state_at)
        ORDER BY pgh_id DESC LIMIT 1
    ) AS last ON true ORDER BY m.id
"""
"""Each message, and the number's last event before it was judged, with what that counted as then."""


def a_day(dice: Random, acts: int, say, draft, queue) -> None:
    for act in range(acts):
        number = dice.choice(NUMBERS)
        match dice.randrange(6):
            case 0 | 1:
                say(dice.choice(list(Answer)), number)
            case 2:
                now = database_now()
                lapsed = Consent.objects.filter(phone_number=number)
                lapsed.update(answered_at=now - timedelta(days=430), valid_until=now)
            case 3:
                gateway.accept([draft(to_number=number, kind=dice.choice(list(Kind)), key=f"{act}")])
            case 4:
                gateway.drain(dice.choice(list(Lane)))
            case 5:
                ticked = dice.random() < 0.7
                OutgoingSms.objects.filter(queue=queue).update(consent_required=ticked)
    for lane in Lane:
        gateway.drain(lane)


@pytest.mark.parametrize("seed", range(5))
def test_every_message_sent_had_a_ja_or_needed_none_and_every_refusal_its_reason(seed, say, draft, queue, provider):
    a_day(Random(seed), 150, say, draft, queue)
    with connection.cursor() as cursor:
        cursor.execute(AT_THAT_MOMENT)
        ledger = cursor.fetchall()
    assert len(ledger) == Message.objects.count() > 10
    for message, state, refusal, decided_by, required, last, answer in ledger:
        assert decided_by == last, message
        if state == "sent":
            assert answer == "yes" or (not required and answer != "no"), message
        else:
            assert (state, refusal) == ("refused", "declined" if answer == "no" else "missing"), message
            assert answer == "no" or (required and answer == "unset"), message
    assert len(provider.received) == sum(state == "sent" for _, state, *_ in ledger)
