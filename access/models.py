"""Who is or was signed in, was given a right or looked at which patient's data; what waits for a second person."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Self

import pgtrigger
from django.conf import settings
from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import models
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Now
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from access.session_store import SessionStore
from teleq.models import CareProvider, CareProviderRole, Membership, ProviderRole, Queue, Role
from teleq.triggers import APPEND_ONLY, NO_TRUNCATE, Protect, ReadOnly


class AccessEntryQuerySet(models.QuerySet["AccessEntry"]):
    """Ask with `between` where it can be done: PostgreSQL then reads those months only."""

    def of_patient(self, number: str = "", person: str = "", case_ids: Iterable[int] = ()) -> Self:
        """About a telephone number (E.164), a personnummer, or any of these cases, whoever was in them then.

        The cases by their ids, no subquery: PostgreSQL would read every month whole.
        """
        about = Q(case_id__in=case_ids)
        if number:
            about |= Q(phone_number=number)
        if person:
            about |= Q(person=person)
        return self.filter(about)

    def for_care_providers(self, providers: Iterable[int] | QuerySet[CareProvider]) -> Self:
        """Those that these care providers answer for: the one way from a reviewer to the log."""
        return self.filter(care_provider__in=providers)

    def between(self, since: datetime, until: datetime) -> Self:
        """From `since` on, and before `until`."""
        return self.filter(at__gte=since, at__lt=until)


class AccessEntry(models.Model):
    """Somebody, or a telephone system, has seen a patient's data, changed them, or was refused; or teleQ itself has put
    them in a reserve list. Append-only.

    Written by `access.access_log`. Whom it was about is written out, as cases are removed long before this may be
    (HSLF-FS 2016:40: five years). In the database the table is in partitions by month, and its primary key is (id, at):
    docs/decisions/0018. No column has a foreign key there, so that a look waits for nobody who holds the row; who has
    an entry has a sign-in too (`SignIn`), which keeps their account from being removed.
    """

    class Act(models.TextChoices):
        LISTED = "listed", gettext_lazy("Visad i arbetslistan")
        HIT = "hit", gettext_lazy("Visad i sökträff")
        INBOUND = "inbound", gettext_lazy("Visad bland inkomna SMS")
        STOPPED = "stopped", gettext_lazy("Visad bland stoppade SMS")
        LOST = "lost", gettext_lazy("Visad bland förlorade återuppringningar")
        RELATED = "related", gettext_lazy("Visad i ett annat ärende på numret")
        SEARCH = "search", gettext_lazy("Sökte")
        VIEW = "view", gettext_lazy("Öppnade ärendet")
        OTHER_QUEUE = "other", gettext_lazy("Öppnade ärende i annan kö")
        CHANGE = "change", gettext_lazy("Arbetade i ärendet")
        JOURNAL = "journal", gettext_lazy("Tog fram text till journalen")
        OPENED_REPLY = "reply", gettext_lazy("Öppnade ett inkommet SMS")
        BEGIN = "begin", gettext_lazy("Började ett ärende från ett SMS")
        CHECK = "check", gettext_lazy("Frågade om ett SMS skulle skickas")
        EXTRACT = "extract", gettext_lazy("Tog fram registerutdrag")
        PLAN = "plan", gettext_lazy("Såg vad en borttagning tar bort")
        REMOVAL = "removal", gettext_lazy("Tog bort uppgifter")
        UNPLACED = "unplaced", gettext_lazy("Läste ett SMS som inte kunde placeras")
        API_READ = "api_read", gettext_lazy("Läste ärendet genom telefonsystem")
        API_CHANGE = "api_change", gettext_lazy("Bokade eller ändrade genom telefonsystem")
        REVIEW = "review", gettext_lazy("Granskade loggen")
        LOG_EXTRACT = "logextract", gettext_lazy("Tog fram loggutdrag")
        RESERVE = "reserve", gettext_lazy("Skrevs i reservlistan")
        PHONE = "phone", gettext_lazy("Fick veta eller ändrade en tid i telefonmenyn")
        REFUSED = "refused", gettext_lazy("Nekad åtkomst")

    SHOWN = (Act.LISTED, Act.HIT, Act.INBOUND, Act.STOPPED, Act.LOST, Act.RELATED)
    """Acts by which a patient came with a list, beside others."""

    at = models.DateTimeField(gettext_lazy("när"), db_default=Now())
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        related_name="+",
        verbose_name=gettext_lazy("vem"),
        db_index=False,
        db_constraint=False,
        help_text=gettext_lazy("Tomt: ett telefonsystem, eller teleQ självt."),
    )
    # `access` knows no keys: what the key was called is written out.
    intake_key_id = models.BigIntegerField(gettext_lazy("nyckel"), null=True)
    intake_key_name = models.CharField(gettext_lazy("telefonsystem"), max_length=60, blank=True, default="")
    roles = models.CharField(
        gettext_lazy("roll"),
        max_length=200,
        blank=True,
        default="",
        help_text=gettext_lazy("De roller som gav tillgång till kön eller vårdgivaren just då, i ord. Tomt: ingen."),
    )
    session = models.CharField(
        gettext_lazy("session"), max_length=20, blank=True, default="", help_text=gettext_lazy("Sessionens digest.")
    )
    address = models.GenericIPAddressField(gettext_lazy("från"), null=True)
    act = models.CharField(gettext_lazy("vad"), max_length=10, choices=Act.choices)
    care_provider = models.ForeignKey(
        CareProvider,
        on_delete=models.PROTECT,
        null=True,
        related_name="+",
        verbose_name=gettext_lazy("vårdgivare"),
        db_index=False,
        db_constraint=False,
        help_text=gettext_lazy("Tomt: sökt av någon som inte är medlem i någon kö."),
    )
    queue = models.ForeignKey(
        Queue,
        on_delete=models.PROTECT,
        null=True,
        related_name="+",
        verbose_name=gettext_lazy("kö"),
        db_index=False,
        db_constraint=False,
        help_text=gettext_lazy("Tomt: i flera."),
    )
    case_id = models.BigIntegerField(gettext_lazy("ärende"), null=True)
    phone_number = models.CharField(gettext_lazy("telefonnummer"), max_length=16, blank=True, default="")
    person = models.CharField(gettext_lazy("personnummer"), max_length=12, blank=True, default="")
    had_case = models.BooleanField(
        gettext_lazy("hade ärende"),
        null=True,
        help_text=gettext_lazy("Om patienten hade ett ärende i kön just då. Tomt: det går inte att säga."),
    )
    protected = models.BooleanField(gettext_lazy("skyddade personuppgifter"), default=False)
    why = models.CharField(gettext_lazy("varför"), max_length=300, blank=True, default="")

    objects = AccessEntryQuerySet.as_manager()

    class Meta:
        verbose_name = gettext_lazy("åtkomst")
        verbose_name_plural = gettext_lazy("åtkomster")
        constraints = [
            models.CheckConstraint(
                condition=Q(user__isnull=False, intake_key_id=None)
                | Q(user=None, intake_key_id__isnull=False)
                | Q(user=None, intake_key_id=None, act__in=["reserve", "phone"]),
                name="a_look_is_a_users_or_a_keys",
            )
        ]
        indexes = [
            models.Index(fields=["user", "at"], name="access_by_user"),
            models.Index(fields=["care_provider", "at"], name="access_by_care_provider"),
            models.Index(fields=["case_id"], condition=Q(case_id__isnull=False), name="access_by_case"),
            models.Index(fields=["phone_number"], condition=~Q(phone_number=""), name="access_by_number"),
            models.Index(fields=["person"], condition=~Q(person=""), name="access_by_person"),
        ]
        triggers = [APPEND_ONLY, NO_TRUNCATE]

    def __str__(self) -> str:
        return _("åtkomst %(pk)s") % {"pk": self.pk}

    @property
    def who(self) -> str:
        """By name; a telephone system by its key's."""
        if self.user:
            return str(self.user)
        if self.act == self.Act.PHONE:
            return _("Den som ringde, genom telefonmenyn")
        if self.intake_key_id is None:
            return "teleQ"
        return _("Telefonsystem: %(intake_key_name)s") % {"intake_key_name": self.intake_key_name}


def _people_in(queues: models.QuerySet[Queue], providers: models.QuerySet[CareProvider]) -> Q:
    members = Membership.objects.filter(queue__in=queues).values("user")
    with_roles = CareProviderRole.objects.filter(care_provider__in=providers).values("user")
    return Q(user__in=members) | Q(user__in=with_roles)


class SignInQuerySet(models.QuerySet["SignIn"]):
    def of_people_in(self, queues: models.QuerySet[Queue], providers: models.QuerySet[CareProvider]) -> SignInQuerySet:
        """Of those who are members of any of these queues, or have a role for the whole of these care providers."""
        return self.filter(_people_in(queues, providers))


class SignIn(models.Model):
    """Something that happened to somebody's way in: a sign-in, a wrong password, a second factor that was removed.

    Append-only; written by `access.record` and `access.limits`, which counts the failures in it. What was typed as a
    user name that nobody has is kept as a keyed digest only: people type their passwords there.
    """

    class What(models.TextChoices):
        SIGNED_IN = "signed_in", gettext_lazy("Loggade in")
        FAILED = "failed", gettext_lazy("Misslyckades")
        REFUSED = "refused", gettext_lazy("Nekades")
        LIMITED = "limited", gettext_lazy("Stoppades efter för många försök")
        SIGNED_OUT = "signed_out", gettext_lazy("Loggade ut")
        PASSWORD_CHANGED = "password_changed", gettext_lazy("Bytte lösenord")
        FACTOR_ADDED = "factor_added", gettext_lazy("Lade till andra faktor")
        FACTOR_REMOVED = "factor_removed", gettext_lazy("Tog bort andra faktor")
        FACTOR_RESET = "factor_reset", gettext_lazy("Andra faktorn återställdes")
        CODES_MADE = "codes_made", gettext_lazy("Skapade nya reservkoder")
        INVITED = "invited", gettext_lazy("Fick en länk för att välja lösenord")
        INVITATION_USED = "invitation_used", gettext_lazy("Använde länken")

    class Method(models.TextChoices):
        """How; of a sign-in in two steps, the second."""

        PASSWORD = "password", gettext_lazy("Lösenord")
        TOTP = "totp", gettext_lazy("Engångskod")
        PASSKEY = "webauthn", pgettext_lazy("andra faktor", "Passkey")
        RECOVERY_CODE = "recovery_codes", gettext_lazy("Reservkod")
        CODE = "code", gettext_lazy("Engångskod eller reservkod")
        OPENID = "oidc", gettext_lazy("Identitetstjänst")
        INVITATION = "invitation", gettext_lazy("Länk")
        INTAKE_KEY = "intake_key", gettext_lazy("Nyckel för telefonsystem")
        WEBHOOK = "webhook", gettext_lazy("SMS-leverantör")

    at = models.DateTimeField(gettext_lazy("när"), db_default=Now())
    what = models.CharField(gettext_lazy("vad"), max_length=20, choices=What.choices)
    method = models.CharField(gettext_lazy("hur"), max_length=20, choices=Method.choices, blank=True, default="")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        related_name="+",
        verbose_name=gettext_lazy("vem"),
    )
    account = models.CharField(
        max_length=64, blank=True, default="", help_text=gettext_lazy("Användarnamnet, som digest med nyckel.")
    )
    address = models.GenericIPAddressField(gettext_lazy("från"), null=True)
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        related_name="+",
        verbose_name=pgettext_lazy("av vem", "av"),
    )
    why = models.CharField(gettext_lazy("varför"), max_length=300, blank=True, default="")

    objects = SignInQuerySet.as_manager()

    class Meta:
        verbose_name = gettext_lazy("inloggning")
        verbose_name_plural = gettext_lazy("inloggningar")
        indexes = [
            models.Index(fields=["account", "id"], condition=~Q(account=""), name="sign_in_by_account"),
            models.Index(fields=["address", "id"], condition=Q(address__isnull=False), name="sign_in_by_address"),
            models.Index(fields=["user", "id"], name="sign_in_by_user"),
            models.Index(fields=["at"], name="sign_in_by_time"),
        ]
        triggers = [APPEND_ONLY, NO_TRUNCATE]

    def __str__(self) -> str:
        return f"{self.get_what_display()} {self.pk}"


class RightsChangeQuerySet(models.QuerySet["RightsChange"]):
    def of_people_in(
        self, queues: models.QuerySet[Queue], providers: models.QuerySet[CareProvider]
    ) -> RightsChangeQuerySet:
        """Of rights in these queues and for the whole of these care providers; and, where it is the whole account, of
        those who have any of them."""
        account = Q(queue=None, care_provider=None) & _people_in(queues, providers)
        return self.filter(Q(queue__in=queues) | Q(care_provider__in=providers) | account)


class RightsChange(models.Model):
    """A right was given, changed or taken away. Append-only; written by `access.rights`."""

    class Right(models.TextChoices):
        NONE = "", gettext_lazy("Ingen")
        NURSE = Role.NURSE.value, Role.NURSE.label
        ADMINISTRATOR = Role.ADMINISTRATOR.value, Role.ADMINISTRATOR.label
        PROVIDER_ADMINISTRATOR = ProviderRole.ADMINISTRATOR.value, ProviderRole.ADMINISTRATOR.label
        LOG_REVIEWER = ProviderRole.LOG_REVIEWER.value, ProviderRole.LOG_REVIEWER.label
        ACTIVE = "active", gettext_lazy("Aktivt konto")
        INACTIVE = "inactive", gettext_lazy("Inaktivt konto")

    at = models.DateTimeField(gettext_lazy("när"), db_default=Now())
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", verbose_name=gettext_lazy("vem")
    )
    queue = models.ForeignKey(
        Queue, on_delete=models.PROTECT, null=True, related_name="+", verbose_name=gettext_lazy("kö")
    )
    care_provider = models.ForeignKey(
        CareProvider,
        on_delete=models.PROTECT,
        null=True,
        related_name="+",
        verbose_name=gettext_lazy("vårdgivare"),
        help_text=gettext_lazy("Där rollen gäller hela vårdgivaren. Varken den eller kö: hela kontot."),
    )
    before = models.CharField(gettext_lazy("från"), max_length=30, choices=Right.choices, blank=True, default="")
    after = models.CharField(gettext_lazy("till"), max_length=30, choices=Right.choices, blank=True, default="")
    until = models.DateField(gettext_lazy("gäller till och med"), null=True)
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        related_name="+",
        verbose_name=pgettext_lazy("av vem", "av"),
        help_text=gettext_lazy("Tomt: driften."),
    )
    why = models.CharField(gettext_lazy("varför"), max_length=300, blank=True, default="")

    objects = RightsChangeQuerySet.as_manager()

    class Meta:
        verbose_name = gettext_lazy("ändrad behörighet")
        verbose_name_plural = gettext_lazy("ändrade behörigheter")
        indexes = [
            models.Index(fields=["user", "id"], name="rights_by_user"),
            models.Index(fields=["queue", "id"], name="rights_by_queue"),
            models.Index(fields=["at"], name="rights_by_time"),
        ]
        triggers = [APPEND_ONLY, NO_TRUNCATE]

    def __str__(self) -> str:
        return _("ändrad behörighet %(pk)s") % {"pk": self.pk}


class SecondPersonQuerySet(models.QuerySet["SecondPersonRequest"]):
    def waiting(self, at: datetime) -> SecondPersonQuerySet:
        return self.filter(carried_out_at=None, withdrawn_at=None, confirm_before__gt=at)


class SecondPersonRequest(models.Model):
    """An act that one person asks for and another has to confirm before it is carried out (`access.second_person`).

    Never deleted, and of a row that is there only the confirmation and the withdrawal are written, each once.
    """

    class Act(models.TextChoices):
        RESET_SECOND_FACTOR = "reset_second_factor", gettext_lazy("Återställ andra faktorn")
        GIVE_RIGHT = "give_right", gettext_lazy("Ge behörighet")
        MAKE_LINK = "make_link", gettext_lazy("Skapa länk för lösenord")

    act = models.CharField(gettext_lazy("vad"), max_length=40, choices=Act.choices)
    about = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", verbose_name=gettext_lazy("för vem")
    )
    details: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField(default=dict)
    why = models.CharField(gettext_lazy("varför"), max_length=300)
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", verbose_name=gettext_lazy("begärt av")
    )
    asked_at = models.DateTimeField(gettext_lazy("begärt"), db_default=Now())
    confirm_before = models.DateTimeField(gettext_lazy("kan bekräftas till"))
    confirmed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        related_name="+",
        verbose_name=gettext_lazy("bekräftat av"),
    )
    carried_out_at = models.DateTimeField(gettext_lazy("utfört"), null=True)
    withdrawn_at = models.DateTimeField(gettext_lazy("återtaget"), null=True)

    objects = SecondPersonQuerySet.as_manager()

    class Meta:
        verbose_name = gettext_lazy("begäran")
        verbose_name_plural = gettext_lazy("väntar på en andra person")
        ordering = ["asked_at"]
        constraints = [
            models.CheckConstraint(condition=~Q(confirmed_by=F("asked_by")), name="a_second_person_is_another"),
            models.CheckConstraint(
                condition=Q(confirmed_by=None, carried_out_at=None)
                | Q(confirmed_by__isnull=False, carried_out_at__isnull=False, withdrawn_at=None),
                name="carried_out_by_a_confirmation_only",
            ),
            models.CheckConstraint(
                condition=Q(carried_out_at=None) | Q(carried_out_at__lte=F("confirm_before")),
                name="confirmed_in_time",
            ),
        ]
        indexes = [
            models.Index(
                fields=["confirm_before"],
                condition=Q(carried_out_at=None, withdrawn_at=None),
                name="second_person_waits",
            ),
            models.Index(fields=["about"], name="second_person_about"),
        ]
        triggers = [
            Protect(name="append_only", operation=pgtrigger.Delete),
            ReadOnly(
                name="asked_is_asked",
                fields=["act", "about", "details", "why", "asked_by", "asked_at", "confirm_before"],
            ),
            Protect(
                name="done_is_done",
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(old__carried_out_at__isnull=False) | pgtrigger.Q(old__withdrawn_at__isnull=False),
            ),
            NO_TRUNCATE,
        ]

    def __str__(self) -> str:
        return f"{self.get_act_display()} {self.pk}"


class Session(AbstractBaseSession):
    """A browser in which somebody is signed in. What its owner knows it by is in columns; no more is kept of them.

    Written by `access.session_store` when the session is saved; when it ends is in `access.sessions`.
    """

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, related_name="+")
    address = models.GenericIPAddressField(gettext_lazy("från"), null=True)
    browser = models.CharField(gettext_lazy("webbläsare"), max_length=40, blank=True, default="")
    began_at = models.DateTimeField(gettext_lazy("inloggad"), null=True)
    active_at = models.DateTimeField(gettext_lazy("använd"), null=True)

    class Meta(AbstractBaseSession.Meta):
        verbose_name = gettext_lazy("session")  # type: ignore[assignment]  # the stubs of its base say str
        verbose_name_plural = gettext_lazy("sessioner")  # type: ignore[assignment]

    def __str__(self) -> str:
        return "session"  # its key would let others in

    @classmethod
    def get_session_store_class(cls) -> type[SessionStore]:
        return SessionStore
