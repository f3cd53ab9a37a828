"""After a restore: goes through what the copy can't know, and makes it safe to send from.

Each step may be done again, so that the whole may be run anew after it was broken off, after a provider didn't answer,
or after the telephone system has sent its bookings again. docs/operate/restore.md says when.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Exists, OuterRef, Q, QuerySet

from cases import automatic_sms
from cases.models import Case, CaseEvent
from consent import register
from consent.models import Consent
from intake.models import IntakeCall
from sms import inbound, listing, restored
from sms.listing import Listing, Lists
from sms.models import Kind, Message, SendingStop
from sms.states import State

MARGIN = timedelta(minutes=10)
"""So much earlier the providers' lists are asked for: clocks differ. What is known already is passed over."""


@dataclass
class Done:
    """What was done, in numbers: no patient's data."""

    lists: Lists
    unknown: int = 0
    known: int = 0
    settled: int = 0
    lost: int = 0
    unset: int = 0

    @property
    def is_whole(self) -> bool:
        return not self.lists.failed


def go_through(since: datetime, go_on_without: Sequence[str] = ()) -> Done:
    """Go through all that may have happened since this aware time, when the copy was made. Raises NotHeld.

    1. Accept the reminders that are due: the original has made them of the same cases, and may have sent them.
    2. Fetch the providers' own lists, and store the replies in them. A STOPP among them is a Nej from then on.
    3. What waits and may have left becomes unknown; what the lists say of it, and of what had left before, is recorded.
    4. What the lists have and the copy has not is kept, to be shown to administrators.
    5. Each Ja that a lost Nej may have followed becomes Ej valt.
    """
    stop = restored.stop_in_force()
    automatic_sms.remind_all_due()
    lists = listing.fetch_all(restored.providers_that_have_sent(), since - MARGIN, go_on_without)
    for provider, reply in lists.replies:
        inbound.receive(provider, reply)
    done = Done(lists)
    _settle_messages(done, stop, since)
    done.unset = sum(
        register.unset_in_copy(consents, given_before=stop.stopped_at) for consents in _in_doubt(since, lists.without)
    )
    return done


def _settle_messages(done: Done, stop: SendingStop, since: datetime) -> None:
    known = restored.known(done.lists.sent)
    unplaced = [each for each in done.lists.sent if each.key not in known]
    waiting, doubted = list(restored.may_have_left(stop)), list(restored.in_doubt(since))
    matched = restored.match([*waiting, *doubted], unplaced)
    left = _without(unplaced, matched.values())
    again = restored.match_sent_again(_confirmed_again(stop), left, before=stop.stopped_at)
    left = _without(left, again.values())
    matched |= again
    restored.give_up_sending()
    done.unknown = restored.make_unknown({*(message.pk for message in waiting), *again}, matched)
    by_key = {each.key: each for each in done.lists.sent}
    done.known = len(known) + len(matched)
    done.settled = restored.settle({pk: by_key[key] for key, pk in known.items()} | matched)
    restored.forget_lost(matched.values())
    # What was sent before the copy was made is in it, but for what retention has removed since.
    done.lost = restored.keep_lost([each for each in left if each.sms.at >= since])


def _without(listings: Sequence[Listing], matched: Iterable[Listing]) -> list[Listing]:
    taken = {each.key for each in matched}
    return [each for each in listings if each.key not in taken]


def _confirmed_again(stop: SendingStop) -> list[Message]:
    """Confirmations that wait of callbacks that the telephone system has booked since the copy was held: it may have
    sent a booking again that the original had, and confirmed."""
    booked = IntakeCall.objects.filter(case=OuterRef("case_message__case"))
    waiting = Message.objects.filter(unsettled__isnull=False, state=State.QUEUED, kind=Kind.CONFIRMATION)
    return list(waiting.filter(Exists(booked), created_at__gt=stop.stopped_at))


def _in_doubt(since: datetime, without_a_list: Sequence[str]) -> Iterator[QuerySet[Consent]]:
    """The answers that a Nej may have followed which is lost."""
    acted = CaseEvent.objects.filter(case=OuterRef("pk"), at__gte=since - MARGIN)
    cases = Case.objects.filter(Q(pk__in=Case.objects.open().values("pk")) | Exists(acted))
    cases = cases.filter(phone_number=OuterRef("phone_number"), queue__care_provider=OuterRef("care_provider"))
    yield Consent.objects.filter(Exists(cases))  # a nurse may have asked, in a case that was open
    yield restored.of_lost()  # or in one that is lost
    if without_a_list:
        yield restored.without_a_list(without_a_list)  # a STOPP
