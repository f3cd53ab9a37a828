"""Somebody else holds what a page needs: it answers 503 in time, stores nothing, and keeps what was typed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from html import unescape
from typing import Any

import pytest
from django.db import connection, models, transaction
from django.test import Client

from cases.models import Case
from consent.models import Answer, Consent
from sms import gateway
from sms.models import InboundSms, Lane, Message
from sms.providers.simulator import credential
from sms.states import State
from teleq.models import Queue, User
from tests.cases.desk import desk_of
from tests.concurrency import in_another_connection
from tests.conftest import MOBILE, PASSWORD

pytestmark = pytest.mark.django_db(transaction=True)

OURS = "+46701740699"
TYPED = 'Rad ett\nRad två "med" <tecken> & åäö'


@contextmanager
def held(rows: models.QuerySet[Any]) -> Iterator[None]:
    with transaction.atomic():
        list(rows.select_for_update())
        yield


def hurried(ask: Callable[[], Any]) -> Any:
    """What is answered by a process that waits for a lock only a moment."""

    def without_patience() -> Any:
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '200ms'")
        return ask()

    return in_another_connection(without_patience).result(20)


@pytest.fixture
def browser(nurse: User) -> Client:
    return desk_of(nurse).client


def hidden_fields(page: str) -> dict[str, str]:
    found = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page)
    return {name: unescape(value) for name, value in found}


def test_a_form_is_on_the_page_that_says_so_and_is_sent_once_more_by_one_press(browser, case, say):
    say(Answer.YES)
    form = {"text": TYPED, "shown_number": MOBILE, "token": "0b6f6f4e-6a3b-4a67-9d3a-2f3a0d6f7c11", "send": ""}
    with held(Case.objects.all()):
        answer = hurried(lambda: browser.post(f"/cases/{case.pk}/sms/", form))
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    page = answer.content.decode()
    assert "Ingenting sparades, men det du skrev finns kvar." in page
    assert page.count("<h1") == 1
    assert not Message.objects.exists()

    typed = hidden_fields(page)
    assert typed.pop("csrfmiddlewaretoken")
    assert typed == form
    browser.post(f"/cases/{case.pk}/sms/", typed)
    assert Message.objects.get().text == TYPED


def test_it_says_so_in_the_log_without_what_was_typed(browser, case, caplog):
    with held(Case.objects.all()):
        answer = hurried(
            lambda: browser.post(f"/cases/{case.pk}/act/", {"act": "take", "seen_event": case.events.latest_act().pk})
        )
    assert answer.status_code == 503
    assert "POST cases:act is to be tried again: LockNotAvailable" in caplog.text
    assert "Berit" not in caplog.text


def test_a_form_saved_in_place_is_told_so_and_keeps_its_page(browser, case, say, nurse):
    seen = say(Answer.NO).event_id
    form = {"answer": "yes", "shown_number": MOBILE, "seen_event": seen}
    with held(Consent.objects.all()):
        headers = {"HX-Request": "true", "X-Shown-To": str(nurse.pk)}
        answer = hurried(lambda: browser.post(f"/cases/{case.pk}/consent/", form, headers=headers))
    assert (answer.status_code, answer.content) == (503, b"")
    assert Consent.objects.get().answer == Answer.NO


def test_a_password_is_not_put_into_the_page(client, nurse):
    with held(User.objects.all()):
        answer = hurried(lambda: client.post("/login/", {"login": "anna", "password": PASSWORD}))
    assert answer.status_code == 503
    assert PASSWORD not in answer.content.decode()
    assert "Gå tillbaka och försök igen" in answer.content.decode()


def test_a_provider_is_told_to_report_again_and_then_it_is_recorded(client, accept, say, provider):
    say(Answer.YES)
    message = accept()
    gateway.drain(Lane.BULK)
    address = f"/sms/receipts/simulator/{message.pk}/{message.receipt_token}"
    with held(Message.objects.all()):
        answer = hurried(lambda: client.post(address, {"status": "delivered"}))
    assert (answer.status_code, answer.content) == (503, b"")
    assert client.post(address, {"status": "delivered"}).status_code == 204
    assert Message.objects.get().state == State.DELIVERED


def test_a_provider_whose_stopp_can_not_be_stored_is_told_to_tell_again(client, queue):
    queue.outgoing_sms.sender = OURS
    queue.outgoing_sms.save()
    form = {"id": "1", "from": MOBILE, "to": OURS, "message": "STOPP"}
    headers = {"Authorization": f"Bearer {credential()}"}
    with transaction.atomic():
        InboundSms.objects.create(  # the same, told of a moment ago by a process that stands still
            queue=queue, from_number=MOBILE, text="STOPP", provider="simulator", provider_message_id="1"
        )
        answer = hurried(lambda: client.post("/sms/inbound/simulator", form, headers=headers))
        assert (answer.status_code, answer.content) == (503, b"")
        transaction.set_rollback(True)
    assert client.post("/sms/inbound/simulator", form, headers=headers).status_code == 204
    assert Consent.objects.get().answer == Answer.NO


def test_a_telephone_system_is_told_to_try_again(telephones, case):
    with held(Case.objects.all()):
        answer = hurried(lambda: telephones.cancel(case.pk))
    assert (answer.status, answer.body) == (503, {"detail": "Försök igen om en stund."})
    assert telephones.cancel(case.pk).status == 200


def test_what_is_only_read_waits_for_nobody(browser, case, queue):
    with held(Queue.objects.all()), held(Case.objects.all()):
        for address in ("/", f"/cases/{case.pk}/", "/inbound/"):
            assert hurried(lambda address=address: browser.get(address)).status_code == 200
