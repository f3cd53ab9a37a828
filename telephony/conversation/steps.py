"""The steps of a conversation, by name, and the three ways in: a call comes, keys come, a person has been called."""

from __future__ import annotations

from telephony.conversation import beginning, booked, caller, sms, times
from telephony.conversation.talk import Handling, Reply, Talk
from telephony.models import Call, Ended, PatientsNumber, Step


def _nothing(_: Talk) -> None:
    """Of a call that is put through, or over."""


def _no_keys(_: Talk, __: str) -> bool:
    return True


STEPS = {
    Step.LANGUAGE: Handling(beginning.ask_language, beginning.keyed_language),
    Step.WELCOME: Handling(beginning.welcome, _no_keys),
    Step.ENTER: Handling(beginning.enter_number, _no_keys),
    Step.MENU: Handling(beginning.ask_menu, beginning.keyed_menu),
    Step.HAS_TIME: Handling(booked.ask_has_time, booked.keyed_has_time),
    Step.CANCEL: Handling(booked.ask_cancel, booked.keyed_cancel),
    Step.CALLER: Handling(caller.ask_what_is_missing, _no_keys),
    Step.NUMBER: Handling(caller.ask_number, caller.keyed_number),
    Step.CHECK_NUMBER: Handling(caller.ask_check_number, caller.keyed_check_number),
    Step.IDENTITY: Handling(caller.ask_identity, caller.keyed_identity),
    Step.CHECK_IDENTITY: Handling(caller.ask_check_identity, caller.keyed_check_identity),
    Step.FIRST_TIME: Handling(times.offer_first, _no_keys),
    Step.OFFER: Handling(times.ask_offer, times.keyed_offer),
    Step.TIMES: Handling(times.ask_times, times.keyed_times),
    Step.CONSENT: Handling(sms.ask_consent, sms.keyed_consent),
    Step.PERSON: Handling(_nothing, _no_keys),
    Step.OVER: Handling(_nothing, _no_keys),
}


def begin(call: Call, number: PatientsNumber) -> Reply:
    """What is said when a call comes."""
    talk = Talk(call, number, STEPS)
    if len(number.languages) > 1:
        talk.memory.languages = list(number.languages)
    talk.say("emergency")
    if not number.is_on:
        talk.say("not_in_use")
        talk.end(Ended.NOT_IN_USE)
    else:
        talk.ask(Step.LANGUAGE if talk.memory.languages else Step.WELCOME)
    return talk.remembered()


def keyed(call: Call, number: PatientsNumber, keys: str) -> Reply:
    """What is said after these keys; empty: none came. "#": # alone."""
    talk = Talk(call, number, STEPS)
    talk.take(keys)
    return talk.remembered()


def connected(call: Call, number: PatientsNumber, *, answered: bool) -> Reply:
    """What is said when a person's telephone has been called."""
    talk = Talk(call, number, STEPS)
    if not answered:
        talk.say("nobody_answers", "call_again")
    talk.end(Ended.PERSON)
    return talk.remembered()
