from typing import Any

from django.conf import settings
from django.core.management import BaseCommand, CommandError, CommandParser

from demo import data

HEADINGS = ("Namn", "Roll", "Användarnamn", "Lösenord")


class Command(BaseCommand):
    help = "Loads the demonstration data, once. With --logins: prints the demonstration logins instead."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--logins", action="store_true", help="print the demonstration logins and load nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.TELEQ_DEMO:
            raise CommandError("Demonstrationen finns bara med TELEQ_DEMO=1.")
        if options["logins"]:
            self.stdout.write(logins_table())
        elif data.load():
            self.stdout.write("Demonstrationens data är inlästa.")
        else:
            self.stdout.write("Det finns redan en vårdgivare. Ingenting lästes in.")


def logins_table() -> str:
    rows = [HEADINGS, *((login.name, login.role, login.username, data.PASSWORD) for login in data.LOGINS)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join(lines)
