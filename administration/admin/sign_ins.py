"""Admin > Inloggningar and Ändrade behörigheter: of the people of one's own queues; for a care provider's administrator
and its reviewer of logs, of all its people. The operator sees all."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from access.models import RightsChange, SignIn
from administration.admin.scoped import ScopedAdmin, own_queues, person, reviewed_care_providers
from teleq.models import Queue


class RecordAdmin(ScopedAdmin[Any]):
    """What is read only, latest first."""

    reviewers_too = True
    may_add = False
    may_change = False
    list_display_links = None
    list_per_page = 50
    search_fields = ["user__username", "user__first_name", "user__last_name"]
    search_help_text = gettext_lazy("Namn eller användarnamn")
    model: Any

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = self.model.objects.order_by("-id")
        if person(request).is_superuser:
            return rows
        providers = reviewed_care_providers(request)
        queues = own_queues(request) | Queue.objects.filter(care_provider__in=providers)
        mine: QuerySet[Any] = self.model.objects.of_people_in(queues, providers)
        return mine.order_by("-id")

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Of the list. A single one has no page: it would say no more."""
        return obj is None and self.has_module_permission(request)

    @admin.display(description=gettext_lazy("varför"))
    def reason(self, row: SignIn | RightsChange) -> str:
        """What teleQ gives by itself is stored in Swedish; what somebody has written is shown as it stands."""
        return _(row.why)


class SignInAdmin(RecordAdmin):
    list_display = ["at", "who", "what", "method", "address", "by", "reason"]
    list_select_related = ["user", "by"]
    list_filter = ["what"]

    @admin.display(description=gettext_lazy("vem"))
    def who(self, event: SignIn) -> str:
        return str(event.user) if event.user else (_("Okänt användarnamn") if event.account else "–")


class RightsChangeAdmin(RecordAdmin):
    list_display = ["at", "user", "where", "from_what", "to_what", "until", "by", "reason"]
    list_select_related = ["user", "by", "queue", "care_provider"]

    @admin.display(description=gettext_lazy("var"))
    def where(self, change: RightsChange) -> str:
        return str(change.queue or change.care_provider or _("Hela kontot"))

    @admin.display(description=gettext_lazy("från"))
    def from_what(self, change: RightsChange) -> str:
        return change.get_before_display()

    @admin.display(description=gettext_lazy("till"))
    def to_what(self, change: RightsChange) -> str:
        return change.get_after_display()
