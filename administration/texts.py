"""A queue's texts as patients would read them: filled in, counted, with what stops them and what is unwise in them."""

from __future__ import annotations

from dataclasses import dataclass

from sms.content import advice, placeholders, rules, segments
from sms.content.segments import Segments
from teleq.models import OutgoingSms
from teleq.phone_numbers import show


@dataclass(frozen=True)
class Reading:
    text: str
    """As it would be sent, with the date that is longest to write."""
    segments: Segments
    problems: list[str]
    """Why it could not be saved."""
    advice: list[str]
    """What is unwise in it. It can be saved all the same."""


def automatic(text: str, outgoing_sms: OutgoingSms) -> Reading:
    """A confirmation or a reminder, in a queue with these settings."""
    queue = outgoing_sms.queue
    filled = segments.normalize(placeholders.fill(text, queue, placeholders.LONGEST_DATE))
    told = advice.of_text(filled, outgoing_sms.sender, "{telefon}")
    return Reading(filled, segments.count(filled), rules.problems_of_automatic(text, queue), told)


def standard(text: str, outgoing_sms: OutgoingSms | None) -> Reading:
    """A standard text, which is sent as it stands. Its queue may not be chosen yet."""
    text = segments.normalize(text)
    problem = rules.problem_of(text) if text else None
    sender, number = "", "08-xx xx xx"
    if outgoing_sms:
        sender, number = outgoing_sms.sender, show(outgoing_sms.queue.phone_number) or number
    told = advice.of_text(text, sender, number) if outgoing_sms else []
    return Reading(text, segments.count(text), [problem] if problem else [], told)
