"""Admin > Återuppringningar som kan ha gått förlorade: what a provider sent and a restored copy knows nothing of."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client

from access.models import AccessEntry
from sms.models import LostSms
from teleq.clock import database_now
from teleq.models import OutgoingSms, User
from tests.administration.forms import text_of
from tests.cases.protecting import mark
from tests.conftest import MOBILE
from tests.database_roles import a_night_goes_by, past_the_triggers

pytestmark = pytest.mark.django_db

ADDRESS = "/admin/lost-callbacks/"
OTHER = "+46701740699"


@pytest.fixture
def lose(care_provider):
    def one(number: str = MOBILE, **columns: object) -> LostSms:
        values = {
            "care_provider": care_provider,
            "provider": "twilio",
            "provider_message_id": f"s{LostSms.objects.count()}",
            "sender": "teleQ",
            "to_number": number,
            "text": "Din tid är bokad.",
            "sent_at": database_now(),
        }
        return LostSms.objects.create(**(values | columns))

    return one


def page_of(user: User) -> str:
    client = Client()
    client.force_login(user)
    response = client.get(ADDRESS)
    assert response.status_code == 200
    return text_of(response)


def test_it_is_told_when_to_which_number_and_that_no_case_is_there(administrator, lose):
    lose()
    lose(OTHER, text="")
    text = page_of(administrator)
    assert "070-174 06 05" in text
    assert "Din tid är bokad." in text
    assert "Inget ärende" in text
    assert "Leverantören sparar inte texten." in text


def test_a_case_that_is_there_by_now_is_told(administrator, case, lose):
    lose()
    text = page_of(administrator)
    assert f"Ärende {case.pk}" in text
    assert "Inget ärende" not in text


def test_each_number_shown_is_a_look_within_the_hour_once(administrator, lose):
    lose()
    page_of(administrator)
    page_of(administrator)
    entries = AccessEntry.objects.filter(act=AccessEntry.Act.LOST, user=administrator)
    assert {entry.phone_number for entry in entries} == {MOBILE}


def test_anothers_are_not_shown(administrator, outsider, lose, queue, other_queue):
    """Neither another care provider's, nor those from another sender of the same care provider, nor nobody's."""
    lose()
    lose(OTHER, sender="Annan")
    lose(OTHER, care_provider=None)
    assert "070-174 06 99" not in page_of(administrator)
    OutgoingSms.objects.filter(queue=other_queue).update(sender="teleQ")
    assert "070-174 06 05" not in page_of(outsider)


def test_a_protected_patients_number_is_hidden(administrator, nurse, case, lose):
    mark(case, nurse)
    lose()
    text = page_of(administrator)
    assert "Skyddade personuppgifter" in text
    assert "070-174 06 05" not in text
    assert "Din tid är bokad." not in text


def test_the_first_page_leads_there_while_there_are_any(administrator, operator, lose):
    client = Client()
    client.force_login(administrator)
    assert ADDRESS not in client.get("/admin/").content.decode()
    lose()
    assert ADDRESS in client.get("/admin/").content.decode()
    client.force_login(operator)
    assert ADDRESS not in client.get("/admin/").content.decode()


@pytest.mark.django_db(transaction=True)
def test_they_are_removed_with_the_other_texts(lose, settings):
    kept, gone = lose(), lose(OTHER)
    with past_the_triggers():
        LostSms.objects.filter(pk=gone.pk).update(
            sent_at=database_now() - settings.KEEP_SMS_TEXTS - timedelta(minutes=1)
        )
    assert a_night_goes_by()
    assert list(LostSms.objects.all()) == [kept]
