"""The only way out (promise 1). Every text message, manual or automatic, is accepted, claimed and delivered here.

`accept` writes messages as rows. `claim` judges those that are due by the answers in force at that moment: what it
makes `sending` can't be stopped any more. `drain` claims, hands what was allowed to the provider, and records what
became of it. docs/architecture.md draws the way of a message.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from celery import current_app
from django.conf import settings
from django.db import IntegrityError, OperationalError, transaction
from django.db.models.functions import Least, Now
from django.urls import reverse
from kombu.exceptions import OperationalError as BrokerError
from phonenumber_field.phonenumber import PhoneNumber

from consent.models import Consent
from sms import metrics
from sms.circuit_breaker import Circuit
from sms.content import rules
from sms.content.segments import normalize
from sms.dispatcher import COLLECT_EVERY, START_WITHIN, Dispatcher, Handover
from sms.judge import Judge, refuse
from sms.lines import Line, Numbers, offer_to_next
from sms.models import DueMessage, Kind, Lane, Message, MessageQuerySet, Refusal, SendingStop, Unsettled
from sms.outcomes import record_at_last
from sms.providers.base import OutboundMessage, SendResult
from sms.rate_limiter import RateLimiter
from sms.routing import can_send
from sms.states import State
from teleq.clock import database_now
from teleq.database import waited_too_long
from teleq.models import JudgedSettings, OutgoingSms, Queue
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
    settings_of = OutgoingSms.objects.in_bulk(queues)
    judge = Judge(
        settings_of,
        # Locked, so that no answer comes before its event is read: the message would name the wrong event.
        Consent.objects.held(keys.values()),
    )
    for message in messages:
        judge.judge(message, keys[message.key])
        outgoing_sms = settings_of.get(message.queue_id)
        if message.state == State.QUEUED and rules.problem_of_manual(message.text, outgoing_sms):
            refuse(message, Refusal.CONTENT, judge.at)


@transaction.atomic
def cancel(messages: MessageQuerySet) -> int:
    """Cancel those of the messages that have not been claimed. Returns how many they were.

    A message that is `sending` can't be cancelled; but if it turns out not to have been sent, it isn't tried again.
    """
    # Locked, so that none becomes queued between the two updates.
    held = Unsettled.objects.filter(message__in=messages.order_by().values("pk")).hold()
    messages = Message.objects.filter(pk__in=held)
    messages.filter(state=State.SENDING).update(send_before=Least("send_before", Now()))
    return messages.filter(state=State.QUEUED).update(state=State.CANCELLED, state_at=Now())


# Claim ---------------------------------------------------------------------------------------------------------------

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
    sending: list[DueMessage]
    """Those of them that are to be handed over."""
    outgoing_sms: dict[int, JudgedSettings]
    """The queues' settings, by queue id."""
    at: datetime | None
    """When they were judged."""
    began: float
    """A moment before that, on the clock `elapsed`."""


NOTHING = Claim(0, [], {}, None, 0.0)


class Selection(NamedTuple):
    """Which of a lane's messages a claim takes: all that are due, unless it says otherwise."""

    without: Collection[int] = ()
    """Not those of these queues, by id: they are for another provider."""
    offered: Sequence[int] = ()
    """These instead, by id, though they are not due again yet: another provider has just turned them away."""


ALL_DUE = Selection()


def claim(lane: Lane, provider_name: str, limit: int = CLAIM_SIZE, selection: Selection = ALL_DUE) -> Claim:
    """Judge the messages that are due in the lane, at most so many. Those that are allowed become `sending`.

    0. While all sending is stopped, claim nothing (`sms.brake`). Whoever stops it waits till this claim is committed.
    1. Lock the messages that are due, by their rows in Unsettled, passing over those that another claim has locked.
    2. Lock the settings of their queues.
    3. Lock the answers stored for their numbers.
    4. Read PostgreSQL's clock.
    5. Judge each message by these rows at this instant: it becomes `sending`, `refused` or, when too late, `expired`.
       One whose sender is no longer this provider's to send for is left as it is.
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
                return _claim(lane, provider_name, limit, selection)
        return _claim(lane, provider_name, limit, selection)
    except OperationalError as error:
        if not waited_too_long(error):
            raise
        logger.warning("A claim of %s messages has waited too long for a lock: it is made again later", lane)
        wake(lane)
        return NOTHING


def _claim(lane: Lane, provider_name: str, limit: int, selection: Selection) -> Claim:
    """Steps 0 to 6 of `claim`, in one transaction."""
    with transaction.atomic(durable=True):
        if SendingStop.objects.forbids():
            return NOTHING
        waiting = Unsettled.objects.waiting(lane)
        chosen = waiting.of(selection.offered) if selection.offered else waiting.due(selection.without)
        held = chosen[:limit].hold(skip_locked=True)
        # By a statement of its own: one that waits for a lock reads other tables as they were before.
        messages = Message.objects.of(held).filter(state=State.QUEUED).order_by("due_at", "id").read()
        if not messages:
            return NOTHING
        outgoing_sms = OutgoingSms.objects.held(message.queue_id for message in messages)
        consents = Consent.objects.held([message.key for message in messages])
        judge = Judge(outgoing_sms, consents)
        can_send_for = {queue_id for queue_id, its in outgoing_sms.items() if can_send(provider_name, its.sender)}
        for message in messages:
            _send_or_stop(message, judge, provider_name, can_send_for)
        Message.objects.write(messages, CLAIM_FIELDS)
    metrics.judged(messages)
    sending = [message for message in messages if message.state == State.SENDING]
    return Claim(len(messages), sending, outgoing_sms, judge.at, judge.began)


def _send_or_stop(message: DueMessage, judge: Judge, provider_name: str, can_send_for: Collection[int]) -> None:
    if judge.at >= message.send_before:
        message.state, message.state_at = State.EXPIRED, judge.at
        return
    judge.judge(message, message.key)
    if message.state == State.QUEUED and message.queue_id in can_send_for:
        message.state = State.SENDING
        message.state_at = message.claimed_at = judge.at
        message.attempts += 1
        message.provider = provider_name


# Deliver -------------------------------------------------------------------------------------------------------------


def drain(lane: Lane) -> int:
    """Deliver the messages that are due in the lane. Returns how many were judged.

    Over and over, until no message is due and none is in flight:

    1. For each provider in order, acquire a permit: for how many messages, its rate limiter and circuit breaker say.
    2. Claim so many of the messages for which it is the first that can send them and whose circuit is closed.
    3. Dispatch those that became `sending`. The dispatcher sends them while the drain goes on.
    4. Collect the results that have come, and record them.
    5. Offer what one provider surely didn't get to the next.
    6. Tell all workers what the results say about the providers. If all their circuits are open, claim no more.
    7. After half a minute, claim no more, and wake the lane's worker at the end: a sweep gets its turn between.
    """
    lines = [Line(name, lane) for name in settings.SMS_PROVIDERS]
    turn_ends = time.monotonic() + TURN
    judged, claim_more, turn_is_over = 0, bool(lines), False
    with Dispatcher() as dispatcher, _record_the_rest(dispatcher):
        while dispatcher.in_flight or (claim_more and not turn_is_over):
            may_claim = claim_more and not turn_is_over and dispatcher.capacity > 0
            if may_claim and any(line.is_ready for line in lines):
                claimed, claim_more = _claim_for_each(dispatcher, lines)
                judged += claimed
            if results := _collect_and_record(dispatcher):
                claim_more |= offer_to_next(lines, results)
                claim_more &= _publish(lines)
            turn_is_over = time.monotonic() > turn_ends
    for line in lines:
        line.breaker.log_failures()
    if claim_more:
        wake(lane)
    return judged


class Share(NamedTuple):
    """What one provider has been given of the messages that wait."""

    judged: int
    rate_is_used_up: bool
    circuit_is_closed: bool


def _claim_for_each(dispatcher: Dispatcher, lines: Sequence[Line]) -> tuple[int, bool]:
    """Steps 1 to 3 of `drain`. Returns how many messages were judged, and whether there may be more to claim."""
    numbers = Numbers(lines)
    shares: list[Share] = []
    first_is_found = False
    """Whether a provider has come whose circuit is closed: what all can send is for the first of those."""
    for place, line in enumerate(lines):
        if line.offered and line.is_ready:
            offered = Selection(offered=tuple(line.offered))
            shares.append(_claim_and_dispatch(dispatcher, line, offered, dispatcher.capacity))
        if not line.is_ready or (first_is_found and not numbers.belong_to(line)):
            continue
        due = Selection(without=numbers.all_but_of(line) if first_is_found else numbers.of_others(line))
        others = sum(map(numbers.belong_to, lines[place + 1 :]))  # for whom a part of the capacity is left
        share = _claim_and_dispatch(dispatcher, line, due, math.ceil(dispatcher.capacity / (1 + others)))
        shares.append(share)
        first_is_found = first_is_found or share.circuit_is_closed
    rate_is_used_up = any(share.rate_is_used_up for share in shares)
    if rate_is_used_up and not dispatcher.in_flight:
        time.sleep(COLLECT_EVERY)
    judged = sum(share.judged for share in shares)
    return judged, bool(judged) or rate_is_used_up or any(line.offered for line in lines if line.is_ready)


def _claim_and_dispatch(dispatcher: Dispatcher, line: Line, selection: Selection, capacity: int) -> Share:
    """Steps 1 to 3 of `drain`, for one provider, which may be given as many messages as there is capacity for."""
    limiter, lane = line.limiter, line.limiter.lane
    wanted = _wanted(limiter, selection, max(0, capacity))
    permit = limiter.acquire(wanted)
    if selection.offered:  # what its rate has no slot for now stays offered
        line.offered = [] if permit.circuit_is_open else line.offered[permit.messages :]
        selection = Selection(offered=selection.offered[: permit.messages])
    claimed = claim(lane, line.name, permit.messages, selection) if permit.messages else NOTHING
    outbound = _outbound(claimed, line.name)
    try:
        limiter.release_unused(permit, used=len(outbound))
        if outbound and permit.trial_until:
            line.breaker.begin_trial(outbound[0].id, permit.trial_until)
    finally:  # also if the database fails now: these messages are claimed, and would else become unknown
        latest = claimed.began + START_WITHIN
        handovers = [
            Handover(message, permit.slot(place, latest), line.provider, line.breaker)
            for place, message in enumerate(outbound)
        ]
        line.in_flight |= {message.id: message.sender for message in outbound}
        dispatcher.dispatch(handovers, claimed.at)
    return Share(
        claimed.judged,
        rate_is_used_up=bool(wanted) and not (permit.messages or permit.circuit_is_open),
        circuit_is_closed=not (permit.circuit_is_open or permit.trial_until),
    )


def _collect_and_record(dispatcher: Dispatcher) -> dict[int, SendResult]:
    """Step 4 of `drain`. Nothing is kept of what has been recorded: a drain may send a hundred thousand."""
    results = dispatcher.collect()
    if results:
        record_at_last(results, {message_id: dispatcher.claimed_at.pop(message_id) for message_id in results})
    return results


def _publish(lines: Sequence[Line]) -> bool:
    """Step 6 of `drain`. Returns whether any provider may be given more."""
    if Circuit.CLOSED in [line.breaker.publish() for line in lines]:
        for lane in Lane:
            wake(lane)
    return not all(line.breaker.is_open for line in lines)


@contextmanager
def _record_the_rest(dispatcher: Dispatcher) -> Iterator[None]:
    """When the drain ends, also by an exception: record what is in flight, which would else become unknown."""
    try:
        yield
    finally:
        while dispatcher.in_flight:
            _collect_and_record(dispatcher)


def _wanted(limiter: RateLimiter, selection: Selection, capacity: int) -> int:
    """How many messages to acquire a permit for. With a limited rate it reserves slots, so no more than are there."""
    if selection.offered:
        return min(len(selection.offered), capacity)
    if limiter.rate is None:
        return capacity
    return Unsettled.objects.waiting(limiter.lane).due(selection.without)[:capacity].count()


def _outbound(claimed: Claim, provider_name: str) -> list[OutboundMessage]:
    """What the dispatcher needs of each message that is to be handed over."""
    path = reverse("sms:receipt", args=[provider_name, 0, "token"])
    receipts = f"{settings.TELEQ_URL}{path.removesuffix('0/token')}"  # once: the resolver is too slow for each
    return [
        OutboundMessage(
            id=message.id,
            to=message.number,
            sender=claimed.outgoing_sms[message.queue_id].sender,
            text=message.text,
            callback_url=f"{receipts}{message.pk}/{message.receipt_token}",
        )
        for message in claimed.sending
    ]


# Wake and sweep ------------------------------------------------------------------------------------------------------


def wake_on_commit(lane: Lane) -> None:
    """Wake the lane's worker when the transaction commits."""

    def wake_lane() -> None:  # a partial has no name, which Django wants for the log
        wake(lane)

    transaction.on_commit(wake_lane, robust=True)


def wake(lane: Lane) -> None:
    """Let a worker drain the lane. While the broker takes no wake-ups, workers look by themselves
    (administration.health.stand_in).

    The task is called by its name, as `sms.tasks` imports the gateway.
    """
    try:
        current_app.signature(DELIVER[lane]).apply_async(retry=False)
    except BrokerError as error:
        logger.warning("The lane %s could not be woken: %s", lane.value, type(error.__cause__ or error).__name__)


def is_any_due(lane: Lane) -> bool:
    return Unsettled.objects.waiting(lane).due().exists()


def sweep() -> None:
    """Each minute: make unknown what a worker that died had claimed, and wake the lanes that have messages due."""
    stuck = Unsettled.objects.filter(sending_since__lt=Now() - STUCK_AFTER)
    with transaction.atomic():  # passing over locked messages: their results are being recorded
        held = stuck.hold(skip_locked=True)
        messages = Message.objects.filter(pk__in=held, state=State.SENDING)
        of = list(messages.values_list("kind", "provider"))
        messages.update(state=State.UNKNOWN, state_at=Now())
    metrics.recorded(metrics.Recorded(kind, provider, State.UNKNOWN, 0.0) for kind, provider in of)
    for lane in Lane:
        if is_any_due(lane):
            wake(lane)
