"""Signs of life: each worker and beat leaves one in the database as it starts and each 20 seconds (`Sign`).

By a thread of their own: it goes on while Celery tries to reach a broker that is gone. So a sweep that is late tells of
beat, broker or worker, and these tell which. When one of the tasks that beat asks for is done, that is noted too.
"""

from __future__ import annotations

import atexit
import logging
import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

from celery import bootsteps, current_app
from celery.signals import beat_init, task_success
from django.conf import settings
from django.db import Error, connection
from django.db.models.functions import Now

from administration.models import Sign
from teleq import metrics
from teleq.version import VERSION

logger = logging.getLogger(__name__)

EVERY = timedelta(seconds=20)
FRESH = timedelta(seconds=90)
"""A process whose latest sign is older is taken for gone: it has missed four."""
FORGOTTEN_AFTER = timedelta(days=1)
"""One that was ended without a word is told of for so long. Containers that are made anew have other names."""
BEAT = "beat"
"""There is one."""


def leave(kind: Sign.Kind, name: str, queues: str = "", *, begins: bool = False) -> None:
    """Write the sign, by PostgreSQL's clock; `begins`: the process has just started."""
    columns = ["at", "queues", "version", *(["began_at"] if begins else [])]
    Sign.objects.bulk_create(
        [Sign(kind=kind, name=name, queues=queues, version=VERSION)],  # the times are PostgreSQL's
        update_conflicts=True,
        unique_fields=["kind", "name"],
        update_fields=columns,
    )


def forget_those_gone() -> None:
    Sign.objects.exclude(kind=Sign.Kind.TASK).filter(at__lt=Now() - FORGOTTEN_AFTER).delete()


class Heartbeat:
    """The thread that leaves a process' signs, until it is stopped.

    Its connection is closed after each: a pool that is forked later inherits none, and one that was cut is no matter.
    """

    def __init__(self, kind: Sign.Kind, name: str, queues: str = "") -> None:
        self.kind, self.name, self.queues = kind, name, queues
        self._ended = threading.Event()
        self._told_of_failure = False
        self._thread = threading.Thread(target=self._go_on, name="heartbeat", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """An orderly end: nobody is to look for the process."""
        self._ended.set()
        self._thread.join(timeout=10)
        try:
            Sign.objects.filter(kind=self.kind, name=self.name).delete()
        except Error:
            logger.warning("The sign of life of %s could not be taken away", self.name)
        finally:
            connection.close()

    def _go_on(self) -> None:
        begins = True
        while True:
            if self._leave(begins):
                begins = False
            if self._ended.wait(EVERY.total_seconds()):
                return

    def _leave(self, begins: bool) -> bool:
        try:
            leave(self.kind, self.name, self.queues, begins=begins)
            forget_those_gone()
        except Error as error:
            if not self._told_of_failure:  # once, and not each time while the database is away
                logger.warning("No sign of life can be left: %s", type(error.__cause__ or error).__name__)
            self._told_of_failure = True
            return False
        finally:
            connection.close()
        self._told_of_failure = False
        if settings.SIGN_FILE:
            Path(settings.SIGN_FILE).touch()
        return True


class WorkerHeartbeat(bootsteps.StartStopStep):
    """A part of each worker: its heartbeat, and its metrics if it has a port for them. Begun when its pool is forked,
    and before it has reached the broker."""

    requires = ("celery.worker.components:Pool",)

    def __init__(self, worker: Any, **_: object) -> None:
        self.heartbeat: Heartbeat | None = None

    def start(self, worker: Any) -> None:
        queues = ",".join(sorted(worker.app.amqp.queues.consume_from))
        self.heartbeat = Heartbeat(Sign.Kind.WORKER, worker.hostname, queues)
        self.heartbeat.start()
        if settings.METRICS_PORT:
            metrics.serve(settings.METRICS_PORT)

    def stop(self, worker: Any) -> None:
        if self.heartbeat:
            self.heartbeat.stop()

    def terminate(self, worker: Any) -> None:
        self.stop(worker)


def _of_beat(**_: object) -> None:
    heartbeat = Heartbeat(Sign.Kind.BEAT, BEAT)
    heartbeat.start()
    atexit.register(heartbeat.stop)


def _of_task(sender: Any, **_: object) -> None:
    scheduled = {entry["task"] for entry in settings.CELERY_BEAT_SCHEDULE.values()}
    if sender.name in scheduled and not sender.request.is_eager:
        leave(Sign.Kind.TASK, sender.name)


def connect() -> None:
    """Let Celery's workers and beat leave their signs. Called once, when the apps are ready."""
    current_app.steps["worker"].add(WorkerHeartbeat)
    beat_init.connect(_of_beat, weak=False)
    task_success.connect(_of_task, weak=False)
