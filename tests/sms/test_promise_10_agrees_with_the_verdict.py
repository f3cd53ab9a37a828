"""The rule stands twice, in Python for screen and gateway and in SQL for the guard: they say the same of everything."""

from datetime import timedelta
from itertools import product

import pytest
from django.db import IntegrityError, connection, transaction

from consent import register
from consent.models import Answer, Channel, Consent
from consent.verdict import Verdict, verdict
from sms.models import Message
from teleq.clock import database_now
from teleq.models import OutgoingSms
from tests.conftest import MOBILE
from tests.database_roles import as_owner

pytestmark = [pytest.mark.django_db, pytest.mark.slow]

BOXES = ["ticked", "not ticked", "no settings"]
ANSWERS = [None, *Answer]


def guard_lets_it_leave() -> bool:
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("UPDATE sms_message SET state = 'sending', claimed_at = clock_timestamp()")
    except IntegrityError:
        return False
    return True


@pytest.mark.parametrize(("box", "answer", "lapsed"), list(product(BOXES, ANSWERS, [False, True])))
def test_the_guard_lets_leave_what_the_verdict_allows(box, answer, lapsed, accept, nurse, care_provider):
    accept()
    now = database_now()
    if box == "no settings":
        with as_owner():
            OutgoingSms.objects.all().delete()
    else:
        OutgoingSms.objects.update(consent_required=box == "ticked")
    if answer:
        Consent.objects.create(
            care_provider=care_provider,
            phone_number=MOBILE,
            answer=answer,
            answered_by=nurse,
            channel=Channel.CASE,
            answered_at=now - timedelta(days=400),
            valid_until=now + timedelta(days=-1 if lapsed else 1),
        )
    outgoing_sms = OutgoingSms.objects.filter(queue=Message.objects.get().queue).first()
    allowed = verdict(outgoing_sms, Consent.objects.first(), now) is Verdict.ALLOWED
    assert guard_lets_it_leave() is allowed

    register.store_withdrawals([(care_provider.pk, MOBILE)])
    [withdrawn] = Consent.objects.by_number([(care_provider.pk, MOBILE)]).values()
    assert verdict(outgoing_sms, withdrawn, database_now()) is Verdict.DECLINED
    assert not guard_lets_it_leave()
