"""The callback: a patient who is to be called back, and what has happened to the case."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime, time, timedelta
from typing import Any

import pghistory
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
from consent.models import Answer, NumberKey
from sms.models import Message
from teleq import names
from teleq.models import CareProvider, Outcome, Queue, User
from teleq.phone_numbers import WRITTEN_AS_STORED, number_text
from teleq.triggers import APPEND_ONLY, NO_TRUNCATE, DeleteEvent, InsertEvent, UpdateEvent


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


class NoAnswer(models.TextChoices):
    """What met whoever called and did not reach the patient, where anything is said of it."""

    BUSY = "busy", gettext_lazy("Upptaget")
    VOICEMAIL = "voicemail", gettext_lazy("Telefonsvarare")
    WRONG_NUMBER = "wrong_number", gettext_lazy("Fel nummer")


FromTo = dict[str, list[Any]]
"""What an event changed: by column, the value before and the value after."""


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

    def shows_consent(self, answer: Answer) -> bool:
        """Whether the case shows Samtycke till SMS."""
        outgoing_sms = self.queue.outgoing_sms_or_none
        return shows_consent(None if outgoing_sms is None else outgoing_sms.consent_required, answer)


def shows_consent(consent_required: bool | None, answer: Answer) -> bool:
    """Whether Samtycke till SMS is shown: where the queue asks for it, or its settings are missing (None); or where a
    Nej stands in the way."""
    return consent_required is not False or answer is Answer.NO


class CaseEventQuerySet(models.QuerySet["CaseEvent"]):
    def latest_act(self) -> CaseEvent | None:
        """The latest event that changed who has the case or whether it is open (`CaseEvent.ACTS`).

        The case's buttons are shown for it: a press is refused where another one has come since.
        """
        return self.filter(kind__in=CaseEvent.ACTS).select_related("user").order_by("-id").first()


class CaseEvent(models.Model):
    """Something that was done to a case. Told as a sentence by `cases.history`."""

    class Kind(models.TextChoices):
        CREATED = "created", gettext_lazy("Ärendet skapades")
        TAKEN = "taken", gettext_lazy("Tog ärendet")
        TAKEN_OVER = "taken_over", gettext_lazy("Tog över ärendet")
        RELEASED = "released", gettext_lazy("Släppte ärendet")
        LEFT = "left", gettext_lazy("Ärendet släpptes, eftersom ingen arbetade i det")
        CALLED = "called", gettext_lazy("Ringde")
        NOT_CALLED = "not_called", gettext_lazy("Ringde inte")
        REACHED = "reached", gettext_lazy("Fick svar")
        NO_ANSWER = "no_answer", gettext_lazy("Uppringning utan svar")
        DONE = "done", gettext_lazy("Klart")
        CANCELLED = "cancelled", gettext_lazy("Avbokat")
        REOPENED = "reopened", gettext_lazy("Ärendet öppnades igen")
        UNDONE = "undone", gettext_lazy("Ångrade")
        QUEUE_CHANGED = "queue_changed", gettext_lazy("Flyttades till en annan kö")
        NUMBER_CONFIRMED = "number_confirmed", gettext_lazy("Numret bekräftades")
        MOVED = "moved", gettext_lazy("Tiden ändrades")
        NUMBER_CHANGED = "number_changed", gettext_lazy("Telefonnumret ändrades")
        DETAILS_CHANGED = "details_changed", gettext_lazy("Uppgifterna ändrades")

    ACTS = (
        *(Kind.CREATED, Kind.TAKEN, Kind.TAKEN_OVER, Kind.RELEASED, Kind.LEFT),
        *(Kind.CALLED, Kind.NOT_CALLED, Kind.REACHED, Kind.NO_ANSWER),
        *(Kind.DONE, Kind.CANCELLED, Kind.REOPENED, Kind.UNDONE, Kind.QUEUE_CHANGED),
    )

    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="events")
    kind = models.CharField(max_length=20, choices=Kind.choices)
    changes: models.JSONField[FromTo, FromTo] = models.JSONField(
        default=dict, help_text=gettext_lazy("Från och till, efter kolumn. Nummer i E.164, tider i ISO 8601.")
    )
    detail = models.CharField(
        max_length=20, blank=True, default="", help_text=gettext_lazy("Hur Inget svar lät, eller resultatet av Klart.")
    )
    before: models.JSONField[Any, Any] = models.JSONField(
        null=True, help_text=gettext_lazy("Vad kolumnerna som händelsen ändrade innehöll. Tomt: den kan inte ångras.")
    )
    undoes = models.OneToOneField("self", on_delete=models.CASCADE, null=True, related_name="undone_by")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    at = models.DateTimeField(db_default=Now())

    objects = CaseEventQuerySet.as_manager()

    class Meta:
        verbose_name = gettext_lazy("händelse")
        verbose_name_plural = gettext_lazy("händelser")
        constraints = [
            models.CheckConstraint(
                condition=Q(detail="") | Q(detail__in=[*NoAnswer.values, *Outcome.values]), name="detail_is_valid"
            )
        ]

    def __str__(self) -> str:
        return _("händelse %(pk)s") % {"pk": self.pk}


class PresenceQuerySet(models.QuerySet["Presence"]):
    def now(self) -> PresenceQuerySet:
        """Those who have their case open at this moment."""
        return self.filter(seen_at__gt=Now() - Presence.COUNTS_FOR)

    def of_others(self, user: User) -> PresenceQuerySet:
        return self.exclude(user_id=user.pk)


class Presence(models.Model):
    """That somebody has a case open: when their page last said so. Written by `cases.presence`."""

    COUNTS_FOR = timedelta(seconds=45)
    """Since the page last said so. It says so more often than that while it is seen and used."""

    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="presences", db_index=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    seen_at = models.DateTimeField(db_default=Now())

    objects = PresenceQuerySet.as_manager()

    class Meta:
        verbose_name = gettext_lazy("närvaro")
        verbose_name_plural = gettext_lazy("närvaro")
        constraints = [models.UniqueConstraint(fields=["case", "user"], name="one_presence_per_user_and_case")]
        indexes = [models.Index(fields=["seen_at"], name="presence_seen")]

    def __str__(self) -> str:
        return _("närvaro %(pk)s") % {"pk": self.pk}


class Note(models.Model):
    """What somebody has written in a case, for colleagues to read. Never changed."""

    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="notes", db_index=False)
    text = models.TextField(gettext_lazy("anteckning"), max_length=2000)
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(db_default=Now())
    press = models.UUIDField(
        null=True, editable=False, help_text=gettext_lazy("Vilket tryck på Spara som sparade den.")
    )

    class Meta:
        verbose_name = gettext_lazy("anteckning")
        verbose_name_plural = gettext_lazy("anteckningar")
        ordering = ["-created_at"]
        constraints = [models.UniqueConstraint(fields=["case", "press"], name="one_note_per_press")]

    def __str__(self) -> str:
        return _("anteckning %(pk)s") % {"pk": self.pk}


class DraftQuerySet(models.QuerySet["Draft"]):
    def for_user(self, user: User) -> DraftQuerySet:
        """What the user is writing: nobody reads another's. What it is about, if anything, is in the user's queues:
        whoever asks has looked it up by `for_user` (`cases.drafts.Place`), as they have the case whose notes they read.
        """
        return self.filter(user_id=user.pk)


class Draft(models.Model):
    """What somebody is writing and has not saved: a note, a message, or the words about a new case. Free text only.

    Written by `cases.drafts`, shown to nobody but whoever writes it, and removed when it is saved, or after a week.
    """

    class Field(models.TextChoices):
        NOTE = "note", gettext_lazy("Anteckning")
        SMS = "sms", gettext_lazy("SMS")
        NAME = "name", gettext_lazy("Namn")
        REASON = "reason", gettext_lazy("Kontaktorsak")
        INTERPRETER_LANGUAGE = "interpreter_language", gettext_lazy("Behov av tolk")
        SPEAK_WITH = "speak_with", gettext_lazy("Önskar tala med")

    OF_CASE = (Field.NOTE, Field.SMS)
    OF_NEW_CASE = (Field.NAME, Field.REASON, Field.INTERPRETER_LANGUAGE, Field.SPEAK_WITH)
    """Named as the columns of the case that is to be made."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", db_index=False)
    case = models.ForeignKey(
        Case,
        on_delete=models.CASCADE,
        null=True,
        related_name="drafts",
        help_text=gettext_lazy("Tomt för ett nytt ärende."),
    )
    # Of a new case that is begun from a patient's SMS: what it is about. Else nobody knows before the case is made.
    queue = models.ForeignKey(Queue, on_delete=models.CASCADE, null=True, related_name="+", db_index=False)
    phone_number = models.CharField(max_length=16, blank=True, default="", help_text=gettext_lazy("I E.164."))
    field = models.CharField(max_length=20, choices=Field.choices)
    text = models.TextField()
    saved_at = models.DateTimeField(db_default=Now())

    objects = DraftQuerySet.as_manager()

    class Meta:
        verbose_name = gettext_lazy("utkast")
        verbose_name_plural = gettext_lazy("utkast")
        constraints = [
            models.UniqueConstraint(
                fields=["user", "case", "queue", "phone_number", "field"],
                nulls_distinct=False,
                name="one_draft_per_user_and_field",
            ),
            models.CheckConstraint(
                condition=Q(case__isnull=False, queue=None, phone_number="", field__in=("note", "sms"))
                | Q(case=None, field__in=("name", "reason", "interpreter_language", "speak_with")),
                name="a_draft_is_of_a_case_or_a_new_one",
            ),
        ]
        indexes = [
            models.Index(fields=["saved_at"], name="draft_saved"),
            models.Index(fields=["queue", "phone_number"], condition=Q(queue__isnull=False), name="draft_by_number"),
        ]

    def __str__(self) -> str:
        return _("utkast %(pk)s") % {
            "pk": self.pk
        }  # neither patient nor text: this is what logs and error reports would show


class CaseMessageQuerySet(models.QuerySet["CaseMessage"]):
    def tie(self, messages: Iterable[Message], cases: Mapping[str, Case]) -> None:
        """Tie each message to the case that asked for it, found by the message's key."""
        self.bulk_create(
            CaseMessage(case_id=cases[message.key].pk, message_id=message.pk, booking=cases[message.key].booking)
            for message in messages
        )


class CaseMessage(models.Model):
    """Ties a message to its case: messages themselves know numbers and queues, not cases."""

    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="messages")
    message = models.OneToOneField(Message, on_delete=models.CASCADE, related_name="case_message")
    booking = models.PositiveIntegerField()

    objects = CaseMessageQuerySet.as_manager()

    class Meta:
        verbose_name = gettext_lazy("ärendets SMS")
        verbose_name_plural = gettext_lazy("ärendets SMS")

    def __str__(self) -> str:
        return _("SMS i ärende %(case_id)s") % {"case_id": self.case_id}


# Protected personal data ---------------------------------------------------------------------------------------------


class ProtectionMarkQuerySet(models.QuerySet["ProtectionMark"]):
    def in_force(self) -> ProtectionMarkQuerySet:
        return self.filter(ended_at=None)

    def of(self, case: Case) -> ProtectionMarkQuerySet:
        """The marks that protect the case, or did, by what it is known by now."""
        return self.filter(care_provider=case.queue.care_provider_id, identifier__in=case.known_by)


@pghistory.track(InsertEvent(), UpdateEvent(), DeleteEvent(), meta={"triggers": [APPEND_ONLY, NO_TRUNCATE]})
class ProtectionMark(models.Model):
    """That whoever has this personnummer, or uses this telephone number, has protected personal data (skyddade
    personuppgifter) at the care provider. Written by `cases.protected` only.

    Of a patient with both there are two marks: a case is protected by either. One that is ended stays, to be told of.

    Source: 22 kap. 1 § offentlighets- och sekretesslagen (2009:400), 16-17 a §§ folkbokföringslagen (1991:481).
    """

    LONGEST_REASON = 200

    care_provider = models.ForeignKey(
        CareProvider,
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=gettext_lazy("vårdgivare"),
        db_index=False,
    )
    identifier = models.CharField(
        gettext_lazy("gäller"),
        max_length=16,
        help_text=gettext_lazy("Personnummer med tolv tecken, eller telefonnummer i E.164."),
    )
    reason = models.CharField(gettext_lazy("anledning"), max_length=LONGEST_REASON)
    # Null: the telephone system gave a protected case another number.
    marked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        related_name="+",
        verbose_name=gettext_lazy("markerat av"),
    )
    marked_at = models.DateTimeField(gettext_lazy("markerat"), db_default=Now())
    # A number and not a foreign key, as marks outlive cases.
    case_id = models.BigIntegerField(gettext_lazy("ärende"))
    ended_reason = models.CharField(gettext_lazy("anledning"), max_length=LONGEST_REASON, blank=True, default="")
    ended_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        related_name="+",
        verbose_name=gettext_lazy("borttaget av"),
    )
    ended_at = models.DateTimeField(gettext_lazy("borttaget"), null=True)

    objects = ProtectionMarkQuerySet.as_manager()

    class Meta:
        verbose_name = gettext_lazy("markering om skyddade personuppgifter")
        verbose_name_plural = gettext_lazy("markeringar om skyddade personuppgifter")
        constraints = [
            models.UniqueConstraint(
                fields=["care_provider", "identifier"], condition=Q(ended_at=None), name="one_mark_in_force"
            ),
            models.CheckConstraint(
                condition=Q(identifier__regex=rf"{WRITTEN_AS_STORED}|^[0-9]{{8}}[0-9A-Z]{{4}}$"),
                name="a_mark_is_of_a_person_or_a_number",
            ),
            models.CheckConstraint(
                condition=Q(ended_at=None, ended_by=None, ended_reason="")
                | Q(ended_at__isnull=False, ended_by__isnull=False),
                name="a_mark_is_ended_by_somebody",
            ),
        ]
        indexes = [models.Index(fields=["care_provider", "identifier"], name="mark_by_identifier")]

    def __str__(self) -> str:
        return _("markering %(pk)s") % {
            "pk": self.pk
        }  # neither number nor personnummer: this is what logs and error reports would show

    @property
    def is_of_number(self) -> bool:
        """Whether it is a telephone number that is marked, and not a personnummer."""
        return self.identifier.startswith("+")

    @classmethod
    def history(cls) -> models.QuerySet[Any]:
        """All events: every state that a mark has had, written by triggers and never changed."""
        history: models.QuerySet[Any] = cls.pgh_event_model.objects.all()  # type: ignore[attr-defined]
        return history


# Telephone hours -----------------------------------------------------------------------------------------------------


class TelephoneHours(models.Model):
    """When a queue calls back, each week: from `opens` till `closes` by the clock in Stockholm."""

    class Weekday(models.IntegerChoices):
        MONDAY = 0, gettext_lazy("Måndag")
        TUESDAY = 1, gettext_lazy("Tisdag")
        WEDNESDAY = 2, gettext_lazy("Onsdag")
        THURSDAY = 3, gettext_lazy("Torsdag")
        FRIDAY = 4, gettext_lazy("Fredag")
        SATURDAY = 5, gettext_lazy("Lördag")
        SUNDAY = 6, gettext_lazy("Söndag")

    queue = models.ForeignKey(
        Queue, on_delete=models.CASCADE, related_name="telephone_hours", verbose_name=gettext_lazy("kö")
    )
    weekday = models.PositiveSmallIntegerField(gettext_lazy("veckodag"), choices=Weekday.choices)
    opens = models.TimeField(gettext_lazy("öppnar"), default=time(8))
    closes = models.TimeField(gettext_lazy("stänger"), default=time(16))

    class Meta:
        verbose_name = gettext_lazy("telefontid")
        verbose_name_plural = gettext_lazy("telefontider")
        ordering = ["queue", "weekday", "opens"]
        constraints = [
            models.CheckConstraint(condition=Q(weekday__range=(0, 6)), name="weekday_is_valid"),
            models.CheckConstraint(
                condition=Q(closes__gt=models.F("opens")),
                name="closes_after_opening",
                violation_error_message=gettext_lazy("Telefontiden måste stänga efter att den har öppnat."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_weekday_display()} {self.opens:%H.%M}–{self.closes:%H.%M}"


class ClosedDay(models.Model):
    """A day on which a queue is closed, beside the public holidays."""

    queue = models.ForeignKey(
        Queue, on_delete=models.CASCADE, related_name="closed_days", verbose_name=gettext_lazy("kö")
    )
    day: models.DateField[date, date] = models.DateField(gettext_lazy("dag"))
    reason = models.CharField(gettext_lazy("anledning"), max_length=60, blank=True)

    class Meta:
        verbose_name = gettext_lazy("stängd dag")
        verbose_name_plural = gettext_lazy("stängda dagar")
        ordering = ["queue", "day"]
        constraints = [
            models.UniqueConstraint(
                fields=["queue", "day"],
                name="one_closed_day_per_date",
                violation_error_message=gettext_lazy("Dagen är redan stängd."),
            )
        ]

    def __str__(self) -> str:
        return f"{self.day}"


class Slot(models.Model):
    """The lock for one of a queue's bookable times: whoever books, moves or cancels there holds the row meanwhile.

    It says nothing of how many places are taken: that is counted in the cases.
    """

    queue = models.ForeignKey(Queue, on_delete=models.CASCADE, related_name="+", db_index=False)
    starts_at: models.DateTimeField[datetime, datetime] = models.DateTimeField()

    class Meta:
        verbose_name = gettext_lazy("tid")
        verbose_name_plural = gettext_lazy("tider")
        constraints = [models.UniqueConstraint(fields=["queue", "starts_at"], name="one_slot_per_time")]

    def __str__(self) -> str:
        return _("tid %(pk)s") % {"pk": self.pk}
