"""A number that has a callback already: its time is told, can be moved or cancelled, or get another beside it."""

from __future__ import annotations

from collections.abc import Callable

from django.db import transaction

from access.access_log import Act
from cases import looks
from cases.changing import NotPossible
from cases.models import Case
from intake import booking
from telephony import spoken
from telephony.conversation import sms
from telephony.conversation.talk import Talk, chosen
from telephony.conversation.told import told
from telephony.models import Ended, Step

TIMES_TOLD = 3
"""Of a number that has more callbacks than this, the first ones are told."""


def find(talk: Talk) -> bool:
    """Remember the callbacks that this number has with the care provider, in any queue, and say whether it has any."""
    if not talk.call.from_number:
        return False
    theirs = Case.objects.open().filter(
        queue__care_provider=talk.call.care_provider_id,
        phone_number=talk.call.from_number,
        callback_at__gt=talk.now,
    )
    talk.memory.cases = list(theirs.order_by("callback_at", "pk").values_list("pk", flat=True)[:TIMES_TOLD])
    return bool(talk.memory.cases)


def _told(talk: Talk) -> list[Case]:
    told = Case.objects.open().filter(pk__in=talk.memory.cases).with_protection().select_related("queue")
    return list(told.order_by("callback_at", "pk"))


def the_chosen(talk: Talk) -> Case:
    return Case.objects.select_related("queue").get(pk=talk.memory.case or 0)


def ask_has_time(talk: Talk) -> None:
    if talk.memory.case is None:
        cases = tell(talk)
        if len(cases) > 1:
            _ask_which(talk, cases)
            return
        talk.memory.case = talk.memory.cases[0]
    talk.say("has_time_choices" if booking.may_be_changed(the_chosen(talk)) else "has_time_fixed")
    sms.say_take_back(talk)
    talk.wait_for()


def tell(talk: Talk) -> list[Case]:
    """Say when the number is called back, and return those callbacks in order."""
    cases = _told(talk)
    talk.say("you_will_be_called")
    for place, case in enumerate(cases):
        talk.say(*(["and"] if place else []), *spoken.about(case.callback_at, talk.now, talk.call.language))
    looks.note(None, Act.PHONE, *cases)
    return cases


def _ask_which(talk: Talk, cases: list[Case]) -> None:
    talk.say("which_time")
    for place, case in enumerate(cases, start=1):
        talk.say("for", *spoken.time(case.callback_at, talk.now, talk.call.language), "press", f"number_{place}")
    talk.wait_for()


def keyed_has_time(talk: Talk, keys: str) -> bool:
    if talk.memory.case is None:
        which = chosen(keys, [str(case.pk) for case in _told(talk)])
        if which is None:
            return False
        talk.memory.case = int(which)
        return talk.go_to(Step.HAS_TIME)
    acts: dict[str, Callable[[Talk], bool]] = {"3": _book_beside, "4": sms.take_back, "9": _leave_it}
    if booking.may_be_changed(the_chosen(talk)):
        acts |= {"1": _change_time, "2": lambda talk: talk.go_to(Step.CANCEL)}
    return keys in acts and acts[keys](talk)


def _leave_it(talk: Talk) -> bool:
    return talk.say_goodbye(Ended.DONE)


def _change_time(talk: Talk) -> bool:
    talk.call.queue = the_chosen(talk).queue
    talk.call.chose("change_time")
    talk.memory.times = []
    return talk.go_to(Step.TIMES)


def _book_beside(talk: Talk) -> bool:
    """From the beginning, for somebody else."""
    talk.call.chose("beside")
    talk.memory.beside, talk.memory.case, talk.memory.cases = True, None, []
    return talk.go_to(Step.ENTER)


def ask_cancel(talk: Talk) -> None:
    talk.say("cancel_choices")
    talk.wait_for()


def keyed_cancel(talk: Talk, keys: str) -> bool:
    acts: dict[str, Callable[[Talk], bool]] = {"1": _cancel, "2": _leave_it}
    return keys in acts and acts[keys](talk)


def _cancel(talk: Talk) -> bool:
    case = the_chosen(talk)
    try:
        with transaction.atomic():
            booking.cancel(case, told(talk))
            looks.note(None, Act.PHONE, case)
    except NotPossible:
        return cant_be_changed(talk)
    talk.call.case, talk.call.queue = case, case.queue
    talk.call.chose("cancelled")
    talk.say("cancelled")
    return talk.say_goodbye(Ended.CANCELLED)


def cant_be_changed(talk: Talk) -> bool:
    """A nurse has it, or has had it: the unit changes it."""
    talk.say("in_work")
    return talk.say_goodbye(Ended.DONE)
