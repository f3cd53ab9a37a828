"""A request that can't be read gets 400, one that is too large 413."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from django.core.exceptions import BadRequest, RequestDataTooBig, TooManyFieldsSent, TooManyFilesSent
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from teleq import uploads

UNREADABLE = gettext_noop("Anropet går inte att läsa. Ingenting sparades.")
TOO_LARGE = gettext_noop(
    "Det som skickades är för stort eller innehåller en fil. Ingenting sparades. Korta texten eller välj en mindre fil."
)
NUL = "\x00"
FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")


class ReadableMiddleware:
    """What can't be read gets 400: a form that is cut off, or a NUL, which PostgreSQL has no place for.

    A NUL in a path, a header or a cookie is nothing that anybody typed. In a query or a form it may be: a view that
    knows what to do with it (say so at the field, or drop it from a patient's STOPP) does that.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        try:
            if request.content_type in FORMS and not uploads.is_taken(request):
                request.body  # noqa: B018  first: a form read from the wire leaves no JSON for the API to read
            list(_said(request))
        except (ValueError, OSError) as error:
            raise BadRequest("The request can't be read.") from error
        if any(NUL in text for text in _around(request)):
            raise BadRequest("The request has a NUL in it.")
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> None:
        if isinstance(error, ValueError) and any(NUL in text for text in _said(request)):
            raise BadRequest("The request has a NUL in it.") from error


def _around(request: HttpRequest) -> Iterator[str]:
    """The path, the headers, and the cookies as they are read: one may be written with escapes."""
    yield request.path_info
    yield from (value for value in request.META.values() if isinstance(value, str))
    yield from request.COOKIES.values()


def _said(request: HttpRequest) -> Iterator[str]:
    """The query and the form, names and values."""
    for data in (request.GET, request.POST):
        for name, values in data.lists():
            yield from (name, *values)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's handler400, which also gets what is larger than the settings allow: that is 413.

    A browser gets a page, a machine JSON. Neither is told what could not be read, and the page needs nothing of the
    request: not even who is signed in can be read from it.
    """
    large = isinstance(exception, (RequestDataTooBig, TooManyFieldsSent, TooManyFilesSent))
    status, title, reason = (
        (413, _("För stort"), _(TOO_LARGE)) if large else (400, _("Det gick inte att läsa"), _(UNREADABLE))
    )
    if "text/html" in request.META.get("HTTP_ACCEPT", ""):
        return HttpResponse(render_to_string("400.html", {"title": title, "reason": reason}), status=status)
    return JsonResponse({"detail": reason}, status=status)
