"""What patients reply, as staff see it: in the number's open case, else in the queue's list."""

import pytest
from django.db import transaction
from django.urls import reverse

from access.models import AccessEntry
from cases import acts
from cases.models import Status
from sms import inbound
from sms.models import InboundSms
from sms.providers.base import Reply
from tests.cases.desk import desk_of, in_a_month
from tests.concurrency import in_another_connection, wait_until_a_connection_waits_for_a_lock
from tests.conftest import MOBILE

pytestmark = pytest.mark.django_db

OURS, OTHER = "+46701740699", "+46701740606"


@pytest.fixture
def replied(queue):
    """The patient replies to an SMS of the queue's."""
    queue.outgoing_sms.sender = OURS
    queue.outgoing_sms.save()

    def reply(text: str, sender: str = MOBILE) -> InboundSms:
        inbound.receive("simulator", Reply(sender, OURS, text))
        return InboundSms.objects.latest("id")

    return reply


@pytest.fixture
def client(nurse):
    return desk_of(nurse).client


def page(client, address: str) -> str:
    return client.get(address).content.decode()


def test_a_reply_is_shown_in_the_open_case_until_it_is_read(replied, case, client, nurse):
    sms = replied("Jag kan först efter tolv")
    assert "Nytt SMS" in page(client, "/")
    shown = page(client, f"/cases/{case.pk}/")
    assert "<h2>Nytt SMS från patienten</h2>" in shown
    assert "Jag kan först efter tolv" in shown
    assert "Jag kan först efter tolv" not in page(client, "/inbound/")

    answer = client.post(f"/inbound/{sms.pk}/read/", {"case": case.pk})
    assert answer.url == f"/cases/{case.pk}/#said-replies"
    shown = page(client, f"/cases/{case.pk}/")
    assert "<h2>Nytt SMS från patienten</h2>" not in shown
    assert '<p class="written" dir="auto">Jag kan först efter tolv</p>' in shown  # in its history
    assert "Nytt SMS" not in page(client, "/")
    sms.refresh_from_db()
    assert sms.read_by == nurse
    assert AccessEntry.objects.filter(act=AccessEntry.Act.CHANGE, phone_number=MOBILE, user=nurse).exists()


def test_stopp_asks_nothing_of_staff_and_is_in_the_history(replied, case, client):
    replied("Stopp")
    shown = page(client, f"/cases/{case.pk}/")
    assert "<h2>Nytt SMS från patienten</h2>" not in shown
    assert '<p class="written" dir="auto">Stopp</p>' in shown
    assert "Samtycke till SMS ändrat från Ej valt till Nej." in shown
    assert "SMS-utskick avböjt" in shown


def test_without_an_open_case_it_is_in_the_list_with_its_number_on_the_work_list(replied, client):
    assert "Inga olästa SMS." in page(client, "/inbound/")
    sms = replied("Hej, vem är det här?")
    assert 'Inkomna SMS <span class="count">1' in page(client, "/")
    listed = page(client, "/inbound/")
    assert "Hej, vem är det här?" in listed
    assert "070-174 06 05" in listed
    assert client.post(f"/inbound/{sms.pk}/read/").url == "/inbound/"
    assert "Inga olästa SMS." in page(client, "/inbound/")


def test_a_case_can_be_made_of_it_and_then_it_is_there(replied, client, queue):
    sms = replied("Ring mig")
    form = client.get(f"/cases/new/?inbound={sms.pk}").context["form"]
    assert form["queue"].value() == queue.pk
    assert form["phone_number"].value() == MOBILE
    client.post(
        "/cases/new/",
        {"queue": queue.pk, "phone_number": "070-174 06 05", "callback_at": in_a_month()}
        | {"press": form["press"].value()},
    )
    assert "Inga olästa SMS." in page(client, "/inbound/")
    assert "Ring mig" in page(client, reverse("cases:case", args=[queue.cases.get().pk]))


@pytest.mark.parametrize("odd", ["9" * 30, "hej", "-1", "", "9" * 6000])
def test_an_odd_address_makes_an_empty_form(odd, client, queue):
    assert client.get("/cases/new/", {"inbound": odd}).status_code == 200


def test_promise_8_whose_replies_the_list_showed_is_on_record(replied, client, nurse):
    sms = replied("Ring mig")
    page(client, "/inbound/")
    page(client, f"/cases/new/?inbound={sms.pk}")
    entries = AccessEntry.objects.filter(user=nurse, phone_number=MOBILE).order_by("id")
    assert list(entries.values_list("act", flat=True)) == ["inbound", "begin"]


def test_what_nobody_read_before_the_case_was_closed_is_listed_again(replied, case, client, nurse):
    replied("Jag missade er")
    acts.close(case, Status.DONE, by=nurse)
    assert "Jag missade er" in page(client, "/inbound/")


def test_a_case_of_another_number_does_not_hide_it(replied, case, client):
    replied("Fel nummer?", sender=OTHER)
    assert "Fel nummer?" in page(client, "/inbound/")
    assert "Fel nummer?" not in page(client, f"/cases/{case.pk}/")


class TestPromise9:
    """Your queues only."""

    def test_others_see_nothing_of_it(self, replied, outsider):
        sms = replied("Hemligt")
        client = desk_of(outsider).client
        assert "Hemligt" not in page(client, "/inbound/")
        assert 'Inkomna SMS <span class="count">0' in page(client, "/")
        assert client.post(f"/inbound/{sms.pk}/read/").status_code == 404
        form = client.get(f"/cases/new/?inbound={sms.pk}").context["form"]
        assert not form["phone_number"].value()
        sms.refresh_from_db()
        assert sms.read_at is None

    def test_a_case_of_somebody_elses_queue_does_not_show_it(self, replied, book, other_queue, outsider):
        replied("Hemligt")
        case = book(queue=other_queue)
        assert "Hemligt" not in page(desk_of(outsider).client, f"/cases/{case.pk}/")


def test_read_twice_it_stays_with_whom_it_was_read_by_first(replied, client, nurse, administrator):
    sms = replied("Ring")
    client.post(f"/inbound/{sms.pk}/read/")
    inbound.mark_as_read(sms, by=administrator)
    sms.refresh_from_db()
    assert sms.read_by == nurse


@pytest.mark.django_db(transaction=True)
def test_who_marks_it_as_read_while_somebody_else_does_hears_who_that_was(replied, client, administrator):
    sms = replied("Ring")
    with transaction.atomic():
        inbound.mark_as_read(sms, by=administrator)
        other = in_another_connection(lambda: client.post(f"/inbound/{sms.pk}/read/", follow=True))
        wait_until_a_connection_waits_for_a_lock()
    assert f"SMS:et lästes av {administrator}" in other.result(20).content.decode()
