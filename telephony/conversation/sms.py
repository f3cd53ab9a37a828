"""Samtycke till SMS by keypad: asked after a booking, and taken back as easily as it is given.

Nothing but the caller's own key makes an answer here (docs/decisions/0047). Only for a mobile number that they call
from and are called back on, and only where nobody has answered: after a Nej it is never asked again.
"""

from __future__ import annotations

from consent import register
from consent.models import Answer, ConsentText
from sms.numbers import can_receive_sms
from telephony.conversation.talk import Talk
from telephony.models import Ended, Recording, Step
from telephony.sentences import CONSENT_QUESTION

ANSWERS = {"1": (Answer.YES, "consent_yes"), "2": (Answer.NO, "consent_no")}


def may_be_asked(talk: Talk, called_on: str) -> bool:
    """`called_on`: the number that is called back, in E.164."""
    return (
        called_on == talk.call.from_number
        and _is_spoken_of(talk)
        and _is_required(talk)
        and _wording(talk) is not None
        and _answer(talk) is Answer.UNSET
    )


def _is_spoken_of(talk: Talk) -> bool:
    """Whether that is switched on for the number, and they call from a mobile number."""
    calls_from = talk.call.from_number
    return bool(calls_from) and talk.number.asks_consent and can_receive_sms(calls_from)


def _is_required(talk: Talk) -> bool:
    settings = talk.call.queue.outgoing_sms_or_none if talk.call.queue else None
    return settings is not None and settings.consent_required


def _wording(talk: Talk) -> ConsentText | None:
    """The words of the question as it is recorded in the call's language: a version of its own."""
    current = Recording.objects.current(talk.call.care_provider_id).defer("audio").select_related("consent_text")
    question = current.filter(sentence=CONSENT_QUESTION, language=talk.call.language).first()
    return question.consent_text if question else None


def _answer(talk: Talk) -> Answer:
    return register.current(talk.call.care_provider_id, talk.call.from_number).answer(talk.now)


def ask_consent(talk: Talk) -> None:
    talk.say(CONSENT_QUESTION)
    talk.wait_for()


def keyed_consent(talk: Talk, keys: str) -> bool:
    """1 or 2 is an answer; anything else leaves it at Ej valt, and the call ends."""
    wording = _wording(talk)
    if keys in ANSWERS and wording:
        answer, said = ANSWERS[keys]
        try:
            register.answer_in_call(
                talk.call.care_provider_id, talk.call.from_number, answer, call_id=talk.call.pk, text=wording
            )
        except register.ChangedMeanwhile:
            return talk.say_goodbye(Ended.BOOKED)  # answered in another way meanwhile: that stands
        talk.say(said)
        talk.call.chose("consent", answer=answer)
    return talk.say_goodbye(Ended.BOOKED)


def say_take_back(talk: Talk) -> None:
    if _can_be_taken_back(talk):
        talk.say("take_back_choice")


def _can_be_taken_back(talk: Talk) -> bool:
    return _is_spoken_of(talk) and _answer(talk) is Answer.YES


def take_back(talk: Talk) -> bool:
    """Store the caller's Nej, and go on where they were."""
    if not _can_be_taken_back(talk):
        return False
    register.withdraw(talk.call.care_provider_id, talk.call.from_number, call_id=talk.call.pk)
    talk.call.chose("taken_back")
    talk.say("taken_back")
    return talk.go_to(Step(talk.call.step))
