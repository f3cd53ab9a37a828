"""Admin > Användare: who works in which queue. What a user may do is their memberships; nothing else is set here."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Model, Prefetch, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path

from access import invitations, rights, second_person
from access.models import SecondPersonRequest
from administration.admin.inlines import RowForm, RowFormSet, ScopedInline
from administration.admin.scoped import ScopedAdmin, own_care_providers, own_queues, person
from administration.admin.typed import UserAdmin as DjangoUserAdmin
from administration.admin.typed import UserChangeForm
from administration.queues import administered_only_by
from teleq.changes import ChangesForm
from teleq.models import Membership, Queue, Role, User, UserQuerySet
from teleq.typed import ModelForm

PERSON_FIELDS = ["username", "first_name", "last_name", "hsa_id", "email", "is_active"]
ASKED = "Begäran är sparad. Andra faktorn återställs när en andra person har bekräftat."


class NewUserForm(ModelForm[User]):
    """Without a password: its owner chooses that, by the link that the saved page shows."""

    class Meta:
        model = User
        fields = ["username", "first_name", "last_name", "hsa_id", "email"]

    def clean_username(self) -> str:
        username: str = self.cleaned_data["username"]
        if User.objects.filter(username__iexact=username).exists():
            raise forms.ValidationError("En användare med det användarnamnet finns redan.")
        return username

    def save(self, commit: bool = True) -> User:
        self.instance.set_unusable_password()
        return super().save(commit)


class SecondFactorResetForm(forms.Form):
    """Why somebody's second factor is to be reset: for the second person, and for the record."""

    why = forms.CharField(
        label="Varför, och hur du vet att det är rätt person",
        max_length=200,
        widget=forms.Textarea(attrs={"rows": 3}),
        error_messages={"required": "Skriv varför."},
    )


class UserForm(ChangesForm[User], UserChangeForm[User]):
    # Leaves the field out, which shows the hash: its owner changes the password.
    password = None  # type: ignore[assignment]  # Django's way to say it


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
    """An administrator sees everybody who works in a queue of the same care providers, but changes a colleague's name
    and the like, and makes a link for a new password, only where all of the colleague's queues are their own."""

    form = UserForm
    add_form = NewUserForm
    add_form_template = None
    fieldsets = [(None, {"fields": [*PERSON_FIELDS, "last_login"]})]
    add_fieldsets = [(None, {"fields": NewUserForm.Meta.fields})]
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
        user = self._user(request, object_id)
        context = {
            "may_change_person": self.may_change_person(request, user),
            "may_reset": second_person.may_ask(SecondPersonRequest.Act.RESET_SECOND_FACTOR, user, person(request)),
            **(extra_context or {}),
        }
        return super().change_view(request, object_id, form_url, context)

    def get_urls(self) -> list[URLPattern]:
        """Without Django's page for typing another's password."""
        wrap = self.admin_site.admin_view
        return [
            path("<path:object_id>/invitation/", wrap(self.invitation_view), name="teleq_user_invitation"),
            path("<path:object_id>/second-factor/", wrap(self.second_factor_view), name="teleq_user_second_factor"),
            *super(DjangoUserAdmin, self).get_urls(),
        ]

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Within `changeform_view`'s transaction; an account that was shut or opened is in `save_model`."""
        with rights.on_record(form.instance, by=person(request)):
            super().save_related(request, form, formsets, change)

    def save_model(self, request: HttpRequest, obj: Model, form: Any, change: bool) -> None:
        assert isinstance(obj, User)
        if not change:
            super().save_model(request, obj, form, change)
            return
        with rights.on_record(obj, by=person(request)):
            super().save_model(request, obj, form, change)

    def invitation_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Makes a link by which the user chooses a password, and shows it: a redirect would have to carry it."""
        user = self._user(request, object_id)
        if not self.may_change_person(request, user):
            raise PermissionDenied
        if request.method != "POST":
            return self._page(request, user, "invite", {"title": "Ny länk för lösenord"})
        return self._show_link(request, user)

    def second_factor_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Asks for a reset, which another administrator has to confirm."""
        user, act = self._user(request, object_id), SecondPersonRequest.Act.RESET_SECOND_FACTOR
        if not second_person.may_ask(act, user, person(request)):
            raise PermissionDenied
        form = SecondFactorResetForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            second_person.ask(act, user, person(request), form.cleaned_data["why"])
            self.message_user(request, ASKED)
            return redirect("admin:second_person")
        return self._page(request, user, "second_factor", {"title": "Återställ andra faktorn", "form": form})

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """For the operator only, as it names queues that an administrator may not see."""
        if not person(request).is_superuser:
            raise PermissionDenied
        return super().history_view(request, object_id, extra_context)

    def response_add(self, request: HttpRequest, obj: User, post_url_continue: str | None = None) -> HttpResponse:
        """The link is shown in the answer itself."""
        return self._show_link(request, obj)

    def _user(self, request: HttpRequest, object_id: str) -> User:
        user = self.get_object(request, object_id)
        assert isinstance(user, User)
        return user

    def _show_link(self, request: HttpRequest, user: User) -> HttpResponse:
        link = request.build_absolute_uri(invitations.make_link(user, by=person(request)))
        days = settings.PASSWORD_RESET_TIMEOUT // 86_400
        return self._page(request, user, "invited", {"title": "Länk för lösenord", "link": link, "days": days})

    def _page(self, request: HttpRequest, user: User, name: str, context: dict[str, Any]) -> HttpResponse:
        context = {**self.admin_site.each_context(request), "opts": self.opts, "original": user, **context}
        return TemplateResponse(request, f"admin/teleq/user/{name}.html", context)
