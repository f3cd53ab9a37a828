"""What beat asks for each night."""

from celery import shared_task

from administration import retention, totals
from teleq.database import limits


@shared_task
def remove_what_is_past_its_time() -> None:
    """Goes on in another turn if there is more: the worker has reminders and messages to see to as well.

    The totals first, while what they count is there.
    """
    with limits("retention"):
        totals.add_up()
        done = retention.remove_what_is_past_its_time()
    if not done:
        remove_what_is_past_its_time.delay()
