"""Delivery reports as Kannel words them, in any order; and the simulator's patient, who answers over HTTP."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db.models.functions import Now

from consent.models import Answer, Consent
from demo import simulator
from demo.models import SimulatedSms
from sms import gateway, receipts
from sms.models import InboundSms, Lane, Message
from sms.states import State
from tests.conftest import MOBILE

OURS = "+46701740699"


@pytest.fixture
def handed_over(accept, say, settings) -> Message:
    """To Kannel, which has taken it."""
    settings.KANNEL_URL = settings.KANNEL_USERNAME = settings.KANNEL_PASSWORD = "x"
    settings.SMS_PROVIDERS = ["kannel"]
    say(Answer.YES)
    message = accept()
    gateway.claim(Lane.BULK, "kannel")
    return message


@pytest.mark.django_db(transaction=True)
class TestKannel:
    @pytest.mark.parametrize(
        ("types", "becomes"),
        [
            ("8 1", State.DELIVERED),
            ("1 8", State.DELIVERED),  # Kannel itself turns them round now and then
            ("1 1 8 8 1", State.DELIVERED),
            ("1 2", State.DELIVERED),
            ("2 1", State.FAILED),
            ("8 2", State.FAILED),
            ("8 34", State.FAILED),
            ("4 8 16", State.FAILED),
            ("8 4", State.SENDING),
            ("", State.SENDING),
            ("x", State.SENDING),
        ],
    )
    def test_the_first_final_report_stands(self, types, becomes, handed_over, client):
        address = f"/sms/receipts/kannel/{handed_over.pk}/{handed_over.receipt_token}"
        for kind in types.split():
            answer = client.get(address, {"type": kind, "id": "abc"})
            assert (answer.status_code, answer.content) == (200, b"")
        handed_over.refresh_from_db()
        assert handed_over.state == becomes

    def test_what_postgresql_can_not_hold_is_left_out(self, handed_over, client):
        address = f"/sms/receipts/kannel/{handed_over.pk}/{handed_over.receipt_token}"
        assert client.get(address, {"type": "1", "id": "a\x00" + 200 * "b"}).status_code == 200
        handed_over.refresh_from_db()
        assert (handed_over.state, handed_over.provider_message_id) == (State.DELIVERED, "a" + 99 * "b")

    def test_it_may_come_by_plain_http_where_all_else_is_redirected(self, handed_over, client, settings):
        settings.SECURE_SSL_REDIRECT = True
        assert client.get("/").status_code == 301
        address = f"/sms/receipts/kannel/{handed_over.pk}/{handed_over.receipt_token}"
        assert client.get(address, {"type": "1"}).status_code == 200
        assert client.post("/sms/inbound/kannel").status_code == 403

    def test_another_token_is_answered_the_same_and_tells_nothing(self, handed_over, client):
        assert client.get(f"/sms/receipts/kannel/{handed_over.pk}/wrong", {"type": "1"}).status_code == 200
        handed_over.refresh_from_db()
        assert handed_over.state == State.SENDING

    def test_a_sent_message_whose_network_id_comes_with_the_report_keeps_it(self, handed_over, client):
        address = f"/sms/receipts/kannel/{handed_over.pk}/{handed_over.receipt_token}"
        client.get(address, {"type": "8", "id": "smsc-1"})
        handed_over.refresh_from_db()
        assert handed_over.provider_message_id == "smsc-1"


@pytest.mark.django_db(transaction=True)
class TestTheSimulatorsPatient:
    @pytest.fixture
    def received(self, queue, live_server, settings) -> SimulatedSms:
        settings.TELEQ_URL = live_server.url
        queue.outgoing_sms.sender = OURS
        queue.outgoing_sms.save()
        return SimulatedSms.objects.create(to_number=MOBILE, sender=OURS, text="Hej!", callback_url=live_server.url)

    def test_stopp_takes_the_way_that_a_providers_would(self, received, say):
        say(Answer.YES)
        simulator.report_answer(received.pk, "STOPP")
        assert Consent.objects.get().answer == Answer.NO

    def test_whoever_is_not_the_simulator_can_not_answer_for_patients(self, received, say, client):
        say(Answer.YES)
        form = {"from": MOBILE, "to": OURS, "message": "STOPP", "id": "1"}
        for headers in ({}, {"Authorization": "Bearer wrong"}):
            assert client.post("/sms/inbound/simulator", form, headers=headers).status_code == 403
        assert Consent.objects.get().answer == Answer.YES

    def test_pressing_svara_stopp_says_so(self, received, nurse, client, wakes_at_once):
        client.force_login(nurse)
        answer = client.post(f"/simulator/{received.pk}/answer/", {"text": "", "stop": "1"}, follow=True)
        assert "Svaret är skickat till teleQ." in answer.content.decode()
        assert InboundSms.objects.get().withdrawal

    @pytest.mark.parametrize("text", ["", "   "])
    def test_an_empty_answer_is_asked_for(self, text, received, nurse, client):
        client.force_login(nurse)
        answer = client.post(f"/simulator/{received.pk}/answer/", {"text": text}, follow=True)
        assert "Skriv ett svar." in answer.content.decode()
        assert not InboundSms.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_one_sweep_settles_what_a_provider_has_not_reported_for_days(draft, say, settings):
    """Kannel can't be asked. Were a hundred settled a minute, a provider without reports would leave a pile of days."""
    say(Answer.YES)
    gateway.accept([draft() for _ in range(250)])
    gateway.claim(Lane.BULK, "kannel", 250)
    long_ago = Now() - settings.SMS_REPORT_WITHIN - timedelta(seconds=1)
    Message.objects.update(state=State.SENT, state_at=long_ago)
    receipts.settle_unreported()
    assert Message.objects.filter(state=State.UNKNOWN).count() == 250
