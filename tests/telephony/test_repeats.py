"""Providers repeat what they got no response to, late and out of order: nothing is done twice."""

from __future__ import annotations

import pytest
from django.test import Client

from cases.models import Case
from telephony import calls
from telephony.models import Call
from tests.conftest import MOBILE

pytestmark = pytest.mark.django_db


def test_a_call_that_is_told_of_twice_is_one_and_hears_the_same(caller):
    first = caller()
    again = caller()
    again.call_id = first.call_id
    again.call()
    assert again.said == first.said
    assert Call.objects.filter(call_id=first.call_id).count() == 1


def test_a_key_that_comes_twice_books_once_and_is_answered_the_same(caller):
    call = caller()
    offered = call.action
    call.press("1")
    said = call.said
    call.again("1", offered)
    assert call.said == said
    assert Case.objects.count() == 1


def test_an_earlier_key_that_comes_late_changes_nothing(caller):
    call = caller()
    first = call.action
    call.press("3")
    times = call.said
    call.again("1", first)
    assert call.said == times
    assert not Case.objects.exists()


def test_keys_after_the_caller_hung_up_do_nothing(caller):
    call = caller()
    offered = call.action
    call.hang_up()
    assert call._post(offered["next"], callid=call.call_id, result="1") == {"hangup": "reject"}
    assert not Case.objects.exists()


def test_hanging_up_is_told_twice(caller):
    call = caller().press("1")
    call.hang_up()
    ended = call.row.ended_at
    call.hang_up()
    assert call.row.ended_at == ended


def test_a_call_whose_end_nobody_tells_is_closed_after_a_while(caller):
    call = caller()
    assert calls.close_silent() == 0
    Call.objects.update(heard_at="2026-01-01T00:00:00Z")
    assert calls.close_silent() == 1
    assert call.row.ended_at
    assert call.row.ended == "hung_up"


@pytest.mark.parametrize("address", ["/telefon/46elks/samtal/fel", "/telefon/46elks/samtal/"])
def test_who_does_not_know_the_secret_is_turned_away(address, caller):
    response = Client().post(address, {"callid": "x", "from": MOBILE, "to": "+46846500450"})
    assert response.status_code in (403, 404)
    assert not Call.objects.exists()


def test_who_guesses_a_calls_token_finds_nothing(caller):
    caller()
    assert Client().post("/telefon/46elks/en-gissning/1/0", {"result": "1"}).status_code == 404
