"""A form belongs to whoever it was shown to."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

SHOWN_TO_ANOTHER = gettext_noop("Sidan visades för någon annan. Nu är {user} inloggad här. Ingenting sparades.")
SHOWN_BEFORE = gettext_noop("Någon har loggat in sedan sidan visades. Nu är {user} inloggad här. Ingenting sparades.")
WRITTEN = (
    *("name", "reason", "interpreter_language", "speak_with", "text", "note_text"),
    *("confirmation_text", "reminder_text"),
)
"""Fields whose text somebody may have spent time on."""


class ShownToMiddleware:
    """A form is saved for whoever it was shown to: not for who has signed in since, in another tab.

    Signing in gives the browser a new CSRF token, so that a page from before can't be posted (see `csrf_failure`). But
    what is saved in place takes the new token, so that whoever signs in again may go on: it says whom it was shown to.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        in_place = request.method == "POST" and request.headers.get("HX-Request")
        if in_place and request.user.is_authenticated and request.headers.get("X-Shown-To") != str(request.user.pk):
            response = not_saved(request, SHOWN_TO_ANOTHER)
            response["HX-Reswap"] = "none"  # only the message: what was typed stays where it is
            return response
        return self.get_response(request)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """A form from before the last login is not saved. What was written in it is shown, unless another site sent it."""
    from_before = request.user.is_authenticated and reason.endswith("incorrect.")
    if from_before and request.headers.get("Origin"):  # which Django has looked at before the token
        return not_saved(request, SHOWN_BEFORE)
    return render(request, "403_csrf.html", status=403)


def not_saved(request: HttpRequest, reason: str, status: int = 409) -> HttpResponse:
    """The reason, and what was written, to copy it from there."""
    messages.error(request, _(reason).format(user=request.user))
    return render(request, "teleq/not_saved.html", {"typed": written(request)}, status=status)


def written(request: HttpRequest) -> list[str]:
    return [text for name in WRITTEN for text in request.POST.getlist(name) if text.strip()]
