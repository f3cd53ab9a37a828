"""Admin > Pågående ärenden: who has cases in one's own queues, and since when; their cases are released where they are
absent. No patient is shown: an administrator of a care provider works in no case."""

from __future__ import annotations

from django.contrib import admin, messages
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from administration.admin.scoped import patients_queues, person
from cases import holding, looks
from teleq.models import Queue
from teleq.whole_numbers import whole_number

TITLE = gettext_lazy("Pågående ärenden")
NOTHING = gettext_lazy("Ingenting gjordes: ärendena är inte kvar hos den som hade dem.")


@require_http_methods(["GET", "HEAD", "POST"])
def held_cases_view(request: HttpRequest) -> HttpResponse:
    """GET lists who has any. POST releases those of one person in one queue that the page showed, and notes it in each
    case's history and in the access log."""
    queues = patients_queues(request)
    if request.method == "POST":
        _release(request, queues)
        return redirect("admin:held_cases")
    context = {"title": TITLE, "holders": holding.holders(queues)}
    return render(request, "admin/held_cases.html", {**admin.site.each_context(request), **context})


def _release(request: HttpRequest, queues: QuerySet[Queue]) -> None:
    queue = get_object_or_404(queues, pk=whole_number(request.POST.get("queue", "")))
    of_queue = queues.filter(pk=queue.pk)
    user_id = whole_number(request.POST.get("user", ""))
    holder = next((each.user for each in holding.holders(of_queue) if each.user.pk == user_id), None)
    shown = [number for each in request.POST.get("cases", "").split() if (number := whole_number(each)) is not None]
    if holder is None:
        messages.warning(request, NOTHING)
        return
    with transaction.atomic():
        released = holding.release_all(holder, of_queue, by=person(request), shown=shown)
        looks.note_changes(person(request), released.cases)
    if released.cases:
        messages.success(request, f"{holder}: {holding.was_released(released)}")
    elif not released.with_call:
        messages.warning(request, NOTHING)
    if released.with_call:
        messages.warning(request, f"{holder}: {holding.not_released(released)}")
