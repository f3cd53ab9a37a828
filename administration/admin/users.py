"""Admin > Användare: who works in which queue, and who has a role for a whole care provider. What a user may do is
these rights; nothing else is set here."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING, Any, TypeVar

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Model, Prefetch, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from access import invitations, rights, second_person, sessions
from access.models import SecondPersonRequest
from administration import rights as rules
from administration.admin.inlines import RowForm, RowFormSet, ScopedInline
from administration.admin.scoped import DAY, ScopedAdmin, own_care_providers, own_queues, person, whole_care_providers
from administration.admin.typed import ModelAdmin, UserChangeForm
from administration.admin.typed import UserAdmin as DjangoUserAdmin
from administration.rights import GIVE_RIGHT, MAKE_LINK
from administration.users import NAME_IN_USE, is_in_use
from teleq.changes import ChangesForm
from teleq.models import CareProvider, CareProviderRole, Membership, ProviderRole, Queue, Role, User, UserQuerySet
from teleq.typed import ModelForm

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

ROLE_FIELD = r"provider_roles-\d+-care_provider"
PERSON_FIELDS = ["username", "first_name", "last_name", "hsa_id", "email", "is_active"]
ASKED = gettext_lazy("Begäran är sparad. Andra faktorn återställs när en andra person har bekräftat.")
ASKED_FOR_LINK = gettext_lazy("Begäran är sparad. Den som bekräftar får länken, och ger den till {user}.")
ASKED_FOR_RIGHT = gettext_lazy(
    "Begäran är sparad. Behörigheten ges när en administratör för kön eller vårdgivaren har bekräftat."
)


class NewUserForm(ModelForm[User]):
    """Without a password: its owner chooses that, by the link that the saved page shows."""

    class Meta:
        model = User
        fields = ["username", "first_name", "last_name", "hsa_id", "email"]

    def clean_username(self) -> str:
        username: str = self.cleaned_data["username"]
        if is_in_use(username):
            raise forms.ValidationError(NAME_IN_USE)
        return username

    def save(self, commit: bool = True) -> User:
        self.instance.set_unusable_password()
        return super().save(commit)


def why_field(label: StrOrPromise) -> forms.CharField:
    """For the second person, and for the record."""
    return forms.CharField(
        label=label,
        max_length=200,
        widget=forms.Textarea(attrs={"rows": 3}),
        error_messages={"required": gettext_lazy("Skriv varför.")},
    )


def still_to_come(until: date | None) -> date | None:
    if until and until < timezone.localdate():
        raise forms.ValidationError(_("Dagen har redan varit."))
    return until


class WhyForm(forms.Form):
    """Why somebody's second factor is to be reset, or a link for a password made."""

    why = why_field(gettext_lazy("Varför, och hur du vet att det är rätt person"))


class UserForm(ChangesForm[User], UserChangeForm[User]):
    # Leaves the field out, which shows the hash: its owner changes the password.
    password = None  # type: ignore[assignment]  # Django's way to say it


class RightForm(forms.Form):
    """What right the operator asks for, for somebody."""

    role = forms.ChoiceField(label=gettext_lazy("Roll"), choices=[*Role.choices, *ProviderRole.choices])
    queue = forms.ModelChoiceField(
        label=gettext_lazy("Kö"),
        queryset=Queue.objects.select_related("care_provider"),
        required=False,
        empty_label=gettext_lazy("Ingen"),
    )
    care_provider = forms.ModelChoiceField(
        label=gettext_lazy("Vårdgivare"),
        queryset=CareProvider.objects.order_by("name"),
        required=False,
        empty_label=gettext_lazy("Ingen"),
    )
    until = forms.DateField(
        label=gettext_lazy("Till och med"),
        required=False,
        widget=DAY,
        error_messages={"invalid": gettext_lazy("Skriv en dag.")},
    )
    why = why_field(gettext_lazy("Varför behörigheten behövs"))

    def clean_until(self) -> date | None:
        return still_to_come(self.cleaned_data["until"])

    def clean(self) -> None:
        super().clean()
        data = self.cleaned_data
        if data.get("role") in Role.values and not data.get("queue"):
            self.add_error("queue", _("Välj kön som rollen gäller i."))
        if data.get("role") in ProviderRole.values and not data.get("care_provider"):
            self.add_error("care_provider", _("Välj vårdgivaren som rollen gäller för."))

    def asked_for(self) -> tuple[Queue | CareProvider, Role | ProviderRole]:
        data = self.cleaned_data
        if data["role"] in Role.values:
            return data["queue"], Role(data["role"])
        return data["care_provider"], ProviderRole(data["role"])


GivenRow = TypeVar("GivenRow", Membership, CareProviderRole)


class GivenForm(RowForm[GivenRow]):
    """A right: whose it is and where stays as it was given; another place is another right."""

    stays: tuple[str, ...]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            for name in self.stays:
                if name in self.fields:
                    self.fields[name].disabled = True

    def clean_until(self) -> date | None:
        until: date | None = self.cleaned_data["until"]
        return still_to_come(until) if "until" in self.changed_data else until


class MembershipForm(GivenForm[Membership]):
    stays = ("queue",)


class CareProviderRoleForm(GivenForm[CareProviderRole]):
    stays = ("care_provider", "role")


class GivenFormSet(RowFormSet[GivenRow, User]):
    """The rights of a kind, in the places of whoever is looking. The last administrator of a place stays."""

    place = ""
    """The field that says where the right counts."""
    administrator: Role | ProviderRole
    by_operator: bool  # set by GivenInline
    for_new_user: bool

    def clean(self) -> None:
        super().clean()
        if any(self.errors) or self.by_operator:
            return
        if self.for_new_user:
            self.clean_new()
        elif left := self.left_by(self.instance, self._left()):
            raise forms.ValidationError(str(rules.WithoutAdministrator(left)))

    def clean_new(self) -> None: ...

    def left_by(self, user: User, ids: list[int]) -> Sequence[Queue | CareProvider]:
        raise NotImplementedError

    def _left(self) -> list[int]:
        """Where the user stops being an active administrator, at once or from a day, by what is being saved."""
        place = f"{self.place}_id"
        if not self.instance.is_active:
            return list(self.get_queryset().filter(role=self.administrator).values_list(place, flat=True))
        return [
            getattr(form.instance, place)
            for form in self.initial_forms
            if form.initial.get("role") == self.administrator and self._ends(form)
        ]

    def _ends(self, form: ModelForm[GivenRow]) -> bool:
        data = form.cleaned_data
        ends = "until" in form.changed_data and data.get("until") is not None
        return bool(data.get("DELETE")) or ends or data.get("role", self.administrator) != self.administrator


class MembershipFormSet(GivenFormSet[Membership]):
    delete_label = gettext_lazy("Avsluta medlemskapet")
    place = "queue"
    administrator = Role.ADMINISTRATOR

    def clean_new(self) -> None:
        role_given = any(value for name, value in self.data.items() if re.fullmatch(ROLE_FIELD, name))
        if not role_given and not any(form.cleaned_data.get("queue") for form in self.forms):
            raise forms.ValidationError(_("Välj minst en kö. En ny användare ska vara medlem i någon av dina köer."))

    def left_by(self, user: User, ids: list[int]) -> Sequence[Queue]:
        return rules.queues_left_by(user, ids)


class CareProviderRoleFormSet(GivenFormSet[CareProviderRole]):
    delete_label = gettext_lazy("Avsluta rollen")
    place = "care_provider"
    administrator = ProviderRole.ADMINISTRATOR

    def left_by(self, user: User, ids: list[int]) -> Sequence[CareProvider]:
        return rules.providers_left_by(user, ids)


class GivenInline(ScopedInline[GivenRow, User]):
    """A user's rights in the places of whoever is looking; those elsewhere are not shown.

    The operator makes first administrators and ends what has been given; else they ask for it.
    """

    fk_name = "user"

    def get_formset(self, request: HttpRequest, obj: User | None = None, **kwargs: Any) -> Any:
        formset: Any = super().get_formset(request, obj, **kwargs)
        assert issubclass(formset, GivenFormSet)
        formset.by_operator = person(request).is_superuser
        formset.for_new_user = obj is None
        return formset

    def formfield_for_choice_field(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "role" and person(request).is_superuser:
            first = self.formset.administrator  # type: ignore[attr-defined]  # a GivenFormSet, asserted above
            kwargs["choices"] = [(first.value, first.label)]
        return super().formfield_for_choice_field(db_field, request, **kwargs)

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        of_an_operator = isinstance(obj, User) and obj.is_superuser and person(request).is_superuser
        return super().has_add_permission(request, obj) and not of_an_operator

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return super().has_change_permission(request, obj) and not person(request).is_superuser


class MembershipInline(GivenInline[Membership]):
    model = Membership
    queue_path = "queue"
    form = MembershipForm
    formset = MembershipFormSet
    fields = ["queue", "role", "until", "why"]

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        field = super().formfield_for_foreignkey(db_field, request, **kwargs)
        if field and db_field.name == "queue" and person(request).is_superuser:
            field.queryset = rules.queues_never_administered()
        return field


class CareProviderRoleInline(GivenInline[CareProviderRole]):
    """For a care provider's administrator and the operator."""

    model = CareProviderRole
    form = CareProviderRoleForm
    formset = CareProviderRoleFormSet
    fields = ["care_provider", "role", "until", "why"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[CareProviderRole]:
        return CareProviderRole.objects.filter(care_provider__in=self._providers(request))

    def _providers(self, request: HttpRequest) -> QuerySet[CareProvider]:
        return CareProvider.objects.all() if person(request).is_superuser else whole_care_providers(request)

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        field = super().formfield_for_foreignkey(db_field, request, **kwargs)
        if field and db_field.name == "care_provider":
            by_operator = person(request).is_superuser
            field.queryset = rules.providers_never_administered() if by_operator else whole_care_providers(request)
        return field


def _role_in_words(given: Membership | CareProviderRole) -> str:
    role = str(given.get_role_display()).lower()
    if given.until is None:
        return role
    ended = given.until < timezone.localdate()
    return f"{role}, {_('slutade gälla') if ended else _('till och med')} {date_format(given.until, 'j F Y')}"


class UserAdmin(ScopedAdmin[User], DjangoUserAdmin[User]):
    """An administrator sees everybody who works for the same care providers, but changes a colleague's name and the
    like, and makes a link for a new password, only where all of the colleague's rights are in their own queues and care
    providers. The operator sees all, but makes no way in to the account of somebody who has a right."""

    form = UserForm
    add_form = NewUserForm
    add_form_template = None
    fieldsets = [(None, {"fields": [*PERSON_FIELDS, "last_login"]})]
    add_fieldsets = [(None, {"fields": NewUserForm.Meta.fields})]
    inlines = [MembershipInline, CareProviderRoleInline]
    list_display = ["full_name", "username", "hsa_id", "active", "roles"]
    list_display_links = ["full_name", "username"]
    list_filter = ["is_active"]
    search_fields = ["username", "first_name", "last_name", "hsa_id"]
    ordering = ["last_name", "first_name", "username"]
    filter_horizontal = ()

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        users: Any = User.objects.order_by(*self.ordering)
        memberships = Membership.objects.filter(queue__in=own_queues(request)).select_related("queue")
        roles = CareProviderRole.objects.filter(care_provider__in=own_care_providers(request))
        if not person(request).is_superuser:
            providers = own_care_providers(request)
            working = users.colleagues_in(Queue.objects.filter(care_provider__in=providers))
            users = working | users.with_role_in(providers)
        found: QuerySet[User] = users.prefetch_related(
            Prefetch("memberships", queryset=memberships, to_attr="own_memberships"),
            Prefetch("provider_roles", queryset=roles.select_related("care_provider"), to_attr="own_roles"),
        )
        return found

    @admin.display(description=gettext_lazy("namn"), ordering="last_name")
    def full_name(self, user: User) -> str:
        return str(user)

    @admin.display(description=gettext_lazy("aktiv"), ordering="is_active")
    def active(self, user: User) -> str:
        return _("Ja") if user.is_active else _("Nej")

    @admin.display(description=gettext_lazy("köer och roller"))
    def roles(self, user: Any) -> str:
        """In the places of whoever is looking."""
        rights = [(each.queue, each) for each in user.own_memberships]
        rights += [(each.care_provider, each) for each in user.own_roles]
        return ", ".join(f"{place} ({_role_in_words(given)})" for place, given in rights)

    def may_change_person(self, request: HttpRequest, user: User) -> bool:
        """Whether the user's own fields may be changed, and not the rights only."""
        if person(request).is_superuser:
            return True
        own: UserQuerySet = User.objects.only_in(own_queues(request), whole_care_providers(request))
        return own.filter(pk=user.pk).exists()

    def may_make_way_in(self, request: HttpRequest, user: User) -> bool:
        """Whether a link for a password, or another HSA-id, may be made without a second person."""
        if person(request).is_superuser:
            return rules.is_operators_alone(user)
        return self.may_change_person(request, user)

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> list[str]:
        if obj is None or self.may_make_way_in(request, obj):
            return ["last_login"]
        if self.may_change_person(request, obj):
            return ["hsa_id", "last_login"]
        return [*PERSON_FIELDS, "last_login"]

    def get_inlines(self, request: HttpRequest, obj: User | None) -> list[Any]:
        by_operator = person(request).is_superuser
        kinds: list[Any] = [MembershipInline, CareProviderRoleInline]
        if obj and obj.is_superuser and by_operator:  # who is given none: only what there is, to be ended
            return [kind for kind in kinds if kind.model.objects.filter(user=obj).exists()]
        return kinds if by_operator or whole_care_providers(request).exists() else kinds[:1]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        user = self._user(request, object_id)
        context = {
            "may_change_person": self.may_change_person(request, user),
            "may_make_link": self.may_make_way_in(request, user) or self._may_ask(request, MAKE_LINK, user),
            "may_ask_for_right": self._may_ask(request, GIVE_RIGHT, user),
            "may_reset": second_person.may_ask(SecondPersonRequest.Act.RESET_SECOND_FACTOR, user, person(request)),
            **(extra_context or {}),
        }
        return super().change_view(request, object_id, form_url, context)

    def get_urls(self) -> list[URLPattern]:
        """Without Django's page for typing another's password."""
        wrap = self.admin_site.admin_view
        return [
            path("<path:object_id>/invitation/", wrap(self.invitation_view), name="teleq_user_invitation"),
            path("<path:object_id>/sign-out/", wrap(self.sign_out_view), name="teleq_user_sign_out"),
            path("<path:object_id>/right/", wrap(self.right_view), name="teleq_user_right"),
            path("<path:object_id>/second-factor/", wrap(self.second_factor_view), name="teleq_user_second_factor"),
            *ModelAdmin.get_urls(self),
        ]

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Within `changeform_view`'s transaction; an account that was shut or opened is in `save_model`."""
        ended = [each for formset in formsets for each in formset.initial_forms if each in formset.deleted_forms]
        why = {rights.place_of(each.instance): each.cleaned_data.get("why", "") for each in ended}
        with rights.on_record(form.instance, by=person(request), ended_because=why):
            super().save_related(request, form, formsets, change)

    def save_model(self, request: HttpRequest, obj: Model, form: Any, change: bool) -> None:
        assert isinstance(obj, User)
        if not change:
            super().save_model(request, obj, form, change)
            return
        with rights.on_record(obj, by=person(request)):
            super().save_model(request, obj, form, change)

    def _may_ask(self, request: HttpRequest, act: str, user: User) -> bool:
        return second_person.may_ask(act, user, person(request))

    def invitation_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Makes a link by which the user chooses a password, and shows it: a redirect would have to carry it. Where a
        second person has to confirm, asks for it."""
        user = self._user(request, object_id)
        if self.may_make_way_in(request, user):
            if request.method == "POST":
                return show_link(request, user)
            return _user_page(request, user, "invite", {"title": _("Ny länk för lösenord")})
        if not self._may_ask(request, MAKE_LINK, user):
            raise PermissionDenied
        form = WhyForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            second_person.ask(MAKE_LINK, user, person(request), form.cleaned_data["why"])
            self.message_user(request, ASKED_FOR_LINK.format(user=user))
            return redirect("admin:second_person")
        return _user_page(request, user, "invite", {"title": _("Ny länk för lösenord"), "form": form})

    def right_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Asks for a right, which an administrator of the place has to confirm."""
        user = self._user(request, object_id)
        if not self._may_ask(request, GIVE_RIGHT, user):
            raise PermissionDenied
        form = RightForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            place, role = form.asked_for()
            data = form.cleaned_data
            rules.ask_for_right(user, place, role, until=data["until"], why=data["why"], by=person(request))
            self.message_user(request, ASKED_FOR_RIGHT)
            return redirect("admin:second_person")
        return _user_page(request, user, "right", {"title": _("Begär behörighet"), "form": form})

    def second_factor_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Asks for a reset, which another administrator has to confirm."""
        user, act = self._user(request, object_id), SecondPersonRequest.Act.RESET_SECOND_FACTOR
        if not second_person.may_ask(act, user, person(request)):
            raise PermissionDenied
        form = WhyForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            second_person.ask(act, user, person(request), form.cleaned_data["why"])
            self.message_user(request, ASKED)
            return redirect("admin:second_person")
        return _user_page(request, user, "second_factor", {"title": _("Återställ andra faktorn"), "form": form})

    def sign_out_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ends all of the user's sessions, such as when a telephone or a computer is lost."""
        user = self._user(request, object_id)
        if not self.may_change_person(request, user):
            raise PermissionDenied
        if request.method == "POST":
            sessions.sign_out_everywhere(user, by=person(request))
            self.message_user(request, _("%(user)s är utloggad överallt.") % {"user": user})
            return redirect("admin:teleq_user_change", user.pk)
        return _user_page(request, user, "sign_out", {"title": _("Logga ut överallt")})

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """For the operator only, as it names queues that an administrator may not see."""
        if not person(request).is_superuser:
            raise PermissionDenied
        return super().history_view(request, object_id, extra_context)

    def response_add(self, request: HttpRequest, obj: User, post_url_continue: str | None = None) -> HttpResponse:
        """The link is shown in the answer itself."""
        self.message_user(request, _("Tillagt: användare ”%(name)s”.") % {"name": obj}, messages.SUCCESS)
        return show_link(request, obj)

    def _user(self, request: HttpRequest, object_id: str) -> User:
        user = self.get_object(request, object_id)
        assert isinstance(user, User)
        return user


def show_link(request: HttpRequest, user: User) -> HttpResponse:
    """Makes a link by which the user chooses a password, and shows it, to be handed over. Who may is asked before."""
    link = request.build_absolute_uri(invitations.make_link(user, by=person(request)))
    days = settings.PASSWORD_RESET_TIMEOUT // 86_400
    return _user_page(request, user, "invited", {"title": _("Länk för lösenord"), "link": link, "days": days})


def _user_page(request: HttpRequest, user: User, name: str, context: dict[str, Any]) -> HttpResponse:
    context = {**admin.site.each_context(request), "opts": User._meta, "original": user, **context}
    return TemplateResponse(request, f"admin/teleq/user/{name}.html", context)
