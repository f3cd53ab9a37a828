"""Many callers at the same moment, each in a connection of its own: places are given once, and keys are taken once."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta

import pytest

from cases.models import Case
from consent.models import Answer, Consent
from consent.register import ChangedMeanwhile
from tests.concurrency import in_another_connection
from tests.telephony.caller import Caller
from tests.telephony.conftest import NUMBER

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


def a_caller(place: int) -> Caller:
    return Caller(NUMBER, f"+467017406{place:02}")


def books_whatever_is_offered(place: int) -> Caller:
    """Takes the time that is offered, and the next one as long as somebody else was there first."""
    call = a_caller(place).call()
    while not call.is_over and "connect" not in call.action:
        call.press("1")
    return call


def test_ten_callers_at_once_for_the_last_three_places(number, queue, eight):
    queue.telephone_hours.update(closes="08:45")
    queue.slot_capacity = 1
    queue.save()
    calls = [in_another_connection(lambda place=place: books_whatever_is_offered(place)) for place in range(5, 15)]
    ended = [call.result(60).row for call in calls]
    on_the_day = Case.objects.filter(callback_at__lt=eight + timedelta(days=1)).order_by("callback_at")
    assert list(on_the_day.values_list("callback_at", flat=True)) == [
        eight + timedelta(minutes=minutes) for minutes in (0, 15, 30)
    ]
    in_a_week = Case.objects.filter(callback_at__gte=eight + timedelta(days=1))
    assert len(set(in_a_week.values_list("callback_at", flat=True))) == in_a_week.count() == 3
    assert sorted(each.ended for each in ended) == ["booked"] * 6 + ["full"] * 4


def test_a_key_that_comes_twice_at_once_books_once(number):
    call = a_caller(5).call()
    pressed = [in_another_connection(lambda: call._post(call.action["next"], result="1")) for _ in range(4)]
    answers = [each.result(30) for each in pressed]
    assert Case.objects.count() == 1
    assert all(answer == answers[0] for answer in answers)


def test_a_key_and_a_nurse_who_answer_at_once_leave_one_answer_and_never_a_ja_over_a_nej(
    number, care_provider, queue, say
):
    care_provider.consent_by_phone = True
    care_provider.save()
    call = a_caller(5).call().press("1")
    by_key = in_another_connection(lambda: call._post(call.action["next"], result="1"))
    with suppress(ChangedMeanwhile):
        say(Answer.NO, number="+46701740605", seen_event=None)
    by_key.result(30)
    events = list(Consent.history().order_by("pgh_id").values_list("answer", flat=True))
    assert events in (["no"], ["yes"])  # whoever came second was told that it had changed
