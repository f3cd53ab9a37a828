"""A call from its beginning to its end, as its provider tells of it: each step is one transaction on the call's row.

A provider repeats a request that it got no response to, and its requests may come late or out of order. So each
address names the turn that it responds to. Keys for a turn that is past change nothing: what was said last is said
again.
"""

from __future__ import annotations

import logging
from dataclasses import asdict, dataclass
from datetime import timedelta

from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now

from cases import automatic_sms, changing
from telephony import conversation
from telephony.conversation import Reply
from telephony.models import Call, Ended, PatientsNumber, SpokenFile, Step
from teleq import phone_numbers
from teleq.database import insert_unless_there
from teleq.phone_numbers import number_text

logger = logging.getLogger(__name__)

SILENT_AFTER = timedelta(minutes=10)
"""A call that the provider has said nothing of for this long is over: it has not told when the caller hung up. A person
may be spoken to for longer, but nothing follows that."""


@dataclass(frozen=True)
class Incoming:
    """A call as a provider tells of it when it comes. Numbers as the provider writes them."""

    call_id: str
    from_number: str
    to_number: str


@transaction.atomic
def begin(provider: str, incoming: Incoming) -> tuple[Call, Reply] | None:
    """What is said first in a call; told of again, the same. None for a number that nobody has set up."""
    dialled, caller = phone_numbers.read(incoming.to_number), phone_numbers.read(incoming.from_number)
    number = _numbers().filter(number=number_text(dialled)).first() if dialled else None
    if number is None:
        logger.warning("A call by %s was to a number that is not set up", provider)
        return None
    call = Call(
        provider=provider,
        call_id=incoming.call_id,
        number=number,
        care_provider=number.care_provider,
        from_number=number_text(caller) if caller else "",
        language=number.languages[0],
    )
    if insert_unless_there(call):
        return call, _said(call, conversation.begin(call, number))
    there = Call.objects.select_for_update(of=("self",)).get(provider=provider, call_id=incoming.call_id)
    return there, Reply(**there.reply)


def _numbers() -> QuerySet[PatientsNumber]:
    """With all that a conversation asks of them."""
    related = ("care_provider", "queue__outgoing_sms", "queue__by_phone", "menu", "announcement", "greeting")
    return PatientsNumber.objects.select_related(*related, "closed_announcement")


@transaction.atomic
def go_on(provider: str, token: str, turn: int, *, keys: str, answered: bool) -> tuple[Call, Reply] | None:
    """What is said next. None: no such call.

    After `keys`: digits, "#" for # alone, or nothing where no key came. Where a person has been called: after they
    `answered`, or didn't.
    """
    call = _locked(token)
    if call is None or call.provider != provider:
        return None
    number = _numbers().filter(pk=call.number_id or 0).first()
    if turn != call.turn or call.ended_at or number is None:
        return call, Reply(**call.reply)
    if call.step == Step.PERSON:
        reply = _said(call, conversation.connected(call, number, answered=answered))
    else:
        reply = _said(call, conversation.keyed(call, number, keys))
    if call.step == Step.OVER:
        _confirm(call)
    return call, reply


def still_said(provider: str, token: str, turn: int) -> tuple[Call, Reply] | None:
    """What is being said, file after file. None where the call has gone on since that turn, or there is none."""
    call = Call.objects.filter(provider=provider, token=token, turn=turn).first()
    return (call, Reply(**call.reply)) if call else None


def _locked(token: str) -> Call | None:
    rows = Call.objects.select_for_update(of=("self",)).select_related("care_provider", "case")
    return rows.select_related("queue__outgoing_sms", "queue__by_phone").filter(token=token).first()


def _said(call: Call, reply: Reply) -> Reply:
    call.turn += 1
    call.reply = asdict(reply)
    call.heard_at = Now()
    call.save()
    return reply


def hang_up(token: str) -> None:
    """The call is over. Told again, it changes nothing."""
    with transaction.atomic():
        call = _locked(token)
        if call and call.ended_at is None:
            _close(call)


def hang_up_by_id(provider: str, call_id: str) -> None:
    """As `hang_up`, of a provider that tells of it by its own id for the call."""
    call = Call.objects.filter(provider=provider, call_id=call_id).first()
    if call:
        hang_up(call.token)


def close_silent() -> int:
    """Close the calls whose end no provider has told, and say how many. Each is a transaction of its own."""
    silent = Call.objects.under_way().filter(heard_at__lt=Now() - SILENT_AFTER).values_list("token", flat=True)
    tokens = list(silent[:1000])
    for token in tokens:
        hang_up(token)
    return len(tokens)


def _close(call: Call) -> None:
    call.ended = call.ended or Ended.HUNG_UP
    call.memory, call.reply, call.ended_at = {}, {}, Now()
    SpokenFile.objects.filter(call_id=call.pk).delete()
    _confirm(call)
    call.save()


def _confirm(call: Call) -> None:
    """Confirm by SMS what was booked, now that the patient has answered whether they want any, or has not."""
    if not call.to_confirm:
        return
    call.to_confirm = False
    call.save(update_fields=["to_confirm"])
    if call.case:
        with changing.locked(call.case) as case:
            if case.is_open:
                automatic_sms.confirm(case)
