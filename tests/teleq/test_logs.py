"""Logs hold ids: whatever an exception quotes stays out of them."""

import logging
from datetime import datetime

import pytest
from django.conf import settings

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


@pytest.mark.parametrize("written", ["\n2026-11-26 ERROR all is well", "\r\n", "\x1b[2J", "\x85", "\u2028"])
def test_nobody_begins_a_line_of_their_own_by_way_of_what_is_logged(written):
    record = logging.LogRecord("sms.views", logging.WARNING, __file__, 1, "from %s", (f"a{written}b",), None)
    line = formatted(record)
    assert len(line.splitlines()) == 1
    assert not set(written) & set(line) & {"\n", "\r", "\x1b", "\x85", "\u2028"}


def test_each_line_tells_how_far_its_time_is_from_utc():
    record = logging.LogRecord("sms.views", logging.WARNING, __file__, 1, "on", None, None)
    told = settings.LOGGING["formatters"]["line"]
    line = Formatter(told["format"], told["datefmt"], told["style"]).format(record)
    assert datetime.fromisoformat(line.split()[0]).utcoffset() is not None


def test_static_files_have_the_pages_security_policy(client):
    assert (
        client.get("/static/js/teleq.js")["Content-Security-Policy"] == client.get("/login/")["Content-Security-Policy"]
    )
