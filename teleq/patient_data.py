"""What is stored about a patient: shown to them (GDPR article 15) and taken away where it may be (article 17).

By telephone number or by personnummer, in some queues: those that whoever asks is administrator of. Both are on record.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pgtrigger
from django.db import transaction
from django.db.models import Min, Q, QuerySet
from django.utils import timezone

from cases import access_log, history
from cases.forms import SearchForm
from cases.models import AccessEntry, Case
from cases.templatetags.swedish import date_and_clock, identity_number
from consent.models import Answer, Consent
from consent.register import REGISTER
from consent.retention import remove_events
from sms.models import InboundSms, Message, UnplacedSms
from sms.retention import UNDER_WAY, decided
from teleq.models import Queue, User, database_now
from teleq.phone_numbers import number_text, show


@dataclass(frozen=True)
class Patient:
    """Whom it is about: a number in E.164, or a personnummer of twelve characters. One of them is empty."""

    number: str = ""
    person: str = ""

    def __str__(self) -> str:
        return show(self.number) or identity_number(self.person)


def patient_of(form: SearchForm) -> Patient:
    """Whom a valid form asks about: a person, where the digits are a personnummer."""
    if form.personal_identity_number:
        return Patient(person=form.personal_identity_number)
    return Patient(number=number_text(form.number) if form.number else "")


class Stored:
    """The rows about a patient in these queues."""

    def __init__(self, patient: Patient, queues: QuerySet[Queue]) -> None:
        self.patient, self.queues = patient, queues
        mine = Q(personal_identity_number=patient.person) if patient.person else Q(phone_number=patient.number)
        self.cases = Case.objects.filter(mine, queue__in=queues).order_by("created_at")
        numbers = {number_text(number) for number in self.cases.values_list("phone_number", flat=True)}
        self.numbers = numbers if patient.person else {patient.number}
        about = Q(case_message__case__in=self.cases)
        if patient.number:
            about |= Q(queue__in=queues, to_number=patient.number)
        self.messages = Message.objects.filter(about).distinct().order_by("created_at")
        providers = set(queues.values_list("care_provider", flat=True))
        answers = {"care_provider__in": providers, "phone_number__in": self.numbers}
        self.inbound = InboundSms.objects.filter(queue__in=queues, from_number__in=self.numbers)
        self.unplaced = UnplacedSms.objects.filter(from_number__in=self.numbers - {""})
        self.answers = Consent.objects.filter(**answers)
        self.history = Consent.history().filter(**answers).order_by("pgh_id")
        seen = Q(case_id__in=self.cases.values("pk"))
        seen |= Q(person=patient.person) if patient.person else Q(phone_number=patient.number)
        self.access = AccessEntry.objects.filter(seen).order_by("at")


# Extract -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Section:
    title: str
    columns: tuple[str, ...]
    rows: list[tuple[str, ...]]
    note: str = ""


def extract(patient: Patient, queues: QuerySet[Queue], *, by: User | None) -> list[Section]:
    """Everything that is stored, and who has looked. The extract itself is on record, and in it."""
    access_log.note(by, AccessEntry.Act.EXTRACT, patient.number, patient.person)
    stored = Stored(patient, queues)
    sections = (_answers, _cases, _acts, _notes, _messages, _inbound, _access)
    return [section(stored) for section in sections]


def as_json(sections: Iterable[Section]) -> dict[str, Any]:
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


def _cases(stored: Stored) -> Section:
    columns = ("Kö", "Namn", "Personnummer", "Telefonnummer", "A-nummer", "Kontaktorsak", "Tid", "Status", "Skapat")
    rows = [
        (
            str(case.queue),
            case.name,
            case.personal_identity_number and identity_number(case.personal_identity_number),
            show(case.phone_number),
            show(case.a_number) or "Dolt",
            case.reason,
            date_and_clock(case.callback_at),
            case.get_status_display(),
            date_and_clock(case.created_at),
        )
        for case in stored.cases.select_related("queue")
    ]
    return Section("Ärenden", columns, rows)


def _acts(stored: Stored) -> Section:
    """What was changed, from what to what, is in them."""
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
            Answer(message.consent_answer).label if message.consent_answer else "",
        )
        for message in stored.messages.select_related("queue", "author")
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


def _access(stored: Stored) -> Section:
    rows = [
        (date_and_clock(entry.at), str(entry.user or "Driften"), entry.get_act_display(), str(entry.case_id or ""))
        for entry in stored.access.select_related("user")
    ]
    first: datetime | None = AccessEntry.objects.aggregate(first=Min("at"))["first"]
    note = f"Åtkomstlogg saknas före {date_and_clock(first or timezone.now())}."
    return Section("Vem som har tagit del av uppgifterna", ("När", "Vem", "Vad", "Ärende"), rows, note)


# Removal -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Item:
    what: str
    count: int
    kept_because: str = ""
    """Empty: it goes."""


WHY_OPEN = "Ärendet pågår: patienten ska ringas upp."
WHY_SENT = "Att SMS:et skickades, och vilket svar som tillät det, kan behöva visas (artikel 5.2 och 17.3 e)."
WHY_UNDER_WAY = "SMS:et är på väg."
WHY_NO = "Nej gäller till sista dagen, så att inga SMS skickas (artikel 21)."
WHY_LOG = "Åtkomstloggen ska sparas i minst fem år (HSLF-FS 2016:40 4 kap. 9 §)."


def removal(patient: Patient, queues: QuerySet[Queue]) -> list[Item]:
    """What would go, and what would stay and why. Nothing is done."""
    stored, at = Stored(patient, queues), database_now()
    declined = stored.answers.filter(answer=Answer.NO, valid_until__gt=at)
    items = [
        Item("Avslutade ärenden med anteckningar", _closed(stored).count()),
        Item("Pågående ärenden", stored.cases.open().count(), WHY_OPEN),
        Item("Texter i SMS", _texts(stored).count()),
        Item("SMS från patienten", stored.inbound.count() + stored.unplaced.count()),
        Item("SMS som är på väg", stored.messages.filter(state__in=UNDER_WAY).count(), WHY_UNDER_WAY),
        Item("Uppgift om att SMS har skickats eller stoppats", _texts(stored, of_any=True).count(), WHY_SENT),
        Item("Svar: Ja och Ej valt", stored.answers.exclude(pk__in=declined).count()),
        Item("Svar: Nej", declined.count(), WHY_NO),
        Item("Poster i åtkomstloggen", stored.access.count(), WHY_LOG),
    ]
    return [item for item in items if item.count]


@transaction.atomic
def remove(patient: Patient, queues: QuerySet[Queue], *, by: User | None) -> list[Item]:
    """Take away what may go, and say what that was and what stayed. Leaves a record.

    Cases, messages and answers are locked in this order, as everywhere.
    """
    items = removal(patient, queues)
    stored, at = Stored(patient, queues), database_now()
    texts = list(_texts(stored).values_list("pk", flat=True))
    Case.objects.filter(pk__in=list(_closed(stored).values_list("pk", flat=True))).delete()
    with pgtrigger.ignore("sms.Message:moves_well"):
        Message.objects.filter(pk__in=texts).update(text="")
    stored.inbound.delete()
    stored.unplaced.delete()
    stored.answers.exclude(answer=Answer.NO, valid_until__gt=at).delete()
    gone = stored.history.exclude(pgh_obj_id__in=Consent.objects.values("pk")).order_by()
    while remove_events(gone, decided()):
        pass
    access_log.note(by, AccessEntry.Act.REMOVAL, patient.number, patient.person)
    return items


def _closed(stored: Stored) -> QuerySet[Case]:
    return stored.cases.exclude(pk__in=stored.cases.open().values("pk"))


def _texts(stored: Stored, *, of_any: bool = False) -> QuerySet[Message]:
    done = stored.messages.exclude(state__in=UNDER_WAY)
    return done if of_any else done.exclude(text="")
