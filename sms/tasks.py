"""Celery's tasks. They take no arguments and have no rules: which messages are due stands in the database."""

from celery import shared_task

from consent import register
from sms import brake, gateway, receipts
from sms.models import Lane


@shared_task
def deliver_manual() -> None:
    gateway.drain(Lane.MANUAL)


@shared_task
def deliver_bulk() -> None:
    gateway.drain(Lane.BULK)


@shared_task
def sweep() -> None:
    brake.hold_if_copy()
    register.carry_out_withdrawals()
    gateway.sweep()
    receipts.settle_unreported()
