"""Kopiera till journal: a case as plain text, to be pasted into the medical-record system.

A case is no patient record: what belongs there is written there (patientdatalagen 2008:355, 3 kap.) and is kept there
for ten years at least, while the case is removed after its time (docs/decisions/0030).

The text is in Swedish whatever the screen speaks, as patient records are (3 kap. 13 §), and has nothing in it but
letters and line breaks: headings are lines, and an empty line stands between the parts.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from datetime import datetime

from django.conf import settings
from django.utils.translation import ngettext, override

from cases import history, inbound
from cases.history import Entry
from cases.models import Case, CaseEvent
from consent import register
from consent.models import Answer, Consent
from sms.models import InboundSms
from teleq.models import User
from teleq.swedish import date_and_clock, identity_number, last_day, phone

Kind = CaseEvent.Kind
CALLS = (Kind.REACHED, Kind.NO_ANSWER)
ENDINGS = (Kind.DONE, Kind.CANCELLED, Kind.REOPENED)
OTHER_COURSE = (Kind.MOVED, Kind.NUMBER_CHANGED, Kind.NUMBER_CONFIRMED, Kind.QUEUE_CHANGED)
COURSE = (*CALLS, *ENDINGS, *OTHER_COURSE)
"""What is told of a case. Who had it and when is how the unit works, and nothing about the patient."""


def not_kept_here() -> str:
    """What whoever writes a note has to know of it, in the language of the screen."""
    days = settings.KEEP_CASES.days
    told = ngettext(
        "Journalförs i journalsystemet. Ett ärende är ingen patientjournal och tas bort efter %(days)d dag.",
        "Journalförs i journalsystemet. Ett ärende är ingen patientjournal och tas bort efter %(days)d dagar.",
        days,
    )
    return told % {"days": days}


def text(case: Case, at: datetime, *, by: User) -> str:
    """The case as it stands, for this user to copy. The same number of queries however long it is.

    The case was read by `with_protection`.
    """
    with override("sv"):
        acts = history.acts(case)
        parts = [
            _head(case, acts),
            _course(case, acts),
            _part("Anteckningar", _notes(case)),
            _part("SMS till patienten", _messages(case)),
            _part("SMS från patienten", _replies(inbound.of_case(case))),
            _consent(case, at),
            [f"Hämtat ur teleQ {date_and_clock(at)} av {by}."],
        ]
    return _plain("\n\n".join("\n".join(part) for part in parts if part)) + "\n"


# The parts -----------------------------------------------------------------------------------------------------------


def _head(case: Case, acts: Collection[Entry]) -> list[str]:
    person, promised = case.personal_identity_number, _promised(case, acts)
    made = next((act for act in acts if act.event and act.event.kind == Kind.CREATED), None)
    facts = {
        "Namn": case.name or "saknas",
        "Personnummer": identity_number(person) if person else "saknas",
        "Telefonnummer": phone(case.phone_number),
        "Kontaktorsak": case.reason or "saknas",
        "Behov av tolk": case.interpreter_language,
        "Önskar tala med": case.speak_with,
        "Bokat": f"{date_and_clock(case.created_at)}{f', {made.who}' if made else ''}",
        "Utlovad tid": date_and_clock(promised),
        "Ny tid": date_and_clock(case.callback_at) if promised != case.callback_at and case.is_open else "",
        "Status": case.get_status_display() + (f": {case.get_outcome_display()}" if case.outcome else ""),
    }
    protected = ["Patienten har skyddade personuppgifter."] if case.protected else []
    return [
        *protected,
        f"Återuppringning, {case.queue} (ärende {case.pk} i teleQ)",
        *(f"{name}: {_one_line(value)}" for name, value in facts.items() if value),
    ]


def _promised(case: Case, acts: Iterable[Entry]) -> datetime:
    """The time that the patient was promised first, whatever it has been changed to since."""
    events = (act.event for act in acts if act.event)
    before = next((event.changes["callback_at"][0] for event in events if "callback_at" in event.changes), None)
    return datetime.fromisoformat(before) if before else case.callback_at


def _course(case: Case, acts: Iterable[Entry]) -> list[str]:
    """How the calls went and how it ended, oldest first. What was undone was pressed by mistake and is not told."""
    told = [(act, act.event) for act in acts if act.event]
    undone = {event.undoes_id for _, event in told}
    lines = [
        f"{_when_and_who(act.at, act.who)}: {_one_line(act.sentence)}"
        for act, event in told
        if event.kind in COURSE and event.pk not in undone
    ]
    if case.call_began_at:
        lines.append(f"{date_and_clock(case.call_began_at)}: Ringde. Hur det gick är inte registrerat.")
    return _part("Uppringningar och bokning", lines or ["Inga uppringningar är registrerade."])


def _notes(case: Case) -> Iterator[str]:
    for note in history.notes_of(case=case.pk):
        yield f"{_when_and_who(note.created_at, note.author)}:"
        yield note.text


def _messages(case: Case) -> Iterator[str]:
    for message in history.messages_of(case=case.pk):
        sent = _when_and_who(message.created_at, message.author or str(history.BY_ITSELF))
        told = f"{message.get_kind_display()} till {phone(message.to_number)}: {message.outcome.rstrip('.')}."
        yield f"{sent}: {told}"
        yield message.text or "Texten är borttagen."


def _replies(replies: Iterable[InboundSms]) -> Iterator[str]:
    for sms in sorted(replies, key=lambda sms: (sms.received_at, sms.pk)):
        yield f"{date_and_clock(sms.received_at)}:"
        yield sms.text


def _consent(case: Case, at: datetime) -> list[str]:
    """The answer in force for the number, where the case shows it."""
    current = register.current(*case.consent_key)
    answer = current.answer(at)
    if not case.shows_consent(answer):
        return []
    stored = current.consent if current.consent and current.consent.counts(at) else None
    told = f"Samtycke till SMS för {phone(case.phone_number)}: {answer.label}."
    return [f"{told} {_given(case, stored)}" if stored and answer is not Answer.UNSET else told]


def _given(case: Case, consent: Consent) -> str:
    who = str(consent.answered_by) if consent.answered_by else "patienten själv"
    anothers = consent.person not in ("", case.personal_identity_number)
    whose = " Svaret är någon annans, som använder samma nummer." if anothers else ""
    given = f"Svarade {date_and_clock(consent.answered_at)}, registrerat av {who}."
    return f"{given} Gäller till {last_day(consent.valid_until)}.{whose}"


# Written -------------------------------------------------------------------------------------------------------------


def _part(heading: str, lines: Iterable[str]) -> list[str]:
    """Nothing, where there is nothing below the heading."""
    found = list(lines)
    return [heading, *found] if found else []


def _when_and_who(at: datetime, who: User | str) -> str:
    return f"{date_and_clock(at)}, {who}"


def _one_line(words: str) -> str:
    return " ".join(words.split())


UNSEEN = re.compile("[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
"""Controls, and what turns the direction of a line: pasted elsewhere they would do so there. Line breaks are left."""
MORE_THAN_ONE_EMPTY = re.compile(r"\n{3,}")


def _plain(words: str) -> str:
    """With one kind of line break, no blanks at the ends of lines and no more than one empty line at a time."""
    broken = words.replace("\r\n", "\n").replace("\r", "\n").replace("\t", " ").replace("\u2028", "\n")
    lines = (line.rstrip() for line in UNSEEN.sub("", broken).split("\n"))
    return MORE_THAN_ONE_EMPTY.sub("\n\n", "\n".join(lines)).strip()
