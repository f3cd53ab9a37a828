"""The numbers that patients call, and where they lead: menus, queues, announcements, a person."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy
from phonenumber_field.modelfields import PhoneNumberField

from cases.models import WeeklyHours
from telephony.models.recording import LANGUAGE, Language
from teleq.models import CareProvider, Queue
from teleq.phone_numbers import show


def swedish_only() -> list[str]:
    return [Language.SWEDISH]


class Announcement(models.Model):
    """A sentence of the care provider's own: a greeting, a choice of a menu, or what is said and ends the call."""

    care_provider = models.ForeignKey(
        CareProvider, on_delete=models.PROTECT, related_name="announcements", verbose_name=gettext_lazy("vårdgivare")
    )
    words = models.TextField(
        gettext_lazy("ord på svenska"),
        max_length=1000,
        help_text=gettext_lazy("Till exempel: Välkommen till Vårdcentralen Spindeln. Eller: För rådgivning, tryck 1."),
    )
    english = models.TextField(gettext_lazy("ord på engelska"), max_length=1000, blank=True, default="")

    class Meta:
        verbose_name = gettext_lazy("eget meddelande")
        verbose_name_plural = gettext_lazy("egna meddelanden")
        ordering = ["care_provider", "id"]

    def __str__(self) -> str:
        return self.words if len(self.words) <= 60 else f"{self.words[:59]}…"

    @property
    def sentence(self) -> str:
        """The key of its recordings."""
        return f"announcement:{self.pk}"

    def in_language(self, language: str) -> str:
        """Its words for whoever reads it in; in Swedish where they aren't written in the language."""
        return self.english or self.words if language == Language.ENGLISH else self.words


class Menu(models.Model):
    """What a caller chooses among. Its choices are said in their order, each in words of its own."""

    care_provider = models.ForeignKey(
        CareProvider, on_delete=models.PROTECT, related_name="menus", verbose_name=gettext_lazy("vårdgivare")
    )
    name = models.CharField(
        gettext_lazy("namn"), max_length=60, help_text=gettext_lazy("Sägs inte: för er egen skull.")
    )

    class Meta:
        verbose_name = gettext_lazy("meny")
        verbose_name_plural = gettext_lazy("menyer")
        ordering = ["care_provider", "name"]
        constraints = [
            models.UniqueConstraint(
                fields=["care_provider", "name"],
                name="one_menu_per_name",
                violation_error_message=gettext_lazy("Vårdgivaren har redan en meny med det namnet."),
            )
        ]

    def __str__(self) -> str:
        return self.name


class LeadsSomewhere(models.Model):
    """Where a number or a choice leads: exactly one of these."""

    queue = models.ForeignKey(
        Queue,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=gettext_lazy("kö"),
        help_text=gettext_lazy("Här bokas en återuppringning."),
    )
    menu = models.ForeignKey(
        Menu, on_delete=models.PROTECT, null=True, blank=True, related_name="+", verbose_name=gettext_lazy("meny")
    )
    announcement = models.ForeignKey(
        Announcement,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=gettext_lazy("meddelande"),
        help_text=gettext_lazy("Läses upp. Sedan är samtalet slut."),
    )

    class Meta:
        abstract = True


LEADS_TO_ONE = (
    Q(queue__isnull=False, menu=None, announcement=None)
    | Q(queue=None, menu__isnull=False, announcement=None)
    | Q(queue=None, menu=None, announcement__isnull=False)
)


LEADS_TO_ONE_PLACE = gettext_lazy("Välj ett: en kö, en meny eller ett meddelande.")


class ChoiceQuerySet(models.QuerySet["Choice"]):
    def by_menu(self, care_provider_id: int) -> dict[int, list[Choice]]:
        """The choices of all the care provider's menus, in their order, by the menu that they stand in. One query."""
        related = ("words", "queue", "menu", "announcement")
        found: dict[int, list[Choice]] = {}
        for choice in self.filter(of_menu__care_provider=care_provider_id).select_related(*related):
            found.setdefault(choice.of_menu_id, []).append(choice)
        return found


class Choice(LeadsSomewhere):
    """A key of a menu: the words that offer it, and where it leads."""

    # The menu that it stands in; `menu` is where it leads.
    of_menu = models.ForeignKey(
        Menu, on_delete=models.CASCADE, related_name="choices", verbose_name=gettext_lazy("i menyn"), db_index=False
    )
    key = models.PositiveSmallIntegerField(
        gettext_lazy("knapp"), choices=[(0, "0"), *((key, str(key)) for key in range(1, 10))]
    )
    order = models.PositiveSmallIntegerField(gettext_lazy("ordning"), default=0)
    words = models.ForeignKey(
        Announcement,
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=gettext_lazy("sägs så här"),
        help_text=gettext_lazy("Till exempel: För rådgivning, tryck 1."),
    )
    person_number = PhoneNumberField(
        gettext_lazy("nummer till en person"),
        blank=True,
        default="",
        help_text=gettext_lazy("Samtalet kopplas dit. Till exempel: För att prata med någon, tryck 0."),
    )

    objects = ChoiceQuerySet.as_manager()

    class Meta:
        verbose_name = gettext_lazy("val")
        verbose_name_plural = gettext_lazy("val")
        ordering = ["of_menu", "order", "key"]
        constraints = [
            models.UniqueConstraint(
                fields=["of_menu", "key"],
                name="one_choice_per_key",
                violation_error_message=gettext_lazy("Knappen är redan upptagen i menyn."),
            ),
            models.CheckConstraint(condition=Q(key__range=(0, 9)), name="a_choice_is_a_key"),
            models.CheckConstraint(
                condition=(LEADS_TO_ONE & Q(person_number=""))
                | (Q(queue=None, menu=None, announcement=None) & ~Q(person_number="")),
                name="a_choice_leads_to_one_place",
                violation_error_message=gettext_lazy(
                    "Välj ett: en kö, en meny, ett meddelande eller ett nummer till en person."
                ),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.key}"


class PatientsNumber(LeadsSomewhere):
    """A telephone number that patients call, rented at a provider, and where a call to it leads."""

    care_provider = models.ForeignKey(
        CareProvider, on_delete=models.PROTECT, related_name="patients_numbers", verbose_name=gettext_lazy("vårdgivare")
    )
    number = PhoneNumberField(
        gettext_lazy("telefonnummer"),
        unique=True,
        error_messages={"unique": gettext_lazy("Numret finns redan.")},
    )
    greeting = models.ForeignKey(
        Announcement,
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=gettext_lazy("hälsning"),
        help_text=gettext_lazy("Sägs först i varje samtal, efter det om livshotande tillstånd."),
    )
    languages = ArrayField(
        models.CharField(max_length=3, validators=[LANGUAGE]),
        verbose_name=gettext_lazy("språk"),
        default=swedish_only,
        help_text=gettext_lazy("Flera: då väljer den som ringer först. Var och en behöver sina inspelningar."),
    )
    person_number = PhoneNumberField(
        gettext_lazy("nummer till en person"),
        blank=True,
        default="",
        help_text=gettext_lazy("Dit kopplas den som trycker 0 eller inte kan trycka, och den som inte får någon tid."),
    )
    closed_announcement = models.ForeignKey(
        Announcement,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=gettext_lazy("när det är stängt"),
        help_text=gettext_lazy(
            "Sägs efter hälsningen, i stället för ”Telefonen är stängd just nu.” När ni öppnar och hänvisningen till"
            " 1177 sägs alltid efter det."
        ),
    )
    asks_consent = models.BooleanField(
        gettext_lazy("Fråga om samtycke i telefon"),
        default=False,
        help_text=gettext_lazy(
            "Efter bokningen frågas den som ringer från en mobil, och inte har svarat, om SMS får skickas. Bara i köer"
            " med samtycke till SMS. Den som får SMS kan ta tillbaka det i samma meny."
        ),
    )
    is_on = models.BooleanField(gettext_lazy("i bruk"), default=False)

    class Meta:
        verbose_name = gettext_lazy("telefonnummer för patienter")
        verbose_name_plural = gettext_lazy("telefonnummer för patienter")
        ordering = ["care_provider", "number"]
        constraints = [
            models.CheckConstraint(
                condition=LEADS_TO_ONE,
                name="a_number_leads_to_one_place",
                violation_error_message=LEADS_TO_ONE_PLACE,
            ),
            models.CheckConstraint(condition=~Q(languages__len=0), name="a_number_has_a_language"),
        ]

    def __str__(self) -> str:
        return show(self.number)


class CallersHours(WeeklyHours):
    """When one can call a number. A number without any is always open."""

    number = models.ForeignKey(
        PatientsNumber, on_delete=models.CASCADE, related_name="hours", verbose_name=gettext_lazy("telefonnummer")
    )

    class Meta:
        verbose_name = gettext_lazy("öppettid")
        verbose_name_plural = gettext_lazy("öppettider")
        ordering = ["number", "weekday", "opens"]
        constraints = [
            models.CheckConstraint(condition=Q(weekday__range=(0, 6)), name="callers_weekday_is_valid"),
            models.CheckConstraint(
                condition=Q(closes__gt=models.F("opens")),
                name="callers_hours_close_after_opening",
                violation_error_message=gettext_lazy("Öppettiden måste stänga efter att den har öppnat."),
            ),
        ]


class QueueByPhone(models.Model):
    """How a queue is booked in the telephone menu. Without a row: by number alone, and nobody is asked about SMS."""

    queue = models.OneToOneField(
        Queue, on_delete=models.CASCADE, primary_key=True, related_name="by_phone", verbose_name=gettext_lazy("kö")
    )
    asks_personal_identity = models.BooleanField(gettext_lazy("Fråga efter personnummer"), default=False)

    class Meta:
        verbose_name = gettext_lazy("bokning i telefonmeny")
        verbose_name_plural = gettext_lazy("bokning i telefonmeny")

    def __str__(self) -> str:
        return f"{self.queue}"
