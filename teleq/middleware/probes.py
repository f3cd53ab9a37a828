"""The addresses that machines ask for health and metrics: before all that is for people."""

from __future__ import annotations

from collections.abc import Callable

from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse
from django.http.request import split_domain_port
from django.urls import resolve

from teleq.middleware.readable import ReadableMiddleware

PROBES = {"/healthz", "/readyz", "/status", "/metrics"}


class ProbesMiddleware:
    """Answers a probe at once: no session is read, nobody is led to HTTPS, and any Host will do that is one, since
    orchestrators and Prometheus ask a container by its bare address. The views themselves ask for a token where they
    tell something.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        self.answer = ReadableMiddleware(_answer)

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.answer(request) if request.path_info in PROBES else self.get_response(request)


def _answer(request: HttpRequest) -> HttpResponse:
    host = request.headers.get("Host")
    if host is not None and not split_domain_port(host)[0]:
        raise BadRequest("The Host is none.")
    request.resolver_match = resolve(request.path_info)
    response: HttpResponse = request.resolver_match.func(request)
    return response
