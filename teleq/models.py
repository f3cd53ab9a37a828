"""The floor of the house: who works where, and each queue's settings for text messages. Imports no app."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import ClassVar

from django.contrib.auth.models import AbstractUser
from django.contrib.auth.models import UserManager as DjangoUserManager
from django.core.validators import RegexValidator
from django.db import connection, models
from django.db.models import Exists, OuterRef, Q
from phonenumber_field.modelfields import PhoneNumberField

SENDER = r"^([A-Za-z][A-Za-z0-9]{2,10}|\+[1-9][0-9]{6,14})$"
"""What providers take for a sender: a name, or a number in E.164."""
INVALID_SENDER = "Skriv 3–11 tecken: A–Z, a–z och 0–9, inte siffra först. Eller ett telefonnummer."


def is_number(sender: str) -> bool:
    """Whether a sender is a telephone number, and not a name."""
    return sender.startswith("+")


class Role(models.TextChoices):
    NURSE = "nurse", "Sjuksköterska"
    ADMINISTRATOR = "administrator", "Administratör"


class UserQuerySet(models.QuerySet["User"]):
    def colleagues_in(self, queues: models.QuerySet[Queue]) -> UserQuerySet:
        """Users who are members of at least one of these queues."""
        return self.filter(Exists(Membership.objects.filter(user=OuterRef("pk"), queue__in=queues)))

    def only_in(self, queues: models.QuerySet[Queue]) -> UserQuerySet:
        """Users all of whose queues are among these: the ones whose password their administrator may reset."""
        elsewhere = Membership.objects.filter(user=OuterRef("pk")).exclude(queue__in=queues)
        return self.colleagues_in(queues).filter(~Exists(elsewhere), is_superuser=False)


class UserManager(DjangoUserManager.from_queryset(UserQuerySet)):  # type: ignore[misc]
    use_in_migrations = False


class User(AbstractUser):
    """Somebody who works with teleQ, in the queues of which they are a member."""

    hsa_id = models.CharField(
        "HSA-id",
        max_length=31,
        blank=True,
        help_text="Till exempel SE2321000016-1ABC.",
        validators=[RegexValidator(r"^SE\d{10}-[0-9A-Z]{1,18}$", "Ett HSA-id ser ut som SE2321000016-1ABC.")],
    )

    objects: ClassVar[UserManager] = UserManager()

    class Meta:
        verbose_name = "användare"
        verbose_name_plural = "användare"
        constraints = [
            models.UniqueConstraint(
                fields=["hsa_id"],
                condition=~Q(hsa_id=""),
                name="one_user_per_hsa_id",
                violation_error_message="En annan användare har det HSA-id:t.",
            )
        ]

    def __str__(self) -> str:
        return self.get_full_name() or self.username


class CareProvider(models.Model):
    """The legal body that answers for the consent. A patient's answer counts within one care provider."""

    name = models.CharField("namn", max_length=100, unique=True)
    sms_consent_ordered = models.BooleanField(
        "Samtycke för SMS är beställt",
        default=False,
        help_text="Först när funktionen är beställd kan köerna aktivera samtycke till SMS.",
    )

    class Meta:
        verbose_name = "vårdgivare"
        verbose_name_plural = "vårdgivare"

    def __str__(self) -> str:
        return self.name


class QueueQuerySet(models.QuerySet["Queue"]):
    def for_user(self, user: User, *roles: Role) -> QueueQuerySet:
        """The queues where the user is a member, in one of the roles if any is named.

        Promise 9 rests on this one method: every query on patients' data goes through it. Being a superuser gives
        nothing here; an operator who isn't a member reads no patient's data.
        """
        memberships = Membership.objects.filter(queue=OuterRef("pk"), user_id=user.pk)
        if roles:
            memberships = memberships.filter(role__in=roles)
        return self.filter(Exists(memberships))


class Queue(models.Model):
    """A care unit's telephone queue, of one care provider."""

    care_provider = models.ForeignKey(
        CareProvider, on_delete=models.PROTECT, related_name="queues", verbose_name="vårdgivare"
    )
    unit = models.CharField("vårdenhet", max_length=100)
    name = models.CharField("namn", max_length=100)
    phone_number = PhoneNumberField(
        "telefonnummer", blank=True, help_text="Numret som patienterna ringer. {telefon} i SMS blir det här numret."
    )
    max_attempts = models.PositiveSmallIntegerField("antal försök", default=3)
    slot_minutes = models.PositiveSmallIntegerField(
        "minuter per tid", default=15, help_text="Telefontiderna delas in i så här långa tider att boka."
    )
    slot_capacity = models.PositiveSmallIntegerField("platser per tid", default=1)
    members: models.ManyToManyField[User, Membership] = models.ManyToManyField(
        User, through="Membership", related_name="queues"
    )

    objects = QueueQuerySet.as_manager()

    class Meta:
        verbose_name = "kö"
        verbose_name_plural = "köer"
        ordering = ["unit", "name"]
        constraints = [
            models.UniqueConstraint(
                fields=["care_provider", "unit", "name"],
                name="one_queue_per_name",
                violation_error_message="Vårdenheten har redan en kö med det namnet.",
            ),
            models.CheckConstraint(condition=Q(max_attempts__gte=1), name="at_least_one_attempt"),
            models.CheckConstraint(condition=Q(slot_minutes__range=(5, 480)), name="a_slot_has_a_length"),
            models.CheckConstraint(condition=Q(slot_capacity__gte=1), name="a_slot_has_a_place"),
        ]

    def __str__(self) -> str:
        return f"{self.unit} {self.name}"

    @property
    def slot_length(self) -> timedelta:
        return timedelta(minutes=self.slot_minutes)

    @property
    def outgoing_sms_or_none(self) -> OutgoingSms | None:
        """The queue's settings, or None where they are missing: then nothing may be sent."""
        return getattr(self, "outgoing_sms", None)


class Membership(models.Model):
    """That a user works in a queue, and in which role."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships", verbose_name="användare")
    queue = models.ForeignKey(Queue, on_delete=models.CASCADE, related_name="memberships", verbose_name="kö")
    role = models.CharField("roll", max_length=20, choices=Role.choices, default=Role.NURSE)

    class Meta:
        verbose_name = "medlemskap"
        verbose_name_plural = "medlemskap"
        constraints = [
            models.UniqueConstraint(
                fields=["user", "queue"],
                name="one_membership_per_user_and_queue",
                violation_error_message="Användaren är redan medlem i kön.",
            ),
            models.CheckConstraint(condition=Q(role__in=Role.values), name="membership_role_is_valid"),
        ]

    def __str__(self) -> str:
        return f"{self.user}, {self.queue}"


class OutgoingSmsQuerySet(models.QuerySet["OutgoingSms"]):
    """The lock between claims and whoever changes a queue's `consent_required` (the switch).

    Claims share it (`held`); a change has it alone (`lock_switch`). The row's own lock makes the order of events sure.
    The advisory lock beside it is there because PostgreSQL's row locks don't queue fairly: a steady stream of claims
    could keep an administrator's save waiting without end.
    """

    ADVISORY_CLASS = 1

    def held(self, queue_ids: Iterable[int]) -> dict[int, OutgoingSms]:
        """The settings of these queues, by queue, kept as they are till the transaction ends."""
        ids = sorted(set(queue_ids))
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_advisory_xact_lock_shared(%s, queue_id)"
                " FROM unnest(%s::int[]) AS queue_id ORDER BY queue_id",
                [self.ADVISORY_CLASS, ids],
            )
        rows = self.raw(
            "SELECT * FROM teleq_outgoingsms WHERE queue_id = ANY(%s) ORDER BY queue_id FOR SHARE",
            [ids],
        )
        return {outgoing_sms.queue_id: outgoing_sms for outgoing_sms in rows}

    def lock_switch(self, queue_id: int) -> OutgoingSms:
        """The settings, locked for writing till the transaction ends, after the claims that are under way."""
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [self.ADVISORY_CLASS, queue_id])
        return self.select_for_update().get(queue_id=queue_id)


class Lead(models.IntegerChoices):
    """How long before the callback its reminder is sent, in minutes."""

    MINUTES_15 = 15, "15 minuter före"
    MINUTES_30 = 30, "30 minuter före"
    HOURS_1 = 60, "1 timme före"
    HOURS_2 = 2 * 60, "2 timmar före"
    HOURS_4 = 4 * 60, "4 timmar före"
    HOURS_12 = 12 * 60, "12 timmar före"
    DAYS_1 = 24 * 60, "1 dygn före"
    DAYS_2 = 2 * 24 * 60, "2 dygn före"
    DAYS_7 = 7 * 24 * 60, "1 vecka före"


class OutgoingSms(models.Model):
    """A queue's settings for text messages. In the texts, {tid}, {datum}, {enhet} and {telefon} are filled in."""

    queue = models.OneToOneField(
        Queue, on_delete=models.CASCADE, primary_key=True, related_name="outgoing_sms", verbose_name="kö"
    )
    consent_required = models.BooleanField("Aktivera samtycke till SMS", default=False)
    sender = models.CharField(
        "avsändare",
        max_length=16,
        default="teleQ",
        help_text="3–11 tecken: A–Z, a–z och 0–9, inte siffra först. Eller ett telefonnummer.",
        validators=[RegexValidator(SENDER, INVALID_SENDER)],
    )
    free_text = models.BooleanField(
        "Tillåt fritext",
        default=True,
        help_text="Utan fritext kan bara köns standardtexter skickas från ärenden.",
    )
    confirmation_on = models.BooleanField("Skicka bokningsbekräftelse", default=False)
    confirmation_text = models.TextField(
        "text i bokningsbekräftelsen",
        max_length=918,
        default="Din tid är bokad: vi ringer upp dig {datum} kl. {tid}. Häls. {enhet}",
    )
    reminder_on = models.BooleanField("Skicka påminnelse om återuppringning", default=False)
    reminder_minutes = models.PositiveIntegerField("när", choices=Lead.choices, default=Lead.HOURS_1)
    reminder_text = models.TextField(
        "text i påminnelsen",
        max_length=918,
        default="Påminnelse: vi ringer upp dig {datum} kl. {tid}. Häls. {enhet}",
    )

    objects = OutgoingSmsQuerySet.as_manager()

    class Meta:
        verbose_name = "utgående SMS"
        verbose_name_plural = "Utgående SMS"
        ordering = ["queue__unit", "queue__name"]
        constraints = [
            models.CheckConstraint(condition=Q(reminder_minutes__gte=1), name="a_reminder_comes_before_its_callback"),
            # Providers make something else of other senders, in silence.
            models.CheckConstraint(condition=Q(sender__regex=SENDER), name="sender_is_one_that_providers_take"),
        ]

    def __str__(self) -> str:
        return str(self.queue)

    @property
    def can_be_replied_to(self) -> bool:
        """Whether the sender is a number: an SMS from a name can't be replied to."""
        return is_number(self.sender)
