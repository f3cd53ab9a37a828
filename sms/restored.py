"""What a restored copy of the database is told of the time that it doesn't know: from when it was made to its restore.

What waits in it may have left meanwhile: it becomes `unknown`, and is never sent again by itself. What providers have
listed settles what it can. While the copy is held, the last guard allows that move and otherwise never.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from consent.models import Consent
from sms import receipts
from sms.listing import Listing
from sms.models import Kind, LostSms, Message, SendingStop, Unsettled
from sms.numbers import e164
from sms.providers.base import storable
from sms.states import State
from teleq.clock import database_now
from teleq.models import OutgoingSms
from teleq.phone_numbers import number_text

BATCH = 1000
CLOCKS_DIFFER = timedelta(minutes=2)
"""By how much a provider's clock may differ from ours, at the most."""


class NotHeld(Exception):
    """The database is not held as a restored copy, or is no longer."""


def stop_in_force() -> SendingStop:
    """The stop of the restored copy. Raises NotHeld."""
    stop = SendingStop.objects.in_force().filter(kind=SendingStop.Kind.RESTORED_COPY).first()
    if stop is None:
        raise NotHeld
    return stop


def may_have_left(stop: SendingStop) -> QuerySet[Message]:
    """Messages that wait and that the original may have sent: they came with the copy, and were due before it was held,
    or had been tried. A reminder may have been written in the copy: the original made its own of the same case."""
    came_with_it = Q(created_at__lte=stop.stopped_at) | Q(kind=Kind.REMINDER)
    in_question = Q(due_at__lte=stop.stopped_at) | Q(attempts__gt=0)
    return Message.objects.filter(came_with_it, in_question, unsettled__isnull=False, state=State.QUEUED)


def in_doubt(since: datetime) -> QuerySet[Message]:
    """Messages of which it isn't known whether they left, in the time that the copy doesn't know or shortly before."""
    doubted = Message.objects.filter(state__in=[State.SENDING, State.UNKNOWN], provider_message_id="")
    return doubted.filter(claimed_at__gt=since - timedelta(days=1))


def known(listings: Sequence[Listing]) -> dict[tuple[str, str], int]:
    """Of these SMS, those that are messages here already: by provider and its id of them, the message's id."""
    found: dict[tuple[str, str], int] = {}
    for numbers, batch in _by_number(listings):
        wanted = {(each.provider, each.sms.report.provider_message_id) for each in batch}
        rows = Message.objects.filter(to_number__in=numbers).exclude(provider_message_id="")
        for provider, key, pk in rows.values_list("provider", "provider_message_id", "pk"):
            if (provider, key) in wanted:
                found[provider, key] = pk
    return found


def _by_number(listings: Sequence[Listing]) -> Iterator[tuple[set[str], Sequence[Listing]]]:
    """In batches, with the numbers in each: messages are looked up by number, which has an index."""
    for start in range(0, len(listings), BATCH):
        batch = listings[start : start + BATCH]
        yield {number for each in batch if (number := e164(each.sms.to))}, batch


def match(messages: Iterable[Message], listings: Iterable[Listing]) -> dict[int, Listing]:
    """Which of the SMS in providers' lists each message is, by the message's id: to the same number from the same
    sender, with the same text where the provider keeps it, and not before it was due. Each SMS is one message's."""
    return _match(messages, listings, _may_be)


def match_sent_again(messages: Iterable[Message], listings: Iterable[Listing], before: datetime) -> dict[int, Listing]:
    """Which of the SMS in providers' lists each of these messages would say again: sent before this time to the same
    number from the same sender, with the same text where the provider keeps it."""
    return _match(messages, listings, lambda message, each: each.sms.at <= before and _says_the_same(message, each))


def _match(
    messages: Iterable[Message], listings: Iterable[Listing], fit: Callable[[Message, Listing], bool]
) -> dict[int, Listing]:
    senders = dict(OutgoingSms.objects.values_list("queue", "sender"))
    waiting: dict[tuple[str, str], list[Listing]] = defaultdict(list)
    for listing in sorted(listings, key=lambda listing: listing.sms.at):
        waiting[e164(listing.sms.to) or "", _sender(listing.sms.sender)].append(listing)
    matched = {}
    for message in sorted(messages, key=lambda message: (message.due_at, message.pk)):
        candidates = waiting[number_text(message.to_number), _sender(senders.get(message.queue_id, ""))]
        fits = next((each for each in candidates if fit(message, each)), None)
        if fits:
            candidates.remove(fits)
            matched[message.pk] = fits
    return matched


def _sender(written: str) -> str:
    return e164(written) or written.casefold()


def _says_the_same(message: Message, listing: Listing) -> bool:
    said = listing.sms.text
    return not (said and message.text) or said.strip() == message.text.strip()


def _may_be(message: Message, listing: Listing) -> bool:
    if not _says_the_same(message, listing):
        return False
    if message.state != State.QUEUED and message.provider not in ("", listing.provider):
        return False
    return message.due_at - CLOCKS_DIFFER <= listing.sms.at <= message.send_before + CLOCKS_DIFFER


def make_unknown(ids: Collection[int], matched: dict[int, Listing]) -> int:
    """Make these messages unknown, where they wait still; with the provider in whose list they were found.

    A batch at a time, each its own transaction, in which the stop can't be released. Raises NotHeld. Returns how many
    they were.
    """
    ordered, done = sorted(ids), 0
    for start in range(0, len(ordered), BATCH):
        with transaction.atomic():
            stop = _hold_stop()
            held = Unsettled.objects.filter(message__in=ordered[start : start + BATCH]).hold()
            messages = list(Message.objects.filter(pk__in=held, state=State.QUEUED))
            for message in messages:
                found = matched.get(message.pk)
                message.state, message.state_at = State.UNKNOWN, database_now()
                message.claimed_at = stop.stopped_at
                message.provider = found.provider if found else ""
                message.consent_required = message.consent_event_id = message.consent_answered_at = None
                message.consent_answer = message.consent_channel = ""
            if messages:
                Message.objects.write(messages, WRITTEN)
            done += len(messages)
    return done


WRITTEN = (
    *("state", "state_at", "claimed_at", "provider"),
    *("consent_required", "consent_event_id", "consent_answer", "consent_channel", "consent_answered_at"),
)


def _hold_stop() -> SendingStop:
    rows = SendingStop.objects.in_force().filter(kind=SendingStop.Kind.RESTORED_COPY)
    stop = rows.select_for_update().first()
    if stop is None:
        raise NotHeld
    return stop


def give_up_sending() -> int:
    """Make unknown what was being handed over when the copy was made. Returns how many they were."""
    with transaction.atomic():
        _hold_stop()
        held = Unsettled.objects.filter(sending_since__isnull=False).hold()
        sending = Message.objects.filter(pk__in=held, state=State.SENDING)
        return sending.update(state=State.UNKNOWN, state_at=database_now())


def settle(reports: dict[int, Listing]) -> int:
    """Record what providers' lists say of these messages, by message id. Returns how many of them it settled."""
    ids = sorted(reports)
    return sum(
        receipts.record_listed({pk: reports[pk] for pk in ids[start : start + BATCH]})
        for start in range(0, len(ids), BATCH)
    )


def keep_lost(listings: Sequence[Listing]) -> int:
    """Keep these SMS, which are no messages here, so that administrators see what may be lost. Returns how many are
    new."""
    rows = []
    for numbers, batch in _by_number(listings):
        owners = _Owners(numbers)
        rows += [
            LostSms(
                care_provider_id=owners.of(number, _sender(each.sms.sender)),
                provider=each.provider,
                provider_message_id=storable(each.sms.report.provider_message_id),
                sender=owners.sender(each.sms.sender)[:16],
                to_number=number,
                text=each.sms.text.replace("\x00", ""),
                sent_at=each.sms.at,
            )
            for each in batch
            if (number := e164(each.sms.to))
        ]
    before = LostSms.objects.count()
    LostSms.objects.bulk_create(rows, ignore_conflicts=True, batch_size=BATCH)
    return LostSms.objects.count() - before


class _Owners:
    """Whose an SMS is: the care provider's that sends from its sender. Where several do, the only one of them that has
    sent to the number before."""

    def __init__(self, numbers: Collection[str]) -> None:
        self._by_sender: dict[str, set[int]] = defaultdict(set)
        self._as_ours: dict[str, str] = {}
        for sender, care_provider in OutgoingSms.objects.values_list("sender", "queue__care_provider"):
            self._by_sender[_sender(sender)].add(care_provider)
            self._as_ours[_sender(sender)] = sender
        self._by_number: dict[str, set[int]] = defaultdict(set)
        sent = Message.objects.filter(to_number__in=numbers).values_list("to_number", "queue__care_provider")
        for number, care_provider in sent.distinct():
            self._by_number[number_text(number)].add(care_provider)

    def sender(self, written: str) -> str:
        """As our queues write it, where one does."""
        return self._as_ours.get(_sender(written), written)

    def of(self, number: str, sender: str) -> int | None:
        owners = self._by_sender.get(sender, set())
        if len(owners) > 1:
            owners = owners & self._by_number.get(number, set())
        return next(iter(owners)) if len(owners) == 1 else None


def forget_lost(listings: Iterable[Listing]) -> None:
    """Of these SMS it is known now which messages they are."""
    for listing in listings:
        LostSms.objects.filter(
            provider=listing.provider, provider_message_id=storable(listing.sms.report.provider_message_id)
        ).delete()


def without_a_list(providers: Collection[str]) -> QuerySet[Consent]:
    """The answers of numbers to which these providers have sent an SMS, or may have: a STOPP to it may be lost."""
    sent = Message.objects.filter(
        to_number=OuterRef("phone_number"),
        queue__care_provider=OuterRef("care_provider"),
        claimed_at__isnull=False,
        provider__in=[*providers, ""],
    )
    return Consent.objects.filter(Exists(sent))


def of_lost() -> QuerySet[Consent]:
    """The answers of numbers to which an SMS was sent that is lost here: their case may be lost, and a Nej in it."""
    lost = LostSms.objects.filter(to_number=OuterRef("phone_number"))
    return Consent.objects.filter(
        Exists(lost.filter(Q(care_provider=None) | Q(care_provider=OuterRef("care_provider"))))
    )


def providers_that_have_sent() -> set[str]:
    """The names of all providers of which there are messages."""
    return set(Message.objects.order_by().exclude(provider="").values_list("provider", flat=True).distinct())
