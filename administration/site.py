"""The site of the tab Admin: who may enter, and which of its pages each role has."""

from __future__ import annotations

from collections.abc import Callable
from functools import update_wrapper
from typing import Any, TypeVar, cast

from allauth.account.internal.flows.reauthentication import raise_if_reauthentication_required
from django.contrib import admin
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop
from django.views.decorators.cache import never_cache

from access import access_log
from administration import history, lost_callbacks, menu, reserve, stopped_sms
from administration.first_day import steps
from administration.log_review import reviews
from administration.rights import how_many_overdue
from intake.keys import ending_soon
from sms import brake
from teleq.models import ProviderRole, Queue, User
from teleq.swedish import in_days

View = TypeVar("View", bound=Callable[..., HttpResponseBase])

# The first page's links, by their addresses' names.
PAGES = {
    "teleq_outgoingsms_check": gettext_noop("Skulle det här SMS:et skickas?"),
    "statistics": gettext_noop("Statistik"),
    "stopped_sms": gettext_noop("Stoppade SMS"),
    "held_cases": gettext_noop("Pågående ärenden"),
    "patient_data": gettext_noop("Registerutdrag"),
    "rights": gettext_noop("Behörigheter att gå igenom"),
    "second_person": gettext_noop("Väntar på en andra person"),
}
"""Beside the models, for administrators."""
OF_QUEUES = ("teleq_outgoingsms_check", "stopped_sms", "held_cases", "patient_data")
"""Those of them about the patients of the user's own queues: closed to a care provider's administrator before its first
queue is there (`scoped.patients_queues`)."""
OPERATORS_PAGES = {
    **{name: PAGES[name] for name in ("statistics", "second_person")},
    "operations": gettext_noop("Driftläge"),
    "sms_stop": gettext_noop("Stoppa alla utskick"),
}
"""For the operator, who reads no patient's data and goes through nobody's rights."""
LAST_PAGES = {
    "unplaced_sms": gettext_noop("SMS som inte kunde placeras"),
    "reserve": gettext_noop("Reservrutin"),
}
"""For the operator and a care provider's administrator."""

WHOLE_PAGES = {"recordings": gettext_noop("Inspelningar")}
"""For a care provider's administrator."""
LOG_PAGES = {"log_reviews": reviews.TITLE, "log_extract": gettext_noop("Loggutdrag")}
"""For a care provider's reviewer of logs and its administrator: what each sees there is in the pages themselves."""

PATIENTS_PAGES = {
    **LOG_PAGES,
    "log_review": reviews.TITLE,
    "patient_data": PAGES["patient_data"],
    "stopped_sms": PAGES["stopped_sms"],
    "unplaced_sms": LAST_PAGES["unplaced_sms"],
    "lost_callbacks": gettext_noop("Återuppringningar som kan ha gått förlorade"),
    "teleq_outgoingsms_check": PAGES["teleq_outgoingsms_check"],
}
"""Pages that show patients' data, by their addresses' names."""


def administers(request: HttpRequest) -> bool:
    """Whether the user administers anything at all: a reviewer of logs only reads."""
    known: bool | None = getattr(request, "administers", None)
    if known is None:
        user = cast(User, request.user)
        known = user.is_superuser or user.administers()
        request.administers = known  # type: ignore[attr-defined]  # Django asks some forty times in making one page
    return known


ASKS_AGAIN = {
    "reserve",
    *("patient_data", "log_extract", "second_person", "intake_intakekey_add", "intake_intakekey_revoke"),
    "intake_intakekey_new-secret",
    *("teleq_user_add", "teleq_user_change", "teleq_user_invitation", "teleq_user_second_factor"),
    "teleq_user_sign_out",
}
"""Addresses, by their names, where whoever signed in more than a quarter of an hour ago shows that it is still them:
extracts, keys of all kinds and users. Asked already when the page is opened, before anything is typed."""


def whole_roles(request: HttpRequest) -> set[str]:
    """The user's roles for a whole care provider, whichever it is."""
    known: set[str] | None = getattr(request, "whole_roles", None)
    if known is None:
        roles = cast(User, request.user).provider_roles.in_force()
        known = request.whole_roles = set(roles.values_list("role", flat=True))  # type: ignore[attr-defined]
    return known


class TeleqAdminSite(admin.AdminSite):
    site_header = gettext_lazy("teleQ Admin")
    site_title = gettext_lazy("teleQ Admin")
    index_title = gettext_lazy("Admin")
    empty_value_display = "–"
    enable_nav_sidebar = False  # few links: the first page shows them all

    def has_permission(self, request: HttpRequest) -> bool:
        """Whether the user may enter Admin: administrators of a queue or care provider, reviewers and the operator may.

        Django's `is_staff` and its table of permissions are not asked.
        """
        # Django asks some forty times in making one page: what the database said is kept on the request.
        known: bool | None = getattr(request, "may_enter_admin", None)
        if known is None:
            known = request.may_enter_admin = self._may_enter(request)  # type: ignore[attr-defined]  # see above
        return known

    def _may_enter(self, request: HttpRequest) -> bool:
        user = request.user
        if not (isinstance(user, User) and user.is_active):
            return False
        return user.is_superuser or user.administers(ProviderRole.LOG_REVIEWER)

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        """With what is told on every page: that no SMS is sent at all."""
        return {**super().each_context(request), "sending_stop": brake.in_force()}

    def index(  # type: ignore[override]  # the stubs allow for a page only
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """With how many rights should have been gone through by now, and whose log reviewed; and for the operator, with
        what is wrong, the keys that end soon, and what is left to do of the first day."""
        user = cast(User, request.user)
        ending = ending_soon().select_related("care_provider") if user.is_superuser else ()
        shown = {
            "overdue_log_reviews": reviews.overdue(user),
            "overdue_rights": how_many_overdue(user) if administers(request) else 0,
            "first_day": steps.left() if user.is_superuser else [],
            "latest": history.latest_by(user, 10),
            "problem": access_log.problem_with_months() if user.is_superuser else "",
            "ending_keys": [(key, in_days(key.until)) for key in ending if key.until],
            "lost_sms": 0 if user.is_superuser else lost_callbacks.of(user).count(),
            "reserve_lists": reserve.in_trouble(user) if administers(request) else [],
            "too_late": [] if user.is_superuser else stopped_sms.lately_too_late(user),
        }
        return super().index(request, {**shown, **(extra_context or {})})

    def administrators_view(self, view: View) -> View:
        """A page beside the models, for those who administer something: a reviewer of logs only reads the record."""

        def inner(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if not administers(request):
                raise PermissionDenied
            return view(request, *args, **kwargs)

        return self.admin_view(cast(View, update_wrapper(inner, view)))

    def admin_view(self, view: View, cacheable: bool = False) -> View:
        guarded = super().admin_view(view, cacheable)

        def inner(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            # Who is signed in already is told that they may not enter, and not asked to sign in once more.
            if request.user.is_authenticated and not self.has_permission(request):
                return self._forbidden(request)
            if request.resolver_match and request.resolver_match.url_name in ASKS_AGAIN:
                raise_if_reauthentication_required(request, app="admin")
            try:
                return guarded(request, *args, **kwargs)
            except PermissionDenied:
                return self._forbidden(request)

        return cast(View, update_wrapper(inner, guarded))

    @method_decorator(never_cache)
    @login_not_required
    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """The product has one login; this address only leads there."""
        index = reverse("admin:index", current_app=self.name)
        if not request.user.is_authenticated:
            return redirect_to_login(request.GET.get(REDIRECT_FIELD_NAME) or index)
        return HttpResponseRedirect(index) if self.has_permission(request) else self._forbidden(request)

    def password_change(  # type: ignore[override]  # as with app_index
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """One's own password has one page."""
        return HttpResponseRedirect(reverse("account_change_password"))

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[dict[str, Any]]:
        """What the user may open, by task: an administrator need not know which app a model is in."""
        apps = super().get_app_list(request)
        found = {model["object_name"]: model for app in apps for model in app["models"]}
        user = cast(User, request.user)
        if not found:
            return []
        if administers(request):
            found |= _links(OPERATORS_PAGES if user.is_superuser else PAGES)
        whole = whole_roles(request)
        if whole:
            found |= _links(LOG_PAGES)
        if user.is_superuser or ProviderRole.ADMINISTRATOR in whole:
            found |= _links(LAST_PAGES)
        if ProviderRole.ADMINISTRATOR in whole:
            found |= _links(WHOLE_PAGES)
        if ProviderRole.ADMINISTRATOR in whole and not Queue.objects.administered_by(user).exists():
            found = {name: page for name, page in found.items() if name not in OF_QUEUES}
        groups = menu.GROUPS if administers(request) else menu.REVIEWERS_GROUPS
        index = {"app_label": "admin", "app_url": reverse("admin:index", current_app=self.name)}
        return [{**group, **index} for group in menu.grouped(found, groups, request.path)]

    def app_index(  # type: ignore[override]  # the stubs allow for a page only
        self, request: HttpRequest, app_label: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return HttpResponseRedirect(reverse("admin:index", current_app=self.name))

    def _forbidden(self, request: HttpRequest) -> HttpResponse:
        """Who asked for a page that shows patients' data is noted in the access log."""
        page = PATIENTS_PAGES.get(request.resolver_match.url_name or "") if request.resolver_match else None
        if page:
            user = cast(User, request.user)
            access_log.note_refused(user, access_log.refused_what_is_not(user, why=page))
        return render(request, "admin/forbidden.html", {"inside": self.has_permission(request)}, status=403)


def _links(pages: dict[str, str]) -> dict[str, dict[str, Any]]:
    return {view: {"name": _(name), "admin_url": reverse(f"admin:{view}")} for view, name in pages.items()}
