"""The beginning of a call: language, whether it is open, the greeting, and the menu's choices."""

from __future__ import annotations

from telephony import hours
from telephony.conversation import booked
from telephony.conversation.talk import Talk, chosen
from telephony.models import Choice, Ended, Menu, PatientsNumber, Step
from teleq.phone_numbers import number_text


def ask_language(talk: Talk) -> None:
    for place, language in enumerate(talk.number.languages, start=1):
        talk.say("for_this_language", f"number_{place}", language=language)
    talk.wait_for()


def keyed_language(talk: Talk, keys: str) -> bool:
    language = chosen(keys, talk.number.languages)
    if language is None:
        return False
    talk.call.language = language
    talk.call.chose("language", language=language)
    return talk.go_to(Step.WELCOME)


def welcome(talk: Talk) -> None:
    if shut := hours.closed_because(talk.number, talk.now):
        announcement = talk.number.closed_announcement
        talk.say(announcement.sentence if announcement else shut)
        talk.end(Ended.CLOSED_DAY if shut == "closed_day" else Ended.CLOSED)
        return
    talk.say(talk.number.greeting.sentence)
    if booked.find(talk):
        talk.ask(Step.HAS_TIME)
    else:
        talk.ask(Step.ENTER)


def enter_number(talk: Talk) -> None:
    _enter(talk, talk.number)


def _enter(talk: Talk, where: PatientsNumber | Choice) -> bool:
    """Go where a number or a choice leads."""
    if where.queue:
        talk.call.queue = where.queue
        return talk.go_to(Step.CALLER)
    if where.menu:
        talk.memory.menu = where.menu.pk
        return talk.go_to(Step.MENU)
    if where.announcement:
        talk.say(where.announcement.sentence)
        return talk.end(Ended.ANNOUNCEMENT)
    return isinstance(where, Choice) and talk.put_through(number_text(where.person_number))


def _menu(talk: Talk) -> Menu:
    return Menu.objects.get(pk=talk.memory.menu or 0)


def ask_menu(talk: Talk) -> None:
    choices = list(_menu(talk).choices.select_related("words"))
    talk.say(*(choice.words.sentence for choice in choices))
    if talk.has_a_person() and not any(choice.key == 0 for choice in choices):
        talk.say("for_a_person")
    talk.wait_for()


def keyed_menu(talk: Talk, keys: str) -> bool:
    related = ("queue__outgoing_sms", "queue__by_phone", "menu", "announcement")
    choices = {str(choice.key): choice for choice in _menu(talk).choices.select_related(*related)}
    if keys not in choices:
        return False
    talk.call.chose("menu", key=keys, menu=talk.memory.menu)
    return _enter(talk, choices[keys])
