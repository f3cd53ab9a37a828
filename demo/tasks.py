"""The simulator's own work: it reports delivery, and tells what patients answer."""

from celery import shared_task

from demo import simulator


@shared_task
def report_simulated_delivery(simulated_id: int) -> None:
    simulator.report_delivery(simulated_id)


@shared_task
def report_simulated_answer(simulated_id: int, text: str) -> None:
    simulator.report_answer(simulated_id, text)
