"""How the product is doing, gathered once for /status, for the metrics and for the operator's page.

Numbers, times and names of processes and providers: nothing of a patient, and no queue's name.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

from django.conf import settings
from django.db import connection
from django.db.models.functions import Now

from access import access_log
from access.limits import NOT_LET_IN
from access.models import SignIn
from administration import reserve
from administration.health.signs import BEAT, FRESH
from administration.models import Sign
from sms import brake, health
from sms.models import SendingDatabase, SendingStop
from teleq.clock import database_now
from teleq.models import CareProvider
from teleq.version import VERSION

SWEEP = "sms.tasks.sweep"
RETENTION = "administration.tasks.remove_what_is_past_its_time"


@dataclass(frozen=True)
class Process:
    """A worker, or beat."""

    name: str
    queues: list[str]
    version: str
    since: datetime
    last_sign: datetime
    is_fresh: bool


@dataclass(frozen=True)
class Facts:
    at: datetime
    """PostgreSQL's clock, by which all of it is told."""
    version: str
    lanes: list[health.Waiting]
    circuits: list[health.Circuit]
    sending_stop: SendingStop | None
    is_copy: bool
    """Whether this database is a restored copy that isn't released: also one that nothing has put a stop on yet."""
    beat: Process | None
    workers: list[Process]
    last_sweep: datetime | None
    last_retention: datetime | None
    months_ahead: int
    """For how many months the access log is prepared."""
    has_stray_entries: bool
    """Whether the access log has entries outside its months."""
    late_reserve_lists: list[reserve.Standing]
    """Of the care providers whose reserve lists are not written as they should be."""
    archiving_fails_since: datetime | None
    """Since when PostgreSQL's archive_command fails, if it does: the last time that a file of its log was archived, or
    else the first time that it failed that is known. None also where nothing is archived."""

    @cached_property
    def unknown(self) -> int:
        """Of how many SMS of the last days (`unknown_within`) it is unknown whether they came through. Counted when it
        is looked at: at each scrape it would cost too much, and there the processes' counters tell."""
        return health.unknown()

    @cached_property
    def turned_away(self) -> int:
        """How many reports, replies and calls of the last hour did not show that they came from a provider."""
        lately = SignIn.objects.filter(at__gt=Now() - timedelta(hours=1))
        return lately.filter(method=SignIn.Method.WEBHOOK, what__in=NOT_LET_IN).count()

    @property
    def unknown_within(self) -> timedelta:
        return health.unknown_since()

    @property
    def queues_without_worker(self) -> list[str]:
        """Of Celery's queues (not patients'), those of which no worker is fresh."""
        served = {queue for worker in self.workers if worker.is_fresh for queue in worker.queues}
        return sorted(CELERYS_QUEUES - served)

    def age(self, then: datetime) -> float:
        """Seconds."""
        return max(0.0, (self.at - then).total_seconds())


CELERYS_QUEUES = {
    settings.CELERY_TASK_DEFAULT_QUEUE,
    *(route["queue"] for route in settings.CELERY_TASK_ROUTES.values()),
}


def gather() -> Facts:
    """Raises OperationalError where the database is away."""
    at, stop = database_now(), brake.in_force()
    signs = {(sign.kind, sign.name): sign for sign in Sign.objects.order_by("name")}
    processes = {key: _process(sign, at) for key, sign in signs.items() if key[0] != Sign.Kind.TASK}
    done = {name: sign.at for (kind, name), sign in signs.items() if kind == Sign.Kind.TASK}
    return Facts(
        at=at,
        version=VERSION,
        lanes=health.waiting(),
        circuits=health.circuits(at),
        sending_stop=stop,
        is_copy=bool(stop and stop.is_restored_copy) or not SendingDatabase.objects.is_this_one(),
        beat=processes.get((Sign.Kind.BEAT, BEAT)),
        workers=[process for (kind, _), process in processes.items() if kind == Sign.Kind.WORKER],
        last_sweep=done.get(SWEEP),
        last_retention=done.get(RETENTION),
        months_ahead=access_log.months_ahead(),
        has_stray_entries=access_log.has_stray_entries(),
        late_reserve_lists=reserve.late(CareProvider.objects.all()),
        archiving_fails_since=_archiving_fails_since(),
    )


def _archiving_fails_since() -> datetime | None:
    """The later of a success and a failure tells whether it works now. Every role may read it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT last_archived_time, last_failed_time FROM pg_stat_archiver")
        archived, failed = cursor.fetchone()
    return (archived or failed) if failed and (archived is None or failed > archived) else None


def _process(sign: Sign, at: datetime) -> Process:
    queues = sign.queues.split(",") if sign.queues else []
    return Process(sign.name, queues, sign.version, sign.began_at, sign.at, at - sign.at < FRESH)
