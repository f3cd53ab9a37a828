"""Totals by day, and how much retention has removed: numbers only. Processes' signs of life. Reviews of the access log,
which name no patient either: they point at its entries."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import date, datetime
from typing import Any, Self

import pghistory
import pgtrigger
from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Count, F, Q, QuerySet
from django.db.models.functions import Now
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from teleq.models import CareProvider, Queue
from teleq.triggers import APPEND_ONLY, NO_TRUNCATE, InsertEvent, Protect, ReadOnly, UpdateEvent


class DayTotal(models.Model):
    """How many answers, callbacks or messages a queue had on a day. Kept when what it counts has been removed."""

    class What(models.TextChoices):
        ANSWERS = "answers", gettext_lazy("svar")
        CALLBACKS = "callbacks", gettext_lazy("återuppringningar")
        MESSAGES = "messages", gettext_lazy("SMS")

    queue = models.ForeignKey(Queue, on_delete=models.CASCADE, related_name="+", db_index=False)
    day: models.DateField[date, date] = models.DateField()
    what = models.CharField(max_length=10, choices=What.choices)
    key = models.CharField(
        max_length=60, blank=True, help_text=gettext_lazy("Vilket svar, eller SMS:ets slag, tillstånd och orsak.")
    )
    count = models.PositiveIntegerField()

    class Meta:
        verbose_name = gettext_lazy("dagssumma")
        verbose_name_plural = gettext_lazy("dagssummor")
        constraints = [models.UniqueConstraint(fields=["queue", "day", "what", "key"], name="one_total_a_day")]
        indexes = [models.Index(fields=["day"], name="day_total_day")]

    def __str__(self) -> str:
        return f"{self.what} {self.day}"


class CallbackDay(models.Model):
    """What is counted of the cases that came in to a queue on a day. Written by `administration.statistics`, where SQL
    says what is counted (`sql.COUNTED`).

    Kept as long as the cases themselves. A row that is missing is counted when it is asked for.
    """

    queue = models.ForeignKey(Queue, on_delete=models.CASCADE, related_name="+", db_index=False)
    day: models.DateField[date, date] = models.DateField()
    cases = models.PositiveIntegerField()
    left_out = models.PositiveIntegerField()
    same_day = models.PositiveIntegerField()
    tried_same_day = models.PositiveIntegerField()
    tried = models.PositiveIntegerField()
    reached_first = models.PositiveIntegerField()
    attempts = models.PositiveIntegerField()
    untried_open = models.PositiveIntegerField()
    untried_closed = models.PositiveIntegerField()
    waits = ArrayField(models.IntegerField(), help_text=gettext_lazy("Väntetiderna till första försöket, i sekunder."))
    counts: models.JSONField[dict[str, int], dict[str, int]] = models.JSONField(
        help_text=gettext_lazy("Hur många, efter vad de räknas efter.")
    )
    waiting: models.JSONField[dict[str, int], dict[str, int]] = models.JSONField(
        help_text=gettext_lazy("Hur många fler eller färre som väntade, efter hel timme, i sekunder sedan 1970.")
    )

    class Meta:
        verbose_name = gettext_lazy("dag i statistiken")
        verbose_name_plural = gettext_lazy("dagar i statistiken")
        constraints = [models.UniqueConstraint(fields=["queue", "day"], name="one_row_of_a_queues_day")]

    def __str__(self) -> str:
        return f"{self.day}"


class CallbackMark(models.Model):
    """The last event of a case that `CallbackDay` surely knows of. What a later one is about is counted anew."""

    ONLY = 1
    NONE = 2**63 - 1
    """Where there is no mark yet no day is stored."""

    event_id = models.BigIntegerField()

    class Meta:
        verbose_name = gettext_lazy("statistikens läge")
        verbose_name_plural = gettext_lazy("statistikens läge")

    def __str__(self) -> str:
        return f"{self.event_id}"


class RetentionRun(models.Model):
    """What one turn of the nightly retention removed: how many rows of each kind, by the kind's name in Swedish."""

    at = models.DateTimeField(gettext_lazy("när"), db_default=Now())
    removed: models.JSONField[dict[str, int], dict[str, int]] = models.JSONField(gettext_lazy("togs bort"))

    class Meta:
        verbose_name = gettext_lazy("gallring")
        verbose_name_plural = gettext_lazy("Gallring")

    def __str__(self) -> str:
        return _("gallring %(pk)s") % {"pk": self.pk}


class Sign(models.Model):
    """The latest sign of life of a worker or of beat, or when a task that beat asks for was last carried out.

    Written by `administration.health.signs`, in PostgreSQL and by its clock: so that a broker that is lost is told
    apart from workers that are, and several hosts' clocks don't matter.
    """

    class Kind(models.TextChoices):
        WORKER = "worker"
        BEAT = "beat"
        TASK = "task"

    kind = models.CharField(max_length=10, choices=Kind.choices)
    name = models.CharField(max_length=255, help_text=gettext_lazy("Arbetsprocessens eller uppgiftens namn."))
    queues = models.CharField(
        max_length=100, blank=True, default="", help_text=gettext_lazy("Vilka av Celerys köer den arbetar av.")
    )
    version = models.CharField(max_length=40, blank=True, default="")
    began_at: models.DateTimeField[datetime, datetime] = models.DateTimeField(db_default=Now())
    at: models.DateTimeField[datetime, datetime] = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name = gettext_lazy("livstecken")
        verbose_name_plural = gettext_lazy("livstecken")
        constraints = [models.UniqueConstraint(fields=["kind", "name"], name="one_sign_of_each")]

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


# Reservrutin ---------------------------------------------------------------------------------------------------------


class ReserveKeyQuerySet(models.QuerySet["ReserveKey"]):
    def current(self) -> Self:
        """Each care provider's latest choice, also where that is to have none."""
        return self.order_by("care_provider_id", "-pk").distinct("care_provider_id")


class ReserveKey(models.Model):
    """The public keys that a care provider's reserve lists are encrypted with, as its administrator has chosen them.

    A new choice is a new row, and the latest counts: who could read the lists of a day can be told afterwards.
    """

    care_provider = models.ForeignKey(
        CareProvider, on_delete=models.PROTECT, related_name="reserve_keys", verbose_name=gettext_lazy("vårdgivare")
    )
    keys = models.TextField(
        gettext_lazy("publika nycklar"),
        max_length=1000,
        blank=True,
        help_text=gettext_lazy("En på varje rad. Tomt: inga listor skrivs."),
    )
    chosen_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", verbose_name=gettext_lazy("vald av")
    )
    chosen_at = models.DateTimeField(gettext_lazy("vald"), db_default=Now())

    objects = ReserveKeyQuerySet.as_manager()

    class Meta:
        verbose_name = gettext_lazy("nyckel för reservlistor")
        verbose_name_plural = gettext_lazy("nycklar för reservlistor")
        ordering = ["-pk"]
        triggers = [APPEND_ONLY, NO_TRUNCATE]

    def __str__(self) -> str:
        return _("nyckel för reservlistor, %(care_provider)s") % {"care_provider": self.care_provider}

    @property
    def as_list(self) -> list[str]:
        return self.keys.split()


class ReserveProblem(models.TextChoices):
    """Why a reserve list could not be written."""

    NO_FOLDER = "no_folder", gettext_lazy("Mappen finns inte, eller är inte vald.")
    NO_RIGHT = "no_right", gettext_lazy("teleQ får inte skriva i mappen.")
    FULL = "full", gettext_lazy("Disken är full.")
    OTHER = "other", gettext_lazy("Något annat gick fel. Det står i driftens logg.")


class WrittenReserveList(models.Model):
    """When a queue's reserve list was last written, and why it could not be since."""

    queue = models.OneToOneField(Queue, on_delete=models.CASCADE, primary_key=True, related_name="reserve_list")
    written_at = models.DateTimeField(null=True)
    cases = models.PositiveIntegerField(default=0)
    problem = models.CharField(max_length=10, choices=ReserveProblem.choices, blank=True, default="")
    problem_since = models.DateTimeField(null=True)

    class Meta:
        verbose_name = gettext_lazy("reservlista")
        verbose_name_plural = gettext_lazy("reservlistor")

    def __str__(self) -> str:
        return _("reservlista %(pk)s") % {"pk": self.pk}


# Loggkontroll --------------------------------------------------------------------------------------------------------

NO_DELETE = Protect(name="no_delete", operation=pgtrigger.Delete)


def on_record(model: Any) -> Any:
    """Every state that a row has had is kept, and nobody changes that (`pghistory`)."""
    return pghistory.track(InsertEvent(), UpdateEvent(), meta={"triggers": [APPEND_ONLY, NO_TRUNCATE]})(model)


@on_record
class LogReviewInterval(models.Model):
    """How often a care provider's access log is to be reviewed, as its administrator has chosen."""

    class Days(models.IntegerChoices):
        NOT_CHOSEN = 0, gettext_lazy("inte bestämt")
        WEEK = 7, gettext_lazy("var sjunde dag")
        FORTNIGHT = 14, gettext_lazy("var fjortonde dag")
        MONTH = 30, gettext_lazy("var trettionde dag")
        TWO_MONTHS = 60, gettext_lazy("var sextionde dag")
        QUARTER = 90, gettext_lazy("var nittionde dag")

    care_provider = models.OneToOneField(CareProvider, on_delete=models.PROTECT, primary_key=True, related_name="+")
    days = models.PositiveSmallIntegerField(
        gettext_lazy("loggkontroll ska göras"), choices=Days.choices, default=Days.NOT_CHOSEN
    )
    chosen_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    chosen_at: models.DateTimeField[datetime, datetime] = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name = gettext_lazy("hur ofta loggkontroll ska göras")
        verbose_name_plural = gettext_lazy("hur ofta loggkontroll ska göras")
        triggers = [NO_DELETE, NO_TRUNCATE]

    def __str__(self) -> str:
        return _("loggkontroll hos %(care_provider_id)s") % {"care_provider_id": self.care_provider_id}


class LogReviewQuerySet(models.QuerySet["LogReview"]):
    def for_care_providers(self, providers: Iterable[int] | QuerySet[CareProvider]) -> LogReviewQuerySet:
        """The one way from a request to reviews."""
        return self.filter(care_provider__in=providers)

    def carried_out(self) -> LogReviewQuerySet:
        """Those that were closed with a result: by these it is counted when the next one is due."""
        return self.filter(closed_at__isnull=False).exclude(outcome=LogReview.Outcome.BROKEN_OFF)

    def with_progress(self) -> LogReviewQuerySet:
        """With how many entries each has, and how many of them have an outcome."""
        decided = Count("entries", filter=~Q(entries__outcome=""))
        return self.annotate(how_many=Count("entries"), how_many_decided=decided)


@on_record
class LogReview(models.Model):
    """A sample of a care provider's access log, drawn once, and what its reviewer made of it.

    Written by `administration.log_review`. What was drawn, and by what rule, never changes; when it is closed nothing
    does.
    """

    class Rule(models.TextChoices):
        RANDOM = "random", gettext_lazy("Slumpvis")
        SURNAME = "surname", gettext_lazy("Samma efternamn: patienten heter som användaren")
        COLLEAGUE = "colleague", gettext_lazy("En kollegas namn: patienten heter som en annan medlem")
        MANY_PATIENTS = "many_patients", gettext_lazy("Många patienter på en dag")
        OUTSIDE_HOURS = "outside_hours", gettext_lazy("Utanför arbetstid")
        NO_CASE = "no_case", gettext_lazy("Patienten hade inget ärende i kön")
        PROTECTED = "protected", gettext_lazy("Skyddade personuppgifter")
        OTHER_QUEUE = "other_queue", gettext_lazy("Öppnat i annan kö")
        REFUSED = "refused", gettext_lazy("Nekade försök")

    class Size(models.IntegerChoices):
        TEN = 10, "10"
        TWENTY_FIVE = 25, "25"
        FIFTY = 50, "50"

    class Outcome(models.TextChoices):
        NOTHING = "nothing", gettext_lazy("Inget att anmärka")
        TO_FOLLOW_UP = "to_follow_up", gettext_lazy("Behöver följas upp")
        UNAUTHORISED = "unauthorised", gettext_lazy("Obehörig åtkomst")
        BROKEN_OFF = "broken_off", gettext_lazy("Avbruten: räknas inte som gjord")

    care_provider = models.ForeignKey(
        CareProvider,
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=gettext_lazy("vårdgivare"),
        db_index=False,
    )
    rule = models.CharField(gettext_lazy("regel"), max_length=20, choices=Rule.choices)
    since: models.DateField[date, date] = models.DateField(gettext_lazy("från"))
    until: models.DateField[date, date] = models.DateField(gettext_lazy("till och med"))
    size = models.PositiveSmallIntegerField(gettext_lazy("antal"), choices=Size.choices)
    with_lists = models.BooleanField(gettext_lazy("ta med patienter som bara visades i en lista"), default=False)
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", verbose_name=gettext_lazy("påbörjad av")
    )
    made_at: models.DateTimeField[datetime, datetime] = models.DateTimeField(gettext_lazy("påbörjad"), db_default=Now())
    press = models.UUIDField(
        default=uuid.uuid4, editable=False, help_text=gettext_lazy("Vilket tryck på knappen som drog urvalet.")
    )
    outcome = models.CharField(gettext_lazy("resultat"), max_length=20, choices=Outcome.choices, blank=True, default="")
    action = models.TextField(gettext_lazy("åtgärd"), max_length=2000, blank=True, default="")
    changed_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    closed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        related_name="+",
        verbose_name=gettext_lazy("avslutad av"),
    )
    closed_at = models.DateTimeField(gettext_lazy("avslutad"), null=True)

    objects = LogReviewQuerySet.as_manager()

    class Meta:
        verbose_name = gettext_lazy("loggkontroll")
        verbose_name_plural = gettext_lazy("loggkontroller")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["press"], name="one_review_per_press"),
            models.CheckConstraint(condition=Q(until__gte=F("since")), name="a_review_is_of_a_day_or_more"),
            models.CheckConstraint(
                condition=Q(closed_at=None, closed_by=None)
                | Q(closed_at__isnull=False, closed_by__isnull=False) & ~Q(outcome=""),
                name="a_closed_review_says_how_and_by_whom",
            ),
        ]
        indexes = [models.Index(fields=["care_provider", "closed_at"], name="log_review_by_care_provider")]
        triggers = [
            NO_DELETE,
            NO_TRUNCATE,
            ReadOnly(
                name="drawn_is_drawn",
                fields=["care_provider", "rule", "since", "until", "size", "with_lists", "made_by", "made_at", "press"],
            ),
            Protect(
                name="closed_is_closed",
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(old__closed_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return _("loggkontroll %(pk)s") % {"pk": self.pk}

    @property
    def is_open(self) -> bool:
        return self.closed_at is None


@on_record
class ReviewedEntry(models.Model):
    """An entry of the access log in a review's sample, and what the reviewer thinks of it.

    Without a foreign key to the entry: the log drops whole months when their time is over.
    """

    class Outcome(models.TextChoices):
        JUSTIFIED = "justified", gettext_lazy("Befogad")
        UNCLEAR = "unclear", gettext_lazy("Oklar – fråga användaren")
        UNJUSTIFIED = "unjustified", gettext_lazy("Obefogad")

    review = models.ForeignKey(LogReview, on_delete=models.PROTECT, related_name="entries", db_index=False)
    place = models.PositiveSmallIntegerField(help_text=gettext_lazy("Vilken i urvalet, efter tid."))
    entry_id = models.BigIntegerField()
    entry_at: models.DateTimeField[datetime, datetime] = models.DateTimeField()
    because = models.CharField(gettext_lazy("därför att"), max_length=200, blank=True, default="")
    outcome = models.CharField(
        gettext_lazy("bedömning"), max_length=20, choices=Outcome.choices, blank=True, default=""
    )
    note = models.TextField(gettext_lazy("anteckning"), max_length=1000, blank=True, default="")
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        related_name="+",
        verbose_name=gettext_lazy("bedömd av"),
    )
    decided_at = models.DateTimeField(gettext_lazy("bedömd"), null=True)

    class Meta:
        verbose_name = gettext_lazy("granskad åtkomst")
        verbose_name_plural = gettext_lazy("granskade åtkomster")
        ordering = ["place"]
        constraints = [
            models.UniqueConstraint(fields=["review", "place"], name="one_entry_per_place"),
            models.UniqueConstraint(fields=["review", "entry_id"], name="an_entry_is_drawn_once"),
        ]
        triggers = [
            NO_DELETE,
            NO_TRUNCATE,
            ReadOnly(name="drawn_is_drawn", fields=["review", "place", "entry_id", "entry_at", "because"]),
        ]

    def __str__(self) -> str:
        return _("granskad åtkomst %(pk)s") % {"pk": self.pk}
