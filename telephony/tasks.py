"""Celery's tasks. They take no arguments and have no rules."""

from celery import shared_task

from telephony import calls


@shared_task
def close_silent_calls() -> None:
    calls.close_silent()
