"""Admin > SMS som inte kunde placeras: the operator hands them on unread; who reads them leaves it on record."""

from __future__ import annotations

import pytest
from django.test import Client

from access.models import AccessEntry
from sms import inbound
from sms.models import UnplacedSms
from sms.providers.base import Reply
from teleq.models import CareProvider, OutgoingSms, User
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
def vera(client: Client, provider_administrator: User) -> Client:
    """The browser of the care provider's administrator."""
    client.force_login(provider_administrator)
    return client


@pytest.fixture
def unplaced() -> UnplacedSms:
    """From somebody that nobody has sent to."""
    inbound.receive("kannel", Reply(MOBILE, NOBODYS, "STOPP nu", "1"))
    return UnplacedSms.objects.get()


@pytest.fixture
def handed_over(unplaced: UnplacedSms, care_provider: CareProvider) -> UnplacedSms:
    assert inbound.hand_over_unplaced(unplaced.pk, care_provider)
    return unplaced


@pytest.mark.parametrize("who", ["operator", "provider_administrator"])
def test_the_list_says_when_from_which_provider_and_how_many_and_no_more(who, client, request, care_provider, unplaced):
    """The operator is also told to which number of ours: by that it is handed to a care provider."""
    inbound.receive("kannel", Reply("Vodafone", NOBODYS, "Din faktura", "2"))
    client.force_login(request.getfixturevalue(who))
    for sms in UnplacedSms.objects.all():
        inbound.hand_over_unplaced(sms.pk, care_provider)
    page = client.get(ADDRESS)
    text = text_of(page)
    assert "Antal: 2" in text
    assert text.count("idag") >= 2
    assert "kannel" in text
    for hidden in (MOBILE, MOBILE.removeprefix("+46"), "STOPP", "Vodafone", "faktura"):
        assert hidden not in page.content.decode().replace("STOPP. De", "")
    assert (NOBODYS in text) == (who == "operator")
    assert not AccessEntry.objects.exists()


def test_number_and_text_by_an_act_that_is_on_record(vera, provider_administrator, care_provider, handed_over):
    page = vera.post(ADDRESS, {"sms": handed_over.pk})
    assert page.status_code == 200
    text = text_of(page)
    assert MOBILE in text
    assert NOBODYS in text
    assert "STOPP nu" in text
    entry = AccessEntry.objects.get()
    assert (entry.user, entry.act, entry.phone_number) == (provider_administrator, AccessEntry.Act.UNPLACED, MOBILE)
    assert entry.care_provider == care_provider


def test_one_whose_sender_can_not_be_read_is_its_receivers_and_on_record_too(vera, provider_administrator, queue):
    """Sent to a number that a queue sends from: the care provider is known from the start."""
    OutgoingSms.objects.filter(queue=queue).update(sender=NOBODYS)
    inbound.receive("kannel", Reply("Vodafone", NOBODYS, "<b>Hej</b>", "2"))
    page = vera.post(ADDRESS, {"sms": UnplacedSms.objects.get().pk})
    assert "&lt;b&gt;Hej" in page.content.decode()
    assert AccessEntry.objects.get().user == provider_administrator


def test_the_operator_hands_one_to_a_care_provider_unread_and_once(drift, care_provider, other_care_provider, unplaced):
    page = drift.post(ADDRESS, {"sms": unplaced.pk, "care_provider": care_provider.pk}, follow=True)
    assert "SMS:et är lämnat till Vårdgivare 1." in text_of(page)
    assert MOBILE not in page.content.decode()
    again = drift.post(ADDRESS, {"sms": unplaced.pk, "care_provider": other_care_provider.pk}, follow=True)
    assert "redan lämnat till en vårdgivare" in text_of(again)
    unplaced.refresh_from_db()
    assert unplaced.care_provider == care_provider


@pytest.mark.parametrize("odd", ["", "0", "x", "9" * 30, "²"])
def test_without_a_care_provider_it_stays_where_it_is(odd, drift, unplaced):
    page = drift.post(ADDRESS, {"sms": unplaced.pk, "care_provider": odd}, follow=True)
    assert "Välj en vårdgivare." in text_of(page)
    unplaced.refresh_from_db()
    assert unplaced.care_provider is None


@pytest.mark.parametrize("odd", ["", "0", "-1", "x", "9" * 30, "²"])
@pytest.mark.parametrize("who", ["operator", "provider_administrator"])
def test_an_odd_one_is_not_found(odd, who, client, request, handed_over):
    client.force_login(request.getfixturevalue(who))
    assert client.post(ADDRESS, {"sms": odd}).status_code == 404
    assert not AccessEntry.objects.exists()


@pytest.mark.parametrize(
    ("who", "answer"),
    [("administrator", 403), ("log_reviewer", 403), ("other_provider_administrator", 404), ("operator", 302)],
)
def test_promise_9_nobody_else_reads_them(who, answer, client, request, handed_over):
    client.force_login(request.getfixturevalue(who))
    response = client.post(ADDRESS, {"sms": handed_over.pk})
    assert response.status_code == answer
    assert "STOPP nu" not in response.content.decode()
    if who in ("administrator", "log_reviewer"):
        assert "SMS som inte kunde placeras" not in client.get("/admin/").content.decode()
    acts = list(AccessEntry.objects.values_list("act", flat=True))
    assert acts == ([] if who == "operator" else ["refused"])


def test_one_that_is_nobodys_is_not_found_by_a_care_provider(vera, unplaced):
    assert vera.post(ADDRESS, {"sms": unplaced.pk}).status_code == 404


def test_the_log_leads_no_further_than_to_an_id(vera, handed_over, caplog):
    vera.post(ADDRESS, {"sms": handed_over.pk})
    assert "STOPP" not in caplog.text
    assert MOBILE not in caplog.text
