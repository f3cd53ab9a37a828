"""The stand-in: what keeps messages leaving while the broker or beat is away, or the broker is full.

Each worker looks in the database every `LOOK_EVERY`, by a thread of its own that goes on while Celery tries to reach a
broker that is gone. What it finds undone of its own queues' tasks is done by a process that it starts (`run_tasks`).
So several look at once, and so may beat and the broker be back in the middle: claims pass over each other's messages
(SKIP LOCKED), and the other tasks find nothing left to do.
"""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
from collections.abc import Collection
from datetime import timedelta
from typing import Any

from celery import bootsteps, current_app
from django.conf import settings
from django.db import Error, connection
from django.db.models.functions import Now

from administration.health import parts
from administration.health.signs import leave
from administration.models import Sign
from sms.gateway import DELIVER, is_any_due

logger = logging.getLogger(__name__)

OVERDUE_AFTER = 3
"""So many looks since a task was last carried out: beat asks for it each minute, and a look is half a minute."""


def undone(queues: Collection[str]) -> list[str]:
    """The tasks of these queues that neither beat nor the broker has had done, by PostgreSQL's clock. Messages that
    wait while the broker takes wake-ups are its workers' own: there are only more of them than the providers take."""
    overdue = [name for name in _each_minutes(queues) if not _was_done_lately(name)]
    due = [name for lane, name in DELIVER.items() if _queue_of(name) in queues and is_any_due(lane)]
    return overdue + (due if due and parts.broker().problem else [])


def run(names: Collection[str]) -> None:
    """Carry the tasks out, in this process. One that fails doesn't hold up the others."""
    current_app.loader.import_default_modules()
    scheduled = _each_minutes()
    for name in names:
        try:
            current_app.tasks[name]()
        except Exception:
            logger.exception("%s could not be carried out without the broker", name)
        else:
            if name in scheduled:
                leave(Sign.Kind.TASK, name)


def _each_minutes(queues: Collection[str] | None = None) -> list[str]:
    """The tasks that beat asks for each minute; those of these queues."""
    scheduled = settings.CELERY_BEAT_SCHEDULE.values()
    names = [str(entry["task"]) for entry in scheduled if isinstance(entry["schedule"], float)]
    return [name for name in names if queues is None or _queue_of(name) in queues]


def _queue_of(name: str) -> str:
    return str(settings.CELERY_TASK_ROUTES.get(name, {}).get("queue", settings.CELERY_TASK_DEFAULT_QUEUE))


def _was_done_lately(name: str) -> bool:
    since = Now() - OVERDUE_AFTER * settings.LOOK_EVERY
    return Sign.objects.filter(kind=Sign.Kind.TASK, name=name, at__gte=since).exists()


class StandIn(bootsteps.StartStopStep):
    """A part of each worker whose queues have something to look for. Begun before it has reached the broker.

    The tasks are run by a process that shares nothing with this one: the pool is forked again when a child has died,
    and a child must inherit neither connections to the database nor messages half sent to a provider.
    """

    requires = ("celery.worker.components:Pool",)

    def __init__(self, worker: Any, **_: object) -> None:
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self, worker: Any) -> None:
        queues = set(worker.app.amqp.queues.consume_from)
        if _each_minutes(queues) or any(_queue_of(name) in queues for name in DELIVER.values()):
            self._thread = threading.Thread(target=self._go_on, args=(queues,), name="stand-in", daemon=True)
            self._thread.start()

    def stop(self, worker: Any) -> None:
        """What is under way is ended first: a message half sent would become unknown."""
        self._ended.set()
        if self._thread:
            self._thread.join(timeout=timedelta(minutes=1).total_seconds())

    def terminate(self, worker: Any) -> None:
        self._ended.set()

    def _go_on(self, queues: Collection[str]) -> None:
        while not self._ended.wait(settings.LOOK_EVERY.total_seconds()):
            try:
                names = undone(queues)
            except Error as error:  # each worker's signs tell of a database that is away
                logger.debug("Nothing can be looked for: %s", type(error).__name__)
                continue
            finally:
                connection.close()
            if names:
                logger.warning("Done without beat or broker: %s", ", ".join(names))
                self._run(names)

    def _run(self, names: Collection[str]) -> None:
        command = [sys.executable, "-m", "django", "run_tasks", *names]
        try:
            subprocess.run(command, cwd=settings.BASE_DIR, check=False)  # noqa: S603  the tasks' own names
        except OSError:
            logger.exception("No process could be started")


def connect() -> None:
    """Let Celery's workers look by themselves. Called once, when the apps are ready."""
    current_app.steps["worker"].add(StandIn)
