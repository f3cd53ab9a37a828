"""Admin > Användare: who works in which queue. What a user may do is their memberships; nothing else is set here."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Model, Prefetch, QuerySet
from django.http import HttpRequest, HttpResponse

from administration.admin.inlines import RowForm, RowFormSet, ScopedInline
from administration.admin.scoped import ScopedAdmin, own_care_providers, own_queues, person
from administration.admin.typed import AdminPasswordChangeForm, ModelAdmin, UserChangeForm, UserCreationForm
from administration.admin.typed import UserAdmin as DjangoUserAdmin
from administration.queues import administered_only_by
from teleq.changes import ChangesForm
from teleq.models import Membership, Queue, Role, User, UserQuerySet

PERSON_FIELDS = ["username", "first_name", "last_name", "hsa_id", "email", "is_active"]


AGAIN = "Lösenordet igen"


class NewUserForm(UserCreationForm[User]):
    class Meta(UserCreationForm.Meta):
        model = User

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["password2"].label = AGAIN


class UserForm(ChangesForm[User], UserChangeForm[User]):
    # Leaves the field out, which shows the hash: "Byt lösenord" has a page of its own.
    password = None  # type: ignore[assignment]  # Django's way to say it


class PasswordForm(AdminPasswordChangeForm[User]):
    """Without Django's choice of an account that can't sign in with a password: clear "aktiv" instead."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields.pop("usable_password", None)
        for name in ("password1", "password2"):
            self.fields[name].required = True
        self.fields["password2"].label = AGAIN


class MembershipForm(RowForm[Membership]):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            self.fields["queue"].disabled = True  # another queue is another membership


class MembershipFormSet(RowFormSet[Membership, User]):
    delete_label = "Avsluta medlemskapet"
    by_operator: bool  # set by MembershipInline
    for_new_user: bool

    def clean(self) -> None:
        super().clean()
        if any(self.errors) or self.by_operator:
            return
        if self.for_new_user:
            if not any(form.cleaned_data.get("queue") for form in self.forms):
                raise forms.ValidationError("Välj minst en kö. En ny användare ska vara medlem i någon av dina köer.")
            return
        abandoned = administered_only_by(self.instance, self._left_queues())
        if abandoned:
            names = ", ".join(str(queue) for queue in abandoned)
            raise forms.ValidationError(
                f"{names} skulle sakna administratör. Gör först någon annan till administratör."
            )

    def _left_queues(self) -> list[int]:
        """The queues that the user stops being an active administrator of by what is being saved."""
        if not self.instance.is_active:
            return list(self.get_queryset().filter(role=Role.ADMINISTRATOR).values_list("queue_id", flat=True))
        return [
            form.instance.queue_id
            for form in self.initial_forms
            if form.initial.get("role") == Role.ADMINISTRATOR
            and (form.cleaned_data.get("DELETE") or form.cleaned_data["role"] != Role.ADMINISTRATOR)
        ]


class MembershipInline(ScopedInline[Membership, User]):
    """The user's memberships in the queues of whoever is looking; those in others' queues are not shown."""

    model = Membership
    queue_path = "queue"
    form = MembershipForm
    formset = MembershipFormSet
    fields = ["queue", "role"]

    def get_formset(self, request: HttpRequest, obj: User | None = None, **kwargs: Any) -> type[MembershipFormSet]:
        formset = super().get_formset(request, obj, **kwargs)
        assert issubclass(formset, MembershipFormSet)
        formset.by_operator = person(request).is_superuser
        formset.for_new_user = obj is None
        return formset


class UserAdmin(ScopedAdmin[User], DjangoUserAdmin[User]):
    """An administrator sees everybody who works in a queue of the same care providers, but changes a colleague's name,
    password and the like only where all of the colleague's queues are their own."""

    form = UserForm
    add_form = NewUserForm
    change_password_form = PasswordForm
    add_form_template = None
    fieldsets = [(None, {"fields": [*PERSON_FIELDS, "last_login"]})]
    add_fieldsets = [
        (None, {"fields": ["username", "first_name", "last_name", "hsa_id", "email", "password1", "password2"]})
    ]
    inlines = [MembershipInline]
    list_display = ["full_name", "username", "hsa_id", "active", "roles"]
    list_display_links = ["full_name", "username"]
    list_filter = ["is_active"]
    search_fields = ["username", "first_name", "last_name", "hsa_id"]
    ordering = ["last_name", "first_name", "username"]
    filter_horizontal = ()

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        users: UserQuerySet = User.objects.order_by(*self.ordering)
        if not person(request).is_superuser:
            users = users.colleagues_in(Queue.objects.filter(care_provider__in=own_care_providers(request)))
        own = Membership.objects.filter(queue__in=own_queues(request)).select_related("queue")
        return users.prefetch_related(Prefetch("memberships", queryset=own, to_attr="own_memberships"))

    @admin.display(description="namn", ordering="last_name")
    def full_name(self, user: User) -> str:
        return str(user)

    @admin.display(description="aktiv", ordering="is_active")
    def active(self, user: User) -> str:
        return "Ja" if user.is_active else "Nej"

    @admin.display(description="köer")
    def roles(self, user: Any) -> str:
        """In the queues of whoever is looking."""
        return ", ".join(f"{each.queue} ({each.get_role_display().lower()})" for each in user.own_memberships)

    def may_change_person(self, request: HttpRequest, user: Model) -> bool:
        """Whether the user's own fields and password may be changed, and not the memberships only."""
        return person(request).is_superuser or User.objects.only_in(own_queues(request)).filter(pk=user.pk).exists()

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> list[str]:
        if obj is None or self.may_change_person(request, obj):
            return ["last_login"]
        return [*PERSON_FIELDS, "last_login"]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        context = {
            "may_change_person": self.may_change_person(request, self.get_object(request, object_id)),
            **(extra_context or {}),
        }
        return super().change_view(request, object_id, form_url, context)

    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> HttpResponse:
        if not self.may_change_person(request, self.get_object(request, id)):
            raise PermissionDenied
        return super().user_change_password(request, id, form_url)

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """For the operator only, as it names queues that an administrator may not see."""
        if not person(request).is_superuser:
            raise PermissionDenied
        return super().history_view(request, object_id, extra_context)

    def response_add(self, request: HttpRequest, obj: User, post_url_continue: str | None = None) -> HttpResponse:
        # Django's own goes on to a second form; here the first one has everything.
        return ModelAdmin.response_add(self, request, obj, post_url_continue)
