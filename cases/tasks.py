"""The tasks that Celery's beat starts every minute. The rules are in automatic_sms, holding and presence."""

from celery import shared_task

from cases import automatic_sms, holding, presence


@shared_task
def remind() -> None:
    automatic_sms.remind_all_due()


@shared_task
def release_left_behind() -> None:
    holding.release_left_behind()
    presence.forget_old()
