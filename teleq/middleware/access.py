"""Every page asks for a login, and is kept by no browser or proxy."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.utils.cache import add_never_cache_headers
from django.utils.translation import gettext_noop

from teleq.middleware.shown_to import not_saved, written

ENDED = gettext_noop("Du är utloggad.")


KEPT_FOR_EVER = "public, max-age=31536000, immutable"
"""Cache-Control of what is the same for everybody, at an address that is a digest of it."""


class NoStoreMiddleware:
    """Pages show patients' data: no browser or proxy may keep them. All else says itself that it may be kept."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if response.get("Cache-Control") != KEPT_FOR_EVER:
            add_never_cache_headers(response)
        return response


class LoginMiddleware(LoginRequiredMiddleware):
    """Every view asks for a login unless it says otherwise.

    A form saved in place after the session ended gets 401 and not the login page: the page stays, with what was typed.
    Without scripts what was written is shown, to be copied (`session_has_ended` is `access.middleware`'s).
    """

    def handle_no_permission(  # type: ignore[override]  # the stubs allow for a redirection only
        self, request: HttpRequest, view_func: Callable[..., HttpResponseBase]
    ) -> HttpResponse:
        if request.headers.get("HX-Request"):
            return HttpResponse(status=401)
        if getattr(request, "session_has_ended", False) and written(request):
            return not_saved(request, ENDED, 401)
        if request.method not in ("GET", "HEAD"):  # an address to post to is nowhere to come back to
            return redirect(self.get_login_url(view_func))
        return super().handle_no_permission(request, view_func)
