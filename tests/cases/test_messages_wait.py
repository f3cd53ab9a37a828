"""While the provider takes nothing, or all sending is stopped, staff are told so in calm words, and nothing is refused
because of it."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from cases import live
from consent.models import Answer
from sms import brake
from sms.models import ProviderState, SendingStop
from sms.states import State
from teleq.clock import database_now
from tests.cases.desk import desk_of, messages_of, squeezed
from tests.database_roles import past_the_triggers

TOLD = "SMS-leverantören svarar inte sedan"


@pytest.fixture
def pages(administrator, queue, case):
    """All that say it."""
    desk = desk_of(administrator)
    settings = reverse("admin:teleq_outgoingsms_change", args=[queue.pk])
    return lambda: [desk.work_list(), desk.case(case), desk.open(settings)]


@pytest.fixture
def open_circuit(db) -> ProviderState:
    at = database_now()
    ten_past_ten = timezone.localtime(at).replace(hour=10, minute=10) - timedelta(days=1)
    return ProviderState.objects.create(
        name="simulator", open_until=at + timedelta(seconds=30), silent_since=ten_past_ten
    )


def test_the_work_list_the_case_and_the_settings_say_it_and_since_when(open_circuit, pages):
    work_list, case, settings = (page.text for page in pages())
    for page in (work_list, settings):
        assert f"{TOLD} igår 10.10. SMS väntar och skickas när den svarar igen." in page
    assert f"{TOLD} igår 10.10. SMS:et väntar." in case


def test_the_case_says_it_at_the_button(open_circuit, case, desk):
    at_the_button = desk.case(case).html.partition('id="sms-send"')[2].partition('id="sms-state"')[0]
    assert f"{TOLD} igår 10.10. SMS:et väntar." in squeezed(at_the_button)


def test_why_it_lets_nothing_in_is_for_administrators(open_circuit, pages):
    ProviderState.objects.update(shut_status="HTTP 401")
    *nurses, settings = (page.text for page in pages())
    assert "Leverantören svarar: HTTP 401. Be driften att kontrollera inloggning, adress och kredit." in settings
    assert not any("HTTP 401" in text for text in nurses)


def test_nothing_is_said_when_all_is_well_or_the_provider_took_messages_again(pages, open_circuit):
    ProviderState.objects.update(open_until=None)
    assert not any(TOLD in page.text for page in pages())


SENT_BY_ONE = "SMS från ett nummer kan bara skickas av leverantören där numret finns."


def test_nothing_is_said_while_another_provider_sends_but_for_what_only_one_can_send(
    pages, open_circuit, queue, settings
):
    settings.SMS_PROVIDERS = ["simulator", "kannel"]
    told = [page.text for page in pages()]
    assert not any(TOLD in text or SENT_BY_ONE in text for text in told)

    queue.outgoing_sms.sender = "+46766861004"
    queue.outgoing_sms.save()
    told = [page.text for page in pages()]
    assert all(TOLD in text for text in told)
    assert SENT_BY_ONE in told[-1]  # the settings
    settings.SMS_PROVIDERS = ["simulator"]
    assert SENT_BY_ONE not in pages()[-1].text


def test_an_open_case_is_told_when_the_second_falls_silent_too(open_circuit, case, nurse, settings):
    settings.SMS_PROVIDERS = ["simulator", "kannel"]
    before = live.version(case.pk, nurse)
    ProviderState.objects.create(name="kannel", open_until=database_now() + timedelta(seconds=30))
    assert live.version(case.pk, nurse) != before


def test_a_message_that_is_pressed_meanwhile_waits(open_circuit, case, desk, say):
    say(Answer.YES)
    after = desk.case(case).press("Skicka SMS", text="Hej!")
    assert "SMS:et är på väg." in after.text
    assert [message.state for message in messages_of(case)] == [State.QUEUED]


# All sending is stopped ----------------------------------------------------------------------------------------------

STOPPED = "Alla SMS-utskick är stoppade sedan igår 10.10."


@pytest.fixture
def stopped(operator) -> SendingStop:
    stop, _ = brake.stop("Zafir", by=operator)
    ten_past_ten = timezone.localtime(stop.stopped_at).replace(hour=10, minute=10) - timedelta(days=1)
    with past_the_triggers():
        SendingStop.objects.update(stopped_at=ten_past_ten)
    return stop


def test_that_all_is_stopped_and_since_when_is_said_in_the_list_the_case_and_the_settings(stopped, pages):
    work_list, case, settings = (page.text for page in pages())
    assert f"{STOPPED} SMS väntar tills utskicken släpps." in work_list
    assert f"{STOPPED} SMS:et väntar." in case
    assert STOPPED in settings


def test_it_comes_before_a_provider_that_is_silent(stopped, open_circuit, pages):
    for page in pages():
        assert STOPPED in page.text
        assert TOLD not in page.text


def test_why_and_by_whom_is_for_the_operator(stopped, pages):
    for page in pages():
        assert "Zafir" not in page.html
        assert "Disa Drake" not in page.html


def test_a_restored_copy_has_words_of_its_own_in_place_of_all_others(stopped, open_circuit, pages):
    brake.hold_restored_copy()
    for page in pages():
        assert "Återställd kopia: inga SMS skickas." in page.text
        for other in (STOPPED, TOLD, "väntar."):
            assert other not in page.text


def test_a_message_that_is_pressed_while_all_is_stopped_is_kept_and_said_to_wait(stopped, case, desk, say):
    say(Answer.YES)
    after = desk.case(case).press("Skicka SMS", text="Hej!")
    assert "SMS:et är sparat och väntar." in after.text
    assert "på väg" not in after.text
    assert [message.state for message in messages_of(case)] == [State.QUEUED]


def test_nothing_is_said_once_it_is_released(stopped, operator, pages):
    brake.release(stopped.pk, "Klart.", by=operator)
    assert not any("stoppade" in page.text.replace("Stoppade SMS", "") for page in pages())
