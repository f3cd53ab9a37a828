"""Admin > SMS som inte kunde placeras: the operator sees that they are there; whose they are, by an act on record."""

from __future__ import annotations

import pytest
from django.test import Client

from access.models import AccessEntry
from sms import inbound
from sms.models import UnplacedSms
from sms.providers.base import Reply
from teleq.models import User
from tests.administration.forms import text_of
from tests.conftest import MOBILE

pytestmark = pytest.mark.django_db

ADDRESS = "/admin/unplaced-sms/"
NOBODYS = "+46701740698"


@pytest.fixture
def drift(client: Client, operator: User) -> Client:
    """The operator's browser."""
    client.force_login(operator)
    return client


@pytest.fixture
def unplaced() -> UnplacedSms:
    """From somebody that nobody has sent to."""
    inbound.receive("kannel", Reply(MOBILE, NOBODYS, "STOPP nu", "1"))
    return UnplacedSms.objects.get()


def test_when_from_which_provider_and_how_many_and_no_more(drift, unplaced):
    inbound.receive("kannel", Reply("Vodafone", NOBODYS, "Din faktura", "2"))
    page = drift.get(ADDRESS)
    text = text_of(page)
    assert "Antal: 2" in text
    assert text.count("idag") >= 2
    assert "kannel" in text
    for hidden in (MOBILE, MOBILE.removeprefix("+46"), NOBODYS, "STOPP", "Vodafone", "faktura"):
        assert hidden not in page.content.decode().replace("STOPP. De", "")
    assert not AccessEntry.objects.exists()


def test_number_and_text_by_an_act_that_is_on_record(drift, operator, unplaced):
    page = drift.post(ADDRESS, {"sms": unplaced.pk})
    assert page.status_code == 200
    text = text_of(page)
    assert MOBILE in text
    assert NOBODYS in text
    assert "STOPP nu" in text
    entry = AccessEntry.objects.get()
    assert (entry.user, entry.act, entry.phone_number) == (operator, AccessEntry.Act.UNPLACED, MOBILE)


def test_one_whose_sender_can_not_be_read_is_on_record_too(drift, operator):
    inbound.receive("kannel", Reply("Vodafone", "", "<b>Hej</b>", "2"))
    page = drift.post(ADDRESS, {"sms": UnplacedSms.objects.get().pk})
    assert "&lt;b&gt;Hej" in page.content.decode()
    assert AccessEntry.objects.get().user == operator


@pytest.mark.parametrize("odd", ["", "0", "-1", "x", "9" * 30, "²"])
def test_an_odd_one_is_not_found(odd, drift, unplaced):
    assert drift.post(ADDRESS, {"sms": odd}).status_code == 404
    assert not AccessEntry.objects.exists()


def test_promise_9_nobody_else_reads_them(client, administrator, unplaced):
    client.force_login(administrator)
    answer = client.post(ADDRESS, {"sms": unplaced.pk})
    assert answer.status_code == 403
    assert "STOPP" not in answer.content.decode()
    assert "SMS som inte kunde placeras" not in client.get("/admin/").content.decode()
    assert not AccessEntry.objects.exists()


def test_the_log_leads_no_further_than_to_an_id(drift, unplaced, caplog):
    drift.post(ADDRESS, {"sms": unplaced.pk})
    assert "STOPP" not in caplog.text
    assert MOBILE not in caplog.text
