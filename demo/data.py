"""The demonstration: two care providers, some thirty cases, and the logins to look at them with.

Times are relative to the moment of loading. Every person is made up. Every number is from the ranges that PTS has set
aside for fiction: 070-174 06 05 to 99 and 08-465 004 00 to 99.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, time, timedelta

import pghistory
from allauth.mfa.totp.internal.auth import TOTP
from dateutil.relativedelta import relativedelta
from django.conf import settings
from django.contrib.auth.hashers import check_password, make_password
from django.core.checks import CheckMessage, Error, Tags, register
from django.db import OperationalError, connection, transaction

from administration.queues import create_queue, save_outgoing_sms
from cases.models import Case, CaseEvent, CaseMessage, Note, Status, TelephoneHours
from consent.models import Answer, Channel, Consent, ConsentText
from consent.register import REGISTER, VALID_FOR, answer_in_case, current, valid_until
from consent.verdict import answer_in_force
from demo.models import SimulatedSms
from sms.content import placeholders
from sms.models import Kind, Message, Refusal, StandardText, State
from teleq.clock import database_now
from teleq.models import CareProvider, Lead, Membership, Queue, Role, User
from teleq.phone_numbers import number_text

# Logins --------------------------------------------------------------------------------------------------------------

TOTP_KEY = "TELEQDEMOTELEQDEMO234567TELEQDEM"  # for an authenticator app: the second factor of whoever has one
PASSWORD = "teleq-demo-2026"  # noqa: S105  known to everyone; the check below refuses it outside the demonstration


@dataclass(frozen=True)
class Login:
    username: str
    first_name: str
    last_name: str
    role: str
    queues: tuple[str, ...] = ()
    membership: Role = Role.NURSE
    operator: bool = False
    second_factor: bool = False

    @property
    def name(self) -> str:
        return f"{self.first_name} {self.last_name}"


SPINDELN = ("rådgivning", "tidbokning")
LOGINS = [
    Login("anna", "Anna", "Lind", "Sjuksköterska, VC Spindeln", SPINDELN),
    Login("karim", "Karim", "Noor", "Sjuksköterska, VC Spindeln; andra faktor", SPINDELN, second_factor=True),
    Login("maria", "Maria", "Ek", "Administratör, VC Spindeln", SPINDELN, Role.ADMINISTRATOR),
    Login("sara", "Sara", "Wiik", "Sjuksköterska, VC Myran", ("myran",)),
    Login("jonas", "Jonas", "Rask", "Administratör, VC Myran", ("myran",), Role.ADMINISTRATOR),
    Login("drift", "Disa", "Drake", "Driftansvarig", operator=True),
]


@register(Tags.security)
def demonstration_logins_are_shut_out(**_: object) -> list[CheckMessage]:
    """Outside the demonstration nobody may sign in with a password that stands in the README.

    Asked at every start, of web, workers and beat; therefore not tagged as a database check, which those would skip.
    """
    if settings.TELEQ_DEMO:
        return []
    try:
        names = _open_demonstration_logins()
    except OperationalError:
        message = "The database can't be reached, so it is not known whether demonstration logins exist in it."
        return [Error(message, id="teleq.E002")]
    finally:
        if not connection.in_atomic_block:
            connection.close()  # a worker forks after the checks, and must not share the connection
    if not names:
        return []
    message = f"Demonstration logins can sign in: {', '.join(names)}."
    hint = "Use a database without demonstration data. To look at the demonstration, set TELEQ_DEMO=1."
    return [Error(message, hint=hint, id="teleq.E001")]


def _open_demonstration_logins() -> list[str]:
    if User._meta.db_table not in connection.introspection.table_names():
        return []  # not migrated yet: nobody can sign in
    users = User.objects.filter(username__in=[login.username for login in LOGINS], is_active=True)
    passwords = dict(users.order_by("username").values_list("username", "password"))
    # Each hash once, as it is slow on purpose and the demonstration's are all one.
    known = {hashed for hashed in set(passwords.values()) if check_password(PASSWORD, hashed)}
    return [username for username, hashed in passwords.items() if hashed in known]


# The story -----------------------------------------------------------------------------------------------------------

TO_READ_OUT = (
    "Får vi skicka SMS till dig på det här numret, till exempel bokningsbekräftelse och påminnelse om återuppringning?"
    " Svaret sparas i 14 månader och du kan ändra dig när du vill."
)
# The manual's two, the first to the letter.
STANDARD_TEXTS = {
    "ring 3 gånger": (
        "Hej. Vi har försökt nå dig tre gånger. Om du fortfarande vill komma i kontakt med oss, vänligen ring igen."
        " Häls. {unit}"
    ),
    "Vi har försökt ringa": "Hej. Vi har försökt ringa dig men fick inget svar. Vi ringer igen. Häls. {unit}",
}


def _mobile(last_two: int) -> str:
    return f"070-174 06 {last_two:02}"


def _landline(last_two: int) -> str:
    return f"08-465 004 {last_two:02}"


SAME = "same"
WITHHELD = ""


@dataclass(frozen=True)
class Patient:
    """One case. `half_hours` is its time, counted from the latest half hour before loading."""

    queue: str
    half_hours: int
    name: str
    number: str
    personal_identity_number: str
    reason: str
    status: Status = Status.WAITING
    attempts: int = 0
    nurse: str = "anna"
    """Who has called, or has the case."""
    a_number: str = SAME
    note: str = ""


R, T, M = "rådgivning", "tidbokning", "myran"
PATIENTS = [
    Patient(R, -2, "Agda Andersson", _mobile(5), "194803179805", "Blodtryck, egna värden"),
    Patient(
        *(R, -1, "Tolvan Tolvansson", _mobile(6), "191212121212", "Yrsel sedan i går"),
        status=Status.ONGOING,
        attempts=2,
        note="Hör illa. Låt det ringa länge.",
    ),
    Patient(R, -1, "Nils Persson", _mobile(7), "195209089811", "Recept på ögondroppar"),
    Patient(
        *(R, -1, "Fatima Hassan", _mobile(8), "198701229828", "Feber, barn 3 år"),
        status=Status.ONGOING,
        nurse="karim",
        a_number=_mobile(80),
    ),
    Patient(
        *(R, -2, "Erik Lund", _mobile(9), "196105309832", "Svar på prover"),
        status=Status.DONE,
        attempts=3,
        note="Nådde honom på tredje försöket. Proverna är bra.",
    ),
    Patient(
        *(R, -2, "Maja Holm", _mobile(10), "199307149840", "Halsont sedan en vecka"),
        status=Status.NO_ANSWER,
        attempts=1,
        nurse="karim",
    ),
    Patient(R, 1, "Sven Ek", _mobile(11), "195602119850", "Ont i knät"),
    Patient(R, 6, "Linnea Berg", _mobile(12), "197904269862", "Biverkning av medicin"),
    Patient(R, 2, "Oskar Nyström", _mobile(13), "200109039875", "Utslag på armarna"),
    Patient(R, 2, "Ines Garcia", _mobile(14), "197010639800", "Sår som inte läker"),
    Patient(R, 3, "Per Olsson", _landline(15), "194411279898", "Fråga om vaccination", a_number=_landline(15)),
    Patient(R, 3, "Ulla Sjö", _mobile(16), "193908059904", "Hosta sedan tre veckor", a_number=WITHHELD),
    Patient(R, 4, "Ali Rahimi", _mobile(17), "197201169914", "Ryggskott"),
    Patient(R, 5, "Greta Falk", _mobile(18), "198506199887", "Svullen fot"),
    Patient(R, 7, "", _mobile(19), "", "", a_number=WITHHELD),
    Patient(R, 8, "Elsa Lindqvist", _mobile(20), "201510049941", "Öronvärk", note="Mamma ringer för Elsa."),
    Patient(R, -1, "Johan Lindqvist", _mobile(20), "198310219954", "Huvudvärk"),
    Patient(R, 0, "Bo Hedlund", _mobile(21), "199012129939", "Intyg till arbetsgivare", status=Status.CANCELLED),
    Patient(R, 46, "Astrid Nordin", _mobile(33), "197511309986", "Egenvård vid pollenallergi"),
    Patient(T, 1, "Tolvan Tolvansson", _mobile(6), "191212121212", "Boka om läkarbesök"),
    Patient(T, 8, "Linnea Berg", _mobile(12), "197904269862", "Tid för provtagning"),
    Patient(T, 4, "Kerstin Dahl", _mobile(22), "199703089962", "Årskontroll diabetes"),
    Patient(T, 5, "Samir Aziz", _mobile(23), "195807239974", "Vaccination inför resa", a_number=_mobile(81)),
    Patient(T, -1, "Stina Norberg", _mobile(24), "198805139808", "Cellprov"),
    Patient(T, -2, "Lars Åkesson", _mobile(25), "196904129993", "Avboka besök", status=Status.DONE, attempts=1),
    Patient(
        *(T, -2, "Hanna Sandberg", _mobile(26), "199202279825", "Tid till barnmorska"),
        status=Status.NO_ANSWER,
        attempts=2,
    ),
    Patient(T, 44, "Viktor Sjöberg", _mobile(27), "197409099814", "Hälsosamtal"),
    Patient(T, 48, "Amina Yusuf", _mobile(28), "196311089848", "Blodtryckskontroll"),
    Patient(M, -1, "Agda Andersson", _mobile(5), "194803179805", "Fråga om läkemedel"),
    Patient(M, 2, "Gun Wallin", _mobile(30), "195401029862", "Sårvård"),
    Patient(M, 3, "Emil Forsberg", _mobile(31), "198103179852", "Ont i magen", Status.ONGOING, nurse="sara"),
    Patient(M, 10, "Rut Öberg", _landline(32), "", "Förnya recept", a_number=_landline(32)),
]


@dataclass(frozen=True)
class Given:
    """What was answered for a number at VC Spindeln, and how long ago."""

    number: str
    answer: Answer
    ago: relativedelta
    channel: Channel = Channel.CASE


LAPSED = VALID_FOR + relativedelta(days=20)
LAPSES_WITHIN_THE_MONTH = VALID_FOR - relativedelta(days=12)
ANSWERS = [
    Given(_mobile(5), Answer.YES, relativedelta(days=40)),
    Given(_mobile(6), Answer.NO, relativedelta(days=3)),
    Given(_mobile(8), Answer.YES, relativedelta(months=5)),
    Given(_mobile(9), Answer.YES, relativedelta(months=2)),
    Given(_mobile(10), Answer.YES, LAPSED),
    Given(_mobile(11), Answer.YES, relativedelta(months=7)),
    Given(_mobile(11), Answer.NO, relativedelta(days=1), Channel.SMS),
    Given(_mobile(12), Answer.YES, LAPSES_WITHIN_THE_MONTH),
    Given(_mobile(13), Answer.YES, relativedelta(months=8)),
    Given(_mobile(14), Answer.YES, relativedelta(months=9)),
    Given(_landline(15), Answer.YES, relativedelta(months=1)),
    Given(_mobile(16), Answer.YES, relativedelta(days=6)),
    Given(_mobile(17), Answer.NO, relativedelta(months=3)),
    Given(_mobile(18), Answer.YES, relativedelta(months=11)),
    Given(_mobile(21), Answer.YES, relativedelta(months=4)),
]
ANSWERED_NOW = {_mobile(13): Answer.UNSET, _mobile(20): Answer.YES}


@dataclass(frozen=True)
class Text:
    """A message of a patient's case. A manual one was written `minutes` after loading."""

    queue: str
    patient: str
    kind: Kind
    state: State
    minutes: int = 0
    refusal: Refusal | None = None
    author: str = "anna"
    words: str = STANDARD_TEXTS["Vi har försökt ringa"]
    """What a manual message says."""


TEXTS = [
    Text(R, "Agda Andersson", Kind.CONFIRMATION, State.DELIVERED),
    Text(R, "Tolvan Tolvansson", Kind.CONFIRMATION, State.REFUSED, refusal=Refusal.DECLINED),
    Text(R, "Nils Persson", Kind.CONFIRMATION, State.REFUSED, refusal=Refusal.MISSING),
    Text(R, "Fatima Hassan", Kind.CONFIRMATION, State.DELIVERED),
    Text(R, "Fatima Hassan", Kind.REMINDER, State.SENT),
    Text(R, "Erik Lund", Kind.CONFIRMATION, State.DELIVERED),
    Text(R, "Erik Lund", Kind.MANUAL, State.DELIVERED, minutes=-22),
    Text(R, "Maja Holm", Kind.CONFIRMATION, State.REFUSED, refusal=Refusal.MISSING),
    Text(R, "Sven Ek", Kind.CONFIRMATION, State.REFUSED, refusal=Refusal.DECLINED),
    Text(R, "Linnea Berg", Kind.CONFIRMATION, State.DELIVERED),
    Text(
        *(R, "Linnea Berg", Kind.MANUAL, State.QUEUED),
        minutes=-3,
        words="Hej. Ta gärna fram namnet på medicinen innan vi ringer. Häls. {unit}",
    ),
    Text(
        *(R, "Ines Garcia", Kind.MANUAL, State.FAILED),
        minutes=-35,
        author="karim",
        words="Hej. Ha gärna din lista över mediciner framme när vi ringer. Häls. {unit}",
    ),
    Text(R, "Per Olsson", Kind.CONFIRMATION, State.REFUSED, refusal=Refusal.NOT_MOBILE),
    Text(
        *(R, "Ulla Sjö", Kind.MANUAL, State.UNKNOWN),
        minutes=-25,
        words="Hej. Ta gärna tempen innan vi ringer. Häls. {unit}",
    ),
    # What is `sending` at loading stays so for two minutes only: then the sweep takes its worker for dead.
    Text(
        *(R, "Greta Falk", Kind.MANUAL, State.SENDING),
        minutes=0,
        words="Hej. Håll foten högt tills vi ringer. Häls. {unit}",
    ),
    Text(R, "Johan Lindqvist", Kind.REMINDER, State.EXPIRED),
    Text(R, "Bo Hedlund", Kind.CONFIRMATION, State.DELIVERED),
    Text(R, "Bo Hedlund", Kind.REMINDER, State.CANCELLED),
    Text(T, "Tolvan Tolvansson", Kind.CONFIRMATION, State.REFUSED, refusal=Refusal.DECLINED),
    Text(T, "Kerstin Dahl", Kind.CONFIRMATION, State.DELIVERED),
    Text(T, "Hanna Sandberg", Kind.MANUAL, State.DELIVERED, minutes=-8),
    Text(
        M,
        "Gun Wallin",
        Kind.MANUAL,
        State.DELIVERED,
        minutes=-40,
        author="sara",
        words="Hej. Vi ringer i dag. Häls. {unit}",
    ),
]


# Loading -------------------------------------------------------------------------------------------------------------


def load() -> bool:
    """Load the demonstration, all or nothing. False, and nothing done, where there is a care provider already."""
    with transaction.atomic():
        if CareProvider.objects.exists():
            return False
        _Loader().load()
        return True


class _Loader:
    """What the steps of one loading share."""

    def __init__(self) -> None:
        self.start = database_now()
        self.half_hour = self.start.replace(minute=self.start.minute // 30 * 30, second=0, microsecond=0)
        self.queues: dict[str, Queue] = {}
        self.users: dict[str, User] = {}
        self.cases: dict[tuple[str, str], Case] = {}

    def load(self) -> None:
        self._care_providers()
        self._logins()
        self._cases()
        self._answers()
        self._messages()

    # Care providers, queues and people

    def _care_providers(self) -> None:
        sundvik = CareProvider.objects.create(name="Region Sundvik", sms_consent_ordered=True)
        norrsund = CareProvider.objects.create(name="Region Norrsund")
        for provider in (sundvik, norrsund):
            ConsentText.objects.create(care_provider=provider, text=TO_READ_OUT)
        radgivning = self._queue(R, sundvik, "VC Spindeln", "Rådgivning", "08-465 004 01")
        tidbokning = self._queue(T, sundvik, "VC Spindeln", "Tidbokning", "08-465 004 02")
        self._queue(M, norrsund, "VC Myran", "Rådgivning", "08-465 004 03")
        # Round the clock, in short slots and with short notice, so that whoever tries it has not long to wait.
        self._open(radgivning, TelephoneHours.Weekday.values, time(0), time(23, 55), slot_minutes=5, slot_capacity=1)
        self._open(tidbokning, TelephoneHours.Weekday.values[:5], time(8), time(16), slot_minutes=15, slot_capacity=1)
        self._text(radgivning, consent_required=True, reminder_minutes=Lead.MINUTES_15)
        self._text(tidbokning, consent_required=False, reminder_minutes=Lead.HOURS_1)

    def _queue(self, key: str, provider: CareProvider, unit: str, name: str, phone_number: str) -> Queue:
        queue = create_queue(Queue(care_provider=provider, unit=unit, name=name, phone_number=phone_number))
        queue.outgoing_sms.sender = SENDERS.get(key, unit.replace(" ", ""))
        save_outgoing_sms(queue.outgoing_sms)
        for title, text in STANDARD_TEXTS.items():
            StandardText.objects.create(queue=queue, name=title, text=text.format(unit=unit))
        self.queues[key] = queue
        return queue

    def _open(self, queue: Queue, weekdays: list[int], opens: time, closes: time, **slots: int) -> None:
        Queue.objects.filter(pk=queue.pk).update(**slots)
        TelephoneHours.objects.bulk_create(
            TelephoneHours(queue=queue, weekday=weekday, opens=opens, closes=closes) for weekday in weekdays
        )

    def _text(self, queue: Queue, *, consent_required: bool, reminder_minutes: int) -> None:
        settings_of_queue = queue.outgoing_sms
        settings_of_queue.consent_required = consent_required
        settings_of_queue.confirmation_on = settings_of_queue.reminder_on = True
        settings_of_queue.reminder_minutes = reminder_minutes
        save_outgoing_sms(settings_of_queue)

    def _logins(self) -> None:
        hashed = make_password(PASSWORD)  # once: it is slow on purpose
        for login in LOGINS:
            user = User.objects.create(
                username=login.username,
                first_name=login.first_name,
                last_name=login.last_name,
                password=hashed,
                is_staff=login.operator,
                is_superuser=login.operator,
            )
            self.users[login.username] = user
            if login.second_factor:
                TOTP.activate(user, TOTP_KEY)
            for key in login.queues:
                Membership.objects.create(user=user, queue=self.queues[key], role=login.membership)

    # Cases and what has happened to them

    def _cases(self) -> None:
        cases = Case.objects.bulk_create(self._case(place, patient) for place, patient in enumerate(PATIENTS))
        events: list[CaseEvent] = []
        notes: list[Note] = []
        for patient, case in zip(PATIENTS, cases, strict=True):
            self.cases[patient.queue, patient.name] = case
            events += self._events(patient, case)
            if patient.note:
                notes.append(Note(case=case, text=patient.note, author=self.users[patient.nurse]))
        CaseEvent.objects.bulk_create(events)
        Note.objects.bulk_create(notes)

    def _case(self, place: int, patient: Patient) -> Case:
        booked_at = self.start - timedelta(hours=3, minutes=7 * place)
        return Case(
            queue=self.queues[patient.queue],
            name=patient.name,
            reason=patient.reason,
            phone_number=patient.number,
            a_number=(patient.number if patient.a_number == SAME else patient.a_number) or None,
            personal_identity_number=patient.personal_identity_number,
            callback_at=self.half_hour + timedelta(minutes=30) * patient.half_hours,
            attempts=patient.attempts,
            status=patient.status,
            assignee=self.users[patient.nurse] if patient.status == Status.ONGOING else None,
            created_at=booked_at,
            booked_at=booked_at,
        )

    def _events(self, patient: Patient, case: Case) -> Iterable[CaseEvent]:
        """Booked by telephone; then called every quarter of an hour; then taken or closed."""
        kinds = CaseEvent.Kind
        nurse = self.users[patient.nurse]
        yield CaseEvent(case=case, kind=kinds.CREATED, at=case.created_at)
        for attempt in range(1, patient.attempts + 1):
            reached = patient.status == Status.DONE and attempt == patient.attempts
            yield CaseEvent(
                case=case,
                kind=kinds.ANSWERED if reached else kinds.NO_ANSWER,
                changes={"attempts": [attempt - 1, attempt]},
                user=nurse,
                at=self.start - timedelta(minutes=10 + 15 * (patient.attempts - attempt)),
            )
        last = {Status.ONGOING: kinds.TAKEN, Status.DONE: kinds.DONE, Status.CANCELLED: kinds.CANCELLED}
        if patient.status in last:
            yield CaseEvent(case=case, kind=last[patient.status], user=nurse, at=self.start - timedelta(minutes=4))

    # Answers

    def _answers(self) -> None:
        for given in ANSWERS:
            self._answer_long_ago(given)
        for number, answer in ANSWERED_NOW.items():
            case = self._case_with(number)
            answer_in_case(
                case.queue.care_provider,
                case.phone_number,
                answer,
                by=self.users["karim"],
                case_id=case.pk,
                seen_event=current(case.queue.care_provider_id, case.phone_number).event_id,
            )

    def _answer_long_ago(self, given: Given) -> None:
        """Written past the register, which knows only now: an update afterwards would be one more event on record."""
        case = self._case_with(given.number)
        by_nurse = given.channel == Channel.CASE
        answered_at = self.start - given.ago
        with pghistory.context(**REGISTER):  # as the register would have told it then
            Consent.objects.update_or_create(
                care_provider=case.queue.care_provider,
                phone_number=case.phone_number,
                defaults=self._given(given, case, by_nurse, answered_at),
            )

    def _given(self, given: Given, case: Case, by_nurse: bool, answered_at: datetime) -> dict[str, object]:
        return {
            "answer": given.answer,
            "answered_by": self.users["anna"] if by_nurse else None,
            "channel": given.channel,
            "case_id": case.pk if by_nurse else None,
            "text": ConsentText.objects.current(case.queue.care_provider_id) if by_nurse else None,
            "answered_at": answered_at,
            "valid_until": valid_until(answered_at),
        }

    def _case_with(self, number: str) -> Case:
        return next(
            self.cases[patient.queue, patient.name]
            for patient in PATIENTS
            if (patient.queue, patient.number) == (R, number)
        )

    # Messages

    def _messages(self) -> None:
        """Written and moved on as the gateway does it, so that the database's own guard takes them."""
        messages = [self._message(text) for text in TEXTS]
        self._note_answers(messages)
        Message.objects.bulk_create(messages)
        CaseMessage.objects.bulk_create(
            CaseMessage(case=self.cases[text.queue, text.patient], message=message, booking=1)
            for text, message in zip(TEXTS, messages, strict=True)
        )
        self._hand_over([m for text, m in zip(TEXTS, messages, strict=True) if text.state in HANDED_OVER])
        for text, message in zip(TEXTS, messages, strict=True):
            self._settle(text, message)
        Message.objects.write(messages, ["state", "state_at", "provider_message_id", "provider_status"])
        self._into_the_simulator([m for m in messages if m.state == State.DELIVERED])

    def _message(self, text: Text) -> Message:
        case = self.cases[text.queue, text.patient]
        manual = text.kind == Kind.MANUAL
        written_at = self._written_at(text, case)
        # What waits could not be handed over, and is tried again in a while.
        due_at = self.start + timedelta(minutes=10) if text.state == State.QUEUED else written_at
        return Message(
            key=f"manual:{case.pk}:demo" if manual else f"{text.kind}:{case.pk}:{case.booking}",
            kind=text.kind,
            queue=case.queue,
            to_number=case.phone_number,
            text=text.words.format(unit=case.queue.unit) if manual else _automatic_text(text.kind, case),
            author=self.users[text.author] if manual else None,
            created_at=written_at,
            due_at=due_at,
            send_before=max(case.callback_at, due_at + timedelta(minutes=1)),
            state=State.REFUSED if text.refusal else State.QUEUED,
            refusal=text.refusal or "",
            state_at=written_at,
        )

    def _written_at(self, text: Text, case: Case) -> datetime:
        if text.kind == Kind.CONFIRMATION:
            return case.booked_at
        if text.kind == Kind.REMINDER:
            return case.callback_at - timedelta(minutes=case.queue.outgoing_sms.reminder_minutes)
        return self.start + timedelta(minutes=text.minutes)

    def _note_answers(self, messages: list[Message]) -> None:
        """On each message that was judged, the answer that decided."""
        keys = {m.key: (m.queue.care_provider_id, number_text(m.to_number)) for m in messages}
        consents = Consent.objects.by_number(keys.values())
        events = Consent.objects.latest_events(consents.values())
        for text, message in zip(TEXTS, messages, strict=True):
            if text.state in JUDGED:
                _note_answer(message, consents.get(keys[message.key]), events, self.start)

    def _hand_over(self, messages: list[Message]) -> None:
        claimed_at = database_now()
        for message in messages:
            message.state = State.SENDING
            message.state_at = message.claimed_at = claimed_at
            message.attempts = 1
            message.provider = "simulator"
        Message.objects.write(messages, ["state", "state_at", "claimed_at", "attempts", "provider"])

    def _settle(self, text: Text, message: Message) -> None:
        if text.state in (State.QUEUED, State.SENDING, State.REFUSED):
            return
        message.state = text.state
        message.state_at = message.send_before if text.state == State.EXPIRED else min(message.due_at, self.start)
        if text.state in (State.SENT, State.DELIVERED):
            message.provider_message_id = f"demo-{message.pk}"
        message.provider_status = {State.DELIVERED: "delivered", State.SENT: "created"}.get(text.state, "")

    def _into_the_simulator(self, messages: list[Message]) -> None:
        """What the patients have on their telephones."""
        SimulatedSms.objects.bulk_create(
            SimulatedSms(
                to_number=message.to_number,
                sender=message.queue.outgoing_sms.sender,
                text=message.text,
                callback_url=settings.TELEQ_URL,  # delivered already: never called
                received_at=message.state_at,
            )
            for message in sorted(messages, key=lambda message: message.state_at)
        )


SENDERS = {R: "+46701740698"}
"""A number, so that patients can answer; the other queues send from a name."""
HANDED_OVER = {State.SENDING, State.SENT, State.DELIVERED, State.FAILED, State.UNKNOWN}
JUDGED = HANDED_OVER | {State.REFUSED}


def _note_answer(message: Message, consent: Consent | None, events: dict[int, int], at: datetime) -> None:
    message.consent_required = message.queue.outgoing_sms.consent_required
    message.consent_answer = answer_in_force(consent, at)
    if consent:
        message.consent_event_id = events[consent.pk]
        message.consent_channel = consent.channel
        message.consent_answered_at = consent.answered_at


def _automatic_text(kind: Kind, case: Case) -> str:
    texts = case.queue.outgoing_sms
    return placeholders.fill(
        texts.confirmation_text if kind == Kind.CONFIRMATION else texts.reminder_text, case.queue, case.callback_at
    )
