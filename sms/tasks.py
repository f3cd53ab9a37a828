"""Wake-ups. They own no rules: what is due, and whether it may leave, is in the database and the gateway."""

import asyncio

from celery import shared_task

from sms import gateway, simulator
from sms.models import Lane


@shared_task
def deliver_manual() -> None:
    gateway.drain(Lane.MANUAL)


@shared_task
def deliver_bulk() -> None:
    gateway.drain(Lane.BULK)


@shared_task
def sweep() -> None:
    gateway.sweep()


@shared_task
def report_simulated_delivery(simulated_id: int) -> None:
    asyncio.run(simulator.report_delivery(*simulator.callback(simulated_id)))
