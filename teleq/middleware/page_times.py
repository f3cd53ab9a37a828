"""How long pages take and what they answer, by view. Neither addresses nor who asks are told: an address may be of a
patient's case."""

from __future__ import annotations

import time
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from prometheus_client import Counter

from teleq.metrics import Durations

ELSE = "none"
"""The view of what has none: static files, addresses that don't exist."""

PAGE_SECONDS = Durations(
    "teleq_page_seconds",
    "Seconds that a request took, by view; the polls of open pages are views like the others.",
    ["view"],
    buckets=[0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10],
)
RESPONSES = Counter("teleq_responses_total", "Responses, by view and HTTP status.", ["view", "status"])


class PageTimesMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        began = time.perf_counter()
        response = self.get_response(request)
        view = request.resolver_match.view_name if request.resolver_match else ELSE
        PAGE_SECONDS.labels(view).observe(time.perf_counter() - began)
        RESPONSES.labels(view, response.status_code).inc()
        return response
