"""Admin > Gallring, for the operator: what has been removed, and when."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy

from administration.admin.scoped import ScopedAdmin
from administration.models import RetentionRun


class RetentionRunAdmin(ScopedAdmin[RetentionRun]):
    operators_only = True
    may_add = False
    may_change = False
    list_display = ["at", "what"]
    list_display_links = None

    def get_queryset(self, request: HttpRequest) -> QuerySet[RetentionRun]:
        return RetentionRun.objects.order_by("-pk")

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        told = {"keep_cases_days": settings.KEEP_CASES.days}
        return super().changelist_view(request, (extra_context or {}) | told)

    @admin.display(description=gettext_lazy("togs bort"))
    def what(self, run: RetentionRun) -> str:
        return ", ".join(f"{count} {kind}" for kind, count in run.removed.items())
