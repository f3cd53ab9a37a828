from typing import Any

from django.core.management import BaseCommand, CommandParser

from administration.health import stand_in


class Command(BaseCommand):
    help = "Carries out these tasks at once, without broker. Workers call it themselves when the broker is away."
    requires_system_checks = ()  # the worker that starts it has been checked

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("names", nargs="+", metavar="TASK")

    def handle(self, *args: Any, **options: Any) -> None:
        stand_in.run(options["names"])
