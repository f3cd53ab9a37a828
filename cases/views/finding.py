"""The search, and what it has found."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from cases import finding, looks
from cases import other_queues as others
from cases.forms import IdentifierForm, SearchForm
from teleq.typed import SignedInRequest


@require_POST
def search(request: SignedInRequest) -> HttpResponse:
    """Posted, and shown by an address that holds nothing of it: it is in no log and no browser's history."""
    form = SearchForm(request.POST)
    if not form.is_valid():
        form.fields["query"].widget.attrs["autofocus"] = True
        return _page(request, form, status=422)
    return redirect("cases:found", finding.keep(request.session, form.cleaned_data["query"]))


@require_GET
def show_found(request: SignedInRequest, search_id: str) -> HttpResponse:
    """Searched for anew each time, so that Back and a reload show what there is. 404 for another session's search."""
    form = SearchForm({"query": finding.kept(request.session, search_id)})
    if not form.is_valid():
        return _page(request, SearchForm(), status=404, gone=True)
    found = finding.found(request.user, form.sought)
    shown = [row["case"] for row in found["rows"]]
    looks.note_search(request.user, form.sought, shown)
    return _page(request, form, **found, **({} if shown else _elsewhere(request, form)))


def _elsewhere(request: SignedInRequest, form: SearchForm) -> dict[str, Any]:
    """Which care providers have cases in other queues, that the user may open for a reason: of a whole number only."""
    whole = IdentifierForm(form.data)
    if not whole.is_valid():
        return {}
    return {"care_providers": others.care_providers(request.user, whole), "subject": whole.subject}


def _page(request: SignedInRequest, form: SearchForm, status: int = 200, **context: Any) -> HttpResponse:
    return render(request, "cases/search.html", {"search_form": form, **context}, status=status)
