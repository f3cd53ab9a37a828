"""The session of whoever is signed in: how long it has left, "Fortsätt", and one's own sessions elsewhere."""

from __future__ import annotations

from allauth.account.adapter import get_adapter
from allauth.account.internal.flows.reauthentication import raise_if_reauthentication_required
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from access import sessions
from access.sessions import signed_out
from teleq.typed import SignedInRequest


@sessions.no_activity
@require_GET
def status(request: HttpRequest) -> HttpResponse:
    """How long the session has left, for the page that shows it; asked for by the page itself.

    A warning that is shown already stays as it is: a screen reader would read it out again.
    """
    told = sessions.told(request)
    if told["warned"] and "warned" in request.GET:
        return HttpResponse(status=204)
    return render(request, "access/_session.html", told)


@require_POST
def stay(request: HttpRequest) -> HttpResponse:
    """ "Fortsätt"."""
    sessions.note_activity(request, at_once=True)
    if not request.headers.get("HX-Request"):
        return redirect("cases:work_list")
    return render(request, "access/_session.html", sessions.told(request))


@require_POST
def sign_out_session(request: SignedInRequest, name: str) -> HttpResponse:
    """One of one's own, in another browser."""
    if name == sessions.name_of(request.session.session_key or ""):
        get_adapter().logout(request)
        return signed_out()
    raise_if_reauthentication_required(request, app="access")
    if sessions.sign_out(request.user, name):
        messages.success(request, _("Du är utloggad där."))
    else:
        messages.info(request, _("Inget ändrades: där är du inte inloggad längre."))
    return redirect("mfa_index")


@require_POST
def sign_out_everywhere(request: SignedInRequest) -> HttpResponse:
    raise_if_reauthentication_required(request, app="access")
    sessions.sign_out_everywhere(request.user)
    request.session.flush()
    return signed_out()
