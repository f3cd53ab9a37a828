"""The nightly task."""

from celery import shared_task

from administration import retention, totals
from teleq.database import limits


@shared_task
def remove_what_is_past_its_time() -> None:
    """Count the totals of past days, and then remove what is past its time.

    Where one turn was not enough it asks for another, which waits behind the worker's reminders and messages.
    """
    with limits("retention"):
        totals.add_up()
        done = retention.remove_what_is_past_its_time()
    if not done:
        remove_what_is_past_its_time.delay()
