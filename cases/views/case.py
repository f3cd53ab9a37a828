"""The case view, and what the views of its forms share.

Every act is a plain form that is posted. The response is a redirect to the case, or the whole page where something was
wrong (422) or has changed meanwhile (409). htmx posts the same forms and picks its part of the response.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from access.access_log import Act
from access.sessions import no_activity
from cases import case_page, looks, presence
from cases.live import version
from cases.models import Case
from teleq.typed import SignedInRequest

SOMEBODY_IS_THERE = "X-Somebody-Is-There"
"""The header in which an open page says whether it is seen and used (static/js/live.js)."""

View = Callable[[SignedInRequest, Case], HttpResponse]


def works_in_case(view: View) -> Callable[[SignedInRequest, int], HttpResponse]:
    """Of a view that a form in the case posts to. What it does and that it was done are one transaction: both are
    stored, or neither."""

    @require_POST
    @wraps(view)
    def inner(request: SignedInRequest, case_id: int) -> HttpResponse:
        case = looks.case_of(request.user, case_id)
        with transaction.atomic():
            looks.note(request.user, Act.CHANGE, case)
            return view(request, case)

    return inner


def case_view(
    request: SignedInRequest, case: Case, status: int = 200, *, noted_as: Act | None = None, **bound: Any
) -> HttpResponse:
    context = case_page.context(case, request.user, **bound)
    looks.note_page(request.user, noted_as, case, context["others"], case_page.persons_to_choose(context))
    return render(request, "cases/case.html", context, status=status)


@require_GET
def show_case(request: SignedInRequest, case_id: int) -> HttpResponse:
    return case_view(request, looks.case_of(request.user, case_id), noted_as=Act.VIEW)


@no_activity
@require_GET
def live(request: SignedInRequest, case_id: int) -> HttpResponse:
    """What the open page asks for by itself: 204 while it shows what stands, else the page as it is now."""
    looks.require_case(request.user, case_id)
    if request.headers.get(SOMEBODY_IS_THERE) == "yes":
        presence.note(request.user, Case(pk=case_id))
    if request.GET.get("version") == version(case_id, request.user):
        return HttpResponse(status=204)
    case = looks.case_of(request.user, case_id)
    looks.note_polled(request.user, case)
    # What is to be said of an act is for the page that the act leads to, which may be on its way at this moment.
    return case_view(request, case, messages=())


def to_case(request: SignedInRequest, case: Case, place: str) -> HttpResponse:
    """After an act: to the case, at the place where it is said what was done (templates/cases/_said.html)."""
    return redirect(f"{reverse('cases:case', args=[case.pk])}#said-{place}")
