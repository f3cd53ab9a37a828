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
from django.shortcuts import render
from django.views.decorators.http import require_GET, require_POST

from access.access_log import Act
from access.sessions import no_activity
from cases import case_page, looks
from cases.models import Case
from teleq.typed import SignedInRequest

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
    beside = [*context["others"], *(row.case for row in context["earlier"].rows)]
    looks.note_page(request.user, noted_as, case, beside, case_page.persons_to_choose(context))
    return render(request, "cases/case.html", context, status=status)


@require_GET
def show_case(request: SignedInRequest, case_id: int) -> HttpResponse:
    return case_view(request, looks.case_of(request.user, case_id), noted_as=Act.VIEW)


@no_activity
@require_GET
def poll_history(request: SignedInRequest, case_id: int) -> HttpResponse:
    """The history alone, which the open page asks for every few seconds by itself."""
    case = looks.case_of(request.user, case_id)
    looks.note_polled(request.user, case)
    return render(request, "cases/_history.html", case_page.history_of(case))
