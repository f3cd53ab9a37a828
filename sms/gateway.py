"""The only way out (promise 1). Every text message, manual or automatic, is accepted, claimed and delivered here.

`accept` writes messages as rows. `claim` judges those that are due by the answers in force at that moment: what it
makes `sending` can't be stopped any more. `drain` claims, hands what was allowed to the provider, and records what
became of it. docs/architecture.md draws the way of a message.
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
from sms import metrics, providers
from sms.circuit_breaker import Circuit, CircuitBreaker
from sms.content import rules
from sms.content.segments import normalize
from sms.dispatcher import COLLECT_EVERY, START_WITHIN, Dispatcher, Handover
from sms.judge import Judge, refuse
from sms.models import Kind, Lane, Message, MessageQuerySet, Refusal
from sms.outcomes import record_at_last
from sms.providers.base import OutboundMessage, Provider
from sms.rate_limiter import RateLimiter
from sms.states import State
from teleq.clock import database_now
from teleq.database import waited_too_long
from teleq.models import OutgoingSms, Queue
from teleq.phone_numbers import number_text

logger = logging.getLogger(__name__)

DELIVER = {Lane.MANUAL: "sms.tasks.deliver_manual", Lane.BULK: "sms.tasks.deliver_bulk"}
CLAIM_SIZE = 200
TURN = 30.0
"""Seconds for which a drain claims messages, at the most."""
STUCK_AFTER = timedelta(minutes=2)
"""If a message has been `sending` for longer, its worker has died."""
OVERTAKEN_AT_MOST = 5
"""How often a claim is started anew when the last guard found a Nej that the claim had not seen. The new one does."""


# Accept --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Draft:
    """A message that somebody wants sent. The same key is the same message, however often it is asked for."""

    key: str
    kind: Kind
    queue_id: int
    to_number: PhoneNumber | str
    """In E.164, if it is a string."""
    text: str
    send_before: datetime
    due_at: datetime
    author_id: int | None = None


def accept(drafts: Sequence[Draft]) -> list[Message]:
    """Write the messages as rows, in the caller's transaction, and wake a worker when it commits.

    Returns those that are new: where the key is there already, the message that has it is left as it is.

    Some messages are written as `refused` at once: a manual one that isn't allowed, and any whose text breaks a rule.
    Pages check texts before they are saved, but a queue may be renamed, or a standard text changed, afterwards.
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
            refuse(message, Refusal.CONTENT, at)
    new = Message.objects.insert_new(messages)
    metrics.accepted(new)
    for lane in {Lane.of(message.kind) for message in new if message.state == State.QUEUED}:
        wake_on_commit(lane)
    return new


def _refuse_at_once(messages: list[Message]) -> None:
    """Judge what a person asks for while they look at the page. What is allowed is judged again when it is claimed."""
    if not messages:
        return
    queues = {message.queue_id for message in messages}
    providers_of = dict(Queue.objects.filter(pk__in=queues).values_list("pk", "care_provider_id"))
    keys = {message.key: (providers_of[message.queue_id], number_text(message.to_number)) for message in messages}
    judge = Judge(
        OutgoingSms.objects.in_bulk(queues),
        # Locked, so that no answer comes before its event is read: the message would name the wrong event.
        Consent.objects.held(keys.values()),
    )
    for message in messages:
        judge.judge(message, keys[message.key])
        outgoing_sms = judge.outgoing_sms.get(message.queue_id)
        if message.state == State.QUEUED and rules.problem_of_manual(message.text, outgoing_sms):
            refuse(message, Refusal.CONTENT, judge.at)


@transaction.atomic
def cancel(messages: MessageQuerySet) -> int:
    """Cancel those of the messages that have not been claimed. Returns how many they were.

    A message that is `sending` can't be cancelled; but if it turns out not to have been sent, it isn't tried again.
    """
    list(messages.order_by("id").select_for_update(of=("self",)))  # so that none becomes queued between the two updates
    messages.filter(state=State.SENDING).update(send_before=Least("send_before", Now()))
    return messages.filter(state=State.QUEUED).update(state=State.CANCELLED, state_at=Now())


# Claim ---------------------------------------------------------------------------------------------------------------

READ_FIELDS = ("queue", "text", "send_before", "receipt_token")
"""What a claim reads of a message beside what it writes."""
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
    """How many messages were due and have been judged."""
    sending: list[Message]
    """Those of them that are to be handed over."""
    outgoing_sms: dict[int, OutgoingSms]
    """The queues' settings, by queue id."""
    at: datetime | None
    """When they were judged."""
    began: float
    """A moment before that, on the clock `elapsed`."""


NOTHING = Claim(0, [], {}, None, 0.0)


def claim(lane: Lane, provider_name: str, limit: int = CLAIM_SIZE) -> Claim:
    """Judge the messages that are due in the lane, at most so many. Those that are allowed become `sending`.

    1. Lock the messages that are due, passing over those that another claim has locked.
    2. Lock the settings of their queues.
    3. Lock the answers stored for their numbers.
    4. Read PostgreSQL's clock.
    5. Judge each message by these rows at this instant: it becomes `sending`, `refused` or, when too late, `expired`.
    6. Write the messages and commit. This is the point of no return.
    7. If the last guard refuses the write, as a number got its very first Nej meanwhile: start anew.
    8. If a lock doesn't come in time: claim nothing, and wake the lane to try again later. It raises nothing, as the
       drain may have messages in flight whose results it has to record.

    Whoever writes an answer or a queue's settings locks the same row, so it comes either before a claim or after it
    (promise 3). Everyone locks in this order, so that no two wait for each other. Needs READ COMMITTED, and must not be
    called inside a transaction.
    """
    try:
        for _ in range(OVERTAKEN_AT_MOST):
            with suppress(IntegrityError):
                return _claim(lane, provider_name, limit)
        return _claim(lane, provider_name, limit)
    except OperationalError as error:
        if not waited_too_long(error):
            raise
        logger.warning("A claim of %s messages has waited too long for a lock: it is made again later", lane)
        wake(lane)
        return NOTHING


def _claim(lane: Lane, provider_name: str, limit: int) -> Claim:
    """Steps 1 to 6 of `claim`, in one transaction."""
    with transaction.atomic(durable=True):
        due = Message.objects.in_lane(lane).due().with_key(*READ_FIELDS, *CLAIM_FIELDS)
        messages = list(due.select_for_update(skip_locked=True, of=("self",))[:limit])
        if not messages:
            return NOTHING
        keys = {message.pk: (message.care_provider_id, message.number) for message in messages}
        outgoing_sms = OutgoingSms.objects.held(message.queue_id for message in messages)
        consents = Consent.objects.held(keys.values())
        judge = Judge(outgoing_sms, consents)
        for message in messages:
            _send_or_stop(message, keys[message.pk], judge, provider_name)
        Message.objects.write(messages, CLAIM_FIELDS)
    metrics.judged(messages)
    sending = [message for message in messages if message.state == State.SENDING]
    return Claim(len(messages), sending, outgoing_sms, judge.at, judge.began)


def _send_or_stop(message: Message, key: NumberKey, judge: Judge, provider_name: str) -> None:
    if judge.at >= message.send_before:
        message.state, message.state_at = State.EXPIRED, judge.at
        return
    judge.judge(message, key)
    if message.state == State.QUEUED:
        message.state = State.SENDING
        message.state_at = message.claimed_at = judge.at
        message.attempts += 1
        message.provider = provider_name


# Deliver -------------------------------------------------------------------------------------------------------------


def drain(lane: Lane) -> int:
    """Deliver the messages that are due in the lane. Returns how many were judged.

    Over and over, until no message is due and none is in flight:

    1. Acquire a permit: for how many messages, the rate limiter and the circuit breaker say.
    2. Claim so many messages.
    3. Dispatch those that became `sending`. The dispatcher sends them while the drain goes on.
    4. Collect the results that have come, and record them.
    5. Tell all workers what the results say about the provider. If its circuit is open, claim no more.
    6. After half a minute, claim no more, and wake the lane's worker at the end: a sweep gets its turn between.
    """
    provider = providers.configured()
    limiter, breaker = RateLimiter(provider.name, lane), CircuitBreaker(provider.name)
    turn_ends = time.monotonic() + TURN
    judged, claim_more, turn_is_over = 0, True, False
    with Dispatcher() as dispatcher, _record_the_rest(dispatcher):
        while claim_more or dispatcher.in_flight:
            if claim_more and dispatcher.capacity > 0 and not breaker.is_half_open:
                claimed, claim_more = _claim_and_dispatch(dispatcher, provider, limiter, breaker)
                judged += claimed
            if results := dispatcher.collect():
                record_at_last(results, dispatcher.claimed_at)
                claim_more = _publish(breaker) and claim_more
            if claim_more and time.monotonic() > turn_ends:
                claim_more, turn_is_over = False, True
    breaker.log_failures()
    if turn_is_over:
        wake(lane)
    return judged


def _claim_and_dispatch(
    dispatcher: Dispatcher, provider: Provider, limiter: RateLimiter, breaker: CircuitBreaker
) -> tuple[int, bool]:
    """Steps 1 to 3 of `drain`. Returns how many messages were judged, and whether there may be more to claim."""
    wanted = _wanted(limiter.lane, dispatcher.capacity)
    permit = limiter.acquire(wanted)
    claimed = claim(limiter.lane, limiter.provider, permit.messages) if permit.messages else NOTHING
    outbound = _outbound(claimed, limiter.provider)
    try:
        limiter.release_unused(permit, used=len(outbound))
        if outbound and permit.trial_until:
            breaker.begin_trial(outbound[0].id, permit.trial_until)
    finally:  # also if the database fails now: these messages are claimed, and would else become unknown
        latest = claimed.began + START_WITHIN
        handovers = [
            Handover(message, permit.slot(place, latest), provider, breaker) for place, message in enumerate(outbound)
        ]
        dispatcher.dispatch(handovers, claimed.at)
    rate_is_used_up = bool(wanted) and not (permit.messages or permit.circuit_is_open)
    if rate_is_used_up and not dispatcher.in_flight:
        time.sleep(COLLECT_EVERY)
    return claimed.judged, bool(claimed.judged) or rate_is_used_up


def _publish(breaker: CircuitBreaker) -> bool:
    """Step 5 of `drain`. Returns whether the provider may be given more."""
    circuit = breaker.publish()
    if circuit is Circuit.CLOSED:
        for lane in Lane:
            wake(lane)
    return circuit is not Circuit.OPEN


@contextmanager
def _record_the_rest(dispatcher: Dispatcher) -> Iterator[None]:
    """When the drain ends, also by an exception: record what is in flight, which would else become unknown."""
    try:
        yield
    finally:
        while dispatcher.in_flight:
            record_at_last(dispatcher.collect(), dispatcher.claimed_at)


def _wanted(lane: Lane, capacity: int) -> int:
    """How many messages to acquire a permit for. With a limited rate it reserves slots, so no more than are due."""
    return Message.objects.in_lane(lane).due()[:capacity].count() if settings.SMS_RATE else capacity


def _outbound(claimed: Claim, provider_name: str) -> list[OutboundMessage]:
    """What the dispatcher needs of each message that is to be handed over."""
    path = reverse("sms:receipt", args=[provider_name, 0, "token"])
    receipts = f"{settings.TELEQ_URL}{path.removesuffix('0/token')}"  # once: the resolver is too slow for each
    return [
        OutboundMessage(
            id=message.pk,
            to=message.number,
            sender=claimed.outgoing_sms[message.queue_id].sender,
            text=message.text,
            callback_url=f"{receipts}{message.pk}/{message.receipt_token}",
        )
        for message in claimed.sending
    ]


# Wake and sweep ------------------------------------------------------------------------------------------------------


def wake_on_commit(lane: Lane) -> None:
    """Wake the lane's worker when the transaction commits. If that fails it is logged, and the sweep does it."""

    def wake_lane() -> None:  # a partial has no name, which Django wants for the log
        wake(lane)

    transaction.on_commit(wake_lane, robust=True)


def wake(lane: Lane) -> None:
    """Let a worker drain the lane. The task is called by its name, as `sms.tasks` imports the gateway."""
    current_app.signature(DELIVER[lane]).apply_async(retry=False)


def sweep() -> None:
    """Each minute: make unknown what a worker that died had claimed, and wake the lanes that have messages due."""
    stuck = Message.objects.filter(state=State.SENDING, state_at__lt=Now() - STUCK_AFTER)
    with transaction.atomic():  # passing over locked messages: their results are being recorded
        held = list(stuck.select_for_update(skip_locked=True).only("kind", "provider"))
        Message.objects.filter(pk__in=[each.pk for each in held]).update(state=State.UNKNOWN, state_at=Now())
        metrics.recorded(metrics.Recorded(each.kind, each.provider, State.UNKNOWN, 0.0) for each in held)
    for lane in Lane:
        if Message.objects.in_lane(lane).due().exists():
            wake(lane)
