"""The only door out. Every text message, manual or automatic, is accepted, claimed and delivered here.

accept writes rows; claim judges each by the answer in force at that instant and is the point of no return; drain hands
what was allowed to the provider and records what became of it. docs/architecture.md draws the way of a message.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from celery import current_app
from django.conf import settings
from django.db import IntegrityError, OperationalError, transaction
from django.db.models.functions import Least, Now
from django.urls import reverse
from phonenumber_field.phonenumber import PhoneNumber

from consent.models import Consent, NumberKey
from consent.verdict import Verdict, answer_in_force, verdict
from sms import providers
from sms.circuit_breaker import Circuit, CircuitBreaker
from sms.content import rules
from sms.content.segments import normalize
from sms.dispatcher import COLLECT_EVERY, START_WITHIN, Dispatcher
from sms.models import Kind, Lane, Message, MessageQuerySet, Refusal
from sms.numbers import can_receive_sms
from sms.outcomes import record_at_last
from sms.providers.base import OutboundMessage
from sms.rate_limiter import RateLimiter
from sms.states import State
from teleq.clock import database_now, elapsed
from teleq.database import waited_too_long
from teleq.models import OutgoingSms, Queue
from teleq.phone_numbers import number_text

logger = logging.getLogger(__name__)

DELIVER = {Lane.MANUAL: "sms.tasks.deliver_manual", Lane.BULK: "sms.tasks.deliver_bulk"}
CLAIM_SIZE = 200
TURN = 30.0
"""Seconds that a drain goes on at the most."""
STUCK_AFTER = timedelta(minutes=2)
"""A message that has been `sending` for longer was in the hands of a worker that died."""
OVERTAKEN_AT_MOST = 5
"""Times that a claim is made again since a first Nej came in between. Each time it sees the ones before."""


# Accept --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Draft:
    """What somebody wants sent. The same key is the same message, however often it is asked for."""

    key: str
    kind: Kind
    queue_id: int
    to_number: PhoneNumber | str
    """E.164, where it is a text."""
    text: str
    send_before: datetime
    due_at: datetime
    author_id: int | None = None


def accept(drafts: Sequence[Draft]) -> list[Message]:
    """Write the messages as rows, in the caller's transaction, and wake a worker when it commits.

    Returns those that are new: a key that is already there is left as it is. A manual message that isn't allowed is
    refused at once, and is a row all the same. So is any whose text breaks a rule: who writes a text is told before,
    but a queue may be renamed, or a standard text changed, afterwards. Nobody else's message waits for it.
    """
    at = database_now()
    messages = [
        Message(
            key=draft.key,
            kind=draft.kind,
            queue_id=draft.queue_id,
            to_number=draft.to_number,
            text=normalize(draft.text),
            author_id=draft.author_id,
            created_at=at,
            state_at=at,
            due_at=draft.due_at,
            send_before=draft.send_before,
        )
        for draft in drafts
    ]
    _refuse_at_once([message for message in messages if message.kind == Kind.MANUAL])
    for message in messages:
        if message.state == State.QUEUED and rules.problem_of(message.text):
            _refuse(message, Refusal.CONTENT, at)
    new = Message.objects.insert_new(messages)
    for lane in {Lane.of(message.kind) for message in new if message.state == State.QUEUED}:
        wake_on_commit(lane)
    return new


def _refuse_at_once(messages: list[Message]) -> None:
    """Judge what a person asked for while they look. What passes is judged again when it is claimed."""
    if not messages:
        return
    queues = {message.queue_id for message in messages}
    providers_of = dict(Queue.objects.filter(pk__in=queues).values_list("pk", "care_provider_id"))
    keys = {message.key: (providers_of[message.queue_id], number_text(message.to_number)) for message in messages}
    bench = _Bench(
        settings=OutgoingSms.objects.in_bulk(queues),
        # Held: else an answer that is given between two statements lends its event to the one that decided.
        consents=Consent.objects.held(keys.values()),
    )
    for message in messages:
        bench.judge(message, keys[message.key])
        settings = bench.settings.get(message.queue_id)
        if message.state == State.QUEUED and rules.is_a_standard_text(message.text, settings):
            _refuse(message, Refusal.CONTENT, bench.at)


def _refuse(message: Message, reason: Refusal, at: datetime) -> None:
    message.state, message.refusal, message.state_at = State.REFUSED, reason, at


@transaction.atomic
def cancel(messages: MessageQuerySet) -> int:
    """Take back what has not been claimed, and say how many they were.

    What is being handed over is past the point of no return; but if it turns out not to have been sent, it isn't tried
    again.
    """
    list(messages.order_by("id").select_for_update(of=("self",)))  # so that none comes back between the two updates
    handed_over = messages.filter(state=State.SENDING)
    handed_over.update(send_before=Least("send_before", Now()))
    return messages.filter(state=State.QUEUED).update(state=State.CANCELLED, state_at=Now())


# Judge ---------------------------------------------------------------------------------------------------------------


def refusal(settings: OutgoingSms | None, consent: Consent | None, to_number: str, at: datetime) -> Refusal | None:
    """Why a message to this number would be stopped at this instant, or None. Consent's reason comes first."""
    answer = verdict(settings, consent, at)
    if answer is not Verdict.ALLOWED:
        return Refusal(answer.value)
    return None if can_receive_sms(to_number) else Refusal.NOT_MOBILE


class _Bench:
    """The rows that messages are judged by, read (or locked) once, and the clock read after them."""

    def __init__(self, settings: dict[int, OutgoingSms], consents: dict[NumberKey, Consent]) -> None:
        self.settings, self.consents = settings, consents
        self.events = Consent.objects.latest_events(consents.values())
        self.began = elapsed()
        self.at = database_now()

    def judge(self, message: Message, key: NumberKey) -> None:
        """Refuse the message or leave it as it is, and note on it which answer decided."""
        settings, consent = self.settings.get(message.queue_id), self.consents.get(key)
        reason = refusal(settings, consent, key[1], self.at)
        if reason:
            _refuse(message, reason, self.at)
        message.consent_required = settings.consent_required if settings else None
        message.consent_answer = answer_in_force(consent, self.at)
        # Also where there is none: what was noted at an earlier judgement may have been removed since.
        message.consent_event_id = self.events.get(consent.pk) if consent else None
        message.consent_channel = consent.channel if consent else ""
        message.consent_answered_at = consent.answered_at if consent else None


# Claim ---------------------------------------------------------------------------------------------------------------

READ_FIELDS = ("queue", "text", "send_before", "receipt_token")
CLAIM_FIELDS = (
    "state",
    "refusal",
    "state_at",
    "claimed_at",
    "attempts",
    "provider",
    "consent_required",
    "consent_event_id",
    "consent_answer",
    "consent_channel",
    "consent_answered_at",
)


@dataclass(frozen=True)
class Claim:
    judged: int
    sending: list[Message]
    settings: dict[int, OutgoingSms]
    at: datetime | None
    """When it judged."""
    began: float
    """A moment before that, on the clock `elapsed`."""


NOTHING = Claim(0, [], {}, None, 0.0)


def claim(lane: Lane, provider_name: str, limit: int = CLAIM_SIZE) -> Claim:
    """Take what is due, judge it by the answers in force, and commit: from then on it is `sending` or stopped.

    Locks in one order, each kind in a statement of its own: messages, settings, consents. Whoever writes an answer
    or the switch needs the row that is held here, so every run of claims and answers has one order (promise 3).
    Needs READ COMMITTED and must not be called inside a transaction. Where somebody holds an answer or a switch for
    long, nothing is claimed, and it is tried again later: what is in the air has to be seen to meanwhile.
    """
    try:
        for _ in range(OVERTAKEN_AT_MOST):
            with suppress(IntegrityError):  # the last guard saw what we could not: a Nej of this moment
                return _claim(lane, provider_name, limit)
        return _claim(lane, provider_name, limit)
    except OperationalError as error:
        if not waited_too_long(error):
            raise
        logger.warning("A claim of %s messages has waited too long for a lock: it is made again later", lane)
        wake(lane)
        return NOTHING


def _claim(lane: Lane, provider_name: str, limit: int) -> Claim:
    with transaction.atomic(durable=True):
        due = Message.objects.in_lane(lane).due().with_key(*READ_FIELDS, *CLAIM_FIELDS)
        messages = list(due.select_for_update(skip_locked=True, of=("self",))[:limit])
        if not messages:
            return NOTHING
        keys = {m.pk: (m.care_provider_id, m.number) for m in messages}
        settings_of = OutgoingSms.objects.held(message.queue_id for message in messages)
        bench = _Bench(settings_of, Consent.objects.held(keys.values()))
        for message in messages:
            _take(message, keys[message.pk], bench, provider_name)
        Message.objects.write(messages, CLAIM_FIELDS)
    sending = [message for message in messages if message.state == State.SENDING]
    return Claim(len(messages), sending, settings_of, bench.at, bench.began)


def _take(message: Message, key: NumberKey, bench: _Bench, provider_name: str) -> None:
    if bench.at >= message.send_before:
        message.state, message.state_at = State.EXPIRED, bench.at
        return
    bench.judge(message, key)
    if message.state == State.QUEUED:
        message.state = State.SENDING
        message.state_at = message.claimed_at = bench.at
        message.attempts += 1
        message.provider = provider_name


# Deliver -------------------------------------------------------------------------------------------------------------


def drain(lane: Lane) -> int:
    """Claim, hand over and record until nothing is due in the lane. Returns how many messages were judged.

    As messages land they are recorded, and as many more are claimed as can be started soon. After half a minute no more
    are, and a wake-up is given instead, so that a sweep gets its turn between.
    """
    provider = providers.configured()
    limiter, breaker = RateLimiter(provider.name, lane), CircuitBreaker(provider.name)
    turn_ends = time.monotonic() + TURN
    judged, more, turn_is_over = 0, True, False
    with Dispatcher(provider, breaker) as dispatcher, _record_what_is_left(dispatcher):
        while more or dispatcher.in_flight:
            if more and dispatcher.capacity > 0 and not breaker.is_half_open:
                claimed, more = _dispatch_more(dispatcher, limiter, breaker)
                judged += claimed
            if results := dispatcher.collect():
                record_at_last(results, dispatcher.claimed_at)
                more = _publish(breaker) and more
            if more and time.monotonic() > turn_ends:
                more, turn_is_over = False, True
    breaker.log_failures()
    if turn_is_over:
        wake(lane)
    return judged


def _dispatch_more(dispatcher: Dispatcher, limiter: RateLimiter, breaker: CircuitBreaker) -> tuple[int, bool]:
    """Claim as many as there is room for and the permit is for. Returns how many were judged, and whether there may be
    more to claim."""
    wanted = _wanted(limiter.lane, dispatcher.capacity)
    permit = limiter.acquire(wanted)
    claimed = claim(limiter.lane, limiter.provider, permit.messages) if permit.messages else NOTHING
    outbound = _outbound(claimed, limiter.provider)
    try:
        limiter.release_unused(permit, used=len(outbound))
        if outbound and permit.trial_until:
            breaker.begin_trial(outbound[0].id, permit.trial_until)
    finally:  # what is claimed goes, whatever befalls what wasn't
        latest = claimed.began + START_WITHIN
        slots = [permit.slot(place, latest) for place in range(len(outbound))]
        dispatcher.dispatch(list(zip(outbound, slots, strict=True)), claimed.at)
    rate_is_used_up = bool(wanted) and not (permit.messages or permit.circuit_is_open)
    if rate_is_used_up and not dispatcher.in_flight:
        time.sleep(COLLECT_EVERY)
    return claimed.judged, bool(claimed.judged) or rate_is_used_up


def _publish(breaker: CircuitBreaker) -> bool:
    """Tell all workers what the results say of the provider. Returns whether it may be given more."""
    circuit = breaker.publish()
    if circuit is Circuit.CLOSED:
        for lane in Lane:
            wake(lane)
    return circuit is not Circuit.OPEN


@contextmanager
def _record_what_is_left(dispatcher: Dispatcher) -> Iterator[None]:
    """Also when the database has failed the drain: what isn't recorded would be unknown for good."""
    try:
        yield
    finally:
        while dispatcher.in_flight:
            record_at_last(dispatcher.collect(), dispatcher.claimed_at)


def _wanted(lane: Lane, room: int) -> int:
    """With a limited rate what is asked for is reserved, so no more is asked for than is due."""
    return Message.objects.in_lane(lane).due()[:room].count() if settings.SMS_RATE else room


def _outbound(claimed: Claim, provider_name: str) -> list[OutboundMessage]:
    path = reverse("sms:receipt", args=[provider_name, 0, "token"])
    receipts = f"{settings.TELEQ_URL}{path.removesuffix('0/token')}"  # once: the resolver is too slow for each
    return [
        OutboundMessage(
            id=message.pk,
            to=message.number,
            sender=claimed.settings[message.queue_id].sender,
            text=message.text,
            callback_url=f"{receipts}{message.pk}/{message.receipt_token}",
        )
        for message in claimed.sending
    ]


# Wake and sweep ------------------------------------------------------------------------------------------------------


def wake_on_commit(lane: Lane) -> None:
    """Tell the lane's worker when the transaction commits. A wake-up that is lost is logged and left to the sweep."""

    def wake_lane() -> None:  # a partial has no name, which Django wants for the log
        wake(lane)

    transaction.on_commit(wake_lane, robust=True)


def wake(lane: Lane) -> None:
    """Tell the lane's worker that something is due. By the task's name: tasks import the gateway."""
    current_app.signature(DELIVER[lane]).apply_async(retry=False)


def sweep() -> None:
    """What was forgotten: wake the lanes that have something due, and give up on what a dead worker held."""
    dead = Message.objects.filter(state=State.SENDING, state_at__lt=Now() - STUCK_AFTER)
    with transaction.atomic():  # what is being recorded at this moment isn't waited for: its worker lives
        held = dead.select_for_update(skip_locked=True).values("pk")
        Message.objects.filter(pk__in=held).update(state=State.UNKNOWN, state_at=Now())
    for lane in Lane:
        if Message.objects.in_lane(lane).due().exists():
            wake(lane)
