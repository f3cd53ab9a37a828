"""Was every promise kept? Told from the history, the witness and the provider's log alone.

Nothing of the product is imported here: the rules are written once more, plainly, so that a mistake in the product's
own is not repeated.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from tests.race.provider import Post


@dataclass(frozen=True)
class Answered:
    """An event in the history of one number's answer."""

    id: int
    of: tuple[int, str]
    answer: str
    valid_until: datetime
    at: datetime

    def counts_as(self, at: datetime) -> str:
        return self.answer if at < self.valid_until else "unset"


@dataclass(frozen=True)
class Switched:
    id: int
    queue_id: int
    consent_required: bool
    at: datetime


@dataclass(frozen=True)
class Judgement:
    """A message that was claimed, refused or let expire, and what was in force when that was committed."""

    message_id: int
    queue_id: int
    of: tuple[int, str]
    at_once: bool
    """Refused as it was accepted, by what could be read just then; a claim holds what it judges by."""
    state: str
    refusal: str
    accepted_at: datetime
    begun_at: datetime
    """When the transaction that judged began."""
    judged_at: datetime
    send_before: datetime
    noted_event: int | None
    noted_answer: str
    latest_event: int | None
    consent_required: bool


@dataclass(frozen=True)
class Sms:
    id: int
    to_number: str
    text: str
    state: str
    provider: str
    reported: bool
    """The provider has reported what became of it."""
    case_changed: bool


@dataclass
class Evidence:
    landline: str
    rented: dict[str, str]
    """Of each number that queues send from, the one provider that may be given it."""
    answers: dict[int, Answered]
    switches: list[Switched]
    seen: dict[tuple[str, int], datetime]
    """When a version of an answer or a switch was certainly there for all to see."""
    judgements: list[Judgement]
    messages: list[Sms]
    posts: list[Post]
    accepted: int
    """How many bulk messages were accepted, by those who did."""
    kept: int
    """How many of them are there."""

    answers_of: dict[tuple[int, str], list[Answered]] = field(init=False)

    def __post_init__(self) -> None:
        self.answers_of = defaultdict(list)
        for event in sorted(self.answers.values(), key=lambda event: event.id):
            self.answers_of[event.of].append(event)

    def first_answer_of(self, of: tuple[int, str]) -> Answered | None:
        return next(iter(self.answers_of.get(of, [])), None)

    def successor_of(self, event_id: int | None, of: tuple[int, str]) -> Answered | None:
        return next((event for event in self.answers_of.get(of, []) if event.id > (event_id or 0)), None)

    def was_seen_before(self, what: str, version: int, at: datetime) -> bool:
        return (what, version) in self.seen and self.seen[what, version] < at


def same_instant(judgement: Judgement, evidence: Evidence) -> bool:
    """The known exception: a number's very first answer, given while the claim was under way. There is no row to lock.

    What the claim lets through the guard looks at once more, after all locks: it sees a Nej that came before the
    claim's own moment. What the claim refuses may be by what stood when it began.
    """
    first = evidence.first_answer_of(judgement.of)
    if first is None or judgement.noted_event is not None or judgement.latest_event is None:
        return False
    guarded = judgement.state == "sending" and first.answer == "no"
    return not evidence.was_seen_before("answer", first.id, judgement.judged_at if guarded else judgement.begun_at)


def violations(evidence: Evidence) -> Iterator[str]:
    for judgement in evidence.judgements:
        wrong = at_once_wrong if judgement.at_once else claim_wrong
        for what in wrong(judgement, evidence):
            yield f"SMS {judgement.message_id}, {judgement.state} {judgement.judged_at:%T.%f}: {what}"
    yield from handed_over_wrong(evidence)
    yield from ended_wrong(evidence)


# Judgements ----------------------------------------------------------------------------------------------------------


def claim_wrong(judgement: Judgement, evidence: Evidence) -> Iterator[str]:
    if judgement.state == "expired":
        if judgement.judged_at < judgement.send_before:
            yield "expired before its time"
        return
    first_of_all = same_instant(judgement, evidence)
    if judgement.noted_event != judgement.latest_event and not first_of_all:
        yield f"judged by answer {judgement.noted_event} while {judgement.latest_event} was committed"
    overtaking = evidence.successor_of(judgement.noted_event, judgement.of)
    # A first answer has no row to lock before it: it may be written before a claim, and committed after it.
    had_an_answer = judgement.latest_event is not None
    if overtaking and overtaking.at < judgement.judged_at and had_an_answer and not first_of_all:
        yield f"judged after answer {overtaking.id} was written, by answer {judgement.noted_event}"
    decisive = judgement.noted_event if first_of_all else judgement.latest_event
    answer = evidence.answers[decisive].counts_as(judgement.judged_at) if decisive else "unset"
    if judgement.noted_answer != answer:
        yield f"the answer noted is {judgement.noted_answer}, the one in force was {answer}"
    due = what_is_due(answer, judgement.consent_required, judgement.of[1] == evidence.landline)
    given = judgement.refusal or "sending"
    if given != due:
        yield f"{given}, with {answer} in force in a {'ticked' if judgement.consent_required else 'plain'} queue"


def what_is_due(answer: str, consent_required: bool, landline: bool) -> str:
    if answer == "no":
        return "declined"
    if consent_required and answer != "yes":
        return "missing"
    return "not_mobile" if landline else "sending"


def at_once_wrong(judgement: Judgement, evidence: Evidence) -> Iterator[str]:
    """A manual message that was refused while the nurse looked: by what stood there when it was accepted."""
    overtaken = evidence.successor_of(judgement.noted_event, judgement.of)
    if overtaken and evidence.was_seen_before("answer", overtaken.id, judgement.accepted_at):
        yield f"refused by answer {judgement.noted_event}, when {overtaken.id} was there to be seen"
    noted = evidence.answers[judgement.noted_event] if judgement.noted_event else None
    answer = noted.counts_as(judgement.judged_at) if noted else "unset"
    landline = judgement.of[1] == evidence.landline
    could_be_due = {what_is_due(answer, ticked, landline) for ticked in ticked_meanwhile(judgement, evidence)}
    if judgement.refusal not in could_be_due:
        yield f"{judgement.refusal}, with {answer} in force"


def ticked_meanwhile(judgement: Judgement, evidence: Evidence) -> set[bool]:
    """What the switch was from the moment the message was accepted till it was judged."""
    versions = [each for each in evidence.switches if each.queue_id == judgement.queue_id]
    return {
        version.consent_required
        for version, following in zip(versions, [*versions[1:], None], strict=True)
        if version.at < judgement.judged_at
        and not (following and evidence.was_seen_before("switch", following.id, judgement.accepted_at))
    }


# Hand-overs and ends -------------------------------------------------------------------------------------------------

NOT_SENT = "503"


def handed_over_wrong(evidence: Evidence) -> Iterator[str]:
    messages = {message.id: message for message in evidence.messages}
    claims = Counter(each.message_id for each in evidence.judgements if each.state == "sending")
    for message_id, posts in posts_of(evidence).items():
        message = messages.get(message_id)
        if message is None or any((post.to, post.text) != (message.to_number, message.text) for post in posts):
            yield f"SMS {message_id}: the provider was given something else than was accepted"
        if any(evidence.rented.get(post.sender, post.provider) != post.provider for post in posts):
            yield f"SMS {message_id}: given to a provider where its sender's number is not rented"
        if message and message.state == "sent" and message.provider != posts[-1].provider:
            yield f"SMS {message_id}: sent by {posts[-1].provider}, and {message.provider} is noted"
        if any(post.answer != NOT_SENT for post in posts[:-1]):
            yield f"SMS {message_id}: handed over again after {[post.answer for post in posts]}"
        if len(posts) > claims[message_id]:
            yield f"SMS {message_id}: handed over {len(posts)} times, claimed {claims[message_id]} times"


def ended_wrong(evidence: Evidence) -> Iterator[str]:
    if evidence.accepted != evidence.kept:
        yield f"{evidence.accepted} messages were accepted and {evidence.kept} are there"
    posts, last_judged = posts_of(evidence), {each.message_id: each for each in evidence.judgements}
    for message in evidence.messages:
        answers = [post.answer for post in posts.get(message.id, [])]
        last = answers[-1] if answers else "nothing"
        if not may_end(message, last):
            yield f"SMS {message.id}: {message.state}, and the provider answered {last} at last"
        judged = last_judged.get(message.id)
        if message.state in ("refused", "expired") and (judged is None or judged.state != message.state):
            yield f"SMS {message.id}: {message.state}, and was last judged {judged.state if judged else 'never'}"


def may_end(message: Sms, last_answer: str) -> bool:  # noqa: PLR0911  a table
    """Whether a message may be in this state in the end, by what the provider last answered."""
    match message.state:
        case "sent":
            return last_answer == "201"
        case "delivered":
            return message.reported
        case "failed":
            return message.reported or last_answer == "400"
        case "unknown":  # a worker may have died before it wrote down, or even posted, anything
            return True
        case "refused" | "expired":
            return last_answer in ("nothing", NOT_SENT)
        case "cancelled":
            return last_answer in ("nothing", NOT_SENT) and message.case_changed
    return False


def posts_of(evidence: Evidence) -> dict[int, list[Post]]:
    posts: dict[int, list[Post]] = defaultdict(list)
    for post in evidence.posts:
        posts[post.message_id].append(post)
    return posts
