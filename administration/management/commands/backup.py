from pathlib import Path
from typing import Any

from django.core.management import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from administration import copies


class Command(BaseCommand):
    help = "Writes the whole database to a new file, by pg_dump. Run it as the database's owner, like migrate."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, help="the new file; only its owner may read it")
        parser.add_argument(
            "--programs", type=Path, help="the folder of pg_dump and pg_restore, if they are not in PATH"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        file: Path = options["file"]
        try:
            began = copies.dump(file, options["programs"])
        except copies.Failure as failure:
            raise CommandError(str(failure)) from None
        self.stdout.write(f"Säkerhetskopian är klar: {file}, {file.stat().st_size / 1_000_000:.1f} MB.")
        self.stdout.write(f"Det som hände efter {timezone.localtime(began):%Y-%m-%d %H:%M:%S} finns inte i den.")
        self.stdout.write("Den innehåller patienters uppgifter: kryptera den och förvara den skild från databasen.")
