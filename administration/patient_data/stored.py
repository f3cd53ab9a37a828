"""Which rows are a patient's."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Q, QuerySet
from phonenumber_field.phonenumber import PhoneNumber

from access import access_log
from access.models import AccessEntry
from cases.forms import IdentifierForm
from cases.models import Case, Draft, ProtectionMark
from consent.models import Consent
from sms.models import InboundSms, LostSms, Message, UnplacedSms
from telephony.models import Call
from teleq.models import Queue, User
from teleq.phone_numbers import number_text, show
from teleq.swedish import identity_number


@dataclass(frozen=True)
class Patient:
    """Whom it is about: a number in E.164, or a personnummer of twelve characters. One of them is empty."""

    number: str = ""
    person: str = ""

    def __str__(self) -> str:
        return show(self.number) or identity_number(self.person)


def patient_of(form: IdentifierForm) -> Patient:
    """Whom a valid form asks about: a person, where the digits are a personnummer."""
    if form.personal_identity_number:
        return Patient(person=form.personal_identity_number)
    return Patient(number=number_text(form.number) if form.number else "")


class Stored:
    """The rows about a patient in these queues.

    Of a person: their cases, and what is stored for the telephone numbers in these. Answers belong to a telephone
    number, so some of that may be another person's who uses the same number: `shared` are those numbers.
    """

    def __init__(self, patient: Patient, queues: QuerySet[Queue]) -> None:
        self.patient = patient
        mine = Q(personal_identity_number=patient.person) if patient.person else Q(phone_number=patient.number)
        self.cases = Case.objects.filter(mine, queue__in=queues).order_by("created_at")
        found = list(self.cases.values_list("pk", "phone_number"))
        self.case_ids = [case for case, _ in found]
        numbers = {number_text(number) for _, number in found}
        self.had_case = bool(numbers)
        self.numbers = numbers if patient.person else {patient.number}
        # A union, and the cases' ids written out below: where tables are asked by "or", PostgreSQL reads all of them.
        about = Message.objects.filter(case_message__case__in=self.cases.order_by()).values("pk")
        if patient.number:
            about = about.union(Message.objects.filter(queue__in=queues, to_number=patient.number).values("pk"))
        self.messages = Message.objects.filter(pk__in=about).order_by("created_at")
        self.providers = providers = set(queues.order_by().values_list("care_provider", flat=True))
        self.shared = self._shared(providers)
        # An answer counts in all of the care provider's queues.
        others = Queue.objects.filter(care_provider__in=providers).exclude(pk__in=queues.order_by().values("pk"))
        self.providers_with_other_queues = set(others.order_by().values_list("care_provider", flat=True))
        of_numbers = Q(care_provider__in=providers, phone_number__in=self.numbers)
        self.inbound = InboundSms.objects.filter(queue__in=queues, from_number__in=self.numbers)
        self.unplaced = UnplacedSms.objects.filter(care_provider__in=providers, from_number__in=self.numbers - {""})
        self.lost = LostSms.objects.filter(care_provider__in=providers, to_number__in=self.numbers - {""})
        in_queues = Q(queue__in=queues) | Q(queue=None, care_provider__in=providers)
        by_patient = Q(from_number__in=self.numbers - {""}) | Q(case__in=self.cases)
        self.calls = Call.objects.filter(in_queues, by_patient).order_by("started_at")
        of_new_case = Q(queue__in=queues, phone_number__in=self.numbers - {""})
        self.drafts = Draft.objects.filter(Q(case__in=self.cases.values("pk")) | of_new_case).order_by("saved_at")
        self.answers = Consent.objects.filter(of_numbers)
        identifiers = {*self.numbers, patient.person} - {""}
        marks = ProtectionMark.objects.filter(care_provider__in=providers, identifier__in=identifiers)
        self.marks = marks.order_by("pk")
        self.history = Consent.history().filter(of_numbers).order_by("pgh_id")
        looks = AccessEntry.objects.of_patient(patient.number, patient.person, self.case_ids)
        self.access = looks.for_care_providers(providers).order_by("at", "id")

    def _shared(self, providers: set[int]) -> set[str]:
        """The numbers that somebody else uses too, in any queue of the care providers, since an answer counts in all.

        When a person is asked about, a case without a personnummer counts as somebody else's: nobody knows whose it is.
        """
        used = Case.objects.filter(queue__care_provider__in=providers, phone_number__in=self.numbers)
        if self.patient.person:
            others = used.exclude(personal_identity_number=self.patient.person)
        else:
            persons = used.exclude(personal_identity_number="").values("personal_identity_number").distinct()
            others = used if persons.count() > 1 else used.none()
        return {number_text(number) for number in others.values_list("phone_number", flat=True)}

    def is_protected(self) -> bool:
        """Whether the patient has skyddade personuppgifter with any of the care providers."""
        return self.marks.in_force().exists() or self.cases.protected().exists()

    def may_remove(self, person: str, number: PhoneNumber | str) -> bool:
        """Whether something that is stored for this number may be removed; `person` is whose it is, "" if not known.

        Asked for by number, all of it may. Asked for by person, only what is theirs, or what is nobody's in particular
        for a number that nobody else uses.
        """
        asked = self.patient.person
        return not asked or person == asked or (not person and number_text(number) not in self.shared)


def note_gathered(by: User, act: AccessEntry.Act, stored: Stored) -> None:
    """Note in the access log that somebody has seen, or removed, all that is stored about the patient."""
    patient = stored.patient
    access_log.note_in_providers(
        by,
        act,
        stored.providers,
        patient.number,
        patient.person,
        had_case=stored.had_case,
        protected=stored.is_protected(),
    )
