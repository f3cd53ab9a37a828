from typing import Any

from django.core.management import BaseCommand, CommandParser

from sms import brake
from sms.management.brake import add_why_and_by, operator, status, why


class Command(BaseCommand):
    help = "Stops all SMS: from then on none is handed over, until somebody releases it (sms_release)."

    def add_arguments(self, parser: CommandParser) -> None:
        add_why_and_by(parser)
        parser.add_argument(
            "--restored-copy",
            action="store_true",
            help="this database is a restored copy, from which no SMS is sent; --why and --by may be left out",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["restored_copy"]:
            by = operator(options["by"]) if options["by"] else None
            _, is_new = brake.hold_restored_copy(why(options["why"] or brake.RESTORED), by=by)
        else:
            _, is_new = brake.stop(why(options["why"]), by=operator(options["by"]))
        self.stdout.write("Alla SMS-utskick är stoppade." if is_new else "Utskicken är redan stoppade.")
        for line in status():
            self.stdout.write(line)
