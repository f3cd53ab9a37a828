"""A case's history as sentences: what was done to it, its notes, its messages, and the answers given for its number."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Field, QuerySet
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from phonenumber_field.phonenumber import PhoneNumber

from cases import why
from cases.models import Case, CaseEvent, NoAnswer, Note, Priority, ProtectionMark, Status
from consent.models import Answer, Channel, Consent
from sms.models import InboundSms, Kind, Message
from sms.states import PENDING, TIME_LIMITED, State
from teleq.models import Outcome, User
from teleq.phone_numbers import number_text, show
from teleq.prepared import Prepared
from teleq.swedish import clock, date_and_clock, identity_number, of_planned, phone

BY_ITSELF = gettext_lazy("Automatiskt")
BY_TELEPHONE = gettext_lazy("Telefonsystemet")
BY_PHONE_MENU = gettext_lazy("Telefonmenyn")


@dataclass(frozen=True)
class Entry:
    """One line of the history. What was written, by whomever, stands below it, whole."""

    key: str
    """The same for the same entry on every page: by it the open page sees what is new (static/js/teleq.js)."""
    at: datetime
    sentence: str
    who: str
    news: str = ""
    """As it is told on an open page when it comes in."""
    by: int | None = None
    """The id of the user who did it."""
    text: str = ""
    message: Message | None = None
    why: why.Why | None = None
    event: CaseEvent | None = None

    @property
    def is_long(self) -> bool:
        """Whether the text takes more than two lines, and is cut."""
        return len(self.text) > TWO_LINES or self.text.count("\n") > 1


TWO_LINES = 110
"""Characters that have room in two lines of the history, wherever it is shown as wide as on a computer."""


def of_case(case: Case, inbound_sms: Iterable[InboundSms], marks: Iterable[ProtectionMark]) -> list[Entry]:
    """The case's whole history, latest first. The same number of queries however long it is."""
    entries = [*acts(case), *_notes(case), *_messages(case), *_answers(case), *_inbound(inbound_sms), *_marks(marks)]
    return sorted(entries, key=lambda entry: entry.at, reverse=True)


def acts(case: Case) -> list[Entry]:
    """What was done to the case, oldest first."""
    return [_act(case, event, had_it) for event, had_it in _with_who_had_it(_events(case=case.pk))]


@Prepared
def _events(case: int) -> QuerySet[CaseEvent]:
    return CaseEvent.objects.filter(case=case).select_related("user", "undoes").order_by("id")


def _act(case: Case, event: CaseEvent, had_it: User | None) -> Entry:
    sentence, who = _sentence(case, event, had_it), _by(event)
    done = HAS_DONE.get(CaseEvent.Kind(event.kind)) if event.user else None
    news = f"{done % {'who': who}}." if done else sentence
    return Entry(f"act-{event.pk}", event.at, sentence, who, news, event.user_id, event=event)


def latest_act(history: Iterable[Entry]) -> CaseEvent | None:
    """As `CaseEventQuerySet.latest_act`, of a history that is read already."""
    events = (entry.event for entry in history if entry.event and entry.event.kind in CaseEvent.ACTS)
    return max(events, key=lambda event: event.pk, default=None)


def _notes(case: Case) -> list[Entry]:
    return [
        Entry(
            f"note-{note.pk}",
            note.created_at,
            _("Anteckning"),
            str(note.author),
            _("Ny anteckning av %(author)s.") % {"author": note.author},
            note.author_id,
            note.text,
        )
        for note in notes_of(case=case.pk)
    ]


@Prepared
def notes_of(case: int) -> QuerySet[Note]:
    return Note.objects.filter(case=case).select_related("author").order_by("created_at", "pk")


def _by(event: CaseEvent) -> str:
    by_telephone = BY_PHONE_MENU if PHONE_MENU in event.changes else BY_TELEPHONE
    return str(BY_ITSELF if event.kind == CaseEvent.Kind.LEFT else event.user or by_telephone)


def _with_who_had_it(events: Iterable[CaseEvent]) -> list[tuple[CaseEvent, User | None]]:
    """Each event, and whom the case was taken over from. One query more where it ever was."""
    events = list(events)
    had_it = {event.pk: event.before["assignee"] for event in events if event.kind == CaseEvent.Kind.TAKEN_OVER}
    people = User.objects.in_bulk(had_it.values()) if had_it else {}
    return [(event, people.get(had_it.get(event.pk))) for event in events]


BY_THE_PATIENT = {
    CaseEvent.Kind.CREATED: gettext_lazy("Patienten bokade återuppringning"),
    CaseEvent.Kind.MOVED: gettext_lazy("Patienten ändrade tiden"),
    CaseEvent.Kind.CANCELLED: gettext_lazy("Patienten avbokade"),
    CaseEvent.Kind.DETAILS_CHANGED: gettext_lazy("Patienten lämnade fler uppgifter"),
}
"""An event's label where no user made it: it came in through the telephone system."""
PHONE_MENU = "phone_menu"
"""What an event tells of the call to the telephone menu that it came of: when that began, what was chosen there, in
words, and whether the number was keyed in."""
IN_THE_PHONE_MENU = {
    CaseEvent.Kind.CREATED: gettext_lazy("Patienten ringde %(at)s och bokade"),
    CaseEvent.Kind.MOVED: gettext_lazy("Patienten ringde %(at)s och ändrade tiden"),
    CaseEvent.Kind.CANCELLED: gettext_lazy("Patienten ringde %(at)s och avbokade"),
}


def _sentence(case: Case, event: CaseEvent, had_it: User | None = None) -> str:
    label = event.get_kind_display()
    if event.user is None:
        label = _by_the_patient(event, label)
    if had_it:
        label = _("%(label)s från %(user)s") % {"label": label, "user": had_it}
    if event.kind == CaseEvent.Kind.LEFT:
        label = _left_in_words(event)
    if event.detail:
        label = f"{label}: {DETAILS[event.detail]}"
    if event.undoes:
        label = f"{label} {pressed(event.undoes)}"
    return " ".join(f"{part}." for part in (label, *_changes(case, event)))


def _by_the_patient(event: CaseEvent, label: str) -> str:
    kind = CaseEvent.Kind(event.kind)
    if PHONE_MENU in event.changes and kind in IN_THE_PHONE_MENU:
        called_at = datetime.fromisoformat(event.changes[PHONE_MENU][1]["called_at"])
        return IN_THE_PHONE_MENU[kind] % {"at": clock(called_at)}
    return str(BY_THE_PATIENT.get(kind, label))


def pressed(event: CaseEvent) -> str:
    """The words on the button that made the event: of an outcome, which can be undone."""
    if event.kind == CaseEvent.Kind.NO_ANSWER:
        return str(DETAILS[event.detail] if event.detail else Status.NO_ANSWER.label)
    return str(PRESSED.get(CaseEvent.Kind(event.kind), event.get_kind_display()))


DETAILS = {each.value: each.label for each in (*NoAnswer, *Outcome)}
PRESSED = {CaseEvent.Kind.CANCELLED: gettext_lazy("Avboka")}
"""Where the button says it in other words than the history does."""


# What an event changed, from what to what ----------------------------------------------------------------------------

ONLY_ONE = (CaseEvent.Kind.MOVED, CaseEvent.Kind.NUMBER_CHANGED, CaseEvent.Kind.QUEUE_CHANGED)
"""Kinds of event that change one column only, so that their label has said which."""


def _changes(case: Case, event: CaseEvent) -> Iterator[str]:
    for name, (before, after) in event.changes.items():
        if name == "attempts":
            if event.kind == CaseEvent.Kind.DONE:
                yield str(CaseEvent.Kind.REACHED.label)
            yield _("Försök %(number)s") % {"number": of_planned(after, case.queue.max_attempts)}
            continue
        if name == "left_for":  # its label has said it
            continue
        if name == PHONE_MENU:
            yield from _chosen_in_the_phone_menu(after)
            continue
        if name == "callback_at" and event.kind == CaseEvent.Kind.NO_ANSWER:
            yield _("Nästa försök %(at)s") % {"at": value_in_words(name, after)}
            continue
        if name == "said_name":
            yield _("Uppgav namnet ”%(name)s”") % {"name": after}
            continue
        told = {"before": value_in_words(name, before), "after": value_in_words(name, after)}
        if event.kind in ONLY_ONE:
            yield _("Från %(before)s till %(after)s") % told
        else:
            yield _("%(column)s från %(before)s till %(after)s") % {"column": _column(name), **told}


def _chosen_in_the_phone_menu(call: dict[str, Any]) -> Iterator[str]:
    if call["chose"]:
        yield _("Val i menyn: %(choices)s") % {"choices": " ".join(call["chose"]).rstrip(".")}
    if call["keyed"]:
        yield _("Telefonnumret slogs in i samtalet och lästes upp")


def _left_in_words(event: CaseEvent) -> str:
    """ "Ärendet släpptes, eftersom ingen arbetade i det på 30 minuter", without its full stop."""
    minutes = event.changes["left_for"][1]
    return _("Ärendet släpptes, eftersom ingen arbetade i det på %(minutes)s minuter") % {"minutes": minutes}


def _column(name: str) -> str:
    field = Case._meta.get_field(name)
    assert isinstance(field, Field)
    return str(capfirst(field.verbose_name))


def as_stored(value: Any) -> Any:
    """A column's value, as an event keeps it."""
    if isinstance(value, datetime):
        return value.isoformat()
    return number_text(value) if isinstance(value, PhoneNumber) else value


def value_in_words(name: str, value: Any) -> str:
    """A column's value, or what an event has kept of it."""
    if value in (None, ""):
        return _("dolt") if name == "a_number" else _("tomt")
    if name == "priority":
        return str(Priority(value).label)
    if name == "queue":  # by its name at the time
        return str(value)
    if name == "callback_at":
        return date_and_clock(datetime.fromisoformat(value) if isinstance(value, str) else value)
    if name in ("phone_number", "a_number"):
        return phone(PhoneNumber.from_string(value) if isinstance(value, str) else value)
    return identity_number(value) if name == "personal_identity_number" else f"”{value}”"


def who_changed(case: Case, name: str) -> str | None:
    """Whoever changed a column last, since the case was made."""
    event = case.events.filter(changes__has_key=name).select_related("user").order_by("-id").first()
    return (str(event.user) if event.user else _("patienten")) if event else None


# What stands instead of what was pressed -----------------------------------------------------------------------------

CLOSED = gettext_lazy("Ärendet är avslutat.")
HAS_DONE = {
    CaseEvent.Kind.CREATED: gettext_lazy("%(who)s skapade ärendet"),
    CaseEvent.Kind.TAKEN: gettext_lazy("%(who)s tog ärendet"),
    CaseEvent.Kind.RELEASED: gettext_lazy("%(who)s släppte ärendet"),
    CaseEvent.Kind.REACHED: gettext_lazy("%(who)s registrerade Fick svar"),
    CaseEvent.Kind.NO_ANSWER: gettext_lazy("%(who)s registrerade Inget svar"),
    CaseEvent.Kind.DONE: gettext_lazy("%(who)s registrerade Klart"),
    CaseEvent.Kind.CANCELLED: gettext_lazy("%(who)s avbokade"),
    CaseEvent.Kind.REOPENED: gettext_lazy("%(who)s öppnade ärendet igen"),
    CaseEvent.Kind.TAKEN_OVER: gettext_lazy("%(who)s tog över ärendet"),
    CaseEvent.Kind.CALLED: gettext_lazy("%(who)s har ärendet och ringde"),
    CaseEvent.Kind.NOT_CALLED: gettext_lazy("%(who)s registrerade Ringde inte"),
    CaseEvent.Kind.UNDONE: gettext_lazy("%(who)s ångrade sig"),
    CaseEvent.Kind.QUEUE_CHANGED: gettext_lazy("%(who)s flyttade ärendet till en annan kö"),
}


def what_stands(case: Case, by: User | None) -> str:
    """Why a button of the case did nothing, for whoever pressed it."""
    told = _("Inget ändrades.")
    if latest := case.events.latest_act():
        mine = by is not None and latest.user_id == by.pk
        who = _("du") if mine else str(latest.user or _("patienten"))
        if latest.kind == CaseEvent.Kind.LEFT:
            done = _("ärendet släpptes %(at)s, eftersom ingen arbetade i det") % {"at": clock(latest.at)}
        elif latest.kind == CaseEvent.Kind.TAKEN and not mine:
            done = _("%(who)s har redan tagit ärendet") % {"who": who}
        else:
            told_of = HAS_DONE[CaseEvent.Kind(latest.kind)] % {"who": who}
            done = _("%(done)s %(at)s") % {"done": told_of, "at": clock(latest.at)}
        told = _("Inget ändrades: %(done)s.") % {"done": done}
    return told if case.is_open else f"{told} {CLOSED}"


OF_A_MANUAL_SMS = {
    State.QUEUED: gettext_lazy("SMS:et väntar."),
    State.SENDING: gettext_lazy("SMS:et skickas."),
    State.SENT: gettext_lazy("SMS:et är skickat."),
    State.DELIVERED: gettext_lazy("SMS:et är levererat."),
    State.FAILED: gettext_lazy("SMS:et misslyckades."),
    State.CANCELLED: gettext_lazy("SMS:et är inställt."),
    State.EXPIRED: gettext_lazy("SMS:et hann inte skickas i tid."),
    State.UNKNOWN: gettext_lazy("Okänt om SMS:et kom fram."),
}
"""How a new state is told. Of automatic messages, and of one that was refused, the history's own sentence is."""


def _messages(case: Case) -> list[Entry]:
    messages = messages_of(case=case.pk)
    reasons = why.of_messages(messages)
    return [_message(message, reasons.get(message.pk)) for message in messages]


@Prepared
def messages_of(case: int) -> QuerySet[Message]:
    return Message.objects.filter(case_message__case=case).select_related("author").order_by("created_at", "pk")


def _message(message: Message, reason: why.Why | None) -> Entry:
    sentence = f"{message.get_kind_display()}: {message.outcome.rstrip('.')}."
    news = str(OF_A_MANUAL_SMS.get(State(message.state), sentence)) if message.kind == Kind.MANUAL else sentence
    who = str(message.author or BY_ITSELF)
    return Entry(
        f"message-{message.pk}",
        message.created_at,
        sentence,
        who,
        news,
        message.author_id,
        message.text,
        message,
        reason,
    )


def are_under_way(history: Iterable[Entry], at: datetime) -> bool:
    """Whether a message of the last minute is still on its way: while it is, the open page asks more often."""
    messages = (entry.message for entry in history if entry.message)
    return any(m.state in PENDING | TIME_LIMITED and at - m.created_at < timedelta(minutes=1) for m in messages)


def _inbound(inbound_sms: Iterable[InboundSms]) -> list[Entry]:
    return [
        Entry(
            f"reply-{sms.pk}",
            sms.received_at,
            _("SMS från patienten"),
            "",
            _("Nytt SMS från patienten."),
            text=sms.text,
        )
        for sms in inbound_sms
    ]


def _marks(marks: Iterable[ProtectionMark]) -> Iterator[Entry]:
    for mark in marks:
        told = {"of": marked_in_words(mark.identifier)}
        begun = _("Skyddade personuppgifter: %(of)s markerades.") % told + f" {_period(mark.reason)}"
        who = str(mark.marked_by or BY_TELEPHONE)
        yield Entry(f"mark-{mark.pk}", mark.marked_at, begun, who, begun, mark.marked_by_id)
        if mark.ended_at:
            words = _("Skyddade personuppgifter: %(of)s är inte längre markerat.")
            ended = words % told + f" {_period(mark.ended_reason)}"
            yield Entry(f"unmark-{mark.pk}", mark.ended_at, ended, str(mark.ended_by), ended, mark.ended_by_id)


def marked_in_words(identifier: str) -> str:
    """What a mark is of: "telefonnumret 070-174 06 05", "personnumret 19121212-1212"."""
    if identifier.startswith("+"):
        return _("telefonnumret %(number)s") % {"number": show(identifier)}
    return _("personnumret %(number)s") % {"number": identity_number(identifier)}


def _period(text: str) -> str:
    """A reason as it was typed; the one that teleQ gives by itself (cases.protected) in the screen's language."""
    return f"{_(text).rstrip('.')}."


def _answers(case: Case) -> list[Entry]:
    provider_id, number = case.consent_key
    entries, before = [], None
    for event in _answers_of(provider=provider_id, number=number):
        if event.pgh_label != "delete":
            entries.append(_answer(before, event))
        before = event
    return entries


@Prepared
def _answers_of(provider: int, number: str) -> QuerySet[Any]:
    events = Consent.history().filter(care_provider_id=provider, phone_number=number)
    return events.select_related("answered_by").order_by("pgh_id")


def _answer(before: Consent | None, event: Any) -> Entry:
    old = Answer(before.answer) if before and event.answered_at < before.valid_until else Answer.UNSET
    new = Answer(event.answer)
    if old is new:
        told = news = _("Samtycke till SMS bekräftat: %(label)s.") % {"label": new.label}
    else:
        told = _("Samtycke till SMS ändrat från %(before)s till %(after)s.") % {"before": old.label, "after": new.label}
        news = _("Samtycke till SMS ändrat till %(label)s.") % {"label": new.label}
    return Entry(f"answer-{event.pgh_id}", event.answered_at, told, _who(event), news, event.answered_by_id)


def _who(event: Consent) -> str:
    if event.channel == Channel.SMS:
        return _("Patienten")
    if event.channel == Channel.PHONE_KEYS:
        return _("Patienten, i telefonmenyn")
    if event.channel == Channel.RESTORED:
        return _("Återställning")
    by: User | None = event.answered_by
    return str(by or BY_ITSELF)
