"""Wake-ups. They own no rules: what is due, and whether it may leave, is in the database and the gateway."""

from celery import shared_task

from consent import register
from sms import gateway, receipts
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
