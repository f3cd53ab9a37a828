"""Whom to call back: the number, and the personnummer where the queue asks for it. Each is read back before it is
taken."""

from __future__ import annotations

from telephony import spoken
from telephony.conversation.talk import Talk
from telephony.models import Step
from teleq import personal_identity, phone_numbers
from teleq.phone_numbers import number_text

NUMBER_DIGITS, IDENTITY_DIGITS = 15, 12
READ_BACK = 4
"""Of a personnummer the last ones: whoever stands beside must not hear all of it."""


def ask_what_is_missing(talk: Talk) -> None:
    if not (talk.memory.number or talk.call.from_number):
        talk.say("number_withheld")
        talk.ask(Step.NUMBER)
    elif talk.memory.identity is None and _asks_identity(talk):
        talk.ask(Step.IDENTITY)
    else:
        talk.ask(Step.FIRST_TIME)


def _asks_identity(talk: Talk) -> bool:
    by_phone = getattr(talk.call.queue, "by_phone", None)
    return by_phone is not None and by_phone.asks_personal_identity


def ask_number(talk: Talk) -> None:
    talk.say("key_number")
    talk.wait_for(NUMBER_DIGITS, until_hash=True)


def keyed_number(talk: Talk, keys: str) -> bool:
    number = phone_numbers.read(keys)
    if number is None:
        talk.say(*(["number_invalid"] if keys else []))
        return False
    talk.memory.keyed = number_text(number)
    return talk.go_to(Step.CHECK_NUMBER)


def ask_check_number(talk: Talk) -> None:
    talk.say("you_keyed", *spoken.digits(phone_numbers.show(talk.memory.keyed)), "check_choices")
    talk.reply.private = True
    talk.wait_for()


def keyed_check_number(talk: Talk, keys: str) -> bool:
    if keys == "1":
        talk.memory.number, talk.memory.keyed = talk.memory.keyed, ""
        talk.call.chose("number_keyed")
        return talk.go_to(Step.CALLER)
    return keys == "2" and talk.go_to(Step.NUMBER)


def ask_identity(talk: Talk) -> None:
    talk.say("key_identity")
    talk.wait_for(IDENTITY_DIGITS, until_hash=True)
    talk.reply.hash_alone = True


def keyed_identity(talk: Talk, keys: str) -> bool:
    """# alone: there is none."""
    if keys == "#":
        talk.memory.identity = ""
        talk.call.chose("no_identity")
        return talk.go_to(Step.CALLER)
    identity = personal_identity.read(keys)
    if identity is None:
        talk.say(*(["identity_invalid"] if keys else []))
        return False
    talk.memory.keyed = identity
    return talk.go_to(Step.CHECK_IDENTITY)


def ask_check_identity(talk: Talk) -> None:
    talk.say("identity_ends_with", *spoken.digits(talk.memory.keyed[-READ_BACK:]), "check_choices")
    talk.reply.private = True
    talk.wait_for()


def keyed_check_identity(talk: Talk, keys: str) -> bool:
    if keys == "1":
        talk.memory.identity, talk.memory.keyed = talk.memory.keyed, ""
        talk.call.chose("identity")
        return talk.go_to(Step.CALLER)
    return keys == "2" and talk.go_to(Step.IDENTITY)
