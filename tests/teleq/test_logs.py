"""Logs hold ids: whatever an exception quotes stays out of them."""

import logging

from teleq.logs import Formatter

NUMBER = "+46701740605"


def formatted(record: logging.LogRecord) -> str:
    return Formatter("%(levelname)s %(message)s").format(record)


def an_error_that_quotes(number: str) -> tuple:
    try:
        try:
            raise ValueError(f"Key (phone_number)=({number}) already exists.")
        except ValueError as error:
            raise RuntimeError(f"could not store {number}") from error
    except RuntimeError as error:
        return type(error), error, error.__traceback__


def test_an_exception_is_told_by_its_type_and_place_and_not_by_its_words():
    record = logging.LogRecord(
        "django.request", logging.ERROR, __file__, 1, "failed", None, an_error_that_quotes(NUMBER)
    )
    line = formatted(record)
    assert NUMBER not in line
    assert "ValueError" in line
    assert "RuntimeError" in line
    assert "an_error_that_quotes" in line


def test_a_task_that_failed_is_told_without_the_words_of_its_exception():
    args = {"name": "sms.tasks.sweep", "id": "1", "exc": f"IntegrityError('{NUMBER}')", "traceback": NUMBER}
    template = "Task %(name)s[%(id)s] raised unexpected: %(exc)s %(traceback)s"
    record = logging.LogRecord("celery.app.trace", logging.ERROR, __file__, 1, template, (args,), None)
    line = formatted(record)
    assert NUMBER not in line
    assert "sms.tasks.sweep" in line
