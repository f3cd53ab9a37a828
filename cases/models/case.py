"""The case: a patient who is to be called back, until that is done or cancelled."""

from __future__ import annotations

from django.conf import settings
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Now
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from phonenumber_field.modelfields import PhoneNumberField
from phonenumber_field.phonenumber import PhoneNumber

from cases import needs
from cases.models.protection import ProtectionMark, ProtectionMarkQuerySet
from consent.models import Answer, NumberKey
from teleq import names
from teleq.models import Outcome, Queue, User
from teleq.phone_numbers import number_text


class Status(models.TextChoices):
    WAITING = "waiting", gettext_lazy("Väntar")
    ONGOING = "ongoing", gettext_lazy("Pågår")
    NO_ANSWER = "no_answer", gettext_lazy("Inget svar")
    DONE = "done", gettext_lazy("Klart")
    CANCELLED = "cancelled", gettext_lazy("Avbokat")


CLOSED = (Status.DONE, Status.CANCELLED)


class Priority(models.IntegerChoices):
    """In which order cases are to be called, before their times are compared."""

    URGENT = 1, gettext_lazy("Brådskande")
    NORMAL = 2, gettext_lazy("Normal")


class CaseQuerySet(models.QuerySet["Case"]):
    def for_user(self, user: User) -> CaseQuerySet:
        """The cases of the user's queues: the one way from a request to patients' data (promise 9)."""
        return self.filter(queue__in=Queue.objects.for_user(user))

    def in_other_queues_for(self, user: User) -> CaseQuerySet:
        """The cases that the user may read, but not change, for a stated reason (`cases.other_queues`)."""
        return self.filter(queue__in=Queue.objects.others_for_user(user))

    def in_queues(self, queues: models.QuerySet[Queue]) -> CaseQuerySet:
        """The cases of the queues that a telephone system's key opens: the intake API's one way to them (promise 9)."""
        return self.filter(queue__in=queues)

    def open(self) -> CaseQuerySet:
        return self.exclude(status__in=CLOSED)

    def matching(self, number: PhoneNumber | None, personal_identity_number: str | None) -> CaseQuerySet:
        """Cases with this number, given or called from, or this personal identity number."""
        found = Q(pk__in=[])
        if number:
            found |= Q(phone_number=number) | Q(a_number=number)
        if personal_identity_number:
            found |= Q(personal_identity_number=personal_identity_number)
        return self.filter(found)

    def with_protection(self) -> CaseQuerySet:
        """Say of each case whether its patient has protected personal data, in `protected`."""
        return self.annotate(protected=_is_protected())  # type: ignore[no-redef]

    def protected(self) -> CaseQuerySet:
        return self.filter(_is_protected())

    def unprotected(self) -> CaseQuerySet:
        return self.filter(~_is_protected())


def _is_protected() -> Exists:
    """Whether any of what the case is known by is marked at its care provider. For a query of cases."""
    known_by = [OuterRef(column) for column in Case.KNOWN_BY]
    marks = ProtectionMark.objects.in_force().filter(care_provider=OuterRef("queue__care_provider"))
    return Exists(marks.filter(identifier__in=known_by))


class Case(models.Model):
    """A patient who is to be called back, until that is done or cancelled."""

    LONGEST_NAME, LONGEST_REASON = 100, 200
    LONGEST_LANGUAGE, LONGEST_WISH = 50, 100
    KNOWN_BY = ("personal_identity_number", "phone_number", "a_number")
    """The columns that tell whose the case is."""

    queue = models.ForeignKey(
        Queue, on_delete=models.PROTECT, related_name="cases", verbose_name=gettext_lazy("kö"), db_index=False
    )
    name = models.CharField(gettext_lazy("namn"), max_length=LONGEST_NAME, blank=True)
    reason = models.CharField(gettext_lazy("kontaktorsak"), max_length=LONGEST_REASON, blank=True)
    phone_number = PhoneNumberField(gettext_lazy("telefonnummer"))
    a_number = PhoneNumberField(
        gettext_lazy("A-nummer"), null=True, blank=True, help_text=gettext_lazy("Tomt när numret är dolt.")
    )
    personal_identity_number = models.CharField(gettext_lazy("personnummer"), max_length=12, blank=True)
    interpreter_language = models.CharField(
        gettext_lazy("behov av tolk"), max_length=LONGEST_LANGUAGE, blank=True, default="", db_default=""
    )
    """The language that an interpreter is needed for, in Swedish; empty where none is needed."""
    speak_with = models.CharField(
        gettext_lazy("önskar tala med"), max_length=LONGEST_WISH, blank=True, default="", db_default=""
    )
    callback_at = models.DateTimeField(gettext_lazy("tid"))
    booking = models.PositiveIntegerField(default=1, help_text=gettext_lazy("Räknas upp varje gång ärendet bokas om."))
    booked_at = models.DateTimeField(db_default=Now(), help_text=gettext_lazy("När tiden eller numret bokades."))
    attempts = models.PositiveSmallIntegerField(gettext_lazy("försök"), default=0)
    priority = models.PositiveSmallIntegerField(
        gettext_lazy("prioritet"), choices=Priority.choices, default=Priority.NORMAL
    )
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.WAITING)
    outcome = models.CharField(gettext_lazy("resultat"), max_length=20, choices=Outcome.choices, blank=True, default="")
    assignee = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+", db_index=False
    )
    taken_at = models.DateTimeField(null=True, help_text=gettext_lazy("Sedan när den som har ärendet har det."))
    call_began_at = models.DateTimeField(
        null=True, help_text=gettext_lazy("När Ring trycktes, tills det är sagt hur det gick.")
    )
    wrong_number = models.BooleanField(
        default=False, help_text=gettext_lazy("Numret var fel. Automatiska SMS väntar på ett rätt.")
    )
    created_at = models.DateTimeField(db_default=Now())
    press = models.UUIDField(
        null=True, editable=False, help_text=gettext_lazy("Vilket tryck på Skapa ärendet som skapade det.")
    )
    # Kept by PostgreSQL, so that a search need not work it out for each case that it looks at.
    name_folded = models.GeneratedField(
        expression=names.in_sql("name"), output_field=models.TextField(), db_persist=True
    )

    objects = CaseQuerySet.as_manager()

    protected: bool = True
    """Whether the patient has protected personal data. Only `with_protection` knows; without it lists hide the case."""

    class Meta:
        verbose_name = gettext_lazy("ärende")
        verbose_name_plural = gettext_lazy("ärenden")
        constraints = [
            models.UniqueConstraint(fields=["press"], name="one_case_per_press"),
            models.CheckConstraint(condition=Q(status__in=Status.values), name="case_status_is_valid"),
            models.CheckConstraint(
                condition=Q(status=Status.ONGOING, assignee__isnull=False)
                | (~Q(status=Status.ONGOING) & Q(assignee__isnull=True)),
                name="ongoing_means_someone_has_it",
            ),
            models.CheckConstraint(
                condition=Q(assignee=None, taken_at=None) | Q(assignee__isnull=False, taken_at__isnull=False),
                name="who_has_it_has_it_since",
            ),
            models.CheckConstraint(condition=Q(priority__in=Priority.values), name="case_priority_is_valid"),
            models.CheckConstraint(
                condition=Q(call_began_at=None) | ~Q(status__in=CLOSED), name="no_call_in_a_closed_case"
            ),
            models.CheckConstraint(
                condition=Q(outcome="") | Q(outcome__in=Outcome.values, status=Status.DONE),
                name="only_what_is_done_has_an_outcome",
            ),
        ]
        indexes = [
            models.Index(fields=["queue", "callback_at", "id"], name="case_list"),
            models.Index(
                fields=["queue", "callback_at", "id"],
                condition=~Q(status__in=CLOSED),
                name="case_list_open",
            ),
            models.Index(
                fields=["queue", "priority", "callback_at", "id"],
                condition=Q(status__in=(Status.WAITING, Status.NO_ANSWER)),
                name="case_next",
            ),
            models.Index(fields=["-status", "callback_at", "id"], name="case_by_status"),
            models.Index(
                fields=["-status", "callback_at", "id"], condition=~Q(status__in=CLOSED), name="case_open_by_status"
            ),
            models.Index(fields=["priority", "callback_at", "id"], name="case_by_priority"),
            models.Index(
                fields=["priority", "callback_at", "id"], condition=~Q(status__in=CLOSED), name="case_open_by_priority"
            ),
            models.Index(fields=["assignee"], condition=Q(assignee__isnull=False), name="case_taken"),
            models.Index(fields=["callback_at", "id"], name="case_by_time"),
            models.Index(fields=["queue", "created_at"], name="case_came_in"),  # for statistics
            models.Index(fields=["callback_at", "id"], condition=~Q(status__in=CLOSED), name="case_coming_up"),
            models.Index(fields=["phone_number"], name="case_phone_number"),
            models.Index(fields=["a_number"], name="case_a_number"),
            models.Index(
                fields=["personal_identity_number"],
                condition=~Q(personal_identity_number=""),
                name="case_personal_identity",
            ),
            # Trigrams: what is searched for may be any part of these (`cases.finding`).
            GinIndex(
                fields=["name_folded", "phone_number", "a_number", "personal_identity_number"],
                opclasses=["gin_trgm_ops"] * 4,
                name="case_find",
            ),
        ]

    def __str__(self) -> str:
        return _("ärende %(pk)s") % {"pk": self.pk}  # no patient: this is what logs and error reports would show

    @property
    def is_open(self) -> bool:
        return self.status not in CLOSED

    @property
    def needs(self) -> list[str]:
        """ "Tolk: arabiska", "Önskar tala med: läkare": those of them that there are."""
        return needs.in_words(self.interpreter_language, self.speak_with)

    @property
    def consent_key(self) -> NumberKey:
        return (self.queue.care_provider_id, number_text(self.phone_number))

    @property
    def known_by(self) -> list[str]:
        """What tells whose the case is, as it is stored."""
        return [number_text(value) for name in self.KNOWN_BY if (value := getattr(self, name))]

    def protection_marks(self) -> ProtectionMarkQuerySet:
        """The marks that protect the case, or did, by what it is known by now."""
        return ProtectionMark.objects.filter(care_provider=self.queue.care_provider_id, identifier__in=self.known_by)

    def shows_consent(self, answer: Answer) -> bool:
        """Whether the case shows Samtycke till SMS."""
        outgoing_sms = self.queue.outgoing_sms_or_none
        return shows_consent(None if outgoing_sms is None else outgoing_sms.consent_required, answer)


def shows_consent(consent_required: bool | None, answer: Answer) -> bool:
    """Whether Samtycke till SMS is shown: where the queue asks for it, or its settings are missing (None); or where a
    Nej stands in the way."""
    return consent_required is not False or answer is Answer.NO
