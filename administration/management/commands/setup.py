from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.core.management import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError, connection

from administration.first_day import making, steps
from administration.first_day.checks import Check, check_all
from administration.first_day.making import NotMade, Person
from teleq.models import CareProvider, Queue, User

HOURS = "mån-fre 8-16"


class Command(BaseCommand):
    help = (
        "The first day: makes the operator, the care provider, its first queue and first administrator, checks what"
        " teleQ stands on, and says what is left to do. Asks for what isn't given; may be run again at any time."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--check", action="store_true", help="only check; exit code 1 where something is wrong")
        parser.add_argument("--no-input", action="store_true", help="ask nothing; what isn't given is not made")
        parser.add_argument("--operator", default="", metavar="USERNAME")
        parser.add_argument("--operator-name", default="", metavar='"FIRST LAST"')
        parser.add_argument("--care-provider", default="", metavar="NAME")
        parser.add_argument("--consent-ordered", action="store_true", help="it has ordered Samtycke för SMS")
        parser.add_argument("--unit", default="", metavar="NAME", help="the queue's care unit, as patients know it")
        parser.add_argument("--queue", default="", metavar="NAME")
        parser.add_argument("--phone", default="", metavar="NUMBER", help="that patients call")
        parser.add_argument("--hours", default="", metavar=f'"{HOURS}; lör 9-12"', help="telephone hours")
        parser.add_argument("--sender", default="", metavar="NAME", help="of SMS: 3 to 11 letters, or a number")
        parser.add_argument("--administrator", default="", metavar="USERNAME", help="of the whole care provider")
        parser.add_argument("--administrator-name", default="", metavar='"FIRST LAST"')
        parser.add_argument("--administrator-hsa-id", default="", metavar="HSA-ID")

    def check(self, *args: Any, **options: Any) -> None:
        """The system checks, one of which asks the database. Where that is away `handle` says so in plainer words."""
        if _database_answers():
            super().check(*args, **options)

    def handle(self, *args: Any, **options: Any) -> None:
        checks = list(self._check())
        problems = [f"{check.name}: {problem}" for check in checks for problem in check.problems]
        if options["check"]:
            if problems:
                raise CommandError(f"Att rätta: {len(problems)}.")
            self.stdout.write("Allt som prövas här är rätt. Om processerna arbetar visar Driftläge i Admin.")
            return
        if checks[0].problems:
            raise CommandError("Rätta databasen först, och kör igen. Ingenting är skapat.")
        self.asks = not options["no_input"] and sys.stdin.isatty()
        try:
            operator = self._make(options)
        except NotMade as refusal:
            raise CommandError(f"{refusal} Det som redan är skapat finns kvar. Rätta och kör igen.") from None
        except (KeyboardInterrupt, EOFError):
            raise CommandError("Avbrutet. Det som redan är skapat finns kvar. Kör igen för att gå vidare.") from None
        self._tell_what_is_left(operator, problems)

    def _check(self) -> list[Check]:
        done = []
        for check in check_all():
            self.stdout.write(f"{check.name}: {'att rätta' if check.problems else 'rätt'}")
            for line in check.problems:
                self.stdout.write(f"  ! {line}")
            for line in check.found:
                self.stdout.write(f"  {line}")
            done.append(check)
        return done

    # What is made ----------------------------------------------------------------------------------------------------

    def _make(self, options: dict[str, Any]) -> User:
        operator = self._operator(options)
        provider = self._care_provider(options, operator)
        if provider:
            self._queue(options, provider, operator)
            self._administrator(options, provider, operator)
        return operator

    def _operator(self, options: dict[str, Any]) -> User:
        there: User | None = User.objects.filter(is_superuser=True, is_active=True).order_by("pk").first()
        username = options["operator"]
        if not username and there is None:
            username = self._ask("Systemförvaltarens användarnamn")
        if not username:
            if there is None:
                raise NotMade("Ange systemförvaltaren: --operator ANVÄNDARNAMN.")
            return there
        name = options["operator_name"]
        if not name and not User.objects.filter(username__iexact=username).exists():
            name = self._ask("Systemförvaltarens namn")
        user, link = making.make_operator(_person(username, name))
        self._tell_link(user, link)
        return user

    def _care_provider(self, options: dict[str, Any], operator: User) -> CareProvider | None:
        name, ordered = options["care_provider"], options["consent_ordered"]
        there = CareProvider.objects.order_by("pk").first()
        if not name and there is None:
            name = self._ask("Vårdgivarens namn (juridiska personen)")
            if name:
                asked = "Har den beställt Samtycke för SMS? (ja/nej)"
                ordered = ordered or making.read_yes_or_no(self._ask(asked, making.read_yes_or_no))
        if name:
            provider = making.make_care_provider(name, consent_ordered=ordered, by=operator)
            self.stdout.write(f"Vårdgivare: {provider}")
            return provider
        return there

    def _queue(self, options: dict[str, Any], provider: CareProvider, operator: User) -> None:
        given = {name: options[name] for name in ("unit", "queue", "phone", "hours", "sender")}
        if not any(given.values()) and not Queue.objects.filter(care_provider=provider).exists():
            given["unit"] = self._ask("Vårdenhetens namn, som patienterna känner det")
            if given["unit"]:
                given["queue"] = self._ask("Köns namn, till exempel Rådgivning")
                given["phone"] = self._ask("Numret som patienterna ringer (får vara tomt)", making.read_number)
                given["hours"] = self._ask(f"Telefontider, som {HOURS}; lör 9-12 (får vara tomt)", making.read_hours)
                given["sender"] = self._ask(
                    "Avsändare för SMS: 3–11 tecken, eller ett nummer (får vara tomt)",
                    lambda typed: making.checked_sender(typed, provider),
                )
        if not any(given.values()):
            return
        if not (given["unit"] and given["queue"]):
            raise NotMade("En kö behöver både vårdenhet och namn: --unit NAMN --queue NAMN.")
        queue = making.make_queue(
            *(provider, given["unit"], given["queue"]),
            phone_number=given["phone"],
            hours=given["hours"],
            sender=given["sender"],
            by=operator,
        )
        self.stdout.write(f"Kö: {queue}")

    def _administrator(self, options: dict[str, Any], provider: CareProvider, operator: User) -> None:
        username, name = options["administrator"], options["administrator_name"]
        if not username and making.needs_administrator(provider):
            username = self._ask(f"Användarnamn för administratören hos {provider}")
            name = name or (self._ask("Administratörens namn") if username else "")
        if username:
            person = _person(username, name, options["administrator_hsa_id"])
            user, link = making.make_administrator(person, provider, by=operator)
            self._tell_link(user, link)

    def _ask(self, question: str, read: Callable[[str], object] | None = None) -> str:
        """What was typed, asked again until it can be read or is empty. Empty where nobody can be asked."""
        while self.asks:
            typed = input(f"{question}: ").strip()
            try:
                if typed and read:
                    read(typed)
            except NotMade as refusal:
                self.stdout.write(f"  ! {refusal}")
            else:
                return typed
        return ""

    def _tell_link(self, user: User, link: str | None) -> None:
        if link is None:
            self.stdout.write(f"{user} ({user.username}) har redan loggat in.")
            return
        days = settings.PASSWORD_RESET_TIMEOUT // 86_400
        self.stdout.write(f"Länk för {user} ({user.username}). Den gäller en gång, i {days} dagar, och visas bara nu:")
        self.stdout.write(f"  {settings.TELEQ_URL}{link}")

    # What is left ----------------------------------------------------------------------------------------------------

    def _tell_what_is_left(self, operator: User, problems: list[str]) -> None:
        left = [*problems, *(f"{step.name}: {step.left}" for step in steps.steps() if not step.is_done)]
        left += [
            f"Kön {queue}: {told}. De står i köns checklista i Admin." for queue, told in steps.queues_left(operator)
        ]
        left += [
            "Adressen för patienternas svar hos SMS-leverantören: docs/providers.md.",
            "Övervakning, säkerhetskopia och en provad återställning: docs/operate/.",
        ]
        self.stdout.write("\nKvar att göra, i den här ordningen:")
        for number, each in enumerate(left, 1):
            self.stdout.write(f"{number}. {each}")


def _database_answers() -> bool:
    try:
        connection.ensure_connection()
    except DatabaseError:
        return False
    return True


def _person(username: str, name: str, hsa_id: str = "") -> Person:
    first, _, last = name.strip().partition(" ")
    return Person(username, first, last.strip(), hsa_id)
