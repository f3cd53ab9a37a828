"""46elks on loopback, with the list that its documentation describes: docs/sms-history, docs/send-sms.

What was sent is listed without its text, as it is sent with `dontlog=message`. A page is short, so that there are some.
"""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

PAGE = 3
LATE = "9999"


class ElksServer(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.rows: list[dict[str, Any]] = []
        """The oldest first."""
        self.turned_away = 0
        """How many more requests for a list are answered with 429."""
        self.down = False
        """Whether no list is given at all."""
        self.pages = 0
        self._lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/a1/sms"

    def add(self, direction: str, sender: str, to: str, **more: str) -> dict[str, Any]:
        with self._lock:
            at = datetime.now(UTC).replace(tzinfo=None).isoformat(timespec="microseconds")
            row = {"id": f"s{len(self.rows):032x}", "created": at, "direction": direction, "from": sender, "to": to}
            self.rows.append(row | more)
            return self.rows[-1]

    def sent_to(self) -> Counter[str]:
        """How many SMS were sent to each number."""
        return Counter(row["to"] for row in self.rows if row["direction"] == "outgoing")

    def deliver_all(self) -> None:
        for row in self.rows:
            if row["direction"] == "outgoing":
                row["status"] = "delivered"

    def page(self, asked: dict[str, str]) -> dict[str, Any]:
        self.pages += 1
        latest, earliest = asked.get("start", LATE), asked.get("end", "")
        rows = [row for row in reversed(self.rows) if earliest < row["created"] < latest]
        size = min(PAGE, int(asked.get("limit", PAGE)))
        body: dict[str, Any] = {"data": rows[:size]}
        return body | {"next": rows[size - 1]["created"]} if len(rows) > size else body


class _Handler(BaseHTTPRequestHandler):
    server: ElksServer
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        assert form["dontlog"] == ["message"]
        row = self.server.add("outgoing", form["from"][0], form["to"][0], status="created")
        self._answer(200, row)

    def do_GET(self) -> None:
        asked = {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}
        if self.server.down:
            self._answer(404, {})
        elif self.server.turned_away:
            self.server.turned_away -= 1
            self._answer(429, {})
        else:
            self._answer(200, self.server.page(asked))

    def _answer(self, status: int, body: object) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Quiet."""


@contextmanager
def elks_on_loopback() -> Iterator[ElksServer]:
    server = ElksServer()
    threading.Thread(target=server.serve_forever, args=[0.02], daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
