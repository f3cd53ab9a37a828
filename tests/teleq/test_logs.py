"""Logs hold ids: whatever an exception quotes stays out of them."""

import json
import logging
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest
from django.conf import settings

from teleq.logs import REQUEST_ID, Formatter, JsonFormatter
from tests.conftest import ROOT

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


def test_times_are_utc_and_say_so():
    record = logging.LogRecord("sms.views", logging.WARNING, __file__, 1, "on", None, None)
    told = settings.LOGGING["formatters"]["text"]
    line = Formatter(told["format"], told["datefmt"], told["style"]).format(record)
    for written in (line.split()[0], json.loads(JsonFormatter().format(record))["time"]):
        at = datetime.fromisoformat(written)
        assert at.utcoffset() == timedelta(0)
        assert abs(at - datetime.fromtimestamp(record.created, UTC)) < timedelta(seconds=1)


# As JSON --------------------------------------------------------------------------------------------------------------


def as_json(*arguments, message="on", error=None, level=logging.WARNING) -> dict:
    record = logging.LogRecord("sms.views", level, __file__, 1, message, arguments, error)
    line = JsonFormatter().format(record)
    assert len(line.splitlines()) == 1
    return json.loads(line)


def test_a_line_of_json_has_level_logger_message_and_the_messages_ids():
    told = as_json("kannel", 17, message="%s: circuit breaker closed, SMS %s was taken")
    assert {name: told[name] for name in ("level", "logger", "message", "sms")} == {
        "level": "WARNING",
        "logger": "sms.views",
        "message": "kannel: circuit breaker closed, SMS 17 was taken",
        "sms": [17],
    }
    assert set(as_json()) == {"time", "level", "logger", "message"}


def test_an_exception_is_one_line_of_json_without_its_words():
    told = as_json(error=an_error_that_quotes(NUMBER))
    assert "RuntimeError" in told["exception"]
    assert NUMBER not in str(told)
    task = {"name": "sms.tasks.sweep", "exc": f"IntegrityError('{NUMBER}')", "traceback": NUMBER}
    assert NUMBER not in str(as_json(task, message="Task %(name)s: %(exc)s %(traceback)s"))


@pytest.mark.parametrize("written", ["\n{}", "\x1b[2J", "\x85", "\u2028"])
def test_nobody_ends_a_line_of_json(written):
    assert written not in as_json(f"a{written}b", message="from %s")["message"]


def test_a_lines_request_is_the_one_that_is_answered():
    before = REQUEST_ID.set("5d3c-request")
    try:
        assert as_json()["request_id"] == "5d3c-request"
    finally:
        REQUEST_ID.reset(before)


@pytest.mark.parametrize(
    ("behind_proxy", "sent", "taken"),
    [
        (True, "8f14e45fceea167a5a36dedd4bea2543", True),
        (False, "8f14e45fceea167a5a36dedd4bea2543", False),
        (True, "kort", False),
        (True, "a b\tc-12345678", False),
        (True, "a" * 65, False),
    ],
)
def test_the_proxys_request_id_is_taken_and_no_clients(behind_proxy, sent, taken, client, settings):
    settings.BEHIND_PROXY = behind_proxy
    told = client.get("/healthz", headers={"X-Request-ID": sent})["X-Request-ID"]
    assert (told == sent) is taken
    assert len(told) >= 8
    assert REQUEST_ID.get() == ""


@pytest.mark.parametrize(("log_format", "starts"), [("json", True), ("text", True), ("xml", False)])
def test_the_format_is_chosen_by_the_environment(log_format, starts):
    program = "import teleq.settings, logging.config; logging.config.dictConfig(teleq.settings.LOGGING);"
    program += "logging.getLogger('sms').error('hej')"
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env=os.environ | {"LOG_FORMAT": log_format},
        check=False,
        capture_output=True,
        encoding="utf-8",
    )
    assert (done.returncode == 0) is starts
    if log_format == "json":
        assert json.loads(done.stderr)["message"] == "hej"
    if not starts:
        assert "LOG_FORMAT is 'xml'; it must be one of: text, json." in done.stderr


def test_static_files_have_the_pages_security_policy(client):
    assert (
        client.get("/static/js/teleq.js")["Content-Security-Policy"] == client.get("/login/")["Content-Security-Policy"]
    )
