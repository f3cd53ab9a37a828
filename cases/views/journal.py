"""Kopiera till journal: the case as a text, on a page of its own, of which the case takes the part with the text."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from access.access_log import Act
from cases import journal, looks
from cases.views.case import opened_from
from teleq.clock import database_now
from teleq.typed import SignedInRequest


@require_GET
def show_journal_text(request: SignedInRequest, case_id: int) -> HttpResponse:
    """Of a patient with protected personal data it is asked first (`?anyway=1` is the answer), as before an SMS."""
    case = looks.case_of(request.user, case_id)
    context = {"case": case, "opened_from": opened_from(request)}
    if case.protected and "anyway" not in request.GET:
        looks.note_polled(request.user, case)  # nothing is shown but that the case is there
    else:
        looks.note(request.user, Act.JOURNAL, case)
        context["text"] = journal.text(case, database_now(), by=request.user)
    return render(request, "cases/journal.html", context)
