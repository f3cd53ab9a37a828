from typing import Any

from django.core.management import BaseCommand, CommandError, CommandParser

from sms import brake, restored
from sms.management.brake import add_why_and_by, operator, status, why
from sms.models import SendingStop


class Command(BaseCommand):
    help = "Releases what sms_stop or Admin has stopped. Says first how many SMS wait, and how many are too late."

    def add_arguments(self, parser: CommandParser) -> None:
        add_why_and_by(parser)
        parser.add_argument("--restored-copy", action="store_true", help="release the stop of a restored copy")
        parser.add_argument("--no-input", action="store_true", help="release without asking")

    def handle(self, *args: Any, **options: Any) -> None:
        by, reason = operator(options["by"]), why(options["why"])
        kind = SendingStop.Kind.RESTORED_COPY if options["restored_copy"] else SendingStop.Kind.BY_HAND
        stop = SendingStop.objects.in_force().filter(kind=kind).first()
        for line in status():
            self.stdout.write(line)
        if stop is None:
            raise CommandError("Det finns inget sådant stopp att släppa.")
        if stop.is_restored_copy and (doubted := restored.may_have_left(stop).count()):
            self.stdout.write(f"{doubted} av dem kan ha skickats redan, och skickas då igen. Kör after_restore först.")
        if not options["no_input"] and input("Släpp utskicken? Skriv ja: ").strip().lower() != "ja":
            raise CommandError("Ingenting gjordes.")
        try:
            brake.release(stop.pk, reason, by=by)
        except brake.NotInForce:
            raise CommandError("Stoppet är redan släppt.") from None
        stands = brake.in_force()
        self.stdout.write("Stoppet är släppt. Ett annat gäller fortfarande." if stands else "Utskicken är släppta.")
