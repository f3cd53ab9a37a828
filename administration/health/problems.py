"""What is wrong, the worst first, in words for the operator, with what to do about it.

Each problem has the name of the alert that tells of it (docs/operate/monitoring/alerts.yml) and so of its paragraph in
the runbook. The limits here and in the alerts are the same; tests hold them together.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from access.access_log import MONTHS_AHEAD
from administration.health.facts import Facts
from administration.health.parts import BROKER, MIGRATIONS, REFUSES, Part
from sms.models import Lane
from teleq.swedish import day_and_clock

OLDEST_WAITING = {Lane.MANUAL: timedelta(minutes=2), Lane.BULK: timedelta(minutes=10)}
SWEEP_WITHIN = timedelta(minutes=5)
RETENTION_WITHIN = timedelta(hours=26)
ARCHIVING_FAILS = timedelta(minutes=5)
UNKNOWN_AT_MOST = 20
TURNED_AWAY_AT_MOST = 5
"""In an hour: anybody may try an address now and then."""
LANES = {
    Lane.MANUAL: gettext_lazy("SMS som personal har skickat"),
    Lane.BULK: gettext_lazy("Bekräftelser och påminnelser"),
}


@dataclass(frozen=True)
class Problem:
    alert: str
    what: str
    to_do: str


def problems(facts: Facts, parts: Sequence[Part]) -> list[Problem]:
    return [
        *_of_parts(parts),
        *_of_processes(facts),
        *_of_sms(facts),
        *_of_the_night(facts),
        *_of_the_archive(facts),
        *_of_reserve_lists(facts),
    ]


def _of_parts(parts: Sequence[Part]) -> Iterator[Problem]:
    broken = {part.name: part.problem for part in parts if part.problem}
    if BROKER in broken:
        is_full = broken[BROKER] == REFUSES
        what = _("Redis är fullt och tar inte emot.") if is_full else _("Redis svarar inte.")
        meanwhile = _(
            "Inget SMS går förlorat. Arbetsprocesserna letar själva i databasen var halvminut, så SMS skickas lite "
            "senare än annars."
        )
        mended_by = (
            _("Töm Redis (redis-cli FLUSHALL): det är ofarligt, där finns bara väckningar.")
            if is_full
            else _("Starta Redis; de ansluter själva igen.")
        )
        yield Problem("TeleqRedisDown", what, f"{meanwhile} {mended_by}")
    if MIGRATIONS in broken:
        yield Problem(
            "TeleqMigrationsMissing",
            _("Databasen är inte uppgraderad till den här versionen."),
            _("Kör manage.py migrate som databasens ägare."),
        )


def _of_processes(facts: Facts) -> Iterator[Problem]:
    if facts.beat is None or not facts.beat.is_fresh:
        last = facts.beat and day_and_clock(facts.beat.last_sign)
        yield Problem(
            "TeleqBeatSilent",
            _("beat har inte hörts av sedan %(last)s.") % {"last": last} if last else _("beat har inte hörts av."),
            _(
                "Arbetsprocesserna gör själva det som beat ber om varje minut, lite senare än annars. Gallring och "
                "reservlistor väntar. Starta processen beat, en enda, och läs dess logg."
            ),
        )
    for queue in facts.queues_without_worker:
        yield Problem(
            "TeleqNoWorker",
            _("Ingen arbetsprocess arbetar av %(queue)s.") % {"queue": queue},
            _("Starta den worker som har %(queue)s efter -Q, och läs dess logg.") % {"queue": queue},
        )
    for worker in facts.workers:
        if not worker.is_fresh:
            yield Problem(
                "TeleqWorkerSilent",
                _("%(name)s har inte hörts av sedan %(last)s.")
                % {"name": worker.name, "last": day_and_clock(worker.last_sign)},
                _(
                    "Har maskinen stannat eller tappat nätet till databasen? Starta om processen. "
                    "Är den borta för gott glöms den efter ett dygn."
                ),
            )
    if _is_late(facts, facts.last_sweep, SWEEP_WITHIN):
        yield Problem(
            "TeleqSweepLate",
            _("Svepet, som ska gå varje minut, gick senast %(last)s.") % {"last": day_and_clock(facts.last_sweep)}
            if facts.last_sweep
            else _("Svepet, som ska gå varje minut, har inte gått."),
            _(
                "Det går från beat genom Redis till den worker som har sweep. Börja med den av dem som står på den här "
                "sidan. Står ingen av dem här: läs loggen hos den workern."
            ),
        )


def _of_sms(facts: Facts) -> Iterator[Problem]:
    if facts.is_copy:
        yield Problem(
            "TeleqSmsStopped",
            _("Den här databasen är en återställd kopia. Inga SMS skickas från den."),
            _(
                "Kör manage.py after_restore, som går igenom vad kopian inte vet, och släpp sedan utskicken under "
                "Stoppa alla utskick. docs/operate/restore.md säger hur, i ordning."
            ),
        )
    elif facts.sending_stop:
        yield Problem(
            "TeleqSmsStopped",
            _("Alla SMS-utskick är stoppade sedan %(since)s.")
            % {"since": day_and_clock(facts.sending_stop.stopped_at)},
            _("Släpp dem under Stoppa alla utskick när felet är rättat. Svar och STOPP tas emot som vanligt."),
        )
    for circuit in facts.circuits:
        if circuit.state == "closed":
            continue
        since = day_and_clock(circuit.since) if circuit.since else "–"
        yield Problem(
            "TeleqCircuitOpen",
            _("%(provider)s tar inte emot SMS sedan %(since)s.") % {"provider": circuit.provider, "since": since},
            _(
                "Leverantören svarade: %(status)s. Kontrollera konto och lösenord. Ändras de på servern: starta om "
                "worker-manual och worker-bulk, som läser dem när de startar."
            )
            % {"status": circuit.shut_status}
            if circuit.shut_status
            else _(
                "SMS väntar och lämnas av sig själva när leverantören svarar. Läs dess driftinformation, och ring den."
            ),
        )
    for lane in [] if facts.sending_stop or facts.is_copy else facts.lanes:
        if lane.oldest_due_at and facts.at - lane.oldest_due_at > OLDEST_WAITING[lane.lane]:
            since = day_and_clock(lane.oldest_due_at)
            yield Problem(
                "TeleqSmsWaiting",
                _("%(lane)s: %(count)s väntar, det äldsta sedan %(since)s.")
                % {"count": lane.count, "lane": LANES[lane.lane], "since": since},
                _(
                    "Är en leverantör stängd, eller saknas en arbetsprocess, står det på den här sidan. Annars tar "
                    "leverantören emot långsammare än SMS kommer: se SMS_RATES."
                ),
            )
    if facts.unknown > UNKNOWN_AT_MOST:
        yield Problem(
            "TeleqSmsUnknown",
            _("Det är okänt om %(count)s SMS har kommit fram.") % {"count": facts.unknown},
            _(
                "De skickas inte igen av sig själva. Fråga leverantören om leveransrapporterna når TELEQ_URL. "
                "Personalen ser vilka SMS det gäller i ärendena."
            ),
        )
    if facts.turned_away > TURNED_AWAY_AT_MOST:
        yield Problem(
            "TeleqRepliesTurnedAway",
            _("%(count)s svar, rapporter och samtal från SMS-leverantören har nekats den senaste timmen.")
            % {"count": facts.turned_away},
            _(
                "Patienters STOPP når inte fram. Lösenordet eller hemligheten är inte samma hos leverantören som här: "
                "Inloggningar visar varifrån de kom, och webs logg vad det var."
            ),
        )


def _of_the_night(facts: Facts) -> Iterator[Problem]:
    if _is_late(facts, facts.last_retention, RETENTION_WITHIN):
        yield Problem(
            "TeleqRetentionLate",
            _("Gallringen gick senast %(last)s.") % {"last": day_and_clock(facts.last_retention)}
            if facts.last_retention
            else _("Gallringen har inte gått."),
            _("Den går 02.40. Läs loggen hos den worker som har retention. Har den sin egen roll i databasen?"),
        )
    if facts.has_stray_entries or facts.months_ahead < MONTHS_AHEAD:
        yield Problem(
            "TeleqAccessLogMonths",
            _("Åtkomstloggens månader är inte i ordning: %(ahead)s är förberedda.") % {"ahead": facts.months_ahead},
            _("Loggen skrivs ändå. Nattens gallring gör månaderna: se varför den inte har gått."),
        )


def _of_the_archive(facts: Facts) -> Iterator[Problem]:
    if facts.archiving_fails_since and facts.at - facts.archiving_fails_since > ARCHIVING_FAILS:
        yield Problem(
            "TeleqArchivingFails",
            _("PostgreSQL har inte kunnat arkivera sin logg sedan %(since)s.")
            % {"since": day_and_clock(facts.archiving_fails_since)},
            _(
                "Vad som hänt därefter kan inte återställas om databasen går förlorad, och loggen fyller disken. "
                "PostgreSQL:s egen logg säger vad archive_command svarar. Är arkivets disk full, eller borta?"
            ),
        )


def _of_reserve_lists(facts: Facts) -> Iterator[Problem]:
    for late in facts.late_reserve_lists:
        since = day_and_clock(late.late_since) if late.late_since else "–"
        yield Problem(
            "TeleqReserveList",
            _("Reservlistorna för %(care_provider)s har inte skrivits sedan %(since)s. %(problem)s")
            % {"care_provider": late.care_provider, "since": since, "problem": late.problem},
            _(
                "Utan dem har enheterna ingen aktuell lista om teleQ går ner. Kontrollera mappen i RESERVE_FOLDER och "
                "den worker som har reserve, och läs dess logg."
            ),
        )


def _is_late(facts: Facts, last: datetime | None, within: timedelta) -> bool:
    """Whether what beat asks for has not been done in time. On the first day beat itself has not been there so long."""
    since = last or (facts.beat.since if facts.beat else None)
    return since is not None and facts.at - since > within
