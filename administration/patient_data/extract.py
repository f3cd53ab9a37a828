"""Registerutdrag: everything that is stored about a patient, in words (GDPR article 15)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db.models import Min, QuerySet
from django.utils import timezone
from django.utils.translation import override

from access.access_log import Act
from access.models import AccessEntry
from administration.patient_data.stored import Patient, Stored, note_gathered
from cases import history
from consent.models import Answer
from consent.register import REGISTER
from teleq.models import Queue, User
from teleq.phone_numbers import show
from teleq.swedish import date_and_clock, identity_number


@dataclass(frozen=True)
class Section:
    """A table of the extract. Times are by the clock in Stockholm."""

    title: str
    columns: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    note: str = ""


def extract(patient: Patient, queues: QuerySet[Queue], *, by: User) -> list[Section]:
    """Everything that is stored in these queues, and who has looked at it, in Swedish: it is for the patient. The
    extract is written to the access log first, and so is in itself."""
    stored = Stored(patient, queues)
    note_gathered(by, Act.EXTRACT, stored)
    sections = (_answers, _protection, _cases, _acts, _notes, _drafts, _messages, _inbound, _calls, _access)
    with override(settings.LANGUAGE_CODE):
        return [section(stored) for section in sections]


def as_json(sections: Iterable[Section]) -> dict[str, dict[str, object]]:
    return {
        section.title: {"uppgifter": [dict(zip(section.columns, row, strict=True)) for row in section.rows]}
        | ({"anmärkning": section.note} if section.note else {})
        for section in sections
    }


def _answers(stored: Stored) -> Section:
    columns = ("Telefonnummer", "Vårdgivare", "Svar", "Händelse", "När", "Genom", "Av", "Vems svar", "Gäller till")
    labels = {"insert": "Registrerat", "update": "Ändrat", "delete": "Borttaget"}
    rows = [
        (
            show(event.phone_number),
            str(event.care_provider),
            event.get_answer_display(),
            labels[event.pgh_label] + ("" if event.pgh_context == REGISTER else ", inte genom registret"),
            date_and_clock(event.pgh_created_at if event.pgh_label == "delete" else event.answered_at),
            event.get_channel_display(),
            str(event.answered_by or "Patienten"),
            event.person and identity_number(event.person),
            date_and_clock(event.valid_until),
        )
        for event in stored.history.select_related("care_provider", "answered_by")
    ]
    note = "Svaren hör till telefonnumret, också där flera använder det." if stored.patient.person else ""
    return Section("Samtycke till SMS", columns, rows, note)


def _protection(stored: Stored) -> Section:
    columns = ("Gäller", "Vårdgivare", "Markerat", "Av", "Anledning", "Borttaget", "Borttaget av", "Varför")
    rows = [
        (
            history.marked_in_words(mark.identifier),
            str(mark.care_provider),
            date_and_clock(mark.marked_at),
            str(mark.marked_by or history.BY_TELEPHONE),
            mark.reason,
            date_and_clock(mark.ended_at) if mark.ended_at else "",
            str(mark.ended_by or ""),
            mark.ended_reason,
        )
        for mark in stored.marks.select_related("care_provider", "marked_by", "ended_by")
    ]
    note = "Markeringar hör också till telefonnumret, där flera använder det." if stored.patient.person else ""
    return Section("Skyddade personuppgifter", columns, rows, note)


def _cases(stored: Stored) -> Section:
    columns = (
        *("Kö", "Namn", "Personnummer", "Telefonnummer", "A-nummer", "Kontaktorsak"),
        *("Behov av tolk", "Önskar tala med", "Tid", "Status", "Skapat"),
    )
    rows = [
        (
            str(case.queue),
            case.name,
            case.personal_identity_number and identity_number(case.personal_identity_number),
            show(case.phone_number),
            show(case.a_number) or "Dolt",
            case.reason,
            case.interpreter_language,
            case.speak_with,
            date_and_clock(case.callback_at),
            case.get_status_display(),
            date_and_clock(case.created_at),
        )
        for case in stored.cases.select_related("queue")
    ]
    return Section("Ärenden", columns, rows)


def _acts(stored: Stored) -> Section:
    """What was done in the cases; of what was changed, from what to what."""
    rows = [
        (date_and_clock(act.at), act.who, act.sentence)
        for case in stored.cases.select_related("queue")
        for act in history.acts(case)
    ]
    return Section("Händelser i ärenden", ("När", "Av", "Vad"), rows)


def _notes(stored: Stored) -> Section:
    rows = [
        (date_and_clock(note.created_at), str(note.author), note.text)
        for case in stored.cases.prefetch_related("notes__author")
        for note in case.notes.all()
    ]
    return Section("Anteckningar", ("När", "Av", "Text"), rows)


def _drafts(stored: Stored) -> Section:
    """What staff have begun to write and not saved."""
    rows = [
        (
            str(draft.case.queue if draft.case else draft.queue),
            draft.get_field_display(),
            draft.text,
            str(draft.user),
            date_and_clock(draft.saved_at),
        )
        for draft in stored.drafts.select_related("case__queue", "queue", "user")
    ]
    return Section("Utkast", ("Kö", "Vad", "Text", "Av", "När"), rows)


def _messages(stored: Stored) -> Section:
    columns = ("Kö", "Till", "Slag", "Skapat", "Av", "Text", "Hur det gick", "Svaret då")
    rows = [
        (
            str(message.queue),
            show(message.to_number),
            message.get_kind_display(),
            date_and_clock(message.created_at),
            str(message.author or "Automatiskt"),
            message.text or "Borttagen",
            message.outcome,
            str(Answer(message.consent_answer).label) if message.consent_answer else "",
        )
        for message in stored.messages.select_related("queue", "author")
    ]
    lost = "Gick förlorat vid en återställning"
    rows += [
        (sms.sender, show(sms.to_number), lost, date_and_clock(sms.sent_at), "", sms.text, sms.provider, "")
        for sms in stored.lost
    ]
    return Section("SMS", columns, rows)


def _inbound(stored: Stored) -> Section:
    rows = [
        (
            str(sms.queue),
            show(sms.from_number),
            date_and_clock(sms.received_at),
            sms.text,
            str(sms.read_by or ""),
        )
        for sms in stored.inbound.select_related("queue", "read_by")
    ]
    rows += [
        ("Ingen kö", sms.from_number, date_and_clock(sms.received_at), sms.text, "")
        for sms in stored.unplaced.order_by("received_at")
    ]
    return Section("SMS från patienten", ("Kö", "Från", "Kom", "Text", "Läst av"), rows)


def _calls(stored: Stored) -> Section:
    """Calls to the telephone menu. What was keyed in is gone when a call ends."""
    rows = [
        (
            date_and_clock(call.started_at),
            show(call.from_number) or "Dolt",
            show(call.number.number) if call.number else "",
            str(call.queue or ""),
            call.get_ended_display() or "Pågår",
            str(call.case_id or ""),
        )
        for call in stored.calls.select_related("number", "queue")
    ]
    return Section("Samtal till telefonmenyn", ("När", "Från", "Till", "Kö", "Slutade med", "Ärende"), rows)


def _access(stored: Stored) -> Section:
    rows = [
        (
            date_and_clock(entry.at),
            entry.who,
            str(entry.queue or entry.care_provider),
            entry.get_act_display(),
            str(entry.case_id or ""),
        )
        for entry in stored.access.select_related("user", "queue", "care_provider")
    ]
    log = AccessEntry.objects.for_care_providers(stored.providers)
    first: datetime | None = log.aggregate(first=Min("at"))["first"]
    note = f"Åtkomstlogg saknas före {date_and_clock(first or timezone.now())}."
    columns = ("När", "Vem", "Vårdenhet", "Vad", "Ärende")
    return Section("Vem som har tagit del av uppgifterna", columns, rows, note)
