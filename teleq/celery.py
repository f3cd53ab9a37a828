"""The Celery application. It carries wake-ups only: what is lost, the sweep finds in the database a minute later."""

import gc
import logging
import os
from typing import Any

from celery import Celery, Task
from celery.signals import beat_init, task_postrun, task_prerun, worker_before_create_process, worker_init
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.db import close_old_connections

from teleq import broker
from teleq.logs import REQUEST_ID
from teleq.version import VERSION

os.environ.setdefault("TELEQ_PROCESS", "worker")  # web and commands, which load this too, say what they are themselves
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "teleq.settings")

app = Celery("teleq")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
broker.mend()


@worker_init.connect
@beat_init.connect
def check(**_: object) -> None:
    """An error in the system checks stops the start, as it does for the web. Celery swallows other exceptions here."""
    logging.getLogger("teleq.start").info("teleQ %s", VERSION)
    try:
        call_command("check")
    except SystemCheckError as error:
        raise SystemExit(str(error)) from None


@worker_before_create_process.connect
def keep_what_stays_out_of_garbage_collections(**_: object) -> None:
    """A full collection of Django and Celery takes a process 100 to 250 ms, now and then, while an SMS waits. They stay
    as long as the process: from here on neither the worker nor its pool looks through them."""
    gc.collect()
    gc.freeze()


@task_prerun.connect
def tell_its_id_in_the_log(task_id: str, **_: object) -> None:
    REQUEST_ID.set(task_id)


@task_postrun.connect
def tell_it_no_more(**_: object) -> None:
    REQUEST_ID.set("")


@task_prerun.connect
def leave_broken_connections(task: "Task[..., Any]", **_: object) -> None:
    """Celery keeps the database connection from task to task, also one that a restarted PostgreSQL has closed."""
    if not task.request.is_eager:
        close_old_connections()
