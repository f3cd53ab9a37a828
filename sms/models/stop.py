"""Whether anything may be sent at all: the operator's stop, and the database that may send."""

from __future__ import annotations

import pgtrigger
from django.conf import settings
from django.db import connection, models
from django.db.models import F, Q
from django.db.models.expressions import RawSQL
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy

from sms.sending_database import IDENTITY, MAY_SEND
from teleq import locks
from teleq.locks import EVERYTHING, Lock
from teleq.triggers import NO_TRUNCATE, Protect, ReadOnly

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
