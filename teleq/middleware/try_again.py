"""The response where the database can't be reached in time."""

from __future__ import annotations

import logging
from collections.abc import Callable

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import get_token
from django.template.loader import render_to_string

logger = logging.getLogger(__name__)


class TryAgainMiddleware:
    """503 where somebody else holds a lock for too long, or PostgreSQL can't be reached.

    Nothing typed is lost. A form saved in place stays on its page; any other stands on the page that says so, to be
    sent once more. Machines, whose views ask for no CSRF token, get the status and a Retry-After.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if not isinstance(exception, (OperationalError, InterfaceError)) or request.resolver_match is None:
            return None
        why = type(exception.__cause__ or exception).__name__
        logger.warning("%s %s is to be tried again: %s", request.method, request.resolver_match.view_name, why)
        headers = {"Retry-After": "5"}
        if getattr(request.resolver_match.func, "csrf_exempt", False) or request.headers.get("HX-Request"):
            return HttpResponse(status=503, headers=headers)
        # Not in the request's context: what it holds is read from the database.
        page = render_to_string("503.html", {**_again(request), "csrf_token": get_token(request)})
        return HttpResponse(page, status=503, headers=headers)


def _again(request: HttpRequest) -> dict[str, object]:
    """The same request as a form to send again. A form with a password is not shown: the user goes back to it."""
    typed = [(name, value) for name, values in request.POST.lists() for value in values]
    return {
        "address": request.get_full_path(),
        "posted": request.method == "POST",
        "secret": any("password" in name for name, _ in typed),
        "typed": [(name, value) for name, value in typed if name != "csrfmiddlewaretoken"],
    }
