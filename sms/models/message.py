"""A text message to a patient, and what a claim reads of many at once."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from itertools import starmap
from typing import Any

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import BrinIndex
from django.db import connection, models
from django.db.models import F, Q
from django.db.models.expressions import Combinable
from django.db.models.functions import Cast, Now
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from phonenumber_field.modelfields import PhoneNumberField
from phonenumber_field.phonenumber import PhoneNumber

from consent.models import Answer, Channel, NumberKey
from consent.verdict import Verdict
from sms import guard, unsettled
from sms.states import HANDED_OVER, State
from teleq.database import any_of, array
from teleq.models import Queue
from teleq.phone_numbers import number_text


class Kind(models.TextChoices):
    MANUAL = "manual", gettext_lazy("SMS")
    CONFIRMATION = "confirmation", gettext_lazy("Bokningsbekräftelse")
    REMINDER = "reminder", gettext_lazy("Påminnelse om återuppringning")


class Lane(models.TextChoices):
    """Which worker delivers a message: each lane has one of its own, so that manual SMS don't wait behind reminders."""

    MANUAL = "manual"
    BULK = "bulk"

    @classmethod
    def of(cls, kind: str) -> Lane:
        return cls.MANUAL if kind == Kind.MANUAL else cls.BULK


class Refusal(models.TextChoices):
    """Why a message was refused. The first two are verdicts on consent, and come before the others."""

    DECLINED = Verdict.DECLINED.value, Verdict.DECLINED.label
    MISSING = Verdict.MISSING.value, Verdict.MISSING.label
    NOT_MOBILE = "not_mobile", gettext_lazy("Numret kan inte ta emot SMS (inte ett mobilnummer).")
    CONTENT = "content", gettext_lazy("Texten kan inte skickas.")


def _token() -> str:
    return secrets.token_urlsafe(24)


class MessageQuerySet(models.QuerySet["Message"]):
    def number_keys(self) -> list[NumberKey]:
        """The care provider and the number, in E.164, that each message's answer is stored for."""
        return list(self.values_list("queue__care_provider", Cast("to_number", models.TextField())))

    def of(self, ids: Iterable[int]) -> MessageQuerySet:
        """These messages, which may be hundreds."""
        return self.filter(any_of("sms_message.id", ids))

    def read(self) -> list[DueMessage]:
        """The messages, each with what a claim reads and writes."""
        return list(starmap(DueMessage, self.values_list(*DUE_MESSAGE)))

    def insert_new(self, messages: Sequence[Message]) -> list[Message]:
        """Insert messages in one statement, except those whose key is there already. Returns those inserted, with ids.

        Django's `bulk_create` doesn't tell which rows a conflict skipped.
        """
        rows = _Rows(messages, [field.name for field in Message._meta.concrete_fields if field.name != "id"])
        with connection.cursor() as cursor:
            cursor.execute(
                f"INSERT INTO sms_message ({rows.columns}) SELECT {rows.columns}"  # noqa: S608  as in `write`
                f" FROM unnest({rows.arrays}) AS new ({rows.columns}) ON CONFLICT (key) DO NOTHING RETURNING key, id",
                rows.values,
            )
            ids = dict(cursor.fetchall())
        new = []
        for message in messages:
            if message.key in ids:  # popped: of two messages with the same key, the first was inserted
                message.pk = ids.pop(message.key)
                message._state.adding = False
                new.append(message)
        return new

    def write(self, messages: Sequence[Message | DueMessage], names: Collection[str]) -> None:
        """Save these fields of messages that the transaction has locked, in one statement."""
        rows = _Rows(messages, ["id", *names])
        assignments = ", ".join(f"{field.column} = new.{field.column}" for field in rows.fields[1:])
        with connection.cursor() as cursor:
            cursor.execute(
                f"UPDATE sms_message AS old SET {assignments}"  # noqa: S608  names from the model, values as parameters
                f" FROM unnest({rows.arrays}) AS new ({rows.columns}) WHERE old.id = new.id",
                rows.values,
            )


class _Rows:
    """Messages as one array per column, for SQL that takes them all at once."""

    def __init__(self, messages: Sequence[Message | DueMessage], names: Collection[str]) -> None:
        self.fields: list[Any] = [Message._meta.get_field(name) for name in names]
        self.columns = ", ".join(field.column for field in self.fields)
        self.arrays = ", ".join(f"%s::{field.cast_db_type(connection)}[]" for field in self.fields)
        self.values = [array(_plain(getattr(message, field.attname)) for message in messages) for field in self.fields]


def _plain(value: object) -> object:
    """A field's value as it is stored. Only a PhoneNumber has to be converted; Django's own conversion is slow."""
    return number_text(value) if isinstance(value, PhoneNumber) else value


class Message(models.Model):
    """One text message. Written by `sms.gateway`, `sms.outcomes` and `sms.receipts` only.

    Its indexes are on what never changes. So PostgreSQL writes none of them when a message moves, but only the row, on
    the page where it is (HOT): what is found by its state has a row in `Unsettled`, which is cheap to change. There are
    only those indexes that a query uses: none for the foreign keys, and not the one for LIKE that comes with
    unique=True.
    """

    key = models.CharField(max_length=100, help_text=gettext_lazy("Samma nyckel är samma SMS."))
    kind = models.CharField(gettext_lazy("slag"), max_length=20, choices=Kind.choices)
    queue = models.ForeignKey(
        Queue, on_delete=models.PROTECT, related_name="messages", verbose_name=gettext_lazy("kö"), db_index=False
    )
    to_number = PhoneNumberField(gettext_lazy("till"))
    text = models.TextField(gettext_lazy("text"))
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        related_name="+",
        verbose_name=gettext_lazy("skickat av"),
        db_index=False,
    )
    created_at = models.DateTimeField(db_default=Now())
    due_at = models.DateTimeField()
    send_before = models.DateTimeField()

    state = models.CharField(max_length=10, choices=State.choices, default=State.QUEUED)
    refusal = models.CharField(max_length=20, choices=Refusal.choices, blank=True, default="")
    attempts = models.PositiveSmallIntegerField(default=0)
    claimed_at = models.DateTimeField(null=True)
    state_at = models.DateTimeField(db_default=Now(), help_text=gettext_lazy("När SMS:et fick sitt tillstånd."))

    # Whether the queue required consent when the message was judged. Null: not judged yet, or no settings.
    consent_required = models.BooleanField(null=True)
    # The answer that let the message through or stopped it, as it was at that moment (promise 8). The event has no
    # foreign key, as retention removes events by its own rules.
    consent_event_id = models.BigIntegerField(null=True)
    consent_answer = models.CharField(max_length=10, choices=Answer.choices, blank=True, default="")
    consent_channel = models.CharField(max_length=10, choices=Channel.choices, blank=True, default="")
    consent_answered_at = models.DateTimeField(null=True)

    provider = models.CharField(max_length=20, blank=True, default="")
    provider_message_id = models.CharField(max_length=100, blank=True, default="")
    provider_status = models.CharField(max_length=100, blank=True, default="")
    # Part of the address for delivery reports. Can't be guessed.
    receipt_token = models.CharField(max_length=40, default=_token)

    objects = MessageQuerySet.as_manager()

    class Meta:
        verbose_name = gettext_lazy("SMS")
        verbose_name_plural = gettext_lazy("SMS")
        constraints = [
            models.UniqueConstraint(fields=["key"], name="one_message_per_key"),
            models.CheckConstraint(condition=Q(state__in=State.values), name="message_state_is_valid"),
            models.CheckConstraint(condition=Q(kind__in=Kind.values), name="message_kind_is_valid"),
            models.CheckConstraint(
                condition=Q(state=State.REFUSED, refusal__in=Refusal.values)
                | (~Q(state=State.REFUSED) & Q(refusal="")),
                name="refused_says_why",
            ),
            models.CheckConstraint(
                condition=Q(claimed_at__isnull=False) | ~Q(state__in=sorted(HANDED_OVER - {State.FAILED})),
                name="only_claimed_messages_leave",
            ),
            models.CheckConstraint(condition=Q(send_before__gt=F("due_at")), name="message_has_time_to_leave"),
        ]
        indexes = [
            models.Index(fields=["to_number"], name="message_to_number"),
            models.Index(fields=["queue", "created_at"], name="message_of_queue"),
            BrinIndex(fields=["created_at"], autosummarize=True, name="message_written"),  # small, for retention
        ]
        triggers = [*guard.TRIGGERS, *unsettled.TRIGGERS]

    def __str__(self) -> str:
        return _("SMS %(pk)s") % {"pk": self.pk}  # neither number nor text, as logs and error reports show this

    @property
    def outcome(self) -> str:
        """What staff see: the label of the state, or of the refusal."""
        return self.get_refusal_display() if self.state == State.REFUSED else self.get_state_display()


@dataclass(slots=True)
class DueMessage:
    """A message as a claim reads and writes it.

    For hundreds at once: to make a Message and a PhoneNumber of each row takes longer than all the rest.
    """

    id: int
    queue_id: int
    care_provider_id: int
    number: str
    """In E.164."""
    text: str
    send_before: datetime
    receipt_token: str
    state: str
    refusal: str
    state_at: datetime
    claimed_at: datetime | None
    attempts: int
    provider: str
    consent_required: bool | None
    consent_event_id: int | None
    consent_answer: str
    consent_channel: str
    consent_answered_at: datetime | None

    @property
    def pk(self) -> int:
        return self.id

    @property
    def key(self) -> NumberKey:
        return (self.care_provider_id, self.number)


_ELSEWHERE: dict[str, Combinable] = {
    "care_provider_id": F("queue__care_provider"),
    "number": Cast("to_number", models.TextField()),
}


DUE_MESSAGE: list[str | Combinable] = [_ELSEWHERE.get(field.name, field.name) for field in fields(DueMessage)]
"""Where each of a DueMessage's fields is read, in their order."""


class RetentionMark(models.Model):
    """How far retention has gone through the messages, in the order in which they were accepted.

    So that none is looked at again night after night, without an index on what changes (`Message`).
    """

    class What(models.TextChoices):
        TEXTS = "texts"
        MESSAGES = "messages"

    what = models.CharField(max_length=10, choices=What.choices, primary_key=True)
    message_id = models.BigIntegerField(default=0)
    left_over = ArrayField(
        models.BigIntegerField(),
        default=list,
        help_text=gettext_lazy("De före det som inte kunde tas då: de väntade ännu, eller var låsta."),
    )

    class Meta:
        verbose_name = gettext_lazy("gallringens läge")
        verbose_name_plural = gettext_lazy("gallringens läge")

    def __str__(self) -> str:
        return f"{self.what} {self.message_id}"
