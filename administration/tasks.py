"""The nightly task."""

from celery import shared_task

from access import access_log
from administration import retention, totals
from teleq.database import limits


@shared_task
def remove_what_is_past_its_time() -> None:
    """Make the access log's coming months, count the totals of past days, and then remove what is past its time.

    Where one turn was not enough it asks for another, which waits behind the worker's reminders and messages.
    """
    with limits("retention"):
        access_log.see_to_months()
        totals.add_up()
        done = retention.remove_what_is_past_its_time()
    if not done:
        remove_what_is_past_its_time.delay()
