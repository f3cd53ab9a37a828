"""What the demonstration shows: its patients, what they have answered, and the messages to them.

Times are relative to the moment of loading. Every person is made up. Every number is from the ranges that PTS has set
aside for fiction: 070-174 06 05 to 99 and 08-465 004 00 to 99.
"""

from __future__ import annotations

from dataclasses import dataclass

from dateutil.relativedelta import relativedelta

from access.access_log import Act
from cases.models import NoAnswer, Priority, Status
from consent.models import Answer, Channel
from consent.register import VALID_FOR
from sms.models import Kind, Refusal
from sms.states import State
from telephony.models import Ended, Step
from teleq.models import Outcome

R, T, M = "rådgivning", "tidbokning", "myran"
"""The queues, in short: VC Spindeln Rådgivning, VC Spindeln Tidbokning and VC Myran Rådgivning."""
SENDERS = {R: "+46701740698"}
"""A number, so that patients can reply; the other queues send from a name, which is their unit's."""
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
AFTER_LAST_ATTEMPT = "ring 3 gånger"


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
    priority: Priority = Priority.NORMAL
    how: NoAnswer | None = None
    """What met whoever called last and reached nobody."""
    outcome: Outcome | None = None
    """Of a case that is done."""
    is_calling: bool = False
    """Whether whoever has the case is calling the patient."""
    interpreter_language: str = ""
    speak_with: str = ""


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
        is_calling=True,
    ),
    Patient(
        *(R, -2, "Erik Lund", _mobile(9), "196105309832", "Svar på prover"),
        status=Status.DONE,
        attempts=3,
        note="Nådde honom på tredje försöket. Proverna är bra.",
        how=NoAnswer.BUSY,
        outcome=Outcome.ADVICE,
    ),
    Patient(
        *(R, -2, "Maja Holm", _mobile(10), "199307149840", "Halsont sedan en vecka"),
        status=Status.NO_ANSWER,
        attempts=1,
        nurse="karim",
        how=NoAnswer.VOICEMAIL,
    ),
    Patient(R, 1, "Sven Ek", _mobile(11), "195602119850", "Ont i knät"),
    Patient(R, 6, "Linnea Berg", _mobile(12), "197904269862", "Biverkning av medicin", speak_with="läkare"),
    Patient(R, 2, "Oskar Nyström", _mobile(13), "200109039875", "Utslag på armarna"),
    Patient(R, 2, "Ines Garcia", _mobile(14), "197010639800", "Sår som inte läker"),
    Patient(R, 3, "Per Olsson", _landline(15), "194411279898", "Fråga om vaccination", a_number=_landline(15)),
    Patient(R, 3, "Ulla Sjö", _mobile(16), "193908059904", "Hosta sedan tre veckor", a_number=WITHHELD),
    Patient(R, 4, "Ali Rahimi", _mobile(17), "197201169914", "Ryggskott", interpreter_language="dari"),
    Patient(R, 5, "Greta Falk", _mobile(18), "198506199887", "Svullen fot"),
    Patient(R, 7, "", _mobile(19), "", "", a_number=WITHHELD),
    Patient(R, 8, "Elsa Lindqvist", _mobile(20), "201510049941", "Öronvärk", note="Mamma ringer för Elsa."),
    Patient(R, -1, "Johan Lindqvist", _mobile(20), "198310219954", "Huvudvärk", priority=Priority.URGENT),
    Patient(R, 0, "Bo Hedlund", _mobile(21), "199012129939", "Intyg till arbetsgivare", status=Status.CANCELLED),
    Patient(R, 46, "Astrid Nordin", _mobile(33), "197511309986", "Egenvård vid pollenallergi"),
    Patient(T, 1, "Tolvan Tolvansson", _mobile(6), "191212121212", "Boka om läkarbesök"),
    Patient(T, 8, "Linnea Berg", _mobile(12), "197904269862", "Tid för provtagning"),
    Patient(T, 4, "Kerstin Dahl", _mobile(22), "199703089962", "Årskontroll diabetes"),
    Patient(T, 5, "Samir Aziz", _mobile(23), "195807239974", "Vaccination inför resa", a_number=_mobile(81)),
    Patient(T, -1, "Stina Norberg", _mobile(24), "198805139808", "Cellprov"),
    Patient(
        *(T, -2, "Lars Åkesson", _mobile(25), "196904129993", "Ny tid hos läkare"),
        status=Status.DONE,
        attempts=1,
        outcome=Outcome.BOOKED,
    ),
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
    Given(_mobile(33), Answer.YES, relativedelta(), Channel.PHONE_KEYS),  # in the call that booked
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
    Text(R, "Astrid Nordin", Kind.CONFIRMATION, State.DELIVERED),
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


@dataclass(frozen=True)
class Seen:
    """That somebody at VC Spindeln, or at VC Myran, has looked: for Loggkontroll. `minutes` before loading."""

    by: str
    minutes: int
    patient: tuple[str, str] | None
    """Queue and name; None: a search for `number`, which nobody has."""
    act: Act = Act.VIEW
    number: str = ""


SEEN = [
    Seen("anna", 150, (R, "Erik Lund")),
    Seen("anna", 148, (R, "Erik Lund"), Act.CHANGE),
    Seen("karim", 140, (R, "Maja Holm")),
    Seen("karim", 131, (R, "Fatima Hassan")),
    Seen("karim", 129, (R, "Fatima Hassan"), Act.CHANGE),
    Seen("anna", 122, (R, "Nils Persson")),
    Seen("anna", 95, None, Act.SEARCH, _mobile(95)),
    Seen("maria", 84, (R, "Sven Ek")),
    Seen("maria", 83, (R, "Sven Ek"), Act.CHANGE),
    Seen("maria", 20, (R, "Sven Ek")),
    Seen("sara", 71, (R, "Agda Andersson"), Act.REFUSED),
    Seen("karim", 60, (T, "Lars Åkesson")),
    Seen("anna", 44, (T, "Kerstin Dahl")),
    Seen("anna", 31, (R, "Tolvan Tolvansson")),
    Seen("anna", 30, (R, "Tolvan Tolvansson"), Act.CHANGE),
    Seen("karim", 12, (T, "Samir Aziz")),
]


# The telephone menu --------------------------------------------------------------------------------------------------

MENU = "VC Spindeln"
MENU_NUMBER, ADVICE_NUMBER, BOOKING_NUMBER = (_landline(last_two) for last_two in (50, 51, 52))
"""To the menu, in both languages and always open; straight to Rådgivning, as open; and to Tidbokning, in hours."""
PERSON = _landline(59)
"""Who is reached by 0."""


@dataclass(frozen=True)
class PastCall:
    """A call to the telephone menu that is over. `minutes` before loading; of one that booked, before its booking."""

    to: str
    minutes: int
    ended: Ended
    asked: Step | str = ""
    """What was asked last; nothing where it was closed."""
    caller: str = WITHHELD
    language: str = "sv"
    queue: str = ""
    keys: str = ""
    """Which were pressed in the menu."""
    chose: tuple[dict[str, str], ...] = ()
    """After that."""
    booked: tuple[str, str] | None = None
    """Queue and name of the patient whose callback it booked."""
    is_full: bool = False


OWN_NUMBER, KEYED_NUMBER = {"what": "booked", "number": "own"}, {"what": "booked", "number": "keyed"}
IDENTITY = {"what": "identity"}
CALLS = [
    PastCall(
        *(MENU_NUMBER, 2, Ended.BOOKED, Step.OFFER), queue=R, keys="1", chose=(OWN_NUMBER,), booked=(R, "Greta Falk")
    ),
    PastCall(
        *(MENU_NUMBER, 2, Ended.BOOKED, Step.CONSENT),
        queue=R,
        keys="1",
        chose=(OWN_NUMBER, {"what": "consent", "answer": Answer.YES}),
        booked=(R, "Astrid Nordin"),
    ),
    PastCall(
        *(ADVICE_NUMBER, 3, Ended.BOOKED, Step.OFFER),
        queue=R,
        chose=({"what": "number_keyed"}, KEYED_NUMBER),
        booked=(R, ""),
    ),
    PastCall(
        *(MENU_NUMBER, 3, Ended.BOOKED, Step.OFFER),
        queue=T,
        keys="2",
        chose=(IDENTITY, {"what": "other_time"}, OWN_NUMBER),
        booked=(T, "Kerstin Dahl"),
    ),
    PastCall(
        *(MENU_NUMBER, 2, Ended.BOOKED, Step.OFFER),
        queue=T,
        keys="2",
        language="en",
        chose=(IDENTITY, OWN_NUMBER),
        booked=(T, "Amina Yusuf"),
    ),
    PastCall(MENU_NUMBER, 35, Ended.HUNG_UP, Step.MENU, _mobile(82)),
    PastCall(MENU_NUMBER, 52, Ended.HUNG_UP, Step.LANGUAGE, _mobile(83)),
    PastCall(ADVICE_NUMBER, 71, Ended.HUNG_UP, Step.OFFER, _mobile(84), queue=R),
    PastCall(MENU_NUMBER, 90, Ended.ANNOUNCEMENT, Step.MENU, _mobile(85), keys="3"),
    PastCall(MENU_NUMBER, 118, Ended.PERSON, Step.MENU, _landline(60), keys="0", chose=({"what": "person"},)),
    PastCall(MENU_NUMBER, 140, Ended.GAVE_UP, Step.IDENTITY, _mobile(86), queue=T, keys="2"),
    PastCall(ADVICE_NUMBER, 155, Ended.DONE, Step.OFFER, _mobile(87), queue=R),
    PastCall(BOOKING_NUMBER, 26 * 60, Ended.FULL, Step.CHECK_IDENTITY, _mobile(88), queue=T, is_full=True),
    PastCall(BOOKING_NUMBER, 36 * 60, Ended.CLOSED, caller=_mobile(89)),
    PastCall(BOOKING_NUMBER, 37 * 60, Ended.CLOSED, caller=_landline(61)),
]
