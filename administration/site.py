"""Admin, the tab: who may enter, where the login is, and in what order things stand there."""

from __future__ import annotations

from collections.abc import Callable
from functools import update_wrapper
from typing import Any

from django.contrib import admin
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import URLPattern, URLResolver, path, reverse
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache

ORDER = [
    *("OutgoingSms", "StandardText", "Queue", "User", "ConsentText", "SignIn", "RightsChange", "CareProvider"),
    *("IntakeKey", "RetentionRun"),
]

PAGES = {"statistics": "Statistik", "patient_data": "Registerutdrag", "second_person": "Väntar på en andra person"}
"""What stands there beside the models."""
OPERATORS_PAGES = {"unplaced_sms": "SMS som inte kunde placeras"}
"""And for the operator only, last."""


class TeleqAdminSite(admin.AdminSite):
    site_header = "teleQ Admin"
    site_title = "teleQ Admin"
    index_title = "Admin"
    enable_nav_sidebar = False  # seven links: the first page holds them

    def has_permission(self, request: HttpRequest) -> bool:
        """Administrators of a queue, and the operator. Neither is_staff nor Django's permission table has a say."""
        # Django asks some forty times in making one page; each request asks the database once.
        if not hasattr(request, "may_enter_admin"):
            request.may_enter_admin = self._may_enter(request)  # type: ignore[attr-defined]
        return request.may_enter_admin

    def _may_enter(self, request: HttpRequest) -> bool:
        from teleq.models import Queue, Role  # noqa: PLC0415  this module is loaded before the models

        user = request.user
        if not (user.is_authenticated and user.is_active):
            return False
        return user.is_superuser or Queue.objects.for_user(user, Role.ADMINISTRATOR).exists()

    def admin_view(self, view: Callable[..., HttpResponse], cacheable: bool = False) -> Callable[..., HttpResponse]:
        guarded = super().admin_view(view, cacheable)

        def inner(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            # Someone who is logged in gets an answer, not the login page once more.
            if request.user.is_authenticated and not self.has_permission(request):
                return self._forbidden(request)
            try:
                return guarded(request, *args, **kwargs)
            except PermissionDenied:
                return self._forbidden(request)

        return update_wrapper(inner, guarded)

    @method_decorator(never_cache)
    @login_not_required
    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """The product has one login; this address only leads there."""
        index = reverse("admin:index", current_app=self.name)
        if not request.user.is_authenticated:
            return redirect_to_login(request.GET.get(REDIRECT_FIELD_NAME) or index)
        return HttpResponseRedirect(index) if self.has_permission(request) else self._forbidden(request)

    def password_change(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """One's own password has one page."""
        return HttpResponseRedirect(reverse("account_change_password"))

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[dict[str, Any]]:
        """One flat list, Utgående SMS first: which app a thing lives in is nothing to an administrator."""
        models = [model for app in super().get_app_list(request) for model in app["models"]]
        if not models:
            return []
        models.sort(key=lambda model: ORDER.index(model["object_name"]))
        models[1:1] = _links(PAGES)
        if getattr(request.user, "is_superuser", False):
            models += _links(OPERATORS_PAGES)
        index = reverse("admin:index", current_app=self.name)
        return [{"name": "Admin", "app_label": "admin", "app_url": index, "has_module_perms": True, "models": models}]

    def get_urls(self) -> list[URLPattern | URLResolver]:
        from administration.admin.patient_data import patient_data_view  # noqa: PLC0415  as above
        from administration.admin.second_person import second_person_view  # noqa: PLC0415  as above
        from administration.admin.statistics import statistics_view  # noqa: PLC0415  as above
        from administration.admin.unplaced_sms import unplaced_sms_view  # noqa: PLC0415  as above

        return [
            path("patient-data/", self.admin_view(patient_data_view), name="patient_data"),
            path("second-person/", self.admin_view(second_person_view), name="second_person"),
            path("statistics/", self.admin_view(statistics_view), name="statistics"),
            path("unplaced-sms/", self.admin_view(unplaced_sms_view), name="unplaced_sms"),
            # Django's way from a row to its page on the site: no row has one, and some models have no table to look in.
            *(each for each in super().get_urls() if getattr(each, "name", "") != "view_on_site"),
        ]

    def app_index(
        self, request: HttpRequest, app_label: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return HttpResponseRedirect(reverse("admin:index", current_app=self.name))

    def _forbidden(self, request: HttpRequest) -> HttpResponse:
        return render(request, "admin/forbidden.html", {"inside": self.has_permission(request)}, status=403)


def _links(pages: dict[str, str]) -> list[dict[str, Any]]:
    return [{"name": name, "admin_url": reverse(f"admin:{view}")} for view, name in pages.items()]
