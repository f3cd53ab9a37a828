"""Every queue that a task can come into has a worker, beat asks for tasks that there are, and garbage is soon found."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from django.conf import settings

from local.supervisor import WORKERS
from teleq.celery import app

ROOT = Path(__file__).resolve().parents[2]


def queue_of(task: str, **options: object) -> str:
    return app.amqp.router.route(options, task)["queue"].name


def used() -> set[str]:
    """By our tasks, by what the settings say and by beat."""
    ours = {queue_of(task) for task in tasks()}
    scheduled = {
        queue_of(entry["task"], **entry.get("options", {})) for entry in settings.CELERY_BEAT_SCHEDULE.values()
    }
    routed = {route["queue"] for route in settings.CELERY_TASK_ROUTES.values()}
    return {settings.CELERY_TASK_DEFAULT_QUEUE} | ours | scheduled | routed


def tasks() -> set[str]:
    app.loader.import_default_modules()
    return {name for name in app.tasks if not name.startswith("celery.")}


def composed() -> list[list[str]]:
    """The commands that docker-compose.yml starts Celery with."""
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"].values()
    return [service["command"] for service in services if "celery" in service.get("command", [])]


STARTED = {
    "bin/run": list(WORKERS.values()),
    "docker-compose.yml": [command[command.index("-Q") + 1] for command in composed() if "worker" in command],
}


@pytest.mark.parametrize("by", STARTED)
def test_every_queue_has_a_worker(by):
    consumed = {queue for queues in STARTED[by] for queue in queues.split(",")}
    assert used() == consumed


@pytest.mark.parametrize("by", STARTED)
def test_nobodys_sms_waits_behind_what_leaves_by_itself(by):
    assert "manual" in STARTED[by]  # a worker with nothing else to do


def test_one_beat_is_started():
    assert len([command for command in composed() if "beat" in command]) == 1


def test_beat_and_routes_name_tasks_that_there_are():
    scheduled = {entry["task"] for entry in settings.CELERY_BEAT_SCHEDULE.values()}
    assert scheduled == {
        *("cases.tasks.remind", "cases.tasks.release_left_behind", "sms.tasks.sweep"),
        *("administration.tasks.remove_what_is_past_its_time", "administration.tasks.write_reserve_lists"),
        "telephony.tasks.close_silent_calls",
    }
    assert scheduled | set(settings.CELERY_TASK_ROUTES) <= tasks()


def test_what_beat_asks_for_is_asked_each_minute_quarter_or_night_and_never_expires():
    """Whether it has, would be told by the clocks of two machines."""
    for name, entry in settings.CELERY_BEAT_SCHEDULE.items():
        assert "options" not in entry
        assert name in ("retention", "reserve") or entry["schedule"] <= 60


BEFORE_A_PROCESS_IS_FORKED = """
import gc, django
django.setup()
from celery.signals import worker_before_create_process
from teleq.celery import app
worker_before_create_process.send(app)
print(len(gc.get_objects()), gc.get_freeze_count())
"""


def test_what_stays_is_not_looked_through_for_garbage_while_an_sms_waits():
    python = [sys.executable, "-c", BEFORE_A_PROCESS_IS_FORKED]
    output = subprocess.run(python, check=True, cwd=ROOT, capture_output=True, text=True).stdout
    looked_through, kept_out = map(int, output.split())
    assert looked_through < kept_out / 10
