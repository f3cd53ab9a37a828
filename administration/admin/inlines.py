"""Rows that are changed in another's page: a user's memberships, a queue's telephone hours and closed days."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Model
from django.forms.models import BaseInlineFormSet
from django.http import HttpRequest

from administration.admin.scoped import ScopedChoices
from teleq.changes import ChangesForm


class RowForm(ChangesForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():  # Django's table has its labels in the head only
            field.widget.attrs["aria-label"] = field.label


class RowFormSet(BaseInlineFormSet):
    delete_label = "Ta bort"

    def add_fields(self, form: forms.ModelForm, index: int | None) -> None:
        super().add_fields(form, index)
        if "DELETE" in form.fields:
            form.fields["DELETE"].widget.attrs["aria-label"] = self.delete_label


class ScopedInline(ScopedChoices, admin.TabularInline):
    """Whoever may open the page may change these; rows and choices are limited to their own queues."""

    form = RowForm
    formset = RowFormSet
    extra = 1

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self.admin_site.has_permission(request)

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self.has_view_permission(request, obj)

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self.has_view_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self.has_view_permission(request, obj)
