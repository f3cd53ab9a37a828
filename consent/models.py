"""Answers to the consent question: one row per care provider and phone number, with its history."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

import pghistory
import pgtrigger
from django.conf import settings
from django.contrib.postgres.indexes import BrinIndex
from django.db import connection, models
from django.db.models import F, Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from phonenumber_field.modelfields import PhoneNumberField

from teleq.database import array
from teleq.models import CareProvider, Queue
from teleq.phone_numbers import WRITTEN_AS_STORED
from teleq.prepared import Prepared
from teleq.triggers import APPEND_ONLY, NO_TRUNCATE, DeleteEvent, InsertEvent, UpdateEvent

NumberKey = tuple[int, str]
"""A care provider's id and a phone number in E.164: what an answer belongs to."""


class Answer(models.TextChoices):
    """The manual's three answers, in the manual's order."""

    YES = "yes", gettext_lazy("Ja")
    NO = "no", gettext_lazy("Nej")
    UNSET = "unset", gettext_lazy("Ej valt")


class Channel(models.TextChoices):
    """The way in which an answer came."""

    CASE = "case", gettext_lazy("Ärende")
    SMS = "sms", gettext_lazy("SMS från patienten")
    PHONE_KEYS = "phone_keys", gettext_lazy("Telefon, knappval")
    """The patient's own key, in a call to the telephone menu that asked."""
    RESTORED = "restored", gettext_lazy("Återställning")
    """The database was restored from a copy in which a Nej may be missing: the Ja is asked for anew."""


class Stored(Protocol):
    """An answer as it is stored."""

    @property
    def answer(self) -> str: ...

    @property
    def valid_until(self) -> datetime: ...


class CountsForATime:
    """What an answer that is stored counts as."""

    __slots__ = ()

    def in_force(self: Stored, at: datetime) -> Answer:
        """What the answer counts as at this aware instant: itself before `valid_until`, Ej valt from then on."""
        return Answer(self.answer) if at < self.valid_until else Answer.UNSET

    def counts(self: Stored, at: datetime) -> bool:
        """Whether the answer has not lapsed at this aware instant."""
        return at < self.valid_until


@dataclass(slots=True)
class JudgedAnswer(CountsForATime):
    """What a message is judged by of the answer stored for its number.

    For hundreds of numbers at once: to make a Consent of each row takes longer than all the rest.
    """

    id: int | None
    """None: a withdrawal that has not been carried out."""
    answer: str
    valid_until: datetime
    channel: str
    answered_at: datetime


class ConsentTextQuerySet(models.QuerySet["ConsentText"]):
    def read_out(self) -> ConsentTextQuerySet:
        """Those that nurses read out: not what the telephone menu plays."""
        return self.filter(recorded=False)

    def current(self, care_provider_id: int, queue_id: int | None = None) -> ConsentText | None:
        """What is read out in the queue: its own text, or where it has none, or an empty one, the care provider's."""
        latest = _latest_texts(provider=care_provider_id, queue=queue_id or 0)
        return next((text for text in latest if text.text), None)


class ConsentText(models.Model):
    """What is read out before the patient answers: a care provider's text, or a queue's own; by a nurse, or `recorded`
    for the telephone menu.

    A new wording is a new row, so that each answer can say which words it was given to. A queue's empty text says that
    it reads the care provider's again.
    """

    care_provider = models.ForeignKey(
        CareProvider, on_delete=models.PROTECT, related_name="consent_texts", verbose_name=gettext_lazy("vårdgivare")
    )
    queue = models.ForeignKey(
        Queue,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="consent_texts",
        verbose_name=gettext_lazy("kö"),
        help_text=gettext_lazy("Tomt: alla köer hos vårdgivaren som inte har en egen text."),
    )
    text = models.TextField(gettext_lazy("att läsa upp"), max_length=500, blank=True)
    recorded = models.BooleanField(gettext_lazy("inspelad"), default=False, db_default=False, editable=False)
    """Not read out by a nurse: a recording's words, which the telephone menu plays."""
    created_at = models.DateTimeField(gettext_lazy("skriven"), auto_now_add=True)

    objects = ConsentTextQuerySet.as_manager()

    class Meta:
        verbose_name = gettext_lazy("text att läsa upp")
        verbose_name_plural = gettext_lazy("texter att läsa upp")
        ordering = ["care_provider", "-id"]
        constraints = [
            models.CheckConstraint(
                condition=~Q(text="") | Q(queue__isnull=False), name="a_care_providers_text_is_not_empty"
            )
        ]

    def __str__(self) -> str:
        return _("%(care_provider)s, version %(pk)s") % {"care_provider": self.care_provider, "pk": self.pk}


@Prepared
def _latest_texts(provider: int, queue: int) -> models.QuerySet[ConsentText]:
    """The latest wording of the queue's own, then of the care provider's. No queue has the id 0."""
    texts = ConsentText.objects.read_out().filter(Q(queue=queue) | Q(queue=None), care_provider=provider)
    return texts.order_by("queue_id", "-id").distinct("queue_id")  # PostgreSQL puts nulls last


class ConsentQuerySet(models.QuerySet["Consent"]):
    def by_number(self, keys: Collection[NumberKey]) -> dict[NumberKey, Consent]:
        """The answers stored for these numbers, lapsed ones included. A number without an answer is left out.

        A withdrawal that has not been carried out yet counts as the number's Nej. Withdrawals are read first, so that
        one which is carried out between the two statements is found in the second.
        """
        withdrawn = {key: withdrawal.as_answer() for key, withdrawal in Withdrawal.objects.by_number(keys).items()}
        numbers = _Numbers(keys)
        rows = self.raw(f"SELECT c.*, k.place {numbers.rows}", numbers.values)
        return {numbers.ordered[consent.place - 1]: consent for consent in rows} | withdrawn

    def judged(self, keys: Collection[NumberKey]) -> dict[NumberKey, JudgedAnswer]:
        """As `by_number`, with only what a message is judged by."""
        withdrawn = Withdrawal.objects.judged(keys)
        return self._judged(keys) | withdrawn

    def held(self, keys: Collection[NumberKey]) -> dict[NumberKey, JudgedAnswer]:
        """As `judged`, with the rows locked (FOR SHARE) till the transaction ends. Waits for whoever writes one.

        Everyone locks them in the same order, so that two claims never wait for each other. Withdrawals are read last,
        as they are stored without waiting for these locks.
        """
        held = self._judged(keys, "ORDER BY c.care_provider_id, c.phone_number FOR SHARE OF c")
        return held | Withdrawal.objects.judged(keys)

    def latest_events(self, consents: Collection[Consent | JudgedAnswer]) -> dict[int, int]:
        """The id of each answer's latest event, by the answer's id. A withdrawal that isn't carried out has no event.

        It has to be a statement of its own: a sub-select in the statement that waits for the answers' locks would read
        the events as they were before the wait.
        """
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pgh_obj_id, max(pgh_id) FROM consent_consentevent WHERE pgh_obj_id = ANY (%s) GROUP BY 1",
                [array(consent.id for consent in consents if consent.id)],
            )
            return dict(cursor.fetchall())

    def _judged(self, keys: Collection[NumberKey], how: str = "") -> dict[NumberKey, JudgedAnswer]:
        numbers = _Numbers(keys)
        columns = "k.place, c.id, c.answer, c.valid_until, c.channel, c.answered_at"
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT {columns} {numbers.rows} {how}", numbers.values)
            return {numbers.ordered[place - 1]: JudgedAnswer(*row) for place, *row in cursor.fetchall()}


class _Numbers:
    """The rows `c` of the answers stored for numbers, in SQL, and the place `k.place` of each in `ordered`."""

    rows = (
        "FROM unnest(%s::bigint[], %s::text[]) WITH ORDINALITY AS k (care_provider_id, phone_number, place)"
        " JOIN consent_consent c ON c.care_provider_id = k.care_provider_id AND c.phone_number = k.phone_number"
    )

    def __init__(self, keys: Collection[NumberKey]) -> None:
        self.ordered = sorted(set(keys))
        self.values = [array(provider for provider, _ in self.ordered), array(number for _, number in self.ordered)]


BY_NUMBER = models.Index(fields=["care_provider", "phone_number"], name="consent_history_by_number")
"""A number's history is looked up by number, as an answer that was removed and given again is another row."""
BY_TIME = BrinIndex(fields=["answered_at"], autosummarize=True, name="consent_history_by_time")
"""For statistics of a day. BRIN is small, and fits as events are stored in the order in which they came."""
BY_LAPSE = models.Index(fields=["valid_until", "pgh_id"], name="consent_history_by_lapse")
"""For retention."""


@pghistory.track(
    InsertEvent(),
    UpdateEvent(),
    # Of a lapsed answer that retention removes, earlier events have the time at which it lapsed.
    DeleteEvent(condition=pgtrigger.Condition("OLD.valid_until > clock_timestamp()")),
    meta={"triggers": [APPEND_ONLY, NO_TRUNCATE], "indexes": [BY_NUMBER, BY_TIME, BY_LAPSE]},
)
class Consent(CountsForATime, models.Model):
    """The answer for a phone number at a care provider, and until when it counts. Written by `consent.register` only.

    A lapsed answer counts as Ej valt, and so does a number without a row. Retention removes lapsed answers each night.
    """

    # No index of its own: the one of (care provider, number) serves.
    care_provider = models.ForeignKey(
        CareProvider,
        on_delete=models.PROTECT,
        related_name="consents",
        verbose_name=gettext_lazy("vårdgivare"),
        db_index=False,
    )
    phone_number = PhoneNumberField(gettext_lazy("telefonnummer"))
    answer = models.CharField(gettext_lazy("samtycke till SMS"), max_length=10, choices=Answer.choices)
    answered_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        related_name="+",
        verbose_name=gettext_lazy("registrerat av"),
        help_text=gettext_lazy("Tomt när patienten själv har svarat."),
    )
    channel = models.CharField(gettext_lazy("genom"), max_length=10, choices=Channel.choices)
    # A number and not a foreign key: consents know nothing of cases, and outlive them.
    case_id = models.BigIntegerField(gettext_lazy("ärende"), null=True)
    # Likewise of the call to the telephone menu in which the patient answered.
    call_id = models.BigIntegerField(gettext_lazy("samtal"), null=True)
    person = models.CharField(
        gettext_lazy("vems svar"),
        max_length=12,
        blank=True,
        default="",
        help_text=gettext_lazy("Personnummer, där flera använder numret."),
    )
    text = models.ForeignKey(
        ConsentText, on_delete=models.PROTECT, null=True, related_name="+", verbose_name=gettext_lazy("uppläst text")
    )
    answered_at = models.DateTimeField(gettext_lazy("svarade"))
    valid_until = models.DateTimeField(gettext_lazy("gäller till"), db_index=True)

    objects = ConsentQuerySet.as_manager()

    place: int
    """The place of its number among those that were asked for. Only there after `by_number`."""

    class Meta:
        verbose_name = gettext_lazy("samtycke")
        verbose_name_plural = gettext_lazy("samtycken")
        constraints = [
            models.UniqueConstraint(fields=["care_provider", "phone_number"], name="one_answer_per_number"),
            models.CheckConstraint(condition=Q(phone_number__regex=WRITTEN_AS_STORED), name="answer_is_for_a_number"),
            models.CheckConstraint(condition=Q(answer__in=Answer.values), name="answer_is_valid"),
            models.CheckConstraint(condition=Q(channel__in=Channel.values), name="consent_channel_is_valid"),
            models.CheckConstraint(condition=Q(valid_until__gt=F("answered_at")), name="answer_counts_for_a_time"),
            # A Ja is a deliberate act: a nurse's, or the patient's own key in a call that asked in words which are
            # stored. Nothing that comes in by itself can make one (docs/decisions/0047).
            models.CheckConstraint(
                condition=~Q(answer=Answer.YES)
                | Q(channel=Channel.CASE, answered_by__isnull=False)
                | Q(channel=Channel.PHONE_KEYS, text__isnull=False),
                name="yes_is_a_deliberate_act",
            ),
            models.CheckConstraint(
                condition=Q(channel=Channel.PHONE_KEYS, call_id__isnull=False, answered_by=None)
                | (~Q(channel=Channel.PHONE_KEYS) & Q(call_id=None)),
                name="a_key_is_pressed_in_a_call",
            ),
        ]

    def __str__(self) -> str:
        return _("samtycke %(pk)s") % {"pk": self.pk}  # no number, as logs and error reports show this

    @classmethod
    def history(cls) -> models.QuerySet[Any]:
        """All events: every state that an answer has had, written by triggers and never changed."""
        history: models.QuerySet[Any] = cls.pgh_event_model.objects.all()  # type: ignore[attr-defined]
        return history


class WithdrawalQuerySet(models.QuerySet["Withdrawal"]):
    def by_number(self, keys: Collection[NumberKey]) -> dict[NumberKey, Withdrawal]:
        """Those of these numbers that have a withdrawal which isn't carried out: they count as Nej."""
        asked = set(keys)
        # As SQL: to put the query together takes longer than to ask it, and nearly always nothing is found.
        numbers = [number for _, number in asked]
        found = self.raw("SELECT * FROM consent_withdrawal WHERE phone_number = ANY (%s)", [numbers])
        return {withdrawal.key: withdrawal for withdrawal in found if withdrawal.key in asked}

    def judged(self, keys: Collection[NumberKey]) -> dict[NumberKey, JudgedAnswer]:
        """As `by_number`, with what a message is judged by of the answer that each will become."""
        return {
            key: JudgedAnswer(None, Answer.NO, withdrawal.valid_until, Channel.SMS, withdrawal.answered_at)
            for key, withdrawal in self.by_number(keys).items()
        }


class Withdrawal(models.Model):
    """A patient's withdrawal of consent (STOPP) that is stored but not yet written as the number's answer.

    To write an answer may have to wait for whoever has locked it; to store a withdrawal waits for nobody. From its
    commit the number counts as Nej on screen, in the gateway and in the guard. `consent.register` carries it out soon
    after: it writes the answer and deletes this row.
    """

    care_provider = models.ForeignKey(CareProvider, on_delete=models.PROTECT, related_name="+", db_index=False)
    phone_number = models.CharField(max_length=16)  # not a PhoneNumberField, which is too slow for a claim
    answered_at = models.DateTimeField()
    valid_until = models.DateTimeField()

    objects = WithdrawalQuerySet.as_manager()

    class Meta:
        verbose_name = gettext_lazy("återtaget samtycke")
        verbose_name_plural = gettext_lazy("återtagna samtycken")
        constraints = [
            models.CheckConstraint(condition=Q(phone_number__regex=WRITTEN_AS_STORED), name="withdrawal_has_a_number")
        ]
        indexes = [models.Index(fields=["phone_number"], name="withdrawal_by_number")]

    def __str__(self) -> str:
        return _("återtaget samtycke %(pk)s") % {"pk": self.pk}

    @property
    def key(self) -> NumberKey:
        return (self.care_provider_id, self.phone_number)

    def as_answer(self) -> Consent:
        """The answer that it will become, not saved."""
        return Consent(
            care_provider_id=self.care_provider_id,
            phone_number=self.phone_number,
            answer=Answer.NO,
            channel=Channel.SMS,
            answered_at=self.answered_at,
            valid_until=self.valid_until,
        )


class HistoryMark(models.Model):
    """The last event that retention has looked at; it goes through them in the order in which their answers lapsed."""

    ONLY = 1

    valid_until = models.DateTimeField(default=datetime(2000, 1, 1, tzinfo=UTC))
    event_id = models.BigIntegerField(default=0)

    class Meta:
        verbose_name = gettext_lazy("gallringens läge")
        verbose_name_plural = gettext_lazy("gallringens läge")

    def __str__(self) -> str:
        return f"{self.event_id}"
