"""The case view, and what the views of its forms share.

Every act is a plain form that is posted. The response is a redirect to the case, or the whole page where something was
wrong (422) or has changed meanwhile (409). htmx posts the same forms and picks its part of the response.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from functools import wraps
from typing import Any

from django.db import transaction
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.views.decorators.http import require_GET, require_POST

from access.access_log import Act
from access.sessions import no_activity
from cases import case_page, looks, presence, work_list
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
        presence.note(request.user, case)  # not in the transaction: the sweep locks a case before who has it open
        with transaction.atomic():
            looks.note(request.user, Act.CHANGE, case)
            return view(request, case)

    return inner


def to_case(request: HttpRequest, case_id: int, place: str = "", **asked: str) -> HttpResponse:
    """After an act: to the case, at the place where it is said what was done (templates/cases/_said.html)."""
    fragment = f"#said-{place}" if place else ""
    return redirect(case_address(request, case_id, **asked) + fragment)


def case_address(request: HttpRequest, case_id: int, **asked: str) -> str:
    """The case's, which goes on to know which list it was opened from. `asked` is what else it asks for."""
    query = QueryDict(opened_from(request).query.removeprefix("?"), mutable=True)
    query.update(asked)
    address = reverse("cases:case", args=[case_id])
    return f"{address}?{query.urlencode()}" if query else address


def list_address(request: HttpRequest) -> str:
    """The list's that one came from, with its choices."""
    return reverse("cases:work_list") + opened_from(request).query


def opened_from(request: HttpRequest) -> work_list.Choice:
    """The list that the case was opened from: the case's address has the list's query, and so have its forms."""
    return work_list.Choice.of(request.GET)


def case_view(
    request: SignedInRequest, case: Case, status: int = 200, *, noted_as: Act | None = None, **bound: Any
) -> HttpResponse:
    context = case_page.context(case, request.user, **bound) | {"opened_from": opened_from(request)}
    beside = [*context["others"], *(row.case for row in context["earlier"].rows)]
    looks.note_page(request.user, noted_as, case, beside, case_page.persons_to_choose(context))
    return render(request, "cases/case.html", context, status=status)


@require_GET
def show_case(request: SignedInRequest, case_id: int) -> HttpResponse:
    """`?edit=number` is the page with the number's box open, `?dial=1` the one that answers Ring."""
    case = looks.case_of(request.user, case_id)
    presence.note(request.user, case)
    asked = {"edits_number": request.GET.get("edit") == "number", "dials": "dial" in request.GET}
    return case_view(request, case, noted_as=Act.VIEW, **asked, **rebooking_asked_for(request, case))


def rebooking_asked_for(request: SignedInRequest, case: Case) -> dict[str, Any]:
    """Where the address asks for it, by the first day to show; any other value is today's."""
    if "rebook" not in request.GET:
        return {}
    return {"rebook": case_page.rebooking_of(case, _day(request.GET["rebook"]))}


def _day(text: str) -> date:
    try:
        return parse_date(text) or timezone.localdate()
    except ValueError:  # well written, and no date
        return timezone.localdate()


@no_activity
@require_GET
def live(request: SignedInRequest, case_id: int) -> HttpResponse:
    """What the open page asks for by itself: 204 while it shows what stands, else the page as it is now."""
    there = request.headers.get(SOMEBODY_IS_THERE) == "yes"
    version = looks.version_of(request.user, case_id, there=there)
    if there:
        presence.note(request.user, Case(pk=case_id))
    if request.GET.get("version") == version:
        return HttpResponse(status=204)
    case = looks.case_of(request.user, case_id)
    looks.note_polled(request.user, case)
    # What is to be said of an act is for the page that the act leads to, which may be on its way at this moment.
    return case_view(request, case, messages=())
