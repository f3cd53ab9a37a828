"""Admin > Telefonnummer för patienter, Menyer and Egna meddelanden: the telephone menu, for a care provider's
administrator and the operator. Nothing here tells of a patient."""

from __future__ import annotations

from typing import Any, TypeVar, cast

from django import forms
from django.contrib import admin
from django.contrib.admin.widgets import AdminTextareaWidget
from django.core.exceptions import PermissionDenied
from django.db.models import Field, Model, ProtectedError, QuerySet, TextField, TimeField
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from administration.admin.inlines import RowForm, ScopedInline
from administration.admin.recordings import plays_sound
from administration.admin.scoped import ScopedAdmin, person, whole_care_providers
from administration.site import whole_roles
from telephony import recordings, tree, trial, voices
from telephony.models import (
    Announcement,
    CallersHours,
    Choice,
    Language,
    Menu,
    PatientsNumber,
    QueueByPhone,
    Recording,
    SpokenFile,
)
from telephony.models.menu import LEADS_TO_ONE_PLACE, swedish_only
from teleq.changes import ChangesForm
from teleq.models import CareProvider, ProviderRole
from teleq.phone_numbers import phone_field, show
from teleq.whole_numbers import whole_number

Row = TypeVar("Row", bound=Model)

OTHERS = gettext_lazy("{what} hör inte till {care_provider}.")
USED = gettext_lazy("Det används i ett telefonnummer eller en meny. Ta först bort det där.")
MISSING = gettext_lazy("Numret kan inte tas i bruk: inspelningar saknas.")
KEYS_AT_MOST = 200
"""Of a trial."""
RECORDINGS_AT_MOST = 50
"""In one file of a trial: more than any sentence is put together of."""


def care_providers(request: HttpRequest) -> QuerySet[CareProvider]:
    """Those whose telephone menus the user sets up: of the operator all."""
    return CareProvider.objects.all() if person(request).is_superuser else whole_care_providers(request)


class OfCareProvider(ScopedAdmin[Row]):
    """A page of what belongs to a whole care provider."""

    may_delete = True

    def has_module_permission(self, request: HttpRequest) -> bool:
        whole = ProviderRole.ADMINISTRATOR in whole_roles(request)
        return super().has_module_permission(request) and (whole or person(request).is_superuser)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Row]:
        every = self.model._default_manager.all()
        return every.filter(care_provider__in=care_providers(request)).select_related("care_provider")

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        field = super().formfield_for_foreignkey(db_field, request, **kwargs)
        return limit(field, db_field, request)

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """Where there is one care provider there is nothing to choose among."""
        own = list(care_providers(request)[:2])
        return {"care_provider": own[0].pk} if len(own) == 1 else {}

    def delete_model(self, request: HttpRequest, obj: Row) -> None:
        obj.delete()

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        try:
            return super().delete_view(request, object_id, extra_context)
        except ProtectedError:
            self.message_user(request, str(USED), "ERROR")
            return redirect(request.path.replace("/delete/", "/change/"))


def limit(field: Any, db_field: Any, request: HttpRequest) -> Any:
    """The choices of a field, to what belongs to the user's care providers."""
    if field is None:
        return None
    own = care_providers(request)
    if db_field.related_model is CareProvider:
        field.queryset = own
    else:
        field.queryset = db_field.related_model._default_manager.filter(care_provider__in=own)
    return field


class AnnouncementAdmin(OfCareProvider[Announcement]):
    form = ChangesForm[Announcement]
    fields = ["care_provider", "words", "english"]
    list_display = ["__str__", "care_provider", "recorded"]
    formfield_overrides = {TextField: {"widget": AdminTextareaWidget({"rows": 3})}}

    def get_form(
        self, request: HttpRequest, obj: Announcement | None = None, change: bool = False, **kwargs: Any
    ) -> Any:
        return super().get_form(request, obj, change, form=ChangesForm, **kwargs)

    @admin.display(description=gettext_lazy("inläst på"))
    def recorded(self, announcement: Announcement) -> str:
        current = Recording.objects.current(announcement.care_provider_id).filter(sentence=announcement.sentence)
        languages = current.values_list("language", flat=True)
        return ", ".join(sorted(map(recordings.language_name, languages))) or _("inte inläst")


# Menus ---------------------------------------------------------------------------------------------------------------


def complain_of_others(form: Any, provider: CareProvider | None, names: tuple[str, ...]) -> None:
    """What is chosen in these fields has to be the same care provider's."""
    for name in names:
        chosen = form.cleaned_data.get(name)
        if chosen and provider and chosen.care_provider_id != provider.pk:
            form.add_error(name, OTHERS.format(what=chosen, care_provider=provider))


class ChoiceForm(RowForm[Choice]):
    person_number = phone_field(gettext_lazy("Nummer till en person"), required=False)

    class Meta:
        model = Choice
        fields = ("key", "words", "queue", "menu", "announcement", "person_number", "order")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["words"].empty_label = _("Välj ord")  # type: ignore[attr-defined]  # of a ModelChoiceField

    def clean(self) -> None:
        super().clean()
        menu = getattr(self.instance, "of_menu", None)
        complain_of_others(self, menu and menu.care_provider, ("words", "queue", "menu", "announcement"))


class ChoicesInline(ScopedInline[Choice, Menu]):
    model = Choice
    fk_name = "of_menu"
    form = ChoiceForm
    extra = 3
    max_num = 10

    def get_queryset(self, request: HttpRequest) -> QuerySet[Choice]:
        return Choice.objects.filter(of_menu__care_provider__in=care_providers(request)).order_by("order", "key")

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        return limit(super().formfield_for_foreignkey(db_field, request, **kwargs), db_field, request)


class MenuAdmin(OfCareProvider[Menu]):
    form = ChangesForm[Menu]
    fields = ["care_provider", "name"]
    inlines = [ChoicesInline]
    list_display = ["name", "care_provider", "choices"]

    @admin.display(description=gettext_lazy("val"))
    def choices(self, menu: Menu) -> str:
        return ", ".join(str(choice.key) for choice in menu.choices.all()) or _("inga")


# Numbers -------------------------------------------------------------------------------------------------------------


class LanguagesField(forms.MultipleChoiceField):
    """What the page was shown with comes with commas between."""

    def to_python(self, value: Any) -> list[str]:
        return super().to_python(value.split(",") if isinstance(value, str) and value else value)


def known_languages(providers: QuerySet[CareProvider]) -> list[tuple[str, str]]:
    """Swedish and English, and those that somebody has recorded something in."""
    recorded = Recording.objects.filter(care_provider__in=providers, replaced_at=None)
    written = (Language.SWEDISH, Language.ENGLISH)
    codes = dict.fromkeys([*written, *recorded.order_by("language").values_list("language", flat=True).distinct()])
    return [(code, capfirst(recordings.language_name(code))) for code in codes]


def _help(name: str) -> Any:
    return cast("Field[Any, Any]", PatientsNumber._meta.get_field(name)).help_text


class PatientsNumberForm(ChangesForm[PatientsNumber]):
    number = phone_field(gettext_lazy("Telefonnummer"))
    person_number = phone_field(
        gettext_lazy("Nummer till en person"),
        required=False,
        help_text=_help("person_number"),
    )
    languages = LanguagesField(
        label=gettext_lazy("Språk"),
        initial=swedish_only,
        widget=forms.CheckboxSelectMultiple,
        help_text=_help("languages"),
        error_messages={"required": gettext_lazy("Välj minst ett språk.")},
    )

    class Meta:
        model = PatientsNumber
        fields = [
            *("care_provider", "number", "greeting", "languages"),
            *("queue", "menu", "announcement", "person_number", "closed_announcement", "asks_consent", "is_on"),
        ]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["closed_announcement"].empty_label = _("Standardmeningen")  # type: ignore[attr-defined]

    def clean(self) -> None:
        super().clean()
        provider = self.cleaned_data.get("care_provider")
        complain_of_others(self, provider, ("greeting", "queue", "menu", "announcement", "closed_announcement"))
        places = ("queue", "menu", "announcement")
        if sum(bool(self.cleaned_data.get(name)) or name in self.errors for name in places) != 1:
            self.add_error("queue", LEADS_TO_ONE_PLACE)  # where one chooses, and not above the form
        if self.cleaned_data.get("is_on") and not self.errors:
            self._complain_of_missing()

    def _complain_of_missing(self) -> None:
        """A number that lacks a recording can't be switched on: a caller would hear silence there."""
        number = self._meta.model(**{name: self.cleaned_data[name] for name in self._meta.fields or ()})
        if missing := recordings.missing_in_words(number):
            self.add_error("is_on", [str(MISSING), *missing])


class CallersHoursInline(ScopedInline[CallersHours, PatientsNumber]):
    model = CallersHours
    fields = ("weekday", "opens", "closes")
    extra = 1
    formfield_overrides = {TimeField: {"widget": forms.TimeInput(attrs={"type": "time"}, format="%H:%M")}}

    def get_queryset(self, request: HttpRequest) -> QuerySet[CallersHours]:
        return CallersHours.objects.filter(number__care_provider__in=care_providers(request))


class PatientsNumberAdmin(OfCareProvider[PatientsNumber]):
    form = PatientsNumberForm
    inlines = [CallersHoursInline]
    fieldsets = [
        (None, {"fields": ["care_provider", "number", "greeting", "languages"]}),
        (gettext_lazy("Dit samtalet leder"), {"fields": ["queue", "menu", "announcement", "person_number"]}),
        (gettext_lazy("Stängt, samtycke och i bruk"), {"fields": ["closed_announcement", "asks_consent", "is_on"]}),
    ]
    list_display = ["number_shown", "care_provider", "leads_to", "is_on", "try_it"]
    list_select_related = ["care_provider", "queue", "menu", "announcement"]
    change_form_template = "admin/telephony/number.html"

    def get_form(
        self, request: HttpRequest, obj: PatientsNumber | None = None, change: bool = False, **kwargs: Any
    ) -> Any:
        form: Any = super().get_form(request, obj, change, **kwargs)
        cast(Any, form.base_fields["languages"]).choices = known_languages(care_providers(request))
        return form

    @admin.display(description=gettext_lazy("telefonnummer"), ordering="number")
    def number_shown(self, number: PatientsNumber) -> str:
        return show(number.number)

    @admin.display(description=gettext_lazy("leder till"))
    def leads_to(self, number: PatientsNumber) -> str:
        return str(number.queue or number.menu or number.announcement)

    @admin.display(description=gettext_lazy("provring"))
    def try_it(self, number: PatientsNumber) -> SafeString:
        return format_html('<a href="{}">{}</a>', reverse("admin:phone_trial", args=[number.pk]), _("Provring"))

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        number = self.get_object(request, object_id)
        shown = {
            "tree": tree.of_number(number),
            "lacks": recordings.missing_in_words(number),
            "records": whole_care_providers(request).filter(pk=number.care_provider_id).exists(),
        }
        return super().change_view(request, object_id, form_url, {**shown, **(extra_context or {})})

    def get_urls(self) -> list[URLPattern]:
        trial_view = self.admin_site.admin_view(plays_sound(self.trial_view))
        sound_view = self.admin_site.admin_view(require_safe(self.trial_sound_view))
        return [
            path("<int:number_id>/trial/", trial_view, name="phone_trial"),
            path("<int:number_id>/trial/sound/", sound_view, name="phone_trial_sound"),
            *super().get_urls(),
        ]

    def _tried(self, request: HttpRequest, number_id: int) -> PatientsNumber:
        """Raises PermissionDenied and Http404."""
        if not self.has_module_permission(request):
            raise PermissionDenied
        return get_object_or_404(self.get_queryset(request), pk=number_id)

    def trial_sound_view(self, request: HttpRequest, number_id: int) -> HttpResponse:
        """What is said in a trial: recordings of the number's care provider, put together in the order of their ids in
        the query."""
        number = self._tried(request, number_id)
        ids = [whole_number(each) or 0 for each in request.GET.getlist("r")[:RECORDINGS_AT_MOST]]
        own = Recording.objects.filter(care_provider=number.care_provider_id, pk__in=ids)
        forms_of = dict(own.values_list("pk", "form"))
        if set(forms_of) != set(ids) or len(set(forms_of.values())) != 1:
            raise Http404
        sound, content_type = voices.sound(SpokenFile(recordings=ids))
        return HttpResponse(sound, content_type=content_type)

    def trial_view(self, request: HttpRequest, number_id: int) -> HttpResponse:
        """Provring. POST rings, with the keys so far and the next one."""
        number = self._tried(request, number_id)
        withheld, as_if_open = "withheld" in request.POST, "as_if_open" in request.POST
        keys = _keys_of(request)
        calls_from = "" if withheld else trial.FICTIONAL
        heard = trial.go_through(number, keys, calls_from=calls_from, as_if_open=as_if_open) if _rings(request) else []
        context = {
            "title": _("Provring"),
            "subtitle": show(number.number),
            "number": number,
            "heard": heard,
            "keys": keys,
            "withheld": withheld,
            "as_if_open": as_if_open,
            "opts": self.opts,
            "goes_on": bool(heard) and not heard[-1].is_over,
            "pad": ["1", "2", "3", "4", "5", "6", "7", "8", "9", "*", "0", "#"],
        }
        return TemplateResponse(
            request, "admin/telephony/trial.html", {**self.admin_site.each_context(request), **context}
        )


def _rings(request: HttpRequest) -> bool:
    return request.method == "POST" and "hang_up" not in request.POST


def _keys_of(request: HttpRequest) -> list[str]:
    """Those so far, and the one that was pressed. A keyed number or personnummer comes whole."""
    if "again" in request.POST or request.method != "POST":
        return []
    keys = request.POST.getlist("keys")[:KEYS_AT_MOST]
    if "silence" in request.POST:
        return [*keys, ""]
    pressed = request.POST.get("press") or request.POST.get("typed", "")
    return [*keys, pressed[:20]] if pressed else keys


# Queues --------------------------------------------------------------------------------------------------------------


class QueueByPhoneAdmin(ScopedAdmin[QueueByPhone]):
    """What a queue asks for in the telephone menu: for the queue's own administrator too."""

    queue_path = "queue"
    form = ChangesForm[QueueByPhone]
    fields = ["queue", "asks_personal_identity"]
    list_display = ["queue", "asks_personal_identity"]
    list_select_related = ["queue"]
