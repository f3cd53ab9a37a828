"""Wake-ups. They own no rules: what is due, and whether it may leave, is in the database and the gateway."""

from celery import shared_task

from consent import register
from sms import gateway, receipts, simulator
from sms.models import Lane


@shared_task
def deliver_manual() -> None:
    gateway.drain(Lane.MANUAL)


@shared_task
def deliver_bulk() -> None:
    gateway.drain(Lane.BULK)


@shared_task
def sweep() -> None:
    register.carry_out_withdrawals()
    gateway.sweep()
    receipts.give_up_waiting()


@shared_task
def report_simulated_delivery(simulated_id: int) -> None:
    simulator.report_delivery(simulated_id)


@shared_task
def report_simulated_answer(simulated_id: int, text: str) -> None:
    simulator.report_answer(simulated_id, text)
