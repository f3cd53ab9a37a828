"""While the provider takes nothing, staff are told so in calm words, and nothing is refused because of it."""

from datetime import timedelta

import pytest
from django.urls import reverse

from consent.models import Answer
from sms.models import ProviderState
from sms.states import State
from teleq.clock import database_now
from tests.cases.desk import desk_of, messages_of

TOLD = "SMS-leverantören tar inte emot just nu. SMS väntar och skickas när det går igen."


@pytest.fixture
def pages(administrator, queue, case):
    """All that say it."""
    desk = desk_of(administrator)
    settings = reverse("admin:teleq_outgoingsms_change", args=[queue.pk])
    return lambda: [desk.work_list(), desk.case(case), desk.open(settings)]


@pytest.fixture
def open_circuit(db) -> ProviderState:
    return ProviderState.objects.create(name="simulator", open_until=database_now() + timedelta(seconds=30))


def test_the_work_list_the_case_and_the_settings_say_it(open_circuit, pages):
    assert all(TOLD in page.text for page in pages())


def test_why_it_lets_nothing_in_is_for_administrators(open_circuit, pages):
    ProviderState.objects.update(shut_status="HTTP 401")
    *nurses, settings = (page.text for page in pages())
    assert "Leverantören svarar: HTTP 401. Be driften att kontrollera inloggning, adress och kredit." in settings
    assert not any("HTTP 401" in text for text in nurses)


def test_nothing_is_said_when_all_is_well_or_the_provider_took_messages_again(pages, open_circuit):
    ProviderState.objects.update(open_until=None)
    assert not any(TOLD in page.text for page in pages())


def test_a_message_that_is_pressed_meanwhile_waits(open_circuit, case, desk, say):
    say(Answer.YES)
    after = desk.case(case).press("Skicka SMS", text="Hej!")
    assert "SMS:et är på väg." in after.text
    assert [message.state for message in messages_of(case)] == [State.QUEUED]
