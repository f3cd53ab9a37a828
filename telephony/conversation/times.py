"""A time to be called back: the first free one, others three at a time, and the booking itself."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from access.access_log import Act
from cases import free_times, looks
from cases.changing import NotPossible
from cases.free_times import FreeTime
from cases.models import Case
from cases.places import NotFree
from intake import booking
from telephony import spoken
from telephony.conversation import booked, sms
from telephony.conversation.talk import Talk, chosen
from telephony.conversation.told import told
from telephony.models import Ended, Step

AT_ONCE = 3
DAYS_AHEAD = 14


def _times(talk: Talk) -> list[FreeTime]:
    """The queue's times from now on, in order: the full ones too."""
    if talk.call.queue is None:
        return []
    today = timezone.localdate(talk.now)
    slots = free_times.slots_of(talk.call.queue, today, today + timedelta(days=DAYS_AHEAD))
    return free_times.with_places(talk.call.queue, free_times.ahead(slots, talk.now))


def _free(times: list[FreeTime]) -> list[datetime]:
    return [each.starts_at for each in times if each.places]


def _is_full_today(times: list[FreeTime], now: datetime) -> bool:
    """Whether there are times left today, and all of them are taken."""
    today = [each for each in times if timezone.localdate(each.starts_at) == timezone.localdate(now)]
    return bool(today) and not _free(today)


def _offered(talk: Talk) -> datetime:
    return datetime.fromisoformat(talk.memory.at)


# The first one -------------------------------------------------------------------------------------------------------


def offer_first(talk: Talk) -> None:
    """A day that is full is said to be, and never just ends: there is another day, or a person."""
    times = _times(talk)
    free = _free(times)
    if not free:
        _say_full(talk)
        return
    if _is_full_today(times, talk.now) and not talk.call.full:
        talk.call.full = True
        talk.say("today_is_full")
    talk.memory.at = free[0].isoformat()
    talk.ask(Step.OFFER)


def _say_full(talk: Talk) -> None:
    talk.call.full = True
    if person := talk.has_a_person():
        talk.say("no_more_times")
        talk.put_through(person)
    else:
        talk.say("full")
        talk.end(Ended.FULL)


def ask_offer(talk: Talk) -> None:
    where = "on_keyed_number" if talk.memory.number else "on_your_number"
    when = spoken.about(_offered(talk), talk.now, talk.call.language)
    talk.say("we_will_call", *when, where, "number_may_be_withheld", "offer_choices")
    sms.say_take_back(talk)
    talk.wait_for()


def keyed_offer(talk: Talk, keys: str) -> bool:
    acts: dict[str, Callable[[Talk], bool]] = {
        "1": _book,
        "2": lambda talk: talk.go_to(Step.NUMBER),
        "3": lambda talk: talk.go_to(Step.TIMES),
        "4": sms.take_back,
        "9": _book_nothing,
    }
    return keys in acts and acts[keys](talk)


def _book_nothing(talk: Talk) -> bool:
    talk.say("nothing_booked")
    return talk.say_goodbye(Ended.DONE)


# Others --------------------------------------------------------------------------------------------------------------


def ask_times(talk: Talk) -> None:
    """Those after the one that was offered; from the first one again when all have been said."""
    free = _free(_times(talk))
    after = _offered(talk) if talk.memory.at else talk.now
    coming = [at for at in free if at > after]
    if not coming:
        talk.say("no_more_times")
        coming = free
    if not coming:
        _say_full(talk)
        return
    talk.memory.times = [at.isoformat() for at in coming[:AT_ONCE]]
    for place, at in enumerate(coming[:AT_ONCE], start=1):
        talk.say("for", *spoken.time(at, talk.now, talk.call.language), "press", f"number_{place}")
    talk.say(*(["more_times"] if len(coming) > AT_ONCE else []), "end_choice")
    talk.wait_for()


def keyed_times(talk: Talk, keys: str) -> bool:
    is_moving = talk.memory.case is not None
    if keys == "4":
        talk.memory.at = talk.memory.times[-1]
        return talk.go_to(Step.TIMES)
    if keys == "9":
        return talk.say_goodbye(Ended.DONE) if is_moving else _book_nothing(talk)
    at = chosen(keys, talk.memory.times)
    if at is None:
        return False
    talk.memory.at = at
    talk.call.chose("other_time")
    return _move(talk) if is_moving else talk.go_to(Step.OFFER)


# Booking -------------------------------------------------------------------------------------------------------------


def _book(talk: Talk) -> bool:
    """Where SMS are asked about afterwards, the confirmation waits for the answer."""
    wanted = _wanted(talk)
    asks = sms.may_be_asked(talk, wanted.phone_number)
    try:
        with transaction.atomic():
            case, _ = booking.book(wanted, confirmed=not asks, told=told(talk))
            looks.note(None, Act.PHONE, case)
    except NotFree:
        talk.say("taken_meanwhile")
        return talk.go_to(Step.FIRST_TIME)
    except booking.CallDiffers:
        talk.say("booked_already")
        return talk.say_goodbye(Ended.BOOKED)
    _note_booked(talk, case, asks)
    talk.say("booked", *spoken.about(wanted.callback_at, talk.now, talk.call.language))
    return talk.go_to(Step.CONSENT) if asks else talk.say_goodbye(Ended.BOOKED)


def _wanted(talk: Talk) -> booking.Wanted:
    call = talk.call
    assert call.queue is not None
    return booking.Wanted(
        queue=call.queue,
        call_id=f"{call.provider}:{call.call_id}",
        phone_number=talk.memory.number or call.from_number,
        a_number=call.from_number or None,
        personal_identity_number=talk.memory.identity or "",
        callback_at=_offered(talk),
        beside=talk.memory.beside,
    )


def _note_booked(talk: Talk, case: Case, asks: bool) -> None:
    talk.call.case, talk.call.to_confirm, talk.call.ended = case, asks, Ended.BOOKED
    talk.call.chose("booked", number="keyed" if talk.memory.number else "own")


def _move(talk: Talk) -> bool:
    case, at = booked.the_chosen(talk), _offered(talk)
    try:
        with transaction.atomic():
            booking.move(case, at, told(talk))
            looks.note(None, Act.PHONE, case)
    except NotFree:
        talk.say("taken_meanwhile")
        talk.memory.at = ""
        return talk.go_to(Step.TIMES)
    except NotPossible:
        return booked.cant_be_changed(talk)
    talk.call.case = case
    talk.call.chose("moved")
    talk.say("moved", "you_will_be_called", *spoken.about(at, talk.now, talk.call.language))
    return talk.say_goodbye(Ended.MOVED)
