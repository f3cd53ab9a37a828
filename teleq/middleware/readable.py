"""A request that can't be read is answered with 400."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from django.conf import settings
from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string

UNREADABLE = "Anropet går inte att läsa. Ingenting sparades."
FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")


class ReadableMiddleware:
    """What can't be read is answered with 400, and no view is asked.

    That is a form that is cut off, or a NUL, which PostgreSQL has no place for. A NUL in what an SMS provider tells is
    for `sms` to drop: it may stand in a patient's STOPP.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        self.told_by_providers = re.compile(settings.TOLD_BY_PROVIDERS)

    def __call__(self, request: HttpRequest) -> HttpResponse:
        try:
            texts = [*self._around(request), *self._said(request)]
        except (ValueError, OSError) as error:
            raise BadRequest("The request can't be read.") from error
        if any("\x00" in text for text in texts):
            raise BadRequest("The request has a NUL in it.")
        return self.get_response(request)

    def _around(self, request: HttpRequest) -> Iterator[str]:
        """The path, the headers, and the cookies as they are read: one may be written with escapes."""
        yield request.path_info
        yield from (value for value in request.META.values() if isinstance(value, str))
        yield from request.COOKIES.values()

    def _said(self, request: HttpRequest) -> Iterator[str]:
        """The query and the form. A body of any other kind is its view's to read."""
        if request.content_type in FORMS:
            request.body  # noqa: B018  first: a form read from the wire leaves no JSON for the API to read
        said = [text for data in (request.GET, request.POST) for pair in data.lists() for text in (pair[0], *pair[1])]
        if not self.told_by_providers.match(request.path_info.lstrip("/")):
            yield from said


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's handler400. A browser gets a page, a machine JSON. Neither is told what could not be read, and the page
    needs nothing of the request: not even who is signed in can be read from it."""
    if "text/html" in request.META.get("HTTP_ACCEPT", ""):
        return HttpResponse(render_to_string("400.html", {"reason": UNREADABLE}), status=400)
    return JsonResponse({"detail": UNREADABLE}, status=400)
