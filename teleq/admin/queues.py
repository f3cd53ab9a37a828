"""Admin > Köer, for administrators, and Admin > Vårdgivare, for the operator."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import Field, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from teleq.admin.scoped import ScopedAdmin, own_care_providers, person
from teleq.administration import InUse, consent_in_use, create_queue, in_use_text, save_care_provider
from teleq.models import CareProvider, Queue


class QueueForm(forms.ModelForm):
    class Meta:
        model = Queue
        fields = ["care_provider", "unit", "name", "max_attempts"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            # Patients have answered within this care provider; a queue that moved would count others' answers.
            self.fields["care_provider"].disabled = True


class QueueAdmin(ScopedAdmin):
    queue_path = "pk"
    form = QueueForm
    list_display = ["unit", "name", "care_provider", "max_attempts"]
    list_display_links = ["unit", "name"]
    list_select_related = ["care_provider"]

    def formfield_for_dbfield(self, db_field: Field[Any, Any], request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "max_attempts":
            kwargs["min_value"] = 1
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    def save_model(self, request: HttpRequest, obj: Queue, form: forms.ModelForm, change: bool) -> None:
        if change:
            obj.save(update_fields=form.changed_data)
            return
        maker = person(request)
        create_queue(obj, administrator=None if maker.is_superuser else maker)


class CareProviderForm(forms.ModelForm):
    class Meta:
        model = CareProvider
        fields = ["name", "sms_consent_ordered"]

    def clean_sms_consent_ordered(self) -> bool:
        ordered = self.cleaned_data["sms_consent_ordered"]
        if not ordered and self.instance.pk and consent_in_use(self.instance):
            raise forms.ValidationError(in_use_text(self.instance))
        return ordered


class CareProviderAdmin(ScopedAdmin):
    operators_only = True
    form = CareProviderForm
    list_display = ["name", "ordered"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[CareProvider]:
        return own_care_providers(request).order_by("name")

    @admin.display(description="Samtycke för SMS", ordering="sms_consent_ordered")
    def ordered(self, provider: CareProvider) -> str:
        return "Beställt" if provider.sms_consent_ordered else "Inte beställt"

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return super().changeform_view(request, *args, **kwargs)
        except InUse as refusal:  # a queue turned the function on while the form was being saved
            self.message_user(request, str(refusal), messages.ERROR)
            return redirect(request.path)

    def save_model(self, request: HttpRequest, obj: CareProvider, form: forms.ModelForm, change: bool) -> None:
        save_care_provider(obj)
