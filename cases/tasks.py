"""The task that Celery's beat starts every minute. The rules are in `cases.automatic_sms`."""

from celery import shared_task

from cases import automatic_sms


@shared_task
def remind() -> None:
    automatic_sms.remind_all_due()
