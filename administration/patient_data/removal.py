"""Removes what is stored about a patient, as far as it may be (GDPR article 17), and says what stays and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from django.db import transaction
from django.db.models import Model, Q, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from pghistory.models import Event

from access.access_log import Act
from administration.database.functions import call
from administration.patient_data.stored import Patient, Stored, note_gathered
from cases.models import Draft, ProtectionMark
from consent.models import Answer, Consent
from sms.models import LostSms, Message, Unsettled
from sms.states import PENDING
from teleq.clock import database_now
from teleq.models import CareProvider, Queue, User

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

Row = TypeVar("Row", bound=Model)


@dataclass(frozen=True)
class Item:
    """How much there is of something, and what becomes of it."""

    what: StrOrPromise
    count: int
    kept_because: StrOrPromise = ""
    """Why it stays. Empty where it is removed."""


WHY_OPEN = gettext_lazy("Ärendet pågår: patienten ska ringas upp.")
WHY_SENT = gettext_lazy(
    "Att SMS:et skickades, och vilket svar som tillät det, kan behöva visas (artikel 5.2 och 17.3 e)."
)
WHY_UNDER_WAY = gettext_lazy("SMS:et är på väg.")
WHY_NO = gettext_lazy("Nej gäller till sista dagen, så att inga SMS skickas (artikel 21).")
WHY_PROTECTS = gettext_lazy("Markeringen skyddar ett ärende som pågår.")
WHY_SHARED = gettext_lazy("Det hör till numret och kan vara någon annans. Sök på telefonnumret för att ta bort det.")
WHY_IN_OTHER_QUEUES = gettext_lazy(
    "Svaret gäller även för andra köer hos {providers}; det tas bort av vårdgivarens administratör."
)
WHY_MARKED_IN_OTHER_QUEUES = gettext_lazy(
    "Markeringen gäller även för andra köer hos {providers}; den tas bort av vårdgivarens administratör."
)
MARKS = gettext_lazy("Markering om skyddade personuppgifter")
WHY_LOG = gettext_lazy("Åtkomstloggen ska sparas i minst fem år (HSLF-FS 2016:40 4 kap. 9 §).")
OF_SEVERAL_BY_NUMBER = gettext_lazy(
    "Numret används av flera personer. Det som tas bort är allas: ärenden, SMS och svar på numret."
    " Sök på personnummer för att ta bort det som är en persons."
)
OF_SEVERAL_BY_PERSON = gettext_lazy(
    "Patientens telefonnummer används också av andra. Svar och SMS som hör till numret blir kvar, om svaret inte är"
    " sparat som patientens eget."
)


def warning_of_others(patient: Patient, queues: QuerySet[Queue]) -> str:
    """What to know before anything is removed: that some of it may be another person's. Empty where it can't be."""
    if not Stored(patient, queues).shared:
        return ""
    return str(OF_SEVERAL_BY_PERSON if patient.person else OF_SEVERAL_BY_NUMBER)


class _Found:
    """The rows that a removal is about, sorted by what becomes of them. With `locked`, each is locked first."""

    def __init__(self, patient: Patient, queues: QuerySet[Queue], *, locked: bool) -> None:
        held = _locked if locked else _as_it_is
        # The cases are locked before the rest is looked for: which numbers and messages that is follows from them.
        cases = list(held(Stored(patient, queues).cases.order_by("pk")))
        self.stored = stored = Stored(patient, queues)
        self.closed = [case.pk for case in cases if not case.is_open]
        self.open = [case.pk for case in cases if case.is_open]
        if locked:
            Unsettled.objects.filter(message__in=stored.messages.order_by().values("pk")).hold()
        messages = list(held(Message.objects.filter(pk__in=stored.messages.order_by().values("pk")).order_by("pk")))
        self.under_way = [message.pk for message in messages if message.state in PENDING]
        self.settled = [message.pk for message in messages if message.state not in PENDING]
        self.texts = [message.pk for message in messages if message.state not in PENDING and message.text]
        inbound = list(held(stored.inbound.order_by("pk")))
        self.inbound = [sms.pk for sms in inbound if stored.may_remove("", sms.from_number)]
        unplaced = list(held(stored.unplaced.order_by("pk")))
        self.unplaced = [sms.pk for sms in unplaced if stored.may_remove("", sms.from_number)]
        self.lost = [sms.pk for sms in stored.lost if stored.may_remove("", sms.to_number)]
        calls = stored.calls.exclude(ended_at=None)
        self.calls = [call.pk for call in calls if stored.may_remove("", call.from_number)]
        self.inbound_of_others = len(inbound) - len(self.inbound) + len(unplaced) - len(self.unplaced)
        self.drafts = [draft.pk for draft in held(stored.drafts.order_by("pk")) if self._may_remove_draft(draft)]
        self._sort_marks(list(held(stored.marks)))
        answers, at = list(held(stored.answers.order_by("care_provider", "phone_number"))), database_now()
        yes_or_unset = [answer for answer in answers if answer.in_force(at) is not Answer.NO]
        elsewhere = stored.providers_with_other_queues
        others = [answer for answer in yes_or_unset if answer.care_provider_id not in elsewhere]
        self.answers_in_other_queues = len(yes_or_unset) - len(others)
        self.answers = [answer.pk for answer in others if stored.may_remove(answer.person, answer.phone_number)]
        self.answers_of_others = len(others) - len(self.answers)
        self.declined = len(answers) - len(yes_or_unset)

    def _sort_marks(self, marks: list[ProtectionMark]) -> None:
        """A mark goes unless it protects a case that stays, may be somebody else's, or counts in others' queues."""
        elsewhere, stored = self.stored.providers_with_other_queues, self.stored
        here = [mark for mark in marks if mark.care_provider_id not in elsewhere]
        self.marks_in_other_queues = len(marks) - len(here)
        theirs = [mark for mark in here if not mark.is_of_number or stored.may_remove("", mark.identifier)]
        self.marks_of_others = len(here) - len(theirs)
        kept = {mark.pk for mark in theirs if mark.ended_at is None} if self.open else set()
        self.marks_of_open = len(kept)
        self.marks = [mark.pk for mark in theirs if mark.pk not in kept]

    def _may_remove_draft(self, draft: Draft) -> bool:
        """In a case it is the patient's; of a new one it is about whoever sent the SMS that it was begun from."""
        return draft.case_id is not None or self.stored.may_remove("", draft.phone_number)

    def items(self) -> list[Item]:
        items = [
            Item(_("Avslutade ärenden med anteckningar"), len(self.closed)),
            Item(_("Pågående ärenden"), len(self.open), WHY_OPEN),
            Item(_("Utkast"), len(self.drafts)),
            Item(_("Texter i SMS"), len(self.texts)),
            Item(_("SMS från patienten"), len(self.inbound) + len(self.unplaced)),
            Item(_("Samtal till telefonmenyn"), len(self.calls)),
            Item(_("SMS som gick förlorade vid en återställning"), len(self.lost)),
            Item(_("SMS från nummer som också andra använder"), self.inbound_of_others, WHY_SHARED),
            Item(_("SMS som är på väg"), len(self.under_way), WHY_UNDER_WAY),
            Item(_("Uppgift om att SMS har skickats eller stoppats"), len(self.settled), WHY_SENT),
            Item(_("Svar: Ja och Ej valt"), len(self.answers)),
            Item(_("Svar: Ja och Ej valt"), self.answers_in_other_queues, self._in_other_queues(WHY_IN_OTHER_QUEUES)),
            Item(_("Svar: Nej"), self.declined, WHY_NO),
            Item(_("Svar på nummer som också andra använder"), self.answers_of_others, WHY_SHARED),
            Item(MARKS, len(self.marks)),
            Item(MARKS, self.marks_of_open, WHY_PROTECTS),
            Item(MARKS, self.marks_of_others, WHY_SHARED),
            Item(MARKS, self.marks_in_other_queues, self._in_other_queues(WHY_MARKED_IN_OTHER_QUEUES)),
            Item(_("Poster i åtkomstloggen"), self.stored.access.count(), WHY_LOG),
        ]
        return [item for item in items if item.count]

    def _in_other_queues(self, why: StrOrPromise) -> str:
        names = CareProvider.objects.filter(pk__in=self.stored.providers_with_other_queues).order_by("name")
        return why.format(providers=f" {_('och')} ".join(str(each) for each in names))


def _as_it_is(rows: QuerySet[Row]) -> QuerySet[Row]:
    return rows


def _locked(rows: QuerySet[Row]) -> QuerySet[Row]:
    return rows.select_for_update(of=("self",))


def plan(patient: Patient, queues: QuerySet[Queue], *, by: User) -> list[Item]:
    """What `remove` would remove, and what would stay and why. Nothing is done but that it is written to the access
    log."""
    found = _Found(patient, queues, locked=False)
    items = found.items()
    note_gathered(by, Act.PLAN, found.stored)
    return items


@transaction.atomic
def remove(patient: Patient, queues: QuerySet[Queue], *, by: User) -> list[Item]:
    """Remove what may be removed, and return what that was and what stayed. Written to the access log.

    Cases, messages and answers are locked in this order, as everywhere, so that what is counted is what is removed. An
    answer that counts in a queue which is not among these stays.
    """
    found = _Found(patient, queues, locked=True)
    items = found.items()
    note_gathered(by, Act.REMOVAL, found.stored)
    Draft.objects.filter(pk__in=found.drafts).delete()
    Message.objects.filter(pk__in=found.texts).update(text="")
    LostSms.objects.filter(pk__in=found.lost).delete()
    # The rest the product may not delete itself.
    call("removal_cases", found.closed)
    call("removal_inbound_sms", found.inbound)
    call("removal_unplaced_sms", found.unplaced)
    call("removal_calls", found.calls)
    call("removal_answers", found.answers)
    call("removal_marks", found.marks)
    call("removal_history", list(_gone(found.stored).values_list("pk", flat=True)))
    return items


def _gone(stored: Stored) -> QuerySet[Event]:
    """The history of answers that are removed, as far as it is the patient's or can't be another's."""
    own = stored.history.exclude(care_provider__in=stored.providers_with_other_queues)
    gone = own.exclude(pgh_obj_id__in=Consent.objects.values("pk")).order_by()
    if not stored.patient.person:
        return gone
    return gone.filter(Q(person=stored.patient.person) | Q(person="") & ~Q(phone_number__in=stored.shared))
