"""Calls at random, with repeats, late requests and hang-ups at every step: what callers heard is what is stored.

The model is what was said, in words: it knows nothing of the steps, nor of how a call is kept.
"""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest

from cases.models import Case
from consent.models import Consent
from telephony import calls
from telephony.models import Call, Choice, Menu, QueueByPhone
from tests.telephony.caller import Caller
from tests.telephony.conftest import NUMBER

pytestmark = [pytest.mark.django_db, pytest.mark.slow]

CALLERS = ["+46701740605", "+46701740606", "+46701740607", "+46846500411", "anonymous"]
KEYS = ["1", "1", "1", "1", "2", "3", "4", "9", "0", "7", "", "#", "*", "0701740620#", "191212121212", "070#"]
HEARD_YES, HEARD_NO = "Då skickar vi SMS till dig.", ("Då skickar vi inga SMS", "Du får inga fler SMS")
ENDED_WELL = ("booked", "moved", "cancelled")


class Model:
    """What the callers have been told."""

    def __init__(self) -> None:
        self.booked: Counter[str] = Counter()
        self.answers: dict[str, str] = {}

    def hears(self, call: Caller) -> None:
        self.booked["now"] += call.said.count("Tiden är bokad.") - call.said.count("Tiden är avbokad.")
        if HEARD_YES in call.said:
            self.answers[call.calls_from] = "yes"
        if any(words in call.said for words in HEARD_NO):
            self.answers[call.calls_from] = "no"


def a_call(dice: Random, model: Model) -> None:
    """One call, to its end or to where the caller has had enough. Any earlier request may come again at any time."""
    call = Caller(NUMBER, dice.choice(CALLERS)).call()
    earlier = []
    model.hears(call)
    for _ in range(25):
        if dice.random() < 0.06:
            break
        if earlier and dice.random() < 0.2:
            action, keys = dice.choice(earlier)
            call._post(action["next"], callid=call.call_id, result=keys or "failed")
        if "connect" in call.action:
            call.person(dice.choice(["success", "failed", "busy"]))
        elif "ivr" in call.action:
            keys = dice.choice(KEYS)
            earlier.append((call.action, keys))
            call.press(keys)
        else:
            break
        model.hears(call)
    if dice.random() < 0.8:
        call.hang_up()
    if earlier and dice.random() < 0.3:  # long after
        action, keys = dice.choice(earlier)
        call._post(action["next"], callid=call.call_id, result=keys or "failed")


@pytest.fixture
def busy_number(number, announce, queue, plain_queue):
    """A menu with a queue that asks about SMS, one that asks for personnummer, a message and a person."""
    queue.telephone_hours.update(opens="08:00", closes="20:00")
    plain_queue.telephone_hours.bulk_create(
        type(hours)(queue=plain_queue, weekday=hours.weekday, opens="08:00", closes="09:00")
        for hours in queue.telephone_hours.all()
    )
    QueueByPhone.objects.create(queue=plain_queue, asks_personal_identity=True)
    menu = Menu.objects.create(care_provider=number.care_provider, name="Huvudmeny")
    places = ({"queue": queue}, {"queue": plain_queue}, {"announcement": announce("Hej.")}, {"menu": menu})
    for key, where in enumerate(places, start=1):
        Choice.objects.create(of_menu=menu, key=key, order=key, words=announce(f"Tryck {key}."), **where)
    number.queue, number.menu, number.asks_consent = None, menu, True
    number.person_number = "+46846500460"
    number.save()
    return number


@pytest.mark.parametrize("seed", range(3))
def test_what_callers_heard_is_what_is_stored(seed, busy_number, care_provider):
    dice, model = Random(seed), Model()
    for _ in range(15):
        a_call(dice, model)
    open_cases = Case.objects.open()
    assert open_cases.count() == model.booked["now"] > 0
    taken = Counter(open_cases.values_list("queue", "callback_at"))
    assert max(taken.values()) == 1, "a place was given twice"
    stored = dict(Consent.objects.values_list("phone_number", "answer"))
    assert {str(number): answer for number, answer in stored.items()} == model.answers
    assert not Consent.objects.exclude(channel="phone_keys").exists()

    Call.objects.update(heard_at="2026-01-01T00:00:00Z")
    calls.close_silent()
    assert not Call.objects.under_way().exists()
    assert not Call.objects.exclude(memory={}, reply={}).exists()
    booked_in = Call.objects.filter(ended__in=ENDED_WELL)
    assert not booked_in.filter(case=None).exists()
    assert Counter(booked_in.filter(ended="booked").values_list("case", flat=True)).most_common(1)[0][1] == 1
