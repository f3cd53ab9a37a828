"""What a case's history tells of the call: when it began, what was chosen in the menu, whether the number was keyed."""

from __future__ import annotations

from cases.changing import Told
from cases.history import PHONE_MENU
from telephony.conversation.talk import Talk
from telephony.models import Choice


def told(talk: Talk) -> Told:
    chose = [
        choice.words.words
        for each in talk.call.choices
        if each["what"] == "menu"
        for choice in Choice.objects.filter(of_menu=each["menu"], key=each["key"]).select_related("words")
    ]
    called = {"called_at": talk.call.started_at.isoformat(), "chose": chose, "keyed": bool(talk.memory.number)}
    return {PHONE_MENU: (None, called)}
