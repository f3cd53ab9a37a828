"""How gunicorn serves teleQ, in the container, in bin/run and in the tests. Source: gunicorn's own settings page.

Threads, so that a request that waits for a lock in PostgreSQL keeps only itself waiting. Each has a database connection
of its own. They don't help against clients that send or read slowly: the proxy does (docs/decisions/0020).
"""

import gc
import os
from typing import Any

from gunicorn.glogging import Logger

worker_class = "gthread"
workers = int(os.environ.get("WEB_CONCURRENCY") or 3)
threads = int(os.environ.get("WEB_THREADS") or 8)
keepalive = 0  # the proxy opens a connection for each request, and a body that was refused is not read to its end
limit_request_line = 4094  # bytes: the address
limit_request_fields = 60  # headers
limit_request_field_size = 8190  # bytes of each


def post_worker_init(worker: object) -> None:
    """Keep the product's own modules out of garbage collections, as `teleq.celery` does: one would hold up a page."""
    gc.collect()
    gc.freeze()


class ServersLog(Logger):
    """gunicorn's own lines, written as the product's are. It keeps no log of requests: the proxy does."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        from teleq.logs import FORMATTERS, Formatter, JsonFormatter  # noqa: PLC0415  once gunicorn has its search path

        text = FORMATTERS["text"]
        as_json = os.environ.get("LOG_FORMAT") == "json"
        formatter = JsonFormatter() if as_json else Formatter(text["format"], text["datefmt"], text["style"])  # type: ignore[arg-type]
        for handler in self.error_log.handlers:
            handler.setFormatter(formatter)


logger_class = ServersLog


def on_starting(server: Any) -> None:
    from teleq.version import VERSION  # noqa: PLC0415  as above

    server.log.info("teleQ %s", VERSION)
