"""Each request has an id: in its log lines, in its response, and in the proxy's log."""

from __future__ import annotations

import re
from collections.abc import Callable
from uuid import uuid4

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from teleq.logs import REQUEST_ID

PLAIN = re.compile(r"[A-Za-z0-9-]{8,64}")


class RequestIdMiddleware:
    """The proxy's id (`X-Request-ID`), or one made here: a client's own is not taken."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        given = request.headers.get("X-Request-ID", "") if settings.BEHIND_PROXY else ""
        request_id = given if PLAIN.fullmatch(given) else uuid4().hex
        before = REQUEST_ID.set(request_id)
        try:
            response = self.get_response(request)
        finally:
            REQUEST_ID.reset(before)
        response["X-Request-ID"] = request_id
        return response
