"""The callback: a patient who is to be called back, and what has happened to the case."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from phonenumber_field.modelfields import PhoneNumberField
from phonenumber_field.phonenumber import PhoneNumber

from consent.models import Answer, NumberKey, number_text
from sms.models import Message
from teleq.models import Queue, User


class Status(models.TextChoices):
    WAITING = "waiting", "Väntar"
    ONGOING = "ongoing", "Pågår"
    NO_ANSWER = "no_answer", "Inget svar"
    DONE = "done", "Klart"
    CANCELLED = "cancelled", "Avbokat"


CLOSED = (Status.DONE, Status.CANCELLED)


class CaseQuerySet(models.QuerySet["Case"]):
    def for_user(self, user: User) -> CaseQuerySet:
        """The cases of the user's queues: the one way from a request to patients' data (promise 9)."""
        return self.filter(queue__in=Queue.objects.for_user(user))

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

    def for_list(self) -> CaseQuerySet:
        return self.select_related("queue__outgoing_sms", "assignee").order_by("callback_at", "id")


class Case(models.Model):
    queue = models.ForeignKey(Queue, on_delete=models.PROTECT, related_name="cases", verbose_name="kö")
    name = models.CharField("namn", max_length=100, blank=True)
    reason = models.CharField("kontaktorsak", max_length=200, blank=True)
    phone_number = PhoneNumberField("telefonnummer")
    a_number = PhoneNumberField("A-nummer", null=True, blank=True, help_text="Tomt när numret är dolt.")
    personal_identity_number = models.CharField("personnummer", max_length=12, blank=True)
    callback_at = models.DateTimeField("tid")
    booking = models.PositiveIntegerField(default=1, help_text="Räknas upp varje gång ärendet bokas om.")
    attempts = models.PositiveSmallIntegerField("försök", default=0)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.WAITING)
    assignee = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField(db_default=Now())

    objects = CaseQuerySet.as_manager()

    class Meta:
        verbose_name = "ärende"
        verbose_name_plural = "ärenden"
        constraints = [
            models.CheckConstraint(condition=Q(status__in=Status.values), name="case_status_is_valid"),
            models.CheckConstraint(
                condition=Q(status=Status.ONGOING, assignee__isnull=False)
                | (~Q(status=Status.ONGOING) & Q(assignee__isnull=True)),
                name="ongoing_means_someone_has_it",
            ),
        ]
        indexes = [
            models.Index(fields=["queue", "callback_at", "id"], name="case_list"),
            models.Index(
                fields=["queue", "callback_at", "id"],
                condition=~Q(status__in=CLOSED),
                name="case_list_open",
            ),
            models.Index(fields=["phone_number"], name="case_phone_number"),
            models.Index(fields=["a_number"], name="case_a_number"),
            models.Index(
                fields=["personal_identity_number"],
                condition=~Q(personal_identity_number=""),
                name="case_personal_identity",
            ),
        ]

    def __str__(self) -> str:
        return f"ärende {self.pk}"  # no patient: this is what logs and error reports would show

    @property
    def is_open(self) -> bool:
        return self.status not in CLOSED

    @property
    def consent_key(self) -> NumberKey:
        return (self.queue.care_provider_id, number_text(self.phone_number))

    def shows_consent(self, answer: Answer) -> bool:
        """Whether the case shows Samtycke till SMS: where the queue asks for it, or where a Nej stands in the way."""
        settings_of_queue = self.queue.sms_settings
        return settings_of_queue is None or settings_of_queue.consent_required or answer is Answer.NO


class CaseEvent(models.Model):
    """Something that was done to a case. Told as a sentence by `cases.history`."""

    class Kind(models.TextChoices):
        CREATED = "created", "Ärendet skapades"
        TAKEN = "taken", "Tog ärendet"
        RELEASED = "released", "Släppte ärendet"
        ANSWERED = "answered", "Fick svar"
        NO_ANSWER = "no_answer", "Uppringning utan svar"
        DONE = "done", "Klart"
        CANCELLED = "cancelled", "Avbokat"
        REOPENED = "reopened", "Ärendet öppnades igen"
        MOVED = "moved", "Tiden ändrades"
        NUMBER_CHANGED = "number_changed", "Telefonnumret ändrades"
        DETAILS_CHANGED = "details_changed", "Uppgifterna ändrades"

    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="events")
    kind = models.CharField(max_length=20, choices=Kind.choices)
    detail = models.CharField(max_length=200, blank=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    at = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name = "händelse"
        verbose_name_plural = "händelser"
        indexes = [models.Index(fields=["case", "at"], name="case_event_history")]

    def __str__(self) -> str:
        return f"händelse {self.pk}"


class Note(models.Model):
    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="notes")
    text = models.TextField("anteckning", max_length=2000)
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name = "anteckning"
        verbose_name_plural = "anteckningar"
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"anteckning {self.pk}"


class CaseMessage(models.Model):
    """Ties a message to its case: messages themselves know numbers and queues, not cases."""

    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="messages")
    message = models.OneToOneField(Message, on_delete=models.CASCADE, related_name="case_message")
    booking = models.PositiveIntegerField()

    class Meta:
        verbose_name = "ärendets SMS"
        verbose_name_plural = "ärendets SMS"

    def __str__(self) -> str:
        return f"SMS i ärende {self.case_id}"
