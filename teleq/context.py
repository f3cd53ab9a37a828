"""Django's context processor for what every page's frame shows."""

from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest


def navigation(request: HttpRequest) -> dict[str, object]:
    return {"demo": settings.TELEQ_DEMO, "may_administer": admin.site.has_permission(request)}
