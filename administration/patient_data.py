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
from phonenumber_field.phonenumber import PhoneNumber

from access import access_log
from access.models import AccessEntry
from cases import history
from cases.forms import SearchForm
from cases.models import Case
from consent.models import Answer, Consent
from consent.register import REGISTER
from consent.retention import remove_events
from sms.models import InboundSms, Message, UnplacedSms
from sms.retention import decided
from sms.states import PENDING
from teleq.clock import database_now
from teleq.models import Queue, User
from teleq.phone_numbers import number_text, show
from teleq.swedish import date_and_clock, identity_number


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
        self.shared = self._shared(providers)
        answers = {"care_provider__in": providers, "phone_number__in": self.numbers}
        self.inbound = InboundSms.objects.filter(queue__in=queues, from_number__in=self.numbers)
        self.unplaced = UnplacedSms.objects.filter(from_number__in=self.numbers - {""})
        self.answers = Consent.objects.filter(**answers)
        self.history = Consent.history().filter(**answers).order_by("pgh_id")
        seen = Q(case_id__in=self.cases.values("pk"))
        seen |= Q(person=patient.person) if patient.person else Q(phone_number=patient.number)
        self.access = AccessEntry.objects.filter(seen).order_by("at")

    def _shared(self, providers: set[int]) -> set[str]:
        """The numbers that somebody else uses too: in any of the care providers' queues, as an answer is for them all.

        Asked about a person, a case without a personnummer is somebody else's: whose, nobody knows.
        """
        used = Case.objects.filter(queue__care_provider__in=providers, phone_number__in=self.numbers)
        if self.patient.person:
            others = used.exclude(personal_identity_number=self.patient.person)
        else:
            persons = used.exclude(personal_identity_number="").values("personal_identity_number").distinct()
            others = used if persons.count() > 1 else used.none()
        return {number_text(number) for number in others.values_list("phone_number", flat=True)}

    def may_go(self, whose: str, number: PhoneNumber | str) -> bool:
        """Whether what is stored for this number may be taken away: not by personnummer, where it may be another's."""
        person = self.patient.person
        return not person or whose == person or (not whose and number_text(number) not in self.shared)


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
WHY_SHARED = "Det hör till numret och kan vara någon annans. Sök på telefonnumret för att ta bort det."
WHY_LOG = "Åtkomstloggen ska sparas i minst fem år (HSLF-FS 2016:40 4 kap. 9 §)."
OF_SEVERAL_BY_NUMBER = (
    "Numret används av flera personer. Det som tas bort är allas: ärenden, SMS och svar på numret."
    " Sök på personnummer för att ta bort det som är en persons."
)
OF_SEVERAL_BY_PERSON = (
    "Patientens telefonnummer används också av andra. Svar och SMS som hör till numret blir kvar, om svaret inte är"
    " sparat som patientens eget."
)


def whose(patient: Patient, queues: QuerySet[Queue]) -> str:
    """What is to be known before anything is taken away: whose else it may be. Empty where it is nobody's."""
    if not Stored(patient, queues).shared:
        return ""
    return OF_SEVERAL_BY_PERSON if patient.person else OF_SEVERAL_BY_NUMBER


class _Found:
    """The rows that a removal is about, by what becomes of them; locked first, where it is to be done."""

    def __init__(self, patient: Patient, queues: QuerySet[Queue], *, locked: bool) -> None:
        held = _held if locked else QuerySet.all
        # By themselves and first: whose numbers and messages these are follows from them.
        cases = list(held(Stored(patient, queues).cases.order_by("pk")))
        self.stored = stored = Stored(patient, queues)
        self.closed = [case.pk for case in cases if not case.is_open]
        self.open = [case.pk for case in cases if case.is_open]
        messages = list(held(Message.objects.filter(pk__in=stored.messages.order_by().values("pk")).order_by("pk")))
        self.under_way = [message.pk for message in messages if message.state in PENDING]
        self.settled = [message.pk for message in messages if message.state not in PENDING]
        self.texts = [message.pk for message in messages if message.state not in PENDING and message.text]
        inbound = list(held(stored.inbound.order_by("pk")))
        self.inbound = [sms.pk for sms in inbound if stored.may_go("", sms.from_number)]
        unplaced = list(held(stored.unplaced.order_by("pk")))
        self.unplaced = [sms.pk for sms in unplaced if stored.may_go("", sms.from_number)]
        self.inbound_of_others = len(inbound) - len(self.inbound) + len(unplaced) - len(self.unplaced)
        answers, at = list(held(stored.answers.order_by("care_provider", "phone_number"))), database_now()
        others = [answer for answer in answers if answer.in_force(at) is not Answer.NO]
        self.answers = [answer.pk for answer in others if stored.may_go(answer.person, answer.phone_number)]
        self.answers_of_others = len(others) - len(self.answers)
        self.declined = len(answers) - len(others)

    def items(self) -> list[Item]:
        items = [
            Item("Avslutade ärenden med anteckningar", len(self.closed)),
            Item("Pågående ärenden", len(self.open), WHY_OPEN),
            Item("Texter i SMS", len(self.texts)),
            Item("SMS från patienten", len(self.inbound) + len(self.unplaced)),
            Item("SMS från nummer som också andra använder", self.inbound_of_others, WHY_SHARED),
            Item("SMS som är på väg", len(self.under_way), WHY_UNDER_WAY),
            Item("Uppgift om att SMS har skickats eller stoppats", len(self.settled), WHY_SENT),
            Item("Svar: Ja och Ej valt", len(self.answers)),
            Item("Svar: Nej", self.declined, WHY_NO),
            Item("Svar på nummer som också andra använder", self.answers_of_others, WHY_SHARED),
            Item("Poster i åtkomstloggen", self.stored.access.count(), WHY_LOG),
        ]
        return [item for item in items if item.count]


def _held(rows: QuerySet[Any]) -> QuerySet[Any]:
    return rows.select_for_update(of=("self",))


def removal(patient: Patient, queues: QuerySet[Queue]) -> list[Item]:
    """What would go, and what would stay and why. Nothing is done."""
    return _Found(patient, queues, locked=False).items()


@transaction.atomic
def remove(patient: Patient, queues: QuerySet[Queue], *, by: User | None) -> list[Item]:
    """Take away what may go, and say what that was and what stayed. Leaves a record.

    Cases, messages and answers are locked in this order, as everywhere; what is counted is what is then held.
    """
    found = _Found(patient, queues, locked=True)
    items = found.items()
    Case.objects.filter(pk__in=found.closed).delete()
    with pgtrigger.ignore("sms.Message:moves_well"):
        Message.objects.filter(pk__in=found.texts).update(text="")
    InboundSms.objects.filter(pk__in=found.inbound).delete()
    UnplacedSms.objects.filter(pk__in=found.unplaced).delete()
    Consent.objects.filter(pk__in=found.answers).delete()
    while remove_events(_gone(found.stored), decided()):
        pass
    access_log.note(by, AccessEntry.Act.REMOVAL, patient.number, patient.person)
    return items


def _gone(stored: Stored) -> QuerySet[Any]:
    """The history of answers that are no more, as far as it may go."""
    gone = stored.history.exclude(pgh_obj_id__in=Consent.objects.values("pk")).order_by()
    if not stored.patient.person:
        return gone
    return gone.filter(Q(person=stored.patient.person) | Q(person="") & ~Q(phone_number__in=stored.shared))
