"""Text messages to patients, their replies, and a queue's standard texts."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from itertools import starmap
from typing import Any

import pgtrigger
from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import BrinIndex
from django.db import connection, models
from django.db.models import F, Q
from django.db.models.expressions import Combinable, RawSQL
from django.db.models.functions import Cast, Now
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from phonenumber_field.modelfields import PhoneNumberField
from phonenumber_field.phonenumber import PhoneNumber

from consent.models import Answer, Channel, NumberKey
from consent.verdict import Verdict
from sms import guard, unsettled
from sms.sending_database import IDENTITY, MAY_SEND
from sms.states import HANDED_OVER, State
from teleq import locks
from teleq.database import any_of, array
from teleq.locks import EVERYTHING, Lock
from teleq.models import CareProvider, Queue, User
from teleq.phone_numbers import number_text
from teleq.triggers import NO_TRUNCATE, Protect, ReadOnly


class StandardText(models.Model):
    """A ready-made text of a queue, which a nurse can add to an SMS (the manual, step 7)."""

    queue = models.ForeignKey(
        Queue, on_delete=models.CASCADE, related_name="standard_texts", verbose_name=gettext_lazy("kö")
    )
    name = models.CharField(gettext_lazy("namn"), max_length=60)
    text = models.TextField(gettext_lazy("text"), max_length=918)
    after_last_attempt = models.BooleanField(
        gettext_lazy("Föreslå efter sista försöket"),
        default=False,
        help_text=gettext_lazy("Texten fylls i under Skicka SMS när patienten inte har svarat på sista försöket."),
    )

    class Meta:
        verbose_name = gettext_lazy("standardtext")
        verbose_name_plural = gettext_lazy("Standardtexter")
        ordering = ["queue", "name"]
        constraints = [
            models.UniqueConstraint(
                fields=["queue", "name"],
                name="one_standard_text_per_name",
                violation_error_message=gettext_lazy("Kön har redan en standardtext med det namnet."),
            ),
            models.UniqueConstraint(
                fields=["queue"],
                condition=models.Q(after_last_attempt=True),
                name="one_standard_text_after_the_last_attempt",
                violation_error_message=gettext_lazy("Kön föreslår redan en annan standardtext efter sista försöket."),
            ),
        ]

    def __str__(self) -> str:
        return self.name


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


class UnsettledQuerySet(models.QuerySet["Unsettled"]):
    def waiting(self, *lanes: Lane) -> UnsettledQuerySet:
        """Those that wait for these lanes' workers, the oldest first."""
        return self.filter(lane__in=lanes, sending_since=None).order_by("at", "message")

    def due(self, without: Collection[int] = ()) -> UnsettledQuerySet:
        """Those whose time has come; not those of these queues, by id."""
        due = self.filter(at__lte=Now())
        return due.exclude(queue__in=without) if without else due

    def of(self, ids: Iterable[int]) -> UnsettledQuerySet:
        """Those of these messages, which may be hundreds, whether or not they are due."""
        return self.filter(any_of("sms_unsettled.message_id", ids))

    def hold(self, *, skip_locked: bool = False) -> list[int]:
        """Lock these till the transaction ends, in the order in which everyone does. Returns their messages' ids.

        Whoever writes messages of more than one does so first of all: see `Unsettled`.
        """
        rows = self if self.query.order_by else self.order_by("message")
        return list(rows.select_for_update(skip_locked=skip_locked, of=("self",)).values_list("message", flat=True))


class Unsettled(models.Model):
    """A message that teleQ has still something to do about: to hand it over, to record what became of it, or to give up
    waiting for its delivery report. Written by triggers on Message only (`sms.unsettled`).

    A claim and the sweeps find messages here. The table is small and its rows are short, so that to move a message
    costs little; most are gone when the delivery report has come.

    It is also the lock: a row is locked before its message, by whoever changes a message that has one.
    """

    # No foreign keys: a check at each insert, and a lock on the message's row, for what the triggers keep anyway.
    message = models.OneToOneField(
        Message, on_delete=models.DO_NOTHING, primary_key=True, related_name="unsettled", db_constraint=False
    )
    queue = models.ForeignKey(Queue, on_delete=models.DO_NOTHING, related_name="+", db_constraint=False, db_index=False)
    # Empty: it has left, and its delivery report is missing.
    lane = models.CharField(max_length=10, choices=Lane.choices, blank=True)
    # When it is to leave; if it has left, when it did.
    at = models.DateTimeField()
    sending_since = models.DateTimeField(null=True)

    objects = UnsettledQuerySet.as_manager()

    class Meta:
        verbose_name = gettext_lazy("SMS som inte är klart")
        verbose_name_plural = gettext_lazy("SMS som inte är klara")
        # Not on what a claim changes: so a claim writes no index at all.
        indexes = [models.Index(fields=["lane", "at", "message"], name="unsettled_in_lane")]

    def __str__(self) -> str:
        return f"{self.pk}"


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


class ProviderStateQuerySet(models.QuerySet["ProviderState"]):
    def ensure_row(self, name: str) -> None:
        self.bulk_create([ProviderState(name=name)], ignore_conflicts=True)


class ProviderState(models.Model):
    """What all workers share about a provider. Written by `sms.rate_limiter` and `sms.circuit_breaker` only."""

    name = models.CharField(max_length=20, primary_key=True)
    next_slot_at = models.DateTimeField(
        db_default=Now(), help_text=gettext_lazy("När nästa SMS får lämnas, om takten är begränsad.")
    )
    open_until = models.DateTimeField(null=True, help_text=gettext_lazy("Så länge lämnas leverantören i fred."))
    silent_since = models.DateTimeField(null=True, help_text=gettext_lazy("Sedan när leverantören inte tar emot SMS."))
    shut_status = models.CharField(
        max_length=100,
        blank=True,
        default="",
        help_text=gettext_lazy("Vad leverantören svarade, om den inte släpper in teleQ."),
    )

    objects = ProviderStateQuerySet.as_manager()

    class Meta:
        verbose_name = gettext_lazy("SMS-leverantör")
        verbose_name_plural = gettext_lazy("SMS-leverantörer")

    def __str__(self) -> str:
        return self.name


class InboundSmsQuerySet(models.QuerySet["InboundSms"]):
    def for_user(self, user: User) -> InboundSmsQuerySet:
        """Replies to the user's queues."""
        return self.filter(queue__in=Queue.objects.for_user(user))

    def unread(self) -> InboundSmsQuerySet:
        return self.filter(read_at=None)


class InboundSms(models.Model):
    """A patient's reply, with the queue that it belongs to. Written by `sms.inbound` only."""

    queue = models.ForeignKey(
        Queue, on_delete=models.PROTECT, related_name="inbound_sms", verbose_name=gettext_lazy("kö")
    )
    from_number = PhoneNumberField(gettext_lazy("från"))
    text = models.TextField(gettext_lazy("text"))
    withdrawal = models.BooleanField(gettext_lazy("STOPP"), default=False)
    received_at = models.DateTimeField(gettext_lazy("kom"), db_default=Now())
    read_at = models.DateTimeField(gettext_lazy("läst"), null=True)
    read_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        related_name="+",
        verbose_name=gettext_lazy("läst av"),
    )
    provider = models.CharField(max_length=20)
    provider_message_id = models.CharField(max_length=100, blank=True)

    objects = InboundSmsQuerySet.as_manager()

    class Meta:
        verbose_name = gettext_lazy("inkommet SMS")
        verbose_name_plural = gettext_lazy("Inkomna SMS")
        ordering = ["received_at", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["provider", "provider_message_id"],
                condition=~Q(provider_message_id=""),
                name="an_inbound_sms_comes_once",
            )
        ]
        indexes = [
            models.Index(fields=["queue", "received_at"], condition=Q(read_at=None), name="inbound_sms_unread"),
            models.Index(fields=["from_number"], name="inbound_sms_from_number"),
            models.Index(fields=["received_at"], name="inbound_sms_received"),
        ]

    def __str__(self) -> str:
        # Neither number nor text, as logs and error reports show this
        return _("inkommet SMS %(pk)s") % {"pk": self.pk}


class UnplacedSms(models.Model):
    """A reply that belongs to no queue: its sender can't be read, or no queue is known to have sent them an SMS.

    The care provider is known where it was sent to one's number. Else the operator hands it to one, unread: see
    docs/decisions/0016. Written by `sms.inbound` only.
    """

    care_provider = models.ForeignKey(
        CareProvider, on_delete=models.PROTECT, null=True, related_name="+", verbose_name=gettext_lazy("vårdgivare")
    )

    sender = models.CharField(
        gettext_lazy("från"), max_length=100, blank=True, help_text=gettext_lazy("Som leverantören skrev det.")
    )
    receiver = models.CharField(
        gettext_lazy("till"), max_length=100, blank=True, help_text=gettext_lazy("Som leverantören skrev det.")
    )
    from_number = models.CharField(
        gettext_lazy("telefonnummer"),
        max_length=16,
        blank=True,
        help_text=gettext_lazy("I E.164, om det går att tyda."),
    )
    text = models.TextField(gettext_lazy("text"))
    received_at = models.DateTimeField(gettext_lazy("kom"), db_default=Now())
    provider = models.CharField(gettext_lazy("leverantör"), max_length=20)
    provider_message_id = models.CharField(max_length=100, blank=True)

    class Meta:
        verbose_name = gettext_lazy("SMS som inte kunde placeras")
        verbose_name_plural = gettext_lazy("SMS som inte kunde placeras")
        ordering = ["-received_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["provider", "provider_message_id"],
                condition=~Q(provider_message_id=""),
                name="an_unplaced_sms_comes_once",
            )
        ]
        indexes = [
            models.Index(fields=["from_number"], condition=~Q(from_number=""), name="unplaced_sms_from_number"),
            models.Index(fields=["received_at"], name="unplaced_sms_received"),
        ]

    def __str__(self) -> str:
        return _("SMS som inte kunde placeras %(pk)s") % {"pk": self.pk}  # as for InboundSms


FORBIDS = f"SELECT EXISTS (SELECT FROM sms_sendingstop WHERE released_at IS NULL) OR NOT {MAY_SEND}"  # noqa: S608  no values


class SendingStopQuerySet(models.QuerySet["SendingStop"]):
    """The lock between claims and whoever stops all sending: claims share it, and a stop waits for it alone.

    So a stop comes after the claims that are under way, and before all that begin later (`teleq.locks`).
    """

    def in_force(self) -> SendingStopQuerySet:
        """The restored copy's first: its words stand in place of all others."""
        return self.filter(released_at=None).order_by("-kind")

    def forbids(self) -> bool:
        """Whether nothing may be claimed. It stays so till the transaction ends. In plain SQL, as each claim asks."""
        locks.share(Lock.SENDING, [EVERYTHING])
        with connection.cursor() as cursor:
            cursor.execute(FORBIDS)
            [[forbids]] = cursor.fetchall()
        return bool(forbids)

    def lock(self) -> None:
        """Wait for the claims that are under way, and let none begin till the transaction ends.

        For as long as it takes: whoever stops everything is not to be told to try again, as a page's process would
        tell them after its `lock_timeout`. A claim is short.
        """
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL lock_timeout = 0")
        locks.hold(Lock.SENDING, EVERYTHING)


class SendingStop(models.Model):
    """A stop of all SMS, and its release. Written by `sms.brake` only; append-only, but that it is released once.

    While one is in force no message becomes `sending`, and the last guard refuses it. There may be one of each kind:
    nothing leaves until both are released.
    """

    class Kind(models.TextChoices):
        BY_HAND = "by_hand", gettext_lazy("Stoppat för hand")
        RESTORED_COPY = "restored_copy", gettext_lazy("Återställd kopia")

    kind = models.CharField(gettext_lazy("slag"), max_length=20, choices=Kind.choices, default=Kind.BY_HAND)
    stopped_at = models.DateTimeField(gettext_lazy("stoppat"), db_default=Now())
    stopped_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        related_name="+",
        verbose_name=gettext_lazy("stoppat av"),
        help_text=gettext_lazy("Tomt: driften, när en kopia återställdes."),
    )
    stopped_why = models.CharField(gettext_lazy("varför det stoppades"), max_length=300)
    released_at = models.DateTimeField(gettext_lazy("släppt"), null=True)
    released_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        related_name="+",
        verbose_name=gettext_lazy("släppt av"),
    )
    released_why = models.CharField(gettext_lazy("varför det släpptes"), max_length=300, blank=True, default="")
    too_late: models.JSONField[dict[str, dict[str, int]], dict[str, dict[str, int]]] = models.JSONField(
        default=dict,
        help_text=gettext_lazy("Hur många SMS som hade blivit för sena när utskicken släpptes, per kö och slag."),
    )

    objects = SendingStopQuerySet.as_manager()

    class Meta:
        verbose_name = gettext_lazy("stopp av alla utskick")
        verbose_name_plural = gettext_lazy("stopp av alla utskick")
        ordering = ["-stopped_at", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["kind"], condition=Q(released_at=None), name="one_stop_of_a_kind_in_force"),
            models.CheckConstraint(
                condition=Q(kind="by_hand", stopped_by__isnull=False) | Q(kind="restored_copy"),
                name="a_stop_says_who",
            ),
            models.CheckConstraint(
                condition=Q(released_at=None, released_by=None, released_why="", too_late={})
                | (Q(released_at__gte=F("stopped_at"), released_by__isnull=False) & ~Q(released_why="")),
                name="a_release_says_who_and_why",
            ),
            models.CheckConstraint(condition=~Q(stopped_why=""), name="a_stop_says_why"),
        ]
        triggers = [
            Protect(name="append_only", operation=pgtrigger.Delete),
            ReadOnly(name="a_stop_is_as_it_was_made", fields=["kind", "stopped_at", "stopped_by", "stopped_why"]),
            Protect(
                name="released_once",
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(old__released_at__isnull=False),
            ),
            NO_TRUNCATE,
        ]

    def __str__(self) -> str:
        return self.get_kind_display()

    @property
    def is_restored_copy(self) -> bool:
        return self.kind == self.Kind.RESTORED_COPY


THIS_ONE = RawSQL(IDENTITY, [])  # noqa: S611  no values


class SendingDatabaseQuerySet(models.QuerySet["SendingDatabase"]):
    def is_this_one(self) -> bool:
        """Whether this database may send. False in a copy (`sms.sending_database`)."""
        return self.filter(identity=THIS_ONE).exists()

    def become(self) -> None:
        """From now on this database is the one that may send."""
        self.update(identity=THIS_ONE)

    def ensure_row(self) -> None:
        """Let a new database be its own. One that remembers another is left as it is."""
        self.bulk_create([SendingDatabase(pk=SendingDatabase.ONLY, identity=THIS_ONE)], ignore_conflicts=True)


class SendingDatabase(models.Model):
    """The database that may send SMS: one row. Written by `migrate` the first time, and by `sms.brake`."""

    ONLY = 1

    identity = models.CharField(max_length=60)

    objects = SendingDatabaseQuerySet.as_manager()

    class Meta:
        verbose_name = gettext_lazy("databas som får skicka SMS")
        verbose_name_plural = gettext_lazy("databaser som får skicka SMS")
        constraints = [models.CheckConstraint(condition=Q(id=1), name="one_database_may_send")]

    def __str__(self) -> str:
        return self.identity


class LostSms(models.Model):
    """An SMS that a provider has sent since a restored copy was made and that the copy knows nothing of.

    It may have confirmed a callback that is lost with its case. Written by `sms.restored` only.
    """

    care_provider = models.ForeignKey(
        CareProvider, on_delete=models.PROTECT, null=True, related_name="+", verbose_name=gettext_lazy("vårdgivare")
    )
    """Null where several care providers send from its sender, and none or several of them have sent to the number."""
    provider = models.CharField(gettext_lazy("leverantör"), max_length=20)
    provider_message_id = models.CharField(max_length=100)
    sender = models.CharField(gettext_lazy("avsändare"), max_length=16)
    to_number = PhoneNumberField(gettext_lazy("till"))
    text = models.TextField(
        gettext_lazy("text"), blank=True, help_text=gettext_lazy("Tom där leverantören inte sparar den.")
    )
    sent_at = models.DateTimeField(gettext_lazy("skickat"))

    class Meta:
        verbose_name = gettext_lazy("SMS som har gått förlorat")
        verbose_name_plural = gettext_lazy("SMS som har gått förlorade")
        ordering = ["-sent_at", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["provider", "provider_message_id"], name="a_lost_sms_is_found_once")
        ]
        indexes = [models.Index(fields=["to_number"], name="lost_sms_to_number")]

    def __str__(self) -> str:
        return _("förlorat SMS %(pk)s") % {"pk": self.pk}  # as for InboundSms
