"""Django's context processor for what every page's frame shows."""

from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse


def navigation(request: HttpRequest) -> dict[str, object]:
    return {
        "demo": settings.TELEQ_DEMO,
        "may_administer": admin.site.has_permission(request),
        "help_address": _help_address(request),
    }


def _help_address(request: HttpRequest) -> str:
    """Which page one is on is all that it says: whose roles decide what is shown there is asked when it is opened."""
    view = request.resolver_match.view_name if request.resolver_match else ""
    return reverse("handbook:help_with", args=[view]) if view else reverse("handbook:index")
