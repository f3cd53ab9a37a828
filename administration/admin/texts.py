"""Admin > Standardtexter and Admin > Texter att läsa upp."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest

from administration.admin.scoped import ScopedAdmin, own_care_providers
from consent.models import ConsentText
from sms.content import rules
from sms.content.segments import count, normalize
from sms.models import StandardText
from teleq.changes import ChangesForm


class StandardTextForm(ChangesForm[StandardText]):
    class Meta:
        model = StandardText
        fields = ["queue", "name", "text"]

    def clean_text(self) -> str:
        text = normalize(self.cleaned_data["text"])
        if problem := rules.problem_of(text):
            raise forms.ValidationError(problem)
        return text


class StandardTextAdmin(ScopedAdmin[StandardText]):
    queue_path = "queue"
    may_delete = True
    form = StandardTextForm
    list_display = ["name", "queue", "length"]
    list_select_related = ["queue"]

    @admin.display(description="längd")
    def length(self, standard_text: StandardText) -> str:
        return str(count(standard_text.text))


class ConsentTextAdmin(ScopedAdmin[ConsentText]):
    """A new wording is a new row: each answer says which words it was given to, so none is changed or deleted."""

    may_change = False
    fields = ["care_provider", "text"]
    list_display = ["care_provider", "text", "created_at", "in_use"]
    list_display_links = ["text"]
    list_select_related = ["care_provider"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[ConsentText]:
        later = ConsentText.objects.filter(care_provider=OuterRef("care_provider"), pk__gt=OuterRef("pk"))
        own = ConsentText.objects.filter(care_provider__in=own_care_providers(request))
        return own.annotate(replaced=Exists(later)).order_by("care_provider__name", "-pk")

    @admin.display(description="läses upp nu")
    def in_use(self, text: Any) -> str:
        return "Nej, ersatt" if text.replaced else "Ja"
