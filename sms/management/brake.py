"""What the commands of the emergency brake share: whose act it is, and what they print."""

from __future__ import annotations

from collections.abc import Iterator

from django.core.management import CommandError, CommandParser

from sms import brake
from sms.models import SendingStop
from teleq.models import User
from teleq.swedish import date_and_clock

LONGEST = 300


def add_why_and_by(parser: CommandParser) -> None:
    parser.add_argument("--why", default="", help="why, in a short text that stays on record")
    parser.add_argument("--by", default="", metavar="USERNAME", help="the operator whose act it is")


def why(text: str) -> str:
    """The reason as it is stored. Raises CommandError."""
    text = text.strip()
    if not 0 < len(text) <= LONGEST:
        raise CommandError(f"Skriv varför, med högst {LONGEST} tecken: --why TEXT.")
    return text


def operator(username: str) -> User:
    """Raises CommandError where nobody who may stop and release is called so."""
    if not username:
        raise CommandError("Skriv vilken systemförvaltare som gör det: --by ANVÄNDARNAMN.")
    user: User | None = User.objects.filter(username=username, is_superuser=True, is_active=True).first()
    if user is None:
        raise CommandError(f"Ingen systemförvaltare har användarnamnet {username}.")
    return user


def status() -> Iterator[str]:
    """What is stopped, by whom and why, and what waits."""
    stops = list(SendingStop.objects.in_force().select_related("stopped_by"))
    if not stops:
        yield "Utskicken är inte stoppade."
    for stop in stops:
        who = stop.stopped_by or "Driften"
        yield f"{stop.get_kind_display()}, {date_and_clock(stop.stopped_at)}, {who}: {stop.stopped_why}"
    for kind, messages, too_late in brake.by_kind(brake.waiting()):
        yield f"{kind.label}: {messages} väntar, varav för sena: {too_late}."
