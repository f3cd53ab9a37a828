"""Admin > Registerutdrag: what is stored about a patient, to print or as JSON, and its removal at their request."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from administration.admin.scoped import patients_queues, person
from administration.patient_data import removal
from administration.patient_data.extract import Section, as_json, extract
from administration.patient_data.stored import patient_of
from cases.forms import IdentifierForm

TITLE = gettext_lazy("Registerutdrag")


@require_http_methods(["GET", "HEAD", "POST"])
def patient_data_view(request: HttpRequest) -> HttpResponse:
    """Posted throughout, so that neither number is in an address. Only what is in the administrator's own queues."""
    queues = patients_queues(request)
    form = IdentifierForm(request.POST or None)
    context: dict[str, Any] = {"title": TITLE, "form": form, "queues": queues}
    if form.is_valid():
        patient = patient_of(form)
        act = request.POST.get("act")
        if act == "json":
            return _download(extract(patient, queues, by=person(request)))
        if act == "plan":
            context["removal"] = removal.plan(patient, queues, by=person(request))
            context["whose"] = removal.warning_of_others(patient, queues)
        elif act == "remove":
            context["removed"] = removal.remove(patient, queues, by=person(request))
            messages.success(request, _("Uppgifterna är borttagna."))
        else:
            context["sections"] = extract(patient, queues, by=person(request))
        context["patient"] = patient
    status = 422 if form.is_bound and not form.is_valid() else 200
    return render(request, "admin/patient_data.html", {**admin.site.each_context(request), **context}, status=status)


def _download(sections: list[Section]) -> HttpResponse:
    response = JsonResponse(as_json(sections), json_dumps_params={"ensure_ascii": False, "indent": 2})
    response["Content-Disposition"] = 'attachment; filename="registerutdrag.json"'
    return response
