"""A stand-in for 46elks' network, for the patient's telephone and for whoever a call is put through to.

It tells teleQ of a call at the address that 46elks would tell it at, does what teleQ responds, and tells what came of
it: the protocol of `telephony.providers.elks`, over HTTP. Source: 46elks.se/docs: receive-call, call-actions,
voice-ivr, voice-play, voice-connect, voice-hangup. What the documentation leaves open is done in one way here: keys
that have come when the time is out are told, and so is # alone.

What it does not do: it doesn't fetch the files, which the browser plays; and it goes on from one that is only played as
soon as it is there, and not when it has been heard.
"""

from __future__ import annotations

import json
import re
from itertools import groupby
from operator import itemgetter
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.urls import resolve, reverse

from demo import network
from demo.models import SimulatedCall
from telephony import voices, wav
from telephony.models import Recording, SpokenFile

WITHHELD = "anonymous"
KEYS = re.compile("[0-9*#]+")
REPEATED = 3
"""How many times a file is played before no key is told, where teleQ doesn't say."""
MOST_ACTIONS = 50
"""In a row, without anything that is waited for."""


class NoKeys(ValueError):
    """What was pressed are no keys of a telephone."""


class NotUnderstood(Exception):
    """teleQ has responded with what is no action of 46elks'."""


def ring(from_number: str, to_number: str) -> SimulatedCall:
    """Call a number. Raises network.NotTold, and then there is no call."""
    call = SimulatedCall(from_number=from_number, to_number=to_number)
    address = f"{settings.TELEQ_URL}{reverse('telephony:start', args=['46elks', settings.VOICE_SECRET])}"
    _follow(call, _told(call, address))
    return call


def press(call: SimulatedCall, keys: str) -> None:
    """Press keys: told when there are as many as are waited for, or with #. Raises NoKeys and network.NotTold."""
    if not KEYS.fullmatch(keys):
        raise NoKeys(keys)
    if not call.waits_for_keys:
        return
    before_hash, ends, _ = (call.keyed + keys).partition("#")
    call.keyed = before_hash[: call.digits]
    if ends or len(call.keyed) == call.digits:
        call.note("pressed", keys=call.keyed + ends)
        _go_on(call, call.keyed or "#")
    else:
        call.save()


def wait(call: SimulatedCall) -> None:
    """Press nothing more, until the time is out. Raises network.NotTold."""
    if not call.waits_for_keys:
        return
    if call.keyed:
        call.note("pressed", keys=call.keyed)
    call.note("waited")
    if not call.keyed and call.played < int(call.action.get("repeat", REPEATED)):
        _play(call, call.action["ivr"])
        call.save()
    else:
        _go_on(call, call.keyed or "failed")


def answer(call: SimulatedCall) -> None:
    """The person answers whom the call is put through to."""
    if call.is_ringing:
        call.is_talking = True
        call.note("answered")
        call.save()


def person_is_busy(call: SimulatedCall) -> None:
    """Raises network.NotTold, as do those below."""
    if call.is_ringing:
        call.note("busy")
        _go_on(call, "busy")


def nobody_answers(call: SimulatedCall) -> None:
    if call.is_ringing:
        call.note("nobody")
        _go_on(call, "failed")


def person_hangs_up(call: SimulatedCall) -> None:
    if call.is_talking:
        call.note("person_hung_up")
        _go_on(call, "success")


def hang_up(call: SimulatedCall) -> None:
    if not call.is_over:
        call.note("hung_up")
        _end(call)


# What teleQ says, and what is told ------------------------------------------------------------------------------------


def _go_on(call: SimulatedCall, result: str) -> None:
    """An action has come to an end in this way. Which one comes then may stand in it, by the result's name."""
    then = call.action.get(result, call.action.get("next"))
    call.keyed, call.is_talking = "", False
    if isinstance(then, str):
        then = _told(call, then, result=result)
    _follow(call, then)


def _follow(call: SimulatedCall, action: dict[str, Any] | None) -> None:
    """Do what is said until something is waited for, or the call is over; and store the call."""
    for _ in range(MOST_ACTIONS):
        call.action, call.played = action or {}, 0
        call.told_when_it_ends = call.action.get("whenhangup", call.told_when_it_ends)
        if "ivr" in call.action:
            _play(call, call.action["ivr"])
            return call.save()
        if "connect" in call.action:
            call.note("rings", number=call.action["connect"])
            return call.save()
        if "play" in call.action:
            _play(call, call.action["play"])
        elif call.action and "hangup" not in call.action:
            raise NotUnderstood(", ".join(call.action))
        if "next" not in call.action:
            call.note("ended")
            return _end(call)
        action = _told(call, call.action["next"], result="success")
    raise NotUnderstood("there is no end to it")


def _end(call: SimulatedCall) -> None:
    if call.told_when_it_ends:
        _told(call, call.told_when_it_ends)
    call.action, call.keyed, call.is_talking = {}, "", False
    call.save()


def _told(call: SimulatedCall, address: str, **more: str) -> dict[str, Any]:
    """Tell teleQ, and return the action that it responds with; empty where it says nothing."""
    form = {"direction": "incoming", "callid": call.call_id, "from": call.from_number, "to": call.to_number, **more}
    said: dict[str, Any] = json.loads(network.post(address, form) or "{}")
    return said


# What is heard --------------------------------------------------------------------------------------------------------


def _play(call: SimulatedCall, address: str) -> None:
    call.played += 1
    path = urlsplit(address).path  # from where the page is: the browser may know teleQ by another name
    file = SpokenFile.objects.get(address=resolve(path).kwargs["address"])
    said = [(each.language, each.words) for each in voices.recordings_of(file)]
    parts = [
        {"language": language, "words": " ".join(words for _, words in group)}
        for language, group in groupby(said, key=itemgetter(0))
    ]
    call.note("said", parts=parts, audio=path, seconds=_seconds(file))


def _seconds(file: SpokenFile) -> int | None:
    """How long it is, rounded up; None of an MP3, whose length nothing here reads."""
    sound, content_type = voices.sound(file)
    return None if content_type == Recording.MP3 else int(-(-wav.read(sound).seconds // 1))
