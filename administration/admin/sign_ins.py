"""Admin > Inloggningar and Ändrade behörigheter: of the people of one's own queues. The operator sees all."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest

from access.models import RightsChange, SignIn
from administration.admin.scoped import ScopedAdmin, own_queues, person


class RecordAdmin(ScopedAdmin[Any]):
    """What is read only, latest first."""

    may_add = False
    may_change = False
    list_display_links = None
    list_per_page = 50
    search_fields = ["user__username", "user__first_name", "user__last_name"]
    search_help_text = "Namn eller användarnamn"
    model: Any

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: Any = self.model.objects.order_by("-id")
        seen: QuerySet[Any] = rows if person(request).is_superuser else rows.of_people_in(own_queues(request))
        return seen

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Of the list. A single one has no page: it would say no more."""
        return obj is None and self.has_module_permission(request)


class SignInAdmin(RecordAdmin):
    list_display = ["at", "who", "what", "method", "address", "by", "why"]
    list_select_related = ["user", "by"]
    list_filter = ["what"]

    @admin.display(description="vem")
    def who(self, event: SignIn) -> str:
        return str(event.user) if event.user else ("Okänt användarnamn" if event.account else "–")


class RightsChangeAdmin(RecordAdmin):
    list_display = ["at", "user", "where", "from_what", "to_what", "until", "by", "why"]
    list_select_related = ["user", "by", "queue"]

    @admin.display(description="kö")
    def where(self, change: RightsChange) -> str:
        return str(change.queue) if change.queue else "Hela kontot"

    @admin.display(description="från")
    def from_what(self, change: RightsChange) -> str:
        return change.get_before_display()

    @admin.display(description="till")
    def to_what(self, change: RightsChange) -> str:
        return change.get_after_display()
