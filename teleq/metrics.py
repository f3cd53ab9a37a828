"""Metrics in Prometheus' form: what the processes of a container count, and how it is read.

Where each is counted it is also declared: `sms/metrics.py`, `access/limits.py`, `teleq/middleware/page_times.py`. What
is read from the database at each scrape is in `administration/health/gauges.py`. No label holds what could tell of a
person, nor a queue's name.

A container has several processes (gunicorn's, a worker's pool). Each counts in a file of its own in the folder
PROMETHEUS_MULTIPROC_DIR, and whichever of them is asked adds the files up: web at /metrics, a worker at METRICS_PORT.
Without that folder each process tells of itself only. Source: prometheus_client's multiprocess mode.
"""

from __future__ import annotations

import os
from bisect import bisect_left
from collections import Counter as Tally
from collections.abc import Iterable

from prometheus_client import (
    REGISTRY,
    CollectorRegistry,
    Histogram,
    disable_created_metrics,
    generate_latest,
    start_http_server,
)
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

FOLDER = os.environ.get("PROMETHEUS_MULTIPROC_DIR", "")
if FOLDER:
    os.makedirs(FOLDER, mode=0o700, exist_ok=True)
disable_created_metrics()  # type: ignore[no-untyped-call]


class Durations(Histogram):
    """A histogram of seconds, which takes many at once: for each message by itself, `observe` would cost the gateway
    more than all its other counting."""

    def observe_all(self, seconds: Iterable[float]) -> None:
        all_seconds = list(seconds)
        self._sum.inc(sum(all_seconds))
        for bucket, count in Tally(bisect_left(self._upper_bounds, each) for each in all_seconds).items():
            self._buckets[bucket].inc(count)


def _registry() -> CollectorRegistry:
    if not FOLDER:
        return REGISTRY
    registry = CollectorRegistry()
    MultiProcessCollector(registry, FOLDER)  # type: ignore[no-untyped-call]
    return registry


def exposition(*gauges: Collector) -> bytes:
    """What the container's processes have counted, and these collectors' metrics, as text."""
    own = CollectorRegistry()
    for collector in gauges:
        own.register(collector)
    return generate_latest(_registry()) + generate_latest(own)


def serve(port: int) -> None:
    """Serve what has been counted on this port, at any path, in a thread. Not before a pool is forked."""
    start_http_server(port, registry=_registry())
