"""Admin > Nycklar för telefonsystem, for the operator: the keys by which telephone systems book callbacks."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import ManyToManyField, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop, override

from administration.admin.scoped import ScopedAdmin, own_care_providers, own_queues, person
from intake.keys import WARNED_BEFORE, Revoked, change_key, make_key, revoke_key
from intake.models import IntakeKey
from teleq.changes import ChangedMeanwhile, ChangesForm
from teleq.models import Queue
from teleq.swedish import date_and_clock, in_days

FIELDS = ("care_provider", "name", "queues", "until")
SHOWN = ("care_provider", "name", "opened", "state", "created_at", "created_by", "last_used", "before")
NAME_IN_USE = gettext_lazy("Vårdgivaren har redan en giltig nyckel med det namnet.")
OTHERS_QUEUE = gettext_lazy("{queue} hör inte till {care_provider}.")
PAST = gettext_lazy("Dagen har redan varit.")
REVOKED = gettext_lazy("Nyckeln är återkallad. Telefonsystemet kommer inte längre in med den.")
ALREADY_REVOKED = gettext_lazy("Nyckeln är återkallad och går inte att byta.")
CHANGED = gettext_lazy("Nyckeln har bytts sedan sidan visades. Ingen ny nyckel skapades.")
A_YEAR = timedelta(days=365)


class IntakeKeyForm(ChangesForm[IntakeKey]):
    def clean(self) -> None:
        """One valid key per name. Django leaves out its own check of that constraint, as it is about `revoked_at` too,
        which is no field of the form."""
        super().clean()
        care_provider, name = self.cleaned_data.get("care_provider"), self.cleaned_data.get("name")
        if not care_provider:
            return
        if name and IntakeKey.objects.filter(care_provider=care_provider, name=name, revoked_at=None).exists():
            raise forms.ValidationError(NAME_IN_USE)
        for queue in self.cleaned_data.get("queues", ()):
            if queue.care_provider_id != care_provider.pk:
                self.add_error("queues", OTHERS_QUEUE.format(queue=queue, care_provider=care_provider))

    def clean_until(self) -> date | None:
        return _not_past(self.cleaned_data["until"])


def _not_past(day: date | None) -> date | None:
    if day and day < timezone.localdate():
        raise forms.ValidationError(PAST)
    return day


class ChangeKeyForm(forms.Form):
    """For how long the key that the telephone system has still works, so that there is time to put in the new one; and
    how long that one does."""

    hours = forms.TypedChoiceField(
        label=gettext_lazy("Den gamla nyckeln gäller"),
        coerce=int,
        choices=[
            (1, gettext_lazy("i en timme till")),
            (24, gettext_lazy("i 24 timmar till")),
            (168, gettext_lazy("i sju dagar till")),
            (0, gettext_lazy("inte längre")),
        ],
        initial=24,
        widget=forms.RadioSelect,
    )
    until = forms.DateField(
        label=gettext_lazy("Den nya nyckeln gäller till och med"),
        required=False,
        widget=forms.DateInput({"type": "date"}, format="%Y-%m-%d"),
        help_text=gettext_lazy("Lämnas dagen tom gäller nyckeln tills vidare."),
    )
    seen = forms.CharField(widget=forms.HiddenInput, required=False)
    """When the key was last changed, as the page was shown: pressing twice changes it once."""

    def clean_until(self) -> date | None:
        return _not_past(self.cleaned_data["until"])


class WithCareProvider(forms.ModelMultipleChoiceField):  # type: ignore[type-arg]  # takes none when it runs
    def label_from_instance(self, queue: Queue) -> str:
        return f"{queue} ({queue.care_provider})"


class IntakeKeyAdmin(ScopedAdmin[IntakeKey]):
    """A key is made, changed for a new one and revoked; neither edited nor deleted."""

    operators_only = True
    may_change = False
    form = IntakeKeyForm
    fields = FIELDS
    list_display = ["name", "care_provider", "created_at", "created_by", "state", "opened", "last_used"]
    list_select_related = ["care_provider", "created_by"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[IntakeKey]:
        own = IntakeKey.objects.filter(care_provider__in=own_care_providers(request))
        return own.prefetch_related("queues").order_by("care_provider__name", "-pk")

    def get_fields(self, request: HttpRequest, obj: IntakeKey | None = None) -> tuple[str, ...]:
        return SHOWN if obj else FIELDS

    def get_readonly_fields(self, request: HttpRequest, obj: IntakeKey | None = None) -> tuple[str, ...]:
        return self.get_fields(request, obj) if obj else ()

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        return {"until": timezone.localdate() + A_YEAR, **super().get_changeform_initial_data(request)}

    def formfield_for_manytomany(
        self, db_field: ManyToManyField[Any, Any], request: HttpRequest, **kwargs: Any
    ) -> forms.ModelMultipleChoiceField[Any] | None:
        queues = own_queues(request).select_related("care_provider").order_by("care_provider__name", "unit", "name")
        more = {"form_class": WithCareProvider, "widget": forms.CheckboxSelectMultiple, "queryset": queues}
        return super().formfield_for_manytomany(db_field, request, **kwargs | more)

    @admin.display(description=gettext_lazy("tillstånd"), ordering="revoked_at")
    def state(self, key: IntakeKey) -> str:
        if key.revoked_at:
            return _("Återkallad %(day)s") % {"day": date_format(timezone.localtime(key.revoked_at), "j F Y")}
        if key.until is None:
            return _("Giltig")
        if key.until < timezone.localdate():
            return _("Gick ut %(until)s") % {"until": date_format(key.until, "j F Y")}
        if key.until <= timezone.localdate() + WARNED_BEFORE:
            return _("Nyckeln går ut %(until)s") % {"until": in_days(key.until)}
        return _("Giltig till och med %(until)s") % {"until": date_format(key.until, "j F Y")}

    @admin.display(description=gettext_lazy("gäller för"))
    def opened(self, key: IntakeKey) -> str:
        return _("Alla köer") if key.every_queue else ", ".join(map(str, key.queues.all())) or _("Inga köer")

    @admin.display(description=gettext_lazy("senast använd"), ordering="last_used_at")
    def last_used(self, key: IntakeKey) -> str:
        return date_and_clock(key.last_used_at) if key.last_used_at else _("Har inte använts")

    @admin.display(description=gettext_lazy("bytt"))
    def before(self, key: IntakeKey) -> str:
        """What became of the key that was changed for this one."""
        if not key.changed_at:
            return _("Nej")
        taken = _("Den nya har börjat användas.") if key.taken_into_use_at else _("Den nya har inte använts än.")
        if key.before_until and key.before_until > timezone.now():
            ends = _("Den gamla gäller till %(until)s.") % {"until": date_and_clock(key.before_until)}
        else:
            ends = _("Den gamla gäller inte längre.")
        return f"{date_and_clock(key.changed_at)}. {ends} {taken}"

    def get_urls(self) -> list[URLPattern]:
        pages = [("revoke", self.revoke_view), ("new-secret", self.change_key_view)]
        ours = [
            path(f"<int:key_id>/{name}/", self.admin_site.admin_view(view), name=f"intake_intakekey_{name}")
            for name, view in pages
        ]
        return [*ours, *super().get_urls()]

    def save_model(self, request: HttpRequest, obj: IntakeKey, form: ChangesForm[IntakeKey], change: bool) -> None:
        made = make_key(obj, by=person(request), queues=form.cleaned_data["queues"])
        request.new_key = made  # type: ignore[attr-defined]  # kept on the request for the page

    def response_add(self, request: HttpRequest, obj: IntakeKey, post_url_continue: str | None = None) -> HttpResponse:
        """Shows the key in the response itself: to be shown after a redirect it would have to be stored."""
        context = {"title": _("Nyckeln är skapad"), "new_key": request.new_key}  # type: ignore[attr-defined]  # as above
        return self._page(request, "made", obj, context)

    def change_key_view(self, request: HttpRequest, key_id: int) -> HttpResponse:
        """GET asks for how long the old one works; POST makes a new one and shows it, this once."""
        key = self._viewed(request, key_id)
        year = timezone.localdate() + A_YEAR if key.until else None
        form = ChangeKeyForm(request.POST or None, initial={"seen": _seen(key), "until": year})
        if request.method == "POST" and form.is_valid():
            try:
                if form.cleaned_data["seen"] != _seen(key):
                    raise ChangedMeanwhile
                until = form.cleaned_data["until"]
                secret = change_key(key, timedelta(hours=form.cleaned_data["hours"]), until)
            except (Revoked, ChangedMeanwhile) as problem:
                said = ALREADY_REVOKED if isinstance(problem, Revoked) else CHANGED
                self.message_user(request, said, messages.ERROR)
                return redirect("admin:intake_intakekey_change", key.pk)
            old_until = date_and_clock(key.before_until) if key.before_until else ""
            with override(settings.LANGUAGE_CODE):  # as it is stored
                ends = f"till {date_and_clock(key.before_until)}" if key.before_until else "inte längre"
                self.log_change(request, key, f"Bytte nyckel. Den gamla gäller {ends}.")
            context = {"title": _("Nyckeln är bytt"), "new_key": secret, "old_until": old_until}
            return self._page(request, "made", key, context)
        return self._page(request, "change_key", key, {"title": _("Byt nyckel"), "form": form})

    def revoke_view(self, request: HttpRequest, key_id: int) -> HttpResponse:
        """GET asks, on a page of its own; POST revokes the key."""
        key = self._viewed(request, key_id)
        if request.method == "POST":
            if revoke_key(key):
                self.log_change(request, key, gettext_noop("Återkallade nyckeln."))
            self.message_user(request, REVOKED, messages.SUCCESS)
            return redirect("admin:intake_intakekey_change", key.pk)
        return self._page(request, "revoke", key, {"title": _("Återkalla nyckeln")})

    def _viewed(self, request: HttpRequest, key_id: int) -> IntakeKey:
        key = self.get_object(request, str(key_id))
        if not self.has_view_permission(request, key):
            raise PermissionDenied
        return key

    def _page(self, request: HttpRequest, name: str, key: IntakeKey, context: dict[str, Any]) -> HttpResponse:
        context = {**self.admin_site.each_context(request), "opts": self.opts, "original": key, **context}
        return TemplateResponse(request, f"admin/intake/intakekey/{name}.html", context)


def _seen(key: IntakeKey) -> str:
    return key.changed_at.isoformat() if key.changed_at else ""
