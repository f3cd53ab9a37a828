"""Admin > Nycklar för telefonsystem, for the operator: the keys by which telephone systems book callbacks."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.formats import date_format

from administration.admin.scoped import ScopedAdmin, own_care_providers, person
from intake.keys import make_key, revoke_key
from intake.models import IntakeKey
from teleq.changes import ChangesForm

FIELDS = ("care_provider", "name")
NAME_IN_USE = "Vårdgivaren har redan en giltig nyckel med det namnet."
REVOKED = "Nyckeln är återkallad. Telefonsystemet kommer inte längre in med den."


class IntakeKeyForm(ChangesForm[IntakeKey]):
    def clean(self) -> None:
        """One valid key per name. Django leaves out its own check of that constraint, as it is about `revoked_at` too,
        which is no field of the form."""
        super().clean()
        same = {name: self.cleaned_data.get(name) for name in FIELDS}
        if None not in same.values() and IntakeKey.objects.filter(**same, revoked_at=None).exists():
            raise forms.ValidationError(NAME_IN_USE)


class IntakeKeyAdmin(ScopedAdmin[IntakeKey]):
    """A key is made and revoked; neither changed nor deleted."""

    operators_only = True
    may_change = False
    form = IntakeKeyForm
    fields = FIELDS
    list_display = ["name", "care_provider", "created_at", "created_by", "state"]
    list_select_related = ["care_provider", "created_by"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[IntakeKey]:
        return IntakeKey.objects.filter(care_provider__in=own_care_providers(request)).order_by(
            "care_provider__name", "-pk"
        )

    def get_fields(self, request: HttpRequest, obj: IntakeKey | None = None) -> tuple[str, ...]:
        return (*FIELDS, "created_at", "created_by", "state") if obj else FIELDS

    def get_readonly_fields(self, request: HttpRequest, obj: IntakeKey | None = None) -> tuple[str, ...]:
        return self.get_fields(request, obj) if obj else ()

    @admin.display(description="tillstånd", ordering="revoked_at")
    def state(self, key: IntakeKey) -> str:
        if key.revoked_at is None:
            return "Giltig"
        return f"Återkallad {date_format(timezone.localtime(key.revoked_at), 'j F Y')}"

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.revoke_view)
        return [path("<int:key_id>/revoke/", view, name="intake_intakekey_revoke"), *super().get_urls()]

    def save_model(self, request: HttpRequest, obj: IntakeKey, form: ChangesForm[IntakeKey], change: bool) -> None:
        request.new_key = make_key(obj, by=person(request))  # type: ignore[attr-defined]  # kept on the request for the page

    def response_add(self, request: HttpRequest, obj: IntakeKey, post_url_continue: str | None = None) -> HttpResponse:
        """Shows the key in the response itself: to be shown after a redirect it would have to be stored."""
        context = {"title": "Nyckeln är skapad", "new_key": request.new_key}  # type: ignore[attr-defined]  # as above
        return self._page(request, "made", obj, context)

    def revoke_view(self, request: HttpRequest, key_id: int) -> HttpResponse:
        """GET asks, on a page of its own; POST revokes the key."""
        key = self.get_object(request, str(key_id))
        if not self.has_view_permission(request, key):
            raise PermissionDenied
        if request.method == "POST":
            if revoke_key(key):
                self.log_change(request, key, "Återkallade nyckeln.")
            self.message_user(request, REVOKED, messages.SUCCESS)
            return redirect("admin:intake_intakekey_change", key.pk)
        return self._page(request, "revoke", key, {"title": "Återkalla nyckeln"})

    def _page(self, request: HttpRequest, name: str, key: IntakeKey, context: dict[str, Any]) -> HttpResponse:
        context = {**self.admin_site.each_context(request), "opts": self.opts, "original": key, **context}
        return TemplateResponse(request, f"admin/intake/intakekey/{name}.html", context)
