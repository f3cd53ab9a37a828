"""Admin > Loggutdrag: which unit has looked at a patient's data, and when; to print or as CSV.

For a care provider's Loggranskare and its Administratör: docs/decisions/0022.
"""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from administration.admin.csv_file import csv_file
from administration.admin.scoped import person, reviewed_care_providers
from administration.patient_data.log_extract import log_extract, warning_of_others
from administration.patient_data.stored import patient_of
from cases.forms import IdentifierForm
from teleq.models import CareProvider

TITLE = gettext_lazy("Loggutdrag")


class LogExtractForm(IdentifierForm):
    """About whom, from which care provider where the user has several, and whether names are told."""

    provider = forms.ModelChoiceField(
        label=gettext_lazy("Vårdgivare"),
        queryset=CareProvider.objects.none(),
        empty_label=None,
        error_messages={
            "required": gettext_lazy("Välj en vårdgivare."),
            "invalid_choice": gettext_lazy("Välj en av dina vårdgivare."),
        },
    )
    with_names = forms.BooleanField(label=gettext_lazy("Visa vem"), required=False)

    def __init__(self, *args: Any, providers: QuerySet[CareProvider], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        own = list(providers.order_by("name"))
        self.only_provider = own[0] if len(own) == 1 else None
        if self.only_provider:
            del self.fields["provider"]
        else:
            field = self.fields["provider"]
            assert isinstance(field, forms.ModelChoiceField)
            field.queryset = providers.order_by("name")

    def chosen_provider(self) -> CareProvider:
        """Of a valid form."""
        chosen: CareProvider = self.only_provider or self.cleaned_data["provider"]
        return chosen


@require_http_methods(["GET", "HEAD", "POST"])
def log_extract_view(request: HttpRequest) -> HttpResponse:
    """Posted throughout, so that neither number is in an address."""
    providers = reviewed_care_providers(request)
    if not providers.exists():
        raise PermissionDenied
    form = LogExtractForm(request.POST or None, providers=providers)
    context: dict[str, Any] = {"title": TITLE, "form": form}
    if form.is_valid():
        patient, provider = patient_of(form), form.chosen_provider()
        section = log_extract(patient, provider, with_names=form.cleaned_data["with_names"], by=person(request))
        if request.POST.get("act") == "csv":
            return csv_file("loggutdrag.csv", section.columns, section.rows)
        warning = warning_of_others(patient, provider)
        context |= {"section": section, "patient": patient, "provider": provider, "warning": warning}
        context["made_at"] = timezone.now()
    status = 422 if form.is_bound and not form.is_valid() else 200
    return render(request, "admin/log_extract.html", {**admin.site.each_context(request), **context}, status=status)
