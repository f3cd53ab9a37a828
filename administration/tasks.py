"""The nightly task, and that of each quarter of an hour."""

from celery import shared_task

from access import access_log
from administration import reserve, retention, totals
from administration.statistics import callback_days


@shared_task
def remove_what_is_past_its_time() -> None:
    """Make the access log's coming months, count what past days had, and then remove what is past its time.

    Its worker signs in to the database by a role of its own. Where one turn was not enough it asks for another.
    """
    access_log.see_to_months()
    totals.add_up()
    callback_days.add_up()
    if not retention.remove_what_is_past_its_time():
        remove_what_is_past_its_time.delay()


@shared_task
def write_reserve_lists() -> None:
    """By a worker of its own. Run again at once it does nothing."""
    reserve.write_lists()
