"""Log lines without personal data: of an exception they have the type and the place, and never the message.

PostgreSQL quotes the offending row in its errors, phone number included, and others quote what they could not parse.
"""

import logging
import traceback
from types import TracebackType

_ESCAPED = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160), 0x2028, 0x2029)}
"""Control characters, and what else begins a line."""

ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]


class Formatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        if isinstance(record.args, dict) and "exc" in record.args:  # how Celery reports a task that failed
            record.args = {**record.args, "exc": "an exception", "traceback": ""}
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
