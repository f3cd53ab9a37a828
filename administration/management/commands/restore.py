from pathlib import Path
from typing import Any

from django.core.management import BaseCommand, CommandError, CommandParser

from administration import copies
from administration.database.grants import lay_down, require_owner
from sms import brake


class Command(BaseCommand):
    help = (
        "Restores a file that backup wrote into an empty database, by pg_restore. The copy sends no SMS until"
        " after_restore has been run and somebody releases it (docs/operate/restore.md)."
    )
    requires_system_checks: list[str] = []  # some ask the database, which is empty

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, help="the file that backup wrote")
        parser.add_argument("--programs", type=Path, help="the folder of pg_restore, if it is not in PATH")

    def handle(self, *args: Any, **options: Any) -> None:
        require_owner()
        try:
            copies.restore(options["file"], options["programs"])
        except copies.Failure as failure:
            raise CommandError(str(failure)) from None
        brake.hold_restored_copy()
        lay_down()
        self.stdout.write("Databasen är återställd. Återställd kopia: inga SMS skickas.")
        self.stdout.write("Kör nu migrate, och sedan after_restore --lost-since med tiden för säkerhetskopian.")
