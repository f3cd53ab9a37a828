"""Sessions end in time, and nobody gets in with a password alone where a second factor is required."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from access import sessions
from access.second_factor import has_second_factor, is_strongly_signed_in
from teleq.models import User

OPEN_BEFORE = {"account_logout", "mfa_index", "mfa_activate_totp", "mfa_add_webauthn", "account_reauthenticate"}
"""The addresses for those who are signed in that somebody reaches who has shown a password only: where a second factor
is added."""


class SessionEndMiddleware:
    """A session whose time is over ends before anything is done for it; what its owner does gives it longer.

    Asked of the session, which is read anyhow. Whoever asks with one that has ended is nobody: the login follows.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.user.is_authenticated and sessions.has_ended(request):
            sessions.end(request)
            request.session_has_ended = True  # type: ignore[attr-defined]  # for `LoginMiddleware`
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view: Callable[..., HttpResponse], args: Any, kwargs: Any) -> None:
        if request.user.is_authenticated and sessions.is_activity(view):
            sessions.note_activity(request)


class SecondFactorMiddleware:
    """Whoever has shown a password only is led to where they add a second factor, whatever they ask for.

    Whoever has one by now, and has not shown it, signs in anew: the session is from before it was added, and might be
    somebody else's who knew the password. Asked of every address, and of the session only: no query for those who have
    shown it. Addresses that need no login (a provider's, a telephone system's) ask for something else.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Callable[..., HttpResponse], args: Any, kwargs: Any
    ) -> HttpResponse | None:
        if not settings.SECOND_FACTOR_REQUIRED or not getattr(view, "login_required", True):
            return None
        if not isinstance(request.user, User) or is_strongly_signed_in(request):
            return None
        if has_second_factor(request.user):
            logout(request)
            led_to = "account_login"
        elif request.resolver_match is not None and request.resolver_match.view_name in OPEN_BEFORE:
            return None
        else:
            led_to = "mfa_index"
        return HttpResponse(status=401) if request.headers.get("HX-Request") else redirect(led_to)
