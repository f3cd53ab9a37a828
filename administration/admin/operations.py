"""Admin > Driftläge, for the operator: what is wrong and what to do about it, and how the product is doing."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from django.conf import settings
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from administration.admin.scoped import person
from administration.health import facts, parts
from administration.health.problems import LANES, problems
from teleq.handbook.pages import with_anchors

TITLE = gettext_lazy("Driftläge")
RUNBOOK: Path = settings.BASE_DIR / "docs" / "operate" / "runbook.md"


@require_safe
def operations_view(request: HttpRequest) -> HttpResponse:
    _operators_only(request)
    told, checked = facts.gather(), parts.check()
    context = {
        "title": TITLE,
        "problems": problems(told, checked),
        "facts": told,
        "lanes": [(LANES[lane.lane], lane) for lane in told.lanes],
        "parts": [(PARTS[part.name], not part.problem) for part in checked],
    }
    return render(request, "admin/operations.html", {**admin.site.each_context(request), **context})


PARTS = {
    parts.DATABASE: gettext_lazy("PostgreSQL svarar"),
    parts.MIGRATIONS: gettext_lazy("Databasen är uppgraderad till den här versionen"),
    parts.BROKER: gettext_lazy("Redis svarar och tar emot"),
}


@require_safe
def runbook_view(request: HttpRequest) -> HttpResponse:
    """The runbook, which is English, as it lies in docs/operate."""
    _operators_only(request)
    context = {"title": _("Runbook"), "runbook": _runbook()}
    return render(request, "admin/runbook.html", {**admin.site.each_context(request), **context})


@cache
def _runbook() -> SafeString:
    html: str = with_anchors().render(RUNBOOK.read_text(encoding="utf-8"))
    return mark_safe(html)  # noqa: S308  our own file; HTML in it is text


def _operators_only(request: HttpRequest) -> None:
    if not person(request).is_superuser:
        raise PermissionDenied
