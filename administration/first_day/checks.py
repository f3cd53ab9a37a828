"""Whether what teleQ stands on is there and right: database, Redis, SMS provider, address and clock. `manage.py setup`.

Each check says what was looked at, in Swedish for the operator, and what is wrong. None changes anything, save a key in
Redis that is gone after a few seconds.
"""

from __future__ import annotations

import http.client
import re
import ssl
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import redis
from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from administration.database.checks import may_do_too_much
from administration.database.grants import differences
from administration.database.migrating import is_of_a_later_release
from sms.provider_check import check_providers
from teleq.clock import database_now

OLDEST_POSTGRESQL = 17
PATIENCE = 5
"""Seconds for each thing that is asked."""
CERTIFICATE_DAYS = 21
"""A certificate that ends sooner should have been renewed: those that are renewed by themselves are, a month ahead."""
CLOCKS_DIFFER = 2
"""Seconds. Codes of an authenticator app count half a minute either way, and logs are read side by side."""


@dataclass
class Check:
    name: str
    found: list[str] = field(default_factory=list)
    """What was looked at and is right."""
    problems: list[str] = field(default_factory=list)


def check_all() -> Iterator[Check]:
    """One after the other, each as it is done."""
    date: list[datetime] = []
    for name, look in (
        (_("Databas"), _database),
        (_("Redis"), _redis),
        (_("SMS-leverantör"), _providers),
        (_("Adress"), lambda check: date.extend(_address(check))),
        (_("Klocka"), lambda check: _clock(check, date)),
    ):
        check = Check(name)
        _look(look, check)
        yield check


def _look(look: Callable[[Check], None], check: Check) -> None:
    """What couldn't be asked at all is a problem like another, and no page of an exception."""
    try:
        look(check)
    except DatabaseError as error:
        check.problems.append(_("Databasen svarar inte: %(error)s") % {"error": _first_line(error)})


def _first_line(error: BaseException) -> str:
    """An error's first line. Addresses of ours are in it, and no password: libpq and redis tell none."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]


# Database ------------------------------------------------------------------------------------------------------------


def _database(check: Check) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('server_version_num')::int / 10000, current_user")
        version, role = cursor.fetchone()
    told = {"version": version, "role": role}
    check.found.append(_("PostgreSQL %(version)s svarar, med rollen %(role)s.") % told)
    if version < OLDEST_POSTGRESQL:
        check.problems.append(_("PostgreSQL ska vara %(version)s eller senare.") % {"version": OLDEST_POSTGRESQL})
    if may_do_too_much():
        told_role = _(
            "Rollen %(role)s får mer än web och workers ska få. De ska logga in som teleq_web och teleq_worker."
        )
        check.problems.append(told_role % told)
    executor = MigrationExecutor(connection)
    if left := executor.migration_plan(executor.loader.graph.leaf_nodes()):
        tables = ngettext("%(number)d migrering saknas", "%(number)d migreringar saknas", len(left))
        check.problems.append(f"{tables % {'number': len(left)}}: manage.py migrate")
        return
    if is_of_a_later_release(connection):  # what its roles may do, it knows
        check.found.append(_("Databasen är av en senare utgåva, som den här fungerar med."))
    elif wrong := differences():
        told_rights = _("Rättigheterna är inte som de ska (%(tables)s): kör manage.py migrate som databasens ägare.")
        check.problems.append(told_rights % {"tables": ", ".join(wrong[:5])})
    else:
        check.found.append(_("Alla tabeller finns, och rollerna får det de ska."))


# Redis ---------------------------------------------------------------------------------------------------------------


def _redis(check: Check) -> None:
    options = {"socket_connect_timeout": PATIENCE, "socket_timeout": PATIENCE}
    try:
        with redis.Redis.from_url(settings.CELERY_BROKER_URL, **options) as client:
            client.set("teleq.setup", 1, ex=10)  # one that is full answers, but takes nothing
            memory = client.info("memory")
    except (redis.RedisError, ValueError) as error:
        check.problems.append(_("Redis tar inte emot: %(error)s") % {"error": _first_line(error)})
        return
    check.found.append(_("Redis svarar och tar emot."))
    policy = memory.get("maxmemory_policy", "noeviction")
    if policy != "noeviction":
        told = _("maxmemory-policy är %(policy)s: när Redis är fullt försvinner väckningar. Sätt noeviction.")
        check.problems.append(told % {"policy": policy})


# Provider ------------------------------------------------------------------------------------------------------------


def _providers(check: Check) -> None:
    if not settings.SMS_PROVIDERS:
        check.problems.append(_("SMS_PROVIDERS är tomt: inga SMS kan skickas."))
    for each in check_providers():
        told = f"{each.name}: {each.account.told}"
        (check.found if each.account.is_right else check.problems).append(told)
    check.found.append(_("Inget SMS skickades."))


# Address -------------------------------------------------------------------------------------------------------------


def _address(check: Check) -> list[datetime]:
    """Where staff and providers reach teleQ. Returns what time the answer says it is."""
    url = urlsplit(settings.TELEQ_URL)
    where = {"url": settings.TELEQ_URL}
    if url.scheme != "https":
        told = _("TELEQ_URL är %(url)s. Den ska börja med https://.")
        check.problems.append(told % where)
    if not url.hostname:
        return []
    try:
        status, date, ends = _ask(url.scheme == "https", url.hostname, url.port)
    except ssl.SSLCertVerificationError as error:
        told = _("Certifikatet för %(url)s godtas inte: %(error)s.")
        check.problems.append(told % {**where, "error": error.verify_message})
        return []
    except (OSError, http.client.HTTPException, ValueError) as error:
        check.problems.append(_("%(url)s svarar inte: %(error)s") % {**where, "error": _first_line(error)})
        return []
    if status in (http.HTTPStatus.BAD_GATEWAY, http.HTTPStatus.SERVICE_UNAVAILABLE, http.HTTPStatus.GATEWAY_TIMEOUT):
        told = _("%(url)s svarar HTTP %(status)s: proxyn når inte web. Startade web? Läs dess logg.")
        check.problems.append(told % {**where, "status": status})
    elif status != http.HTTPStatus.OK:
        told = _("%(url)s/login/ svarar HTTP %(status)s. Kontrollera ALLOWED_HOSTS och BEHIND_PROXY.")
        check.problems.append(told % {**where, "status": status})
    else:
        check.found.append(_("%(url)s svarar med inloggningssidan.") % where)
    if ends:
        days = (ends - datetime.now(UTC)).days
        told = ngettext("Certifikatet gäller i %(days)d dag.", "Certifikatet gäller i %(days)d dagar.", days)
        (check.found if days >= CERTIFICATE_DAYS else check.problems).append(told % {"days": days})
    return [date] if date else []


def _ask(is_https: bool, host: str, port: int | None) -> tuple[int, datetime | None, datetime | None]:
    """The sign-in page's status, what time its answer says it is, and when the certificate ends. A redirection is not
    followed. Whom the machine trusts is whom a browser on it would trust, or whom SSL_CERT_FILE names."""
    if is_https:
        context = ssl.create_default_context()
        asked: http.client.HTTPConnection = http.client.HTTPSConnection(host, port, timeout=PATIENCE, context=context)
    else:
        asked = http.client.HTTPConnection(host, port, timeout=PATIENCE)
    try:
        asked.request("GET", "/login/")
        ends = None
        if isinstance(asked.sock, ssl.SSLSocket):
            certificate = asked.sock.getpeercert() or {}
            ends = datetime.fromtimestamp(ssl.cert_time_to_seconds(str(certificate["notAfter"])), UTC)
        answer = asked.getresponse()
        date = answer.getheader("Date")
        return answer.status, parsedate_to_datetime(date) if date else None, ends
    finally:
        asked.close()


# Clock ---------------------------------------------------------------------------------------------------------------


def _clock(check: Check, date: list[datetime]) -> None:
    """PostgreSQL's clock decides; this machine's is compared with it, and with the address's where that answered."""
    began = time.time()
    now = database_now().timestamp()
    here = (began + time.time()) / 2
    _compare(check, _("PostgreSQL"), now - here, CLOCKS_DIFFER)
    if date:
        # To the second only, and some answers are older than that by the time that they come.
        _compare(check, settings.TELEQ_URL, date[0].timestamp() - time.time(), CLOCKS_DIFFER + 1)


def _compare(check: Check, whose: str, ahead: float, at_most: float) -> None:
    told = {"whose": whose, "seconds": re.sub(r"\.", ",", f"{abs(ahead):.1f}")}
    if abs(ahead) > at_most:
        problem = _("Klockan här och hos %(whose)s skiljer %(seconds)s sekunder. Ställ båda med NTP.")
        check.problems.append(problem % told)
    else:
        check.found.append(_("Samma tid här och hos %(whose)s.") % told)
