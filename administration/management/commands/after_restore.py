from datetime import datetime
from typing import Any

from django.core.management import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from administration import after_restore
from administration.after_restore import Done
from sms import brake, restored
from sms.models import LostSms
from teleq.clock import database_now
from teleq.swedish import date_and_clock


class Command(BaseCommand):
    help = (
        "In a restored copy: goes through what may have happened since it was made, asks the SMS providers, and says"
        " what was done. May be run again. Sends nothing and releases nothing (docs/operate/restore.md)."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--lost-since", required=True, metavar="TIME", help="when the copy was made, as 2026-11-26T02:00 in Sweden"
        )
        parser.add_argument(
            "--without-list",
            action="append",
            default=[],
            metavar="PROVIDER",
            help="go on without this provider's list: it will never answer. Each Ja of a number that it has sent to"
            " then becomes Ej valt",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        since = _time(options["lost_since"])
        brake.hold_if_copy()
        try:
            done = after_restore.go_through(since, options["without_list"])
        except restored.NotHeld:
            raise CommandError(
                "Databasen hålls inte som en återställd kopia. Är den en kopia: kör sms_stop --restored-copy först."
            ) from None
        for line in _told(done):
            self.stdout.write(line)
        if not done.is_whole:
            raise CommandError("Allt är inte gjort. Kör kommandot igen. Släpp inte utskicken innan dess.")
        self.stdout.write("Återställd kopia: inga SMS skickas. När allt är kontrollerat: sms_release --restored-copy.")


def _time(written: str) -> datetime:
    """A time as the operator writes it, in Swedish time unless it says otherwise. Raises CommandError."""
    try:
        at = datetime.fromisoformat(written)
    except ValueError:
        raise CommandError("Skriv tiden som 2026-11-26T02:00: --lost-since TID.") from None
    at = at if timezone.is_aware(at) else timezone.make_aware(at)
    if at > database_now():
        raise CommandError("Tiden i --lost-since har inte varit än.")
    return at


def _told(done: Done) -> list[str]:
    """In numbers only: the operator reads no patient's data (docs/decisions/0016)."""
    lists = done.lists
    lines = [f"{name}: listan är hämtad." for name in lists.had]
    lines += [f"{name}: har ingen lista som kan hämtas." for name in lists.without]
    lines += [f"{name}: listan kunde inte hämtas ({why})." for name, why in lists.failed.items()]
    lines += [
        f"SMS som väntade och kan ha skickats, nu Okänt om det kom fram: {done.unknown}.",
        f"SMS som fanns i leverantörernas listor: {done.known}, varav fick nytt tillstånd: {done.settled}.",
        f"Svar från patienter i listorna, STOPP bland dem: {len(lists.replies)}.",
        f"Ja som har blivit Ej valt, eftersom ett Nej kan ha gått förlorat: {done.unset}.",
    ]
    lost, unowned = LostSms.objects.count(), LostSms.objects.filter(care_provider=None).count()
    lines.append(
        f"SMS som kopian inte känner till: {lost}. Administratörerna ser dem i Admin, under Återuppringningar som kan"
        " ha gått förlorade."
    )
    if unowned:
        lines.append(f"Av dem är det för {unowned} inte känt vilken vårdgivare som skickade dem: ingen ser dem.")
    earliest = LostSms.objects.order_by("sent_at").first()
    if earliest:
        lines.append(f"Det första av dem skickades {date_and_clock(earliest.sent_at)}.")
    return lines
