"""Which rows somebody sees and changes in Admin: by the queues and care providers that they administer.

Who enters Admin at all is in `administration.site`; which fields may be changed is said by each page's class.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeVar, cast

from django import forms
from django.contrib.admin import ShowFacets
from django.contrib.admin.models import DELETION, LogEntry
from django.contrib.admin.utils import unquote
from django.contrib.admin.views.main import PAGE_VAR
from django.contrib.admin.widgets import RelatedFieldWidgetWrapper
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db import IntegrityError
from django.db.models import DateField, Exists, Field, ForeignKey, Model, OuterRef, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from administration import history
from administration.admin.typed import BaseModelAdmin, ModelAdmin
from administration.site import administers
from teleq import changes
from teleq.changes import AS_SHOWN, ChangedMeanwhile, ChangesForm
from teleq.models import CareProvider, Queue, User

Row = TypeVar("Row", bound=Model)


DAY = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
"""A day, chosen in the browser's own calendar."""


def person(request: HttpRequest) -> User:
    """The signed-in user: every page of Admin asks for a login."""
    assert isinstance(request.user, User)
    return request.user


def own_queues(request: HttpRequest) -> QuerySet[Queue]:
    """The queues whose settings are the user's to change: those that they administer. The operator's are all of them,
    but for what tells of a patient: see `patients_queues`."""
    user = person(request)
    return Queue.objects.all() if user.is_superuser else Queue.objects.administered_by(user)


def patients_queues(request: HttpRequest) -> QuerySet[Queue]:
    """The queues whose patients' data the user may see in Admin. Being an operator gives none.

    Raises PermissionDenied where there are none.
    """
    queues = Queue.objects.administered_by(person(request))
    if not queues.exists():
        raise PermissionDenied
    return queues


def whole_care_providers(request: HttpRequest) -> QuerySet[CareProvider]:
    """Those that the user administers as a whole."""
    return CareProvider.objects.administered_by(person(request))


def own_care_providers(request: HttpRequest) -> QuerySet[CareProvider]:
    """Those that the user administers as a whole or has a queue in; for the operator all."""
    user = person(request)
    if user.is_superuser:
        return CareProvider.objects.all()
    with_queue = Queue.objects.administered_by(user).filter(care_provider=OuterRef("pk"))
    whole = CareProvider.objects.administered_by(user).filter(pk=OuterRef("pk"))
    return CareProvider.objects.filter(Exists(with_queue) | Exists(whole))


def reviewed_care_providers(request: HttpRequest) -> QuerySet[CareProvider]:
    """Those whose records the user reads for the whole of them: as their administrator or as their reviewer."""
    return CareProvider.objects.for_user(person(request))


def _keep_as_shown(context: dict[str, Any]) -> None:
    """Keep the browser from putting back what stood in the fields when one left the page: docs/decisions/0011."""
    formsets = [inline.formset for inline in context["inline_admin_formsets"]]
    rows = [form for formset in formsets for form in (formset.management_form, *formset.forms)]
    for form in (context["adminform"].form, *rows):
        for field in form.fields.values():
            field.widget.attrs |= AS_SHOWN


def empty_choice(field: forms.Field) -> str:
    """What a list says where nothing is chosen: that one is to choose, or that nothing may be chosen."""
    return _("Välj %(what)s") % {"what": str(field.label).lower()} if field.required else _("Ingen")


class ScopedChoices(BaseModelAdmin[Row]):
    """Limits the rows that a page of Admin shows, and the choices in its fields, to the user's own queues.

    For a page of its own (ScopedAdmin) and for rows in another's page (ScopedInline).
    """

    formfield_overrides = {DateField: {"widget": DAY}}
    queue_path = ""
    """The way from the model to its queue, as filter() takes it: "queue", or "pk" for a queue itself."""

    def get_queryset(self, request: HttpRequest) -> QuerySet[Row]:
        return super().get_queryset(request).filter(**{f"{self.queue_path}__in": own_queues(request)})

    def formfield_for_foreignkey(
        self, db_field: ForeignKey[Any, Any], request: HttpRequest, **kwargs: Any
    ) -> forms.ModelChoiceField[Any] | None:
        if db_field.related_model is Queue:
            kwargs["queryset"] = own_queues(request)
        elif db_field.related_model is CareProvider:
            kwargs["queryset"] = own_care_providers(request)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def formfield_for_dbfield(self, db_field: Field[Any, Any], request: HttpRequest, **kwargs: Any) -> Any:
        """Without Django's small icons that open the chosen queue in a window of its own, and its row of dashes."""
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if field and isinstance(field.widget, RelatedFieldWidgetWrapper):
            field.widget = field.widget.widget
        if isinstance(field, forms.ModelChoiceField) and field.empty_label is not None:
            field.empty_label = empty_choice(field)
        elif isinstance(field, forms.ChoiceField) and not callable(field.choices):
            choices = cast("Iterable[tuple[Any, Any]]", field.choices)
            field.choices = [(key, label if key not in (None, "") else empty_choice(field)) for key, label in choices]
        return field


class ScopedAdmin(ScopedChoices[Row], ModelAdmin[Row]):
    """A page of what belongs to the user's own queues. A row of somebody else's queue is not found."""

    operators_only = False
    reviewers_too = False
    may_add = True
    may_change = True
    may_delete = False
    show_facets = ShowFacets.NEVER
    actions = None

    def has_module_permission(self, request: HttpRequest) -> bool:
        if not self.admin_site.has_permission(request):
            return False
        if self.operators_only:
            return person(request).is_superuser
        return self.reviewers_too or administers(request)

    def has_view_permission(self, request: HttpRequest, obj: Row | None = None) -> bool:
        return self.has_module_permission(request) and (
            obj is None or self.get_queryset(request).filter(pk=obj.pk).exists()
        )

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self.may_add and self.has_module_permission(request)

    def has_change_permission(self, request: HttpRequest, obj: Row | None = None) -> bool:
        return self.may_change and self.has_view_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Row | None = None) -> bool:
        return self.may_delete and self.has_view_permission(request, obj)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        title = capfirst(self.opts.verbose_name_plural)
        return super().changelist_view(request, {"title": title, **(extra_context or {})})

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        context |= {"show_save_and_continue": False, "show_save_and_add_another": False}  # one button: Spara
        if context["original"]:
            _keep_as_shown(context)
        response = super().render_change_form(request, context, *args, **kwargs)
        rows = [form for inline in context["inline_admin_formsets"] for form in inline.formset.forms]
        if any(getattr(form, "in_conflict", ()) for form in [context["adminform"].form, *rows]):
            response.status_code = 409
        return response

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Tries again where somebody else saved at the same moment: the form is then judged by what they saved."""
        try:
            return super().changeform_view(request, *args, **kwargs)
        except (ChangedMeanwhile, IntegrityError):
            return super().changeform_view(request, *args, **kwargs)

    def construct_change_message(self, request: HttpRequest, form: Any, formsets: Any, add: bool = False) -> list[Any]:
        return history.message(form, formsets, add)

    def log_change(self, request: HttpRequest, obj: Row, message: Any) -> Any:
        """A save that changed nothing is no news."""
        return super().log_change(request, obj, message) if message else None

    def log_deletions(self, request: HttpRequest, queryset: Iterable[Row]) -> Any:
        """With what the row held: it can't be read elsewhere any more."""
        for row in queryset:
            told = history.deletion(self.get_form(request, row)(instance=row))
            by = person(request).pk
            LogEntry.objects.log_actions(by, [row], DELETION, change_message=told, single_object=True)

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        page = Paginator(history.of(self.model, unquote(object_id)), 100).get_page(request.GET.get(PAGE_VAR))
        return super().history_view(request, object_id, {"action_list": page, **(extra_context or {})})

    def save_model(self, request: HttpRequest, obj: Row, form: ChangesForm[Row], change: bool) -> None:
        if change:
            changes.save(obj, form.changes)
        else:
            super().save_model(request, obj, form, change)

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Row:
        found = super().get_object(request, object_id, from_field)
        if found is None:
            raise Http404
        return found

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """Only the page's own filters. An address written by hand could else find out, filter by filter, what is stored
        in columns that the page doesn't show."""
        filters = [name for name in self.list_filter if isinstance(name, str)]
        named = any(lookup == name or lookup.startswith(f"{name}__") for name in filters)
        return named and super().lookup_allowed(lookup, value, request)
