"""Log lines without personal data: of an exception they have the type and the place, and never the message.

PostgreSQL quotes the offending row in its errors, phone number included, and others quote what they could not parse.
Times are UTC. A line as text is for a terminal, one as JSON (LOG_FORMAT=json) for whatever gathers containers' logs.
"""

from __future__ import annotations

import json
import logging
import re
import time
import traceback
from contextvars import ContextVar
from datetime import UTC, datetime
from types import TracebackType

REQUEST_ID: ContextVar[str] = ContextVar("request_id", default="")
"""The request that is being answered, or the task that is being carried out."""
OF_MESSAGE = re.compile(r"\bSMS (\d+)")
"""How lines name a text message."""

_ESCAPED = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160), 0x2028, 0x2029)}
"""Control characters, and what else begins a line."""

ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]


class Formatter(logging.Formatter):
    converter = staticmethod(time.gmtime)

    def format(self, record: logging.LogRecord) -> str:
        _leave_out_the_exceptions_words(record)
        return super().format(record)

    def formatMessage(self, record: logging.LogRecord) -> str:
        """On one line, whatever stands in it: nobody writes a line of their own by way of what is logged."""
        return super().formatMessage(record).translate(_ESCAPED)

    def formatException(self, ei: ExcInfo) -> str:
        error, told = ei[1], []
        while error:
            told.append("".join(traceback.format_tb(error.__traceback__)) + type(error).__qualname__)
            error = error.__cause__ or error.__context__
        return "\n\nwhich came while handling the above:\n\n".join(reversed(told))


class JsonFormatter(Formatter):
    """A JSON object on a line. `request_id` and `sms` (ids of text messages) where there are any."""

    def format(self, record: logging.LogRecord) -> str:
        _leave_out_the_exceptions_words(record)
        message = record.getMessage().translate(_ESCAPED)
        told: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": message,
        }
        if request_id := REQUEST_ID.get():
            told["request_id"] = request_id
        if messages := OF_MESSAGE.findall(message):
            told["sms"] = [int(each) for each in messages]
        if record.exc_info:
            told["exception"] = self.formatException(record.exc_info)
        return json.dumps(told, ensure_ascii=False)


def _leave_out_the_exceptions_words(record: logging.LogRecord) -> None:
    if isinstance(record.args, dict) and "exc" in record.args:  # how Celery reports a task that failed
        record.args = {**record.args, "exc": "an exception", "traceback": ""}


FORMATTERS = {
    "text": {
        "()": "teleq.logs.Formatter",
        "format": "{asctime} {levelname} {name} {message}",
        "style": "{",
        "datefmt": "%Y-%m-%dT%H:%M:%S%z",
    },
    "json": {"()": "teleq.logs.JsonFormatter"},
}
"""What LOG_FORMAT says, in the words of `logging.config`."""
