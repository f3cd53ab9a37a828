"""The beginning of a call: language, whether it is open, the greeting, and the menu's choices."""

from __future__ import annotations

from telephony import hours, spoken
from telephony.conversation import booked
from telephony.conversation.talk import Talk, chosen
from telephony.models import Choice, Ended, PatientsNumber, Step
from teleq.phone_numbers import number_text


def ask_language(talk: Talk) -> None:
    for place, language in enumerate(talk.number.languages, start=1):
        talk.say("for_this_language", f"number_{place}", language=language)
    talk.wait_for()


def keyed_language(talk: Talk, keys: str) -> bool:
    language = chosen(keys, talk.number.languages)
    if language is None:
        return False
    talk.call.language, talk.memory.languages = language, []
    talk.call.chose("language", language=language)
    return talk.go_to(Step.WELCOME)


def welcome(talk: Talk) -> None:
    talk.say(talk.number.greeting.sentence)
    if closed := hours.closed(talk.number, talk.now):
        _say_closed(talk, closed)
    else:
        talk.ask(Step.HAS_TIME if booked.find(talk) else Step.ENTER)


def _say_closed(talk: Talk, closed: hours.Closed) -> None:
    """Until when, and 1177. Whoever has a time is told it all the same; to change it is for when it is open."""
    announcement = talk.number.closed_announcement
    talk.say(announcement.sentence if announcement else "closed_day" if closed.all_day else "closed")
    if closed.opens:
        talk.say("we_open", *spoken.opening(closed.opens, talk.now, talk.call.language))
    if booked.find(talk):
        booked.tell(talk)
    talk.say("call_1177")
    talk.end(Ended.CLOSED_DAY if closed.all_day else Ended.CLOSED)


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


def ask_menu(talk: Talk) -> None:
    choices = list(Choice.objects.filter(of_menu=talk.memory.menu or 0).select_related("words"))
    talk.say(*(choice.words.sentence for choice in choices))
    if talk.has_a_person() and not any(choice.key == 0 for choice in choices):
        talk.say("for_a_person")
    talk.wait_for()


def keyed_menu(talk: Talk, keys: str) -> bool:
    related = ("queue__outgoing_sms", "queue__by_phone", "menu", "announcement")
    there = Choice.objects.filter(of_menu=talk.memory.menu or 0).select_related(*related)
    choice = next((choice for choice in there if keys == str(choice.key)), None)
    if choice is None:
        return False
    talk.call.chose("menu", key=keys, menu=talk.memory.menu)
    return _enter(talk, choice)
