"""Rows that are changed in another's page: a user's memberships, a queue's telephone hours and closed days."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from django.db.models import Model
from django.forms.utils import ErrorDict
from django.http import HttpRequest
from django.utils.translation import gettext_lazy

from administration.admin.scoped import ScopedChoices
from administration.admin.typed import BaseInlineFormSet, TabularInline
from administration.site import administers
from teleq.changes import ChangesForm
from teleq.typed import ModelForm

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

Row = TypeVar("Row", bound=Model)
Parent = TypeVar("Parent", bound=Model)


class RowForm(ChangesForm[Row]):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():  # Django's table has its labels in the head only
            field.widget.attrs["aria-label"] = field.label


class RowFormSet(BaseInlineFormSet[Row, Parent, ModelForm[Row]]):
    delete_label: StrOrPromise = gettext_lazy("Ta bort")
    is_arranging = False
    """Rows are moved about on the page: nothing in them is judged, and nothing can be saved."""

    def is_valid(self) -> bool:
        return not self.is_arranging and super().is_valid()

    def full_clean(self) -> None:
        if self.is_arranging:
            self._errors: list[Any] = []
            self._non_form_errors = self.error_class()
        else:
            super().full_clean()

    def _construct_form(self, i: int, **kwargs: Any) -> ModelForm[Row]:
        form: ModelForm[Row] = super()._construct_form(i, **kwargs)  # type: ignore[misc]  # left out by the stubs
        if self.is_arranging:
            vars(form).update(_errors=ErrorDict(), cleaned_data={})
        return form

    def get_unique_error_message(self, unique_check: Sequence[str]) -> str:
        """By the fields' labels: Django's own names their columns."""
        fields = self.form.base_fields
        named = [str(fields[name].label).lower() if name in fields else name for name in unique_check]
        return super().get_unique_error_message(named)

    def add_fields(self, form: ModelForm[Row], index: int | None) -> None:
        super().add_fields(form, index)
        if "DELETE" in form.fields:
            form.fields["DELETE"].widget.attrs["aria-label"] = self.delete_label


class ScopedInline(ScopedChoices[Row], TabularInline[Row, Parent]):
    """Whoever may open the page may change these; rows and choices are limited to their own queues."""

    form: type[ModelForm[Row]] = RowForm
    formset: type[BaseInlineFormSet[Row, Parent, ModelForm[Row]]] = RowFormSet
    extra = 1

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return administers(request)

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self.has_view_permission(request, obj)

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self.has_view_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self.has_view_permission(request, obj)
