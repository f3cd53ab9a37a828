"""A row that is inserted unless it is there."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, transaction

from cases.models import ClosedDay
from consent.models import Consent
from sms.models import InboundSms
from teleq.database import insert_unless_there
from tests.concurrency import in_another_connection, wait_until_a_connection_waits_for_a_lock
from tests.conftest import MOBILE


def reply(queue, number=MOBILE, **columns) -> InboundSms:
    values = {"text": "Hej", "provider": "kannel", "provider_message_id": "samma"} | columns
    return InboundSms(queue=queue, from_number=number, **values)


@pytest.mark.django_db
def test_a_new_one_is_there_with_its_id_and_what_postgresql_filled_in(queue):
    new = reply(queue)
    assert insert_unless_there(new)
    stored = InboundSms.objects.get()
    assert (stored.pk, stored.received_at, stored.text) == (new.pk, new.received_at, "Hej")
    new.text = "Hej då"
    new.save()  # it is known to be there
    assert InboundSms.objects.get().text == "Hej då"


@pytest.mark.django_db
def test_one_whose_key_is_taken_is_not_and_the_other_stays(queue, django_assert_num_queries):
    insert_unless_there(reply(queue))
    with django_assert_num_queries(1):
        assert not insert_unless_there(reply(queue, text="Något annat"))
    assert InboundSms.objects.get().text == "Hej"


@pytest.mark.django_db
def test_what_is_wrong_with_it_otherwise_is_an_error(queue):
    with pytest.raises(IntegrityError), transaction.atomic():
        insert_unless_there(ClosedDay(queue=queue, day=None))


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("kept", [True, False])
def test_who_is_inserting_the_same_at_this_moment_is_waited_for(kept, queue):
    with transaction.atomic():
        insert_unless_there(reply(queue))
        other = in_another_connection(lambda: insert_unless_there(reply(queue)))
        wait_until_a_connection_waits_for_a_lock()
        transaction.set_rollback(not kept)
    assert other.result(20) is not kept
    assert InboundSms.objects.count() == 1
    assert not Consent.objects.exists()
