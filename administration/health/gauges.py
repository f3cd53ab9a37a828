"""What is read at each scrape rather than counted: what waits, circuits, signs of life, and whether the parts answer.

Every web host tells the same of these, as they read the same database: take `max`, and not `sum`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from django.db import Error
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from administration.health import facts, parts


class Gauges(Collector):
    def describe(self) -> list[GaugeMetricFamily]:
        """Nothing is asked of the database for it."""
        return []

    def collect(self) -> Iterator[GaugeMetricFamily]:
        checked = parts.check()
        yield _family(
            *("teleq_part_up", "Whether PostgreSQL and Redis answer and migrations are applied.", ["part"]),
            rows=[([part.name], float(not part.problem)) for part in checked],
        )
        if any(part.problem for part in checked if part.name != parts.BROKER):
            return
        try:
            yield from _of(facts.gather())
        except Error:  # it went away since
            return


def _of(told: facts.Facts) -> Iterator[GaugeMetricFamily]:
    yield _family("teleq_info", "Which version this is.", ["version"], rows=[([told.version], 1.0)])
    yield _family(
        *("teleq_sms_waiting", "SMS that are due and have not left, by lane.", ["lane"]),
        rows=[([each.lane.value], float(each.count)) for each in told.lanes],
    )
    yield _family(
        *("teleq_sms_oldest_waiting_seconds", "For how long the oldest of them has been due; 0: none waits.", ["lane"]),
        rows=[([each.lane.value], told.age(each.oldest_due_at or told.at)) for each in told.lanes],
    )
    yield _family(
        *("teleq_sms_stopped", "Whether all sending is stopped: by hand, or as this is a restored copy.", []),
        rows=[([], float(told.sending_stop is not None or told.is_copy))],
    )
    yield _family(
        *("teleq_circuit_open", "Whether the provider is given no messages, but for one on trial.", ["provider"]),
        rows=[([each.provider], float(each.state != "closed")) for each in told.circuits],
    )
    yield _family(
        *("teleq_circuit_open_seconds", "For how long it has taken no messages; 0: it takes them.", ["provider"]),
        rows=[([each.provider], told.age(each.since or told.at)) for each in told.circuits],
    )
    yield _family(
        *("teleq_rate_limiter_ahead_seconds", "For how long all slots of the rate are given away.", ["provider"]),
        rows=[([each.provider], each.rate_ahead) for each in told.circuits],
    )
    yield _family(
        *("teleq_sign_age_seconds", "Seconds since the process left a sign of life.", ["process"]),
        rows=[([each.name], told.age(each.last_sign)) for each in [*told.workers, *([told.beat] if told.beat else [])]],
    )
    yield _family(
        *("teleq_workers", "Workers that are alive, by Celery's queue.", ["queue"]),
        rows=[
            ([queue], float(sum(worker.is_fresh and queue in worker.queues for worker in told.workers)))
            for queue in sorted(facts.CELERYS_QUEUES)
        ],
    )
    done = {"sweep": told.last_sweep, "retention": told.last_retention}
    yield _family(
        *("teleq_task_age_seconds", "Seconds since what beat asks for was last carried out.", ["task"]),
        rows=[([task], told.age(at)) for task, at in done.items() if at],
    )
    yield _family(
        *("teleq_access_log_months_ahead", "For how many months the access log is prepared.", []),
        rows=[([], float(told.months_ahead))],
    )
    yield _family(
        *("teleq_reserve_lists_late", "Care providers whose reserve lists are not written as they should be.", []),
        rows=[([], float(len(told.late_reserve_lists)))],
    )
    yield _family(
        *(
            "teleq_archiving_fails_seconds",
            "For how long PostgreSQL's log has not been archived; 0: it is, or no archive is set.",
            [],
        ),
        rows=[([], told.age(told.archiving_fails_since or told.at))],
    )


def _family(name: str, says: str, labels: list[str], rows: Iterable[tuple[list[str], float]]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, says, labels=labels)
    for values, value in rows:
        family.add_metric(values, value)
    return family
