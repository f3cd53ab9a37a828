"""What somebody writes: notes, and what is not saved yet."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cases.models.case import Case
from teleq.models import Queue, User


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
        # Neither patient nor text: this is what logs and error reports would show
        return _("utkast %(pk)s") % {"pk": self.pk}
