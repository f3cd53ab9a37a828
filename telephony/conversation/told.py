"""What a case's history tells of the call: when it began, what was chosen in the menu, whether the number was keyed."""

from __future__ import annotations

from cases.changing import Told
from cases.history import PHONE_MENU
from telephony.conversation.talk import Talk
from telephony.models import Choice


def told(talk: Talk) -> Told:
    chosen = [(each["menu"], int(each["key"])) for each in talk.call.choices if each["what"] == "menu"]
    choices = Choice.objects.filter(of_menu__in={menu for menu, _ in chosen}).select_related("words")
    words = {(choice.of_menu_id, choice.key): choice.words.words for choice in choices}
    chose = [words[each] for each in chosen if each in words]
    called = {"called_at": talk.call.started_at.isoformat(), "chose": chose, "keyed": bool(talk.memory.number)}
    return {PHONE_MENU: (None, called)}
