"""The floor of the house: who works where, and each queue's settings for text messages. Imports no app."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from functools import cache
from typing import Any, ClassVar, NamedTuple, Self, TypeVar

from django.contrib.auth.models import AbstractUser
from django.contrib.auth.models import UserManager as DjangoUserManager
from django.contrib.postgres.fields import ArrayField
from django.core.validators import RegexValidator
from django.db import connection, models
from django.db.models import Exists, Func, OuterRef, Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy
from phonenumber_field.modelfields import PhoneNumberField

from teleq import locks
from teleq.database import array
from teleq.locks import Lock
from teleq.prepared import Prepared

SENDER = r"^([A-Za-z][A-Za-z0-9]{2,10}|\+[1-9][0-9]{6,14})$"
"""What providers take for a sender: a name, or a number in E.164."""
INVALID_SENDER = gettext_lazy("Skriv 3–11 tecken: A–Z, a–z och 0–9, inte siffra först. Eller ett telefonnummer.")


def is_number(sender: str) -> bool:
    """Whether a sender is a telephone number, and not a name."""
    return sender.startswith("+")


class Role(models.TextChoices):
    """What somebody is in a queue."""

    NURSE = "nurse", gettext_lazy("Medarbetare")
    ADMINISTRATOR = "administrator", gettext_lazy("Administratör")


class ProviderRole(models.TextChoices):
    """What somebody is for a whole care provider. None of them works in a case."""

    ADMINISTRATOR = "provider_administrator", gettext_lazy("Administratör för hela vårdgivaren")
    LOG_REVIEWER = "log_reviewer", gettext_lazy("Loggranskare")


def full_name(first_name: str, last_name: str, username: str) -> str:
    """What a user is called on screen."""
    return f"{first_name} {last_name}".strip() or username


class Language(models.TextChoices):
    """What the screen speaks. Patients are written to in Swedish, whoever writes."""

    SWEDISH = "sv", "Svenska"
    ENGLISH = "en", "English"


class ColourScheme(models.TextChoices):
    """Whether pages are light or dark."""

    SYSTEM = "", gettext_lazy("Som datorn")
    LIGHT = "light", gettext_lazy("Ljust")
    DARK = "dark", gettext_lazy("Mörkt")


class UserQuerySet(models.QuerySet["User"]):
    def colleagues_in(self, queues: models.QuerySet[Queue]) -> UserQuerySet:
        """Users who are, or have been, members of at least one of these queues."""
        return self.filter(Exists(Membership.objects.filter(user=OuterRef("pk"), queue__in=queues)))

    def with_role_in(self, providers: models.QuerySet[CareProvider]) -> UserQuerySet:
        """Users who have, or have had, a role for the whole of at least one of these care providers."""
        return self.filter(Exists(CareProviderRole.objects.filter(user=OuterRef("pk"), care_provider__in=providers)))

    def only_in(self, queues: models.QuerySet[Queue], providers: models.QuerySet[CareProvider]) -> UserQuerySet:
        """Users with rights all of which are in these queues or for the whole of these care providers: the ones for
        whom their administrator may make a link for a password."""
        memberships = Membership.objects.filter(user=OuterRef("pk"))
        roles = CareProviderRole.objects.filter(user=OuterRef("pk"))
        inside = Q(Exists(memberships.filter(queue__in=queues)) | Exists(roles.filter(care_provider__in=providers)))
        outside = Exists(memberships.exclude(queue__in=queues)) | Exists(roles.exclude(care_provider__in=providers))
        return self.filter(inside, ~Q(outside), is_superuser=False)


class UserManager(DjangoUserManager.from_queryset(UserQuerySet)):  # type: ignore[misc]
    use_in_migrations = False


class User(AbstractUser):
    """Somebody who works with teleQ, in the queues of which they are a member."""

    hsa_id = models.CharField(
        gettext_lazy("HSA-id"),
        max_length=31,
        blank=True,
        help_text=gettext_lazy("Till exempel SE2321000016-1ABC."),
        validators=[
            RegexValidator(r"^SE\d{10}-[0-9A-Z]{1,18}$", gettext_lazy("Ett HSA-id ser ut som SE2321000016-1ABC."))
        ],
    )

    language = models.CharField(gettext_lazy("språk"), max_length=2, choices=Language.choices, default=Language.SWEDISH)
    colour_scheme = models.CharField(
        gettext_lazy("utseende"), max_length=5, choices=ColourScheme.choices, default=ColourScheme.SYSTEM, blank=True
    )

    objects: ClassVar[UserManager] = UserManager()

    class Meta:
        verbose_name = gettext_lazy("användare")
        verbose_name_plural = gettext_lazy("användare")
        constraints = [
            models.UniqueConstraint(
                fields=["hsa_id"],
                condition=~Q(hsa_id=""),
                name="one_user_per_hsa_id",
                violation_error_message=gettext_lazy("En annan användare har det HSA-id:t."),
            )
        ]

    def __str__(self) -> str:
        return full_name(self.first_name, self.last_name, self.username)

    def administers(self, *also: ProviderRole) -> bool:
        """Whether they administer a queue or a whole care provider today, or have one of these other roles. One query,
        as every page asks."""
        return bool(_administered(*also)(user=self.pk))


@cache
def _administered(*also: ProviderRole) -> Prepared[Any]:
    def held(user: int) -> models.QuerySet[Any, Any]:
        queues = Membership.objects.in_force().filter(user=user, role=Role.ADMINISTRATOR)
        roles = [ProviderRole.ADMINISTRATOR, *also]
        providers = CareProviderRole.objects.in_force().filter(user=user, role__in=roles)
        return queues.values_list("pk").union(providers.values_list("pk"))

    return Prepared(held)


class CareProviderQuerySet(models.QuerySet["CareProvider"]):
    def for_user(self, user: User, *roles: ProviderRole) -> CareProviderQuerySet:
        """The care providers for the whole of which the user has one of these roles, or any if none is named."""
        held = CareProviderRole.objects.in_force().filter(care_provider=OuterRef("pk"), user_id=user.pk)
        return self.filter(Exists(held.filter(role__in=roles) if roles else held))

    def administered_by(self, user: User) -> CareProviderQuerySet:
        return self.for_user(user, ProviderRole.ADMINISTRATOR)


class CareProvider(models.Model):
    """The legal body that answers for the consent. A patient's answer counts within one care provider."""

    name = models.CharField(gettext_lazy("namn"), max_length=100, unique=True)
    sms_consent_ordered = models.BooleanField(
        gettext_lazy("Samtycke för SMS är beställt"),
        default=False,
        help_text=gettext_lazy("Först när funktionen är beställd kan köerna aktivera samtycke till SMS."),
    )
    opens_other_queues = models.BooleanField(
        gettext_lazy("Tillåt att ärenden öppnas i annan kö, med angiven anledning"),
        default=False,
        help_text=gettext_lazy(
            "Den som är medlem i en av vårdgivarens köer kan då läsa ett ärende i en annan. Det loggas särskilt."
        ),
    )
    rights_review_by = models.DateField(
        gettext_lazy("behörigheterna ska vara genomgångna senast"),
        null=True,
        blank=True,
        help_text=gettext_lazy(
            "Alla medlemskap och roller som inte har gåtts igenom sedan dagen valdes ska gås igenom till dess."
        ),
    )
    rights_review_asked_at = models.DateTimeField(
        null=True, editable=False, help_text=gettext_lazy("När dagen valdes.")
    )

    objects = CareProviderQuerySet.as_manager()

    class Meta:
        verbose_name = gettext_lazy("vårdgivare")
        verbose_name_plural = gettext_lazy("vårdgivare")

    def __str__(self) -> str:
        return self.name


class QueueQuerySet(models.QuerySet["Queue"]):
    def for_user(self, user: User, *roles: Role) -> QueueQuerySet:
        """The queues where the user is a member today, in one of the roles if any is named.

        Promise 9 rests on this one method: every query on patients' data goes through it. Being a superuser gives
        nothing here, nor does a role for the whole care provider.
        """
        memberships = Membership.objects.in_force().filter(queue=OuterRef("pk"), user_id=user.pk)
        if roles:
            memberships = memberships.filter(role__in=roles)
        return self.filter(Exists(memberships))

    def others_for_user(self, user: User) -> QueueQuerySet:
        """The other queues of the care providers that let members of one queue open cases of another."""
        own = Queue.objects.for_user(user)
        allowed = CareProvider.objects.filter(opens_other_queues=True, queues__in=own)
        return self.filter(care_provider__in=allowed.values("pk")).exclude(pk__in=own.values("pk"))

    def others_of_care_provider(self, queue: Queue) -> QueueQuerySet:
        """The care provider's queues but this one, also those that somebody who works in it is no member of: a case can
        go to them."""
        return self.filter(care_provider=queue.care_provider_id).exclude(pk=queue.pk)

    def administered_by(self, user: User) -> QueueQuerySet:
        """The queues that the user administers: as the queue's administrator, or as the whole care provider's."""
        memberships = Membership.objects.in_force().filter(queue=OuterRef("pk"), user_id=user.pk)
        roles = CareProviderRole.objects.in_force().filter(care_provider=OuterRef("care_provider"), user_id=user.pk)
        return self.filter(
            Exists(memberships.filter(role=Role.ADMINISTRATOR)) | Exists(roles.filter(role=ProviderRole.ADMINISTRATOR))
        )


class Outcome(models.TextChoices):
    """How a callback ended."""

    ADVICE = "advice", gettext_lazy("Råd givet")
    BOOKED = "booked", gettext_lazy("Tid bokad")
    REFERRED = "referred", gettext_lazy("Hänvisad vidare")
    NOT_REACHED = "not_reached", gettext_lazy("Ej nådd")
    OTHER = "other", gettext_lazy("Annat")


def every_outcome() -> list[str]:
    return list(Outcome.values)


class Queue(models.Model):
    """A care unit's telephone queue, of one care provider."""

    care_provider = models.ForeignKey(
        CareProvider, on_delete=models.PROTECT, related_name="queues", verbose_name=gettext_lazy("vårdgivare")
    )
    unit = models.CharField(gettext_lazy("vårdenhet"), max_length=100)
    name = models.CharField(gettext_lazy("namn"), max_length=100)
    phone_number = PhoneNumberField(
        gettext_lazy("telefonnummer"),
        blank=True,
        help_text=gettext_lazy("Numret som patienterna ringer. {telefon} i SMS blir det här numret."),
    )
    max_attempts = models.PositiveSmallIntegerField(gettext_lazy("antal försök"), default=3)
    retry_minutes = models.PositiveSmallIntegerField(
        gettext_lazy("minuter mellan försök"),
        default=30,
        help_text=gettext_lazy(
            "När patienten inte svarar föreslås nästa försök tidigast så här långt fram, inom telefontiderna."
        ),
    )
    confirm_retries = models.BooleanField(
        gettext_lazy("Skicka ny bokningsbekräftelse när patienten inte har svarat och får en ny tid"), default=False
    )
    responsible = models.CharField(
        gettext_lazy("ansvarig att kontakta"),
        max_length=100,
        blank=True,
        help_text=gettext_lazy(
            "Visas när ett brådskande ärende inte har nåtts. Till exempel: Medicinskt ansvarig läkare, 1234."
        ),
    )
    outcomes = ArrayField(
        models.CharField(max_length=20, choices=Outcome.choices),
        verbose_name=gettext_lazy("resultat att välja bland vid Klart"),
        default=every_outcome,
    )
    early_minutes = models.PositiveSmallIntegerField(
        gettext_lazy("minuter före tiden"),
        default=10,
        help_text=gettext_lazy("Så långt före sin tid som ett ärende tidigast ges av Ta nästa ärende."),
    )
    release_minutes = models.PositiveSmallIntegerField(
        gettext_lazy("minuter tills ett lämnat ärende släpps"),
        default=30,
        help_text=gettext_lazy("Räknas från att den som har ärendet senast arbetade i det."),
    )
    slot_minutes = models.PositiveSmallIntegerField(
        gettext_lazy("minuter per tid"),
        default=15,
        help_text=gettext_lazy("Telefontiderna delas in i så här långa tider att boka."),
    )
    slot_capacity = models.PositiveSmallIntegerField(gettext_lazy("platser per tid"), default=1)
    members: models.ManyToManyField[User, Membership] = models.ManyToManyField(
        User, through="Membership", through_fields=("queue", "user"), related_name="queues"
    )

    objects = QueueQuerySet.as_manager()

    class Meta:
        verbose_name = gettext_lazy("kö")
        verbose_name_plural = gettext_lazy("köer")
        ordering = ["unit", "name"]
        constraints = [
            models.UniqueConstraint(
                fields=["care_provider", "unit", "name"],
                name="one_queue_per_name",
                violation_error_message=gettext_lazy("Vårdenheten har redan en kö med det namnet."),
            ),
            models.CheckConstraint(condition=Q(max_attempts__gte=1), name="at_least_one_attempt"),
            models.CheckConstraint(condition=Q(retry_minutes__range=(1, 1440)), name="attempts_are_apart"),
            models.CheckConstraint(condition=Q(early_minutes__lte=1440), name="cases_are_given_on_their_day"),
            models.CheckConstraint(condition=Q(release_minutes__range=(5, 1440)), name="cases_are_released_in_time"),
            models.CheckConstraint(
                condition=Q(outcomes__contained_by=Outcome.values) & Q(outcomes__len__gte=1),
                name="a_case_can_end_somehow",
            ),
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


class Today(Func):
    """The day in Stockholm, by PostgreSQL's clock.

    As text of its own: `TruncDate(Now())` says the same, and to put it together costs more than a whole query does.
    """

    template = "(statement_timestamp() AT TIME ZONE 'Europe/Stockholm')::date"
    output_field = models.DateField()


TODAY = Today()

GivenRow = TypeVar("GivenRow", bound="Given")


class GivenQuerySet(models.QuerySet[GivenRow]):
    def in_force(self) -> Self:
        """Those that have not ended."""
        return self.filter(Q(until=None) | Q(until__gte=TODAY))


class Given(models.Model):
    """A right that somebody has been given. Written by way of `access.rights`, which keeps the record."""

    until = models.DateField(
        gettext_lazy("till och med"),
        null=True,
        blank=True,
        help_text=gettext_lazy("Sista dagen som det gäller. Tomt: tills vidare."),
    )
    why = models.CharField(gettext_lazy("varför"), max_length=200, blank=True, default="")
    reviewed_at = models.DateTimeField(gettext_lazy("senast genomgånget"), db_default=Now(), editable=False)
    reviewed_by = models.ForeignKey(
        User,
        on_delete=models.PROTECT,
        null=True,
        related_name="+",
        verbose_name=gettext_lazy("genomgånget av"),
        editable=False,
    )

    class Meta:
        abstract = True


class MembershipQuerySet(GivenQuerySet["Membership"]):
    pass


class Membership(Given):
    """That a user works in a queue, and in which role."""

    user = models.ForeignKey(
        User, on_delete=models.CASCADE, related_name="memberships", verbose_name=gettext_lazy("användare")
    )
    queue = models.ForeignKey(
        Queue, on_delete=models.CASCADE, related_name="memberships", verbose_name=gettext_lazy("kö")
    )
    role = models.CharField(gettext_lazy("roll"), max_length=20, choices=Role.choices, default=Role.NURSE)

    objects = MembershipQuerySet.as_manager()

    class Meta:
        verbose_name = gettext_lazy("medlemskap")
        verbose_name_plural = gettext_lazy("medlemskap")
        constraints = [
            models.UniqueConstraint(
                fields=["user", "queue"],
                name="one_membership_per_user_and_queue",
                violation_error_message=gettext_lazy("Användaren är redan medlem i kön."),
            ),
            models.CheckConstraint(condition=Q(role__in=Role.values), name="membership_role_is_valid"),
        ]

    def __str__(self) -> str:
        return f"{self.user}, {self.queue}"


class CareProviderRoleQuerySet(GivenQuerySet["CareProviderRole"]):
    pass


class CareProviderRole(Given):
    """That a user administers a whole care provider, or reviews its logs."""

    user = models.ForeignKey(
        User, on_delete=models.CASCADE, related_name="provider_roles", verbose_name=gettext_lazy("användare")
    )
    care_provider = models.ForeignKey(
        CareProvider, on_delete=models.CASCADE, related_name="roles", verbose_name=gettext_lazy("vårdgivare")
    )
    role = models.CharField(gettext_lazy("roll"), max_length=30, choices=ProviderRole.choices)

    objects = CareProviderRoleQuerySet.as_manager()

    class Meta:
        verbose_name = gettext_lazy("roll för hela vårdgivaren")
        verbose_name_plural = gettext_lazy("roller för hela vårdgivaren")
        constraints = [
            models.UniqueConstraint(
                fields=["user", "care_provider", "role"],
                name="one_provider_role_of_a_kind",
                violation_error_message=gettext_lazy("Användaren har redan rollen."),
            ),
            models.CheckConstraint(condition=Q(role__in=ProviderRole.values), name="provider_role_is_valid"),
        ]

    def __str__(self) -> str:
        return f"{self.user}, {self.care_provider}"


class JudgedSettings(NamedTuple):
    """What a claim needs of a queue's settings. For hundreds of queues at once, as `consent.models.JudgedAnswer`."""

    consent_required: bool
    sender: str


class OutgoingSmsQuerySet(models.QuerySet["OutgoingSms"]):
    """The lock between claims and whoever changes a queue's `consent_required` (the switch).

    Claims share it (`held`); a change has it alone (`lock_switch`). The row's own lock makes the order of events sure.
    The advisory lock beside it is there because PostgreSQL's row locks don't queue fairly: a steady stream of claims
    could keep an administrator's save waiting without end.
    """

    def held(self, queue_ids: Iterable[int]) -> dict[int, JudgedSettings]:
        """What messages are judged by of these queues' settings, by queue, kept as it is till the transaction ends."""
        ids = sorted(set(queue_ids))
        locks.share(Lock.SETTINGS, ids)
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT queue_id, consent_required, sender FROM teleq_outgoingsms"
                " WHERE queue_id = ANY (%s) ORDER BY queue_id FOR SHARE",
                [array(ids)],
            )
            return {queue_id: JudgedSettings(*row) for queue_id, *row in cursor.fetchall()}

    def lock_switch(self, queue_id: int) -> OutgoingSms:
        """The settings, locked for writing till the transaction ends, after the claims that are under way."""
        locks.hold(Lock.SETTINGS, queue_id)
        return self.select_for_update().get(queue_id=queue_id)


class Lead(models.IntegerChoices):
    """How long before the callback its reminder is sent, in minutes."""

    MINUTES_15 = 15, gettext_lazy("15 minuter före")
    MINUTES_30 = 30, gettext_lazy("30 minuter före")
    HOURS_1 = 60, gettext_lazy("1 timme före")
    HOURS_2 = 2 * 60, gettext_lazy("2 timmar före")
    HOURS_4 = 4 * 60, gettext_lazy("4 timmar före")
    HOURS_12 = 12 * 60, gettext_lazy("12 timmar före")
    DAYS_1 = 24 * 60, gettext_lazy("1 dygn före")
    DAYS_2 = 2 * 24 * 60, gettext_lazy("2 dygn före")
    DAYS_7 = 7 * 24 * 60, gettext_lazy("1 vecka före")


class OutgoingSms(models.Model):
    """A queue's settings for text messages. In the texts, {tid}, {datum}, {enhet} and {telefon} are filled in."""

    queue = models.OneToOneField(
        Queue, on_delete=models.CASCADE, primary_key=True, related_name="outgoing_sms", verbose_name=gettext_lazy("kö")
    )
    consent_required = models.BooleanField(gettext_lazy("Aktivera samtycke till SMS"), default=False)
    sender = models.CharField(
        gettext_lazy("avsändare"),
        max_length=16,
        default="teleQ",
        help_text=gettext_lazy("3–11 tecken: A–Z, a–z och 0–9, inte siffra först. Eller ett telefonnummer."),
        validators=[RegexValidator(SENDER, INVALID_SENDER)],
    )
    free_text = models.BooleanField(
        gettext_lazy("Tillåt fritext"),
        default=True,
        help_text=gettext_lazy("Utan fritext kan bara köns standardtexter skickas från ärenden."),
    )
    confirmation_on = models.BooleanField(gettext_lazy("Skicka bokningsbekräftelse"), default=False)
    confirmation_text = models.TextField(
        gettext_lazy("text i bokningsbekräftelsen"),
        max_length=918,
        default="Din tid är bokad: vi ringer upp dig {datum} kl. {tid}. Häls. {enhet}",
    )
    reminder_on = models.BooleanField(gettext_lazy("Skicka påminnelse om återuppringning"), default=False)
    reminder_minutes = models.PositiveIntegerField(gettext_lazy("när"), choices=Lead.choices, default=Lead.HOURS_1)
    reminder_text = models.TextField(
        gettext_lazy("text i påminnelsen"),
        max_length=918,
        default="Påminnelse: vi ringer upp dig {datum} kl. {tid}. Häls. {enhet}",
    )

    objects = OutgoingSmsQuerySet.as_manager()

    class Meta:
        verbose_name = gettext_lazy("utgående SMS")
        verbose_name_plural = gettext_lazy("Utgående SMS")
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
