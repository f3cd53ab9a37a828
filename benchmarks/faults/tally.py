"""What a fault has done, told from the provider's log, PostgreSQL's log and the messages' rows alone.

Nothing of the product is imported here: the rules are written once more, plainly, as for the race
(tests/race/checker.py).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from tests.race.provider import Post

NOT_SENT, TAKEN = "503", "201"
MAY_START_LATE = 10.0
"""Seconds after its claim within which a message reaches the provider: teleQ starts it within five, and this machine is
busy."""
NORMAL = 0.5
"""Of the rate before the fault, from which on it is back to normal."""
WINDOW = 2.0
"""Seconds over which a rate is looked at."""


class Answered(NamedTuple):
    """An answer, as the transaction that stored it was committed."""

    of: tuple[int, str]
    """Care provider and number."""
    answer: str
    at: float


class Switched(NamedTuple):
    queue: int
    consent_required: bool


class Claimed(NamedTuple):
    """A message that became `sending`, as the claim was committed."""

    message: int
    queue: int
    to: str


class Refused(NamedTuple):
    """A message that was refused, as that was committed."""

    message: int
    queue: int
    to: str


Change = Answered | Switched | Claimed | Refused


class Sms(NamedTuple):
    """A message as it stands in the end."""

    key: str
    state: str
    queue: int


@dataclass
class Evidence:
    care_providers: Mapping[int, int]
    """Of each queue."""
    before: Sequence[Change]
    """Answers and switches as they stood when the fault's turn began."""
    changes: Sequence[Change]
    """What was committed since, in the order of the commits."""
    accepted: Collection[str]
    """Keys of the messages that whoever asked for them was told are accepted."""
    messages: Mapping[tuple[int, str], Sms]
    """By id and token, as they stand in the end: what each post in the provider's log was of."""
    posts: Sequence[Post]
    began: float
    """When the fault came."""
    ended: float
    in_flight: int
    """How many messages were claimed and not recorded when it came."""
    shown: Sequence[str] = ()
    """What was seen of the fault."""
    has_recovered: bool = True
    """Whether automatic messages left again by teleQ's own doing."""


@dataclass
class Row:
    """A line of the table."""

    messages: int
    lost: int
    doubled: int
    after_nej: int
    unknown: int
    unknown_received: int
    """How many of the unknown the provider did get."""
    in_flight: int
    first: float | None
    """Seconds from the fault's end to the first message that the provider took."""
    normal: float | None
    """Seconds from the fault's end till as many as before were taken."""
    shown: Sequence[str] = ()
    has_recovered: bool = True
    states: Counter[str] = field(default_factory=Counter)
    examples: list[str] = field(default_factory=list)
    """The first of what is wrong, to look into."""

    @property
    def kept(self) -> bool:
        return not (self.lost or self.doubled or self.after_nej)


SHOWN = 5


def row(evidence: Evidence) -> Row:
    without_a_right, wrongly_refused = _judged_wrongly(evidence)
    lost, doubled = [*_lost(evidence), *wrongly_refused], list(_doubled(evidence))
    after_nej = [*without_a_right, *_posted_unclaimed(evidence), *_posted_after_nej(evidence)]
    unknown = {key for key, sms in evidence.messages.items() if sms.state == "unknown"}
    received = {(post.message_id, post.token) for post in evidence.posts if post.answer != NOT_SENT}
    first, normal = _recovered(evidence)
    return Row(
        messages=len(evidence.messages),
        lost=len(lost),
        doubled=len(doubled),
        after_nej=len(after_nej),
        unknown=len(unknown),
        unknown_received=len(unknown & received),
        in_flight=evidence.in_flight,
        first=first,
        normal=normal,
        shown=evidence.shown,
        has_recovered=evidence.has_recovered,
        states=Counter(sms.state for sms in evidence.messages.values()),
        examples=[*lost[:SHOWN], *doubled[:SHOWN], *after_nej[:SHOWN]],
    )


def _lost(evidence: Evidence) -> Iterable[str]:
    """Accepted and not there; waiting still; noted as sent, and the provider never got it; failed for no reason; or
    given up as too late, or taken back, which nobody has asked for: there is a quarter of an hour for each at least."""
    there = {sms.key for sms in evidence.messages.values()}
    for key in sorted(set(evidence.accepted) - there):
        yield f"{key}: accepted, and not there"
    received = {(post.message_id, post.token) for post in evidence.posts if post.answer != NOT_SENT}
    for identity, sms in evidence.messages.items():
        if sms.state in ("queued", "sending", "failed", "expired", "cancelled"):
            yield f"{sms.key}: {sms.state} in the end"
        elif sms.state == "sent" and identity not in received:
            yield f"{sms.key}: noted as sent, and the provider hasn't got it"


def _doubled(evidence: Evidence) -> Iterable[str]:
    """Posts of a message that the provider had, or may have had, before. By key: a restored copy makes its own
    reminder of the same booking, with an id of its own."""
    had: set[str] = set()
    for post in sorted(evidence.posts, key=lambda post: post.at):
        sms = evidence.messages.get((post.message_id, post.token))
        key = sms.key if sms else f"{post.message_id}/{post.token}"
        if post.answer == NOT_SENT:
            continue
        if key in had:
            yield f"{key}: handed over again"
        had.add(key)


def _judged_wrongly(evidence: Evidence) -> tuple[list[str], list[str]]:
    """Claims without a right, and refusals without a reason, by what had been committed before them."""
    answers: dict[tuple[int, str], str] = {}
    ticked: dict[int, bool] = {}
    without_a_right, wrongly_refused = [], []
    for change in (*evidence.before, *evidence.changes):
        match change:
            case Answered(of, answer, _):
                answers[of] = answer
            case Switched(queue, consent_required):
                ticked[queue] = consent_required
            case Claimed(message, queue, to) | Refused(message, queue, to):
                answer = answers.get((evidence.care_providers[queue], to), "unset")
                allowed = answer == "yes" or (answer == "unset" and not ticked[queue])
                if isinstance(change, Claimed) and not allowed:
                    without_a_right.append(f"SMS {message}: claimed after {answer} was committed")
                if isinstance(change, Refused) and allowed:
                    wrongly_refused.append(f"SMS {message}: refused after {answer} was committed")
    return without_a_right, wrongly_refused


def _posted_unclaimed(evidence: Evidence) -> Iterable[str]:
    """Messages that reached the provider more often than claims of them are in PostgreSQL's log."""
    claims = Counter(change.message for change in evidence.changes if isinstance(change, Claimed))
    for message, posts in Counter(post.message_id for post in evidence.posts).items():
        if posts > claims[message]:
            yield f"SMS {message}: handed over {posts} times, claimed {claims[message]} times"


def _posted_after_nej(evidence: Evidence) -> Iterable[str]:
    """Messages that reached the provider long after a Nej: their claim was before it, and their sender stood still."""
    since: dict[tuple[int, str], list[tuple[float, str]]] = defaultdict(list)
    for change in (*evidence.before, *evidence.changes):
        if isinstance(change, Answered):
            since[change.of].append((change.at, change.answer))
    for post in evidence.posts:
        sms = evidence.messages.get((post.message_id, post.token))
        if sms is None:
            continue
        history = since[evidence.care_providers[sms.queue], post.to]
        last = max((at for at, _ in history if at <= post.at - MAY_START_LATE), default=None)
        in_question = {answer for at, answer in history if last is not None and last <= at <= post.at}
        if in_question == {"no"}:
            yield f"{sms.key}: handed over more than {MAY_START_LATE:.0f} s after a Nej"


def _recovered(evidence: Evidence) -> tuple[float | None, float | None]:
    """Told from the automatic messages: each fault hits the worker that sends those."""
    taken = sorted(
        post.at
        for post in evidence.posts
        if post.answer == TAKEN
        and (sms := evidence.messages.get((post.message_id, post.token)))
        and not sms.key.startswith("manual:")
    )
    later = [at - evidence.ended for at in taken if at >= evidence.ended]
    earlier = [at for at in taken if at < evidence.began]
    if not later or not earlier:
        return (later[0] if later else None), None
    rate = len(earlier) / max(WINDOW, evidence.began - earlier[0])
    wanted = max(1, int(NORMAL * rate * WINDOW))
    for place in range(len(later) - wanted + 1):
        if later[place + wanted - 1] - later[place] <= WINDOW:
            return later[0], later[place]
    return later[0], None
