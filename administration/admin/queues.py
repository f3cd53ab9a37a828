"""Admin > Köer, for administrators, and Admin > Vårdgivare, for the operator."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.db.models import DateField, Field, QuerySet, TimeField
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from phonenumber_field.phonenumber import PhoneNumber

from administration.admin.checklist import checklist_of, left_of, with_checklists
from administration.admin.inlines import Row, RowFormSet, ScopedInline
from administration.admin.scoped import ScopedAdmin, own_care_providers, person, whole_care_providers
from administration.admin.week import Arrangeable, Arranged, TelephoneHoursForm, TelephoneHoursFormSet, arrange
from administration.care_providers import InUse, consent_in_use, in_use_text, save_care_provider
from administration.outgoing_sms import NumberNeeded, tells_number
from administration.queues import NUMBER_IN_USE, create_queue, save_queue
from cases.free_times import coming_holidays
from cases.models import ClosedDay, TelephoneHours
from sms.content import rules
from teleq.changes import ChangesForm
from teleq.models import CareProvider, Outcome, Queue, every_outcome
from teleq.phone_numbers import phone_field, show

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

IN_A_TEXT = gettext_lazy("Det här står i en text i Utgående SMS, som då inte kan skickas.")
NO_HOURS = gettext_lazy("{queue} har inga telefontider. Telefonsystemet kan inte boka någon tid.")
PHONE_NUMBER = Queue._meta.get_field("phone_number")
ALWAYS_CLOSED = gettext_lazy(
    "Telefonsystemet bokar inom telefontiderna. Helgdagar, midsommarafton, julafton och nyårsafton är alltid stängda."
)
RANGES = {
    "max_attempts": {"min_value": 1},
    "retry_minutes": {"min_value": 1, "max_value": 1440},
    "early_minutes": {"max_value": 1440},
    "release_minutes": {"min_value": 5, "max_value": 1440},
    "slot_minutes": {"min_value": 5, "max_value": 480},
    "slot_capacity": {"min_value": 1},
}


class OutcomesField(forms.MultipleChoiceField):
    """Some of the ways in which a callback ends. What the page was shown with comes with commas between."""

    def __init__(self, *, label: StrOrPromise) -> None:
        super().__init__(
            label=label,
            choices=Outcome.choices,
            widget=forms.CheckboxSelectMultiple,
            initial=every_outcome,
            error_messages={"required": gettext_lazy("Välj minst ett resultat.")},
        )

    def to_python(self, value: Any) -> list[str]:
        return super().to_python(value.split(",") if isinstance(value, str) and value else value)


class QueueForm(Arrangeable, ChangesForm[Queue]):
    phone_number = phone_field(
        gettext_lazy("Telefonnummer"), required=False, help_text=cast("Field[Any, Any]", PHONE_NUMBER).help_text
    )

    outcomes = OutcomesField(label=gettext_lazy("Resultat att välja bland vid Klart"))

    class Meta:
        model = Queue
        fields = [
            *("care_provider", "unit", "name", "phone_number"),
            *("max_attempts", "retry_minutes", "confirm_retries", "responsible", "outcomes"),
            *("early_minutes", "release_minutes", "slot_minutes", "slot_capacity"),
        ]
        help_texts = {
            "unit": gettext_lazy("Till exempel VC Spindeln. {enhet} i SMS blir det här namnet."),
            "name": gettext_lazy("Visas för kollegorna i arbetslistan. Till exempel Rådgivning."),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            # Patients have answered within this care provider; a queue that moved would count others' answers.
            self.fields["care_provider"].disabled = True
            return
        own = list(cast("QuerySet[CareProvider]", cast("Any", self.fields["care_provider"]).queryset)[:2])
        if len(own) == 1:  # nothing to choose among
            self.initial["care_provider"] = own[0].pk

    def clean_phone_number(self) -> PhoneNumber | str:
        number: PhoneNumber | str = self.cleaned_data["phone_number"]
        outgoing_sms = self.instance.outgoing_sms_or_none
        if not number and outgoing_sms and tells_number(outgoing_sms):
            raise forms.ValidationError(NUMBER_IN_USE)
        return number

    def clean(self) -> None:
        """The queue's automatic texts are filled in with its unit and number: they must be such as can be sent with the
        new ones too."""
        super().clean()
        data = self.cleaned_data
        outgoing_sms = self.instance.outgoing_sms_or_none
        filled_in = [name for name in ("unit", "phone_number") if name in self.changed_data and name in data]
        if outgoing_sms and filled_in:
            as_typed = {name: data.get(name, getattr(self.instance, name)) for name in ("unit", "phone_number")}
            for text in (outgoing_sms.confirmation_text, outgoing_sms.reminder_text):
                for problem in rules.problems_of_automatic(text, Queue(**as_typed)):
                    self.add_error(filled_in[0], f"{IN_A_TEXT} {problem}")


def arranged_on(request: HttpRequest) -> Arranged | None:
    """What a press in the week has made of the form, if that is what was posted."""
    return getattr(request, "arranged", None)


class QueueInline(ScopedInline[Row, Queue]):
    queue_path = "queue"

    def get_formset(self, request: HttpRequest, obj: Queue | None = None, **kwargs: Any) -> Any:
        formset: Any = super().get_formset(request, obj, **kwargs)
        formset.is_arranging = arranged_on(request) is not None
        return formset


class TelephoneHoursInline(QueueInline[TelephoneHours]):
    model = TelephoneHours
    template = "admin/teleq/queue/week.html"
    form = TelephoneHoursForm
    formset = TelephoneHoursFormSet
    extra = 0
    fields = ["weekday", "opens", "closes"]
    formfield_overrides = {TimeField: {"widget": forms.TimeInput(attrs={"type": "time"}, format="%H:%M")}}

    def get_formset(self, request: HttpRequest, obj: Queue | None = None, **kwargs: Any) -> Any:
        formset = super().get_formset(request, obj, **kwargs)
        arranged = arranged_on(request)
        formset.focus = arranged.focus if arranged else ""
        return formset


class ClosedDaysFormSet(RowFormSet[ClosedDay, Queue]):
    delete_label = gettext_lazy("Ta bort den stängda dagen")


class ClosedDaysInline(QueueInline[ClosedDay]):
    model = ClosedDay
    formset = ClosedDaysFormSet
    fields = ["day", "reason"]
    formfield_overrides = {DateField: {"widget": forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")}}


class QueueAdmin(ScopedAdmin[Queue]):
    queue_path = "pk"
    form = QueueForm
    fieldsets = [
        (None, {"fields": ["care_provider", "unit", "name", "phone_number"]}),
        (
            gettext_lazy("Att ringa"),
            {"fields": ["max_attempts", "retry_minutes", "confirm_retries", "responsible", "outcomes"]},
        ),
        (gettext_lazy("Ta nästa ärende"), {"fields": ["early_minutes", "release_minutes"]}),
        (gettext_lazy("Tider att boka"), {"fields": ["slot_minutes", "slot_capacity"], "description": ALWAYS_CLOSED}),
    ]
    inlines = [TelephoneHoursInline, ClosedDaysInline]
    list_display = ["unit", "name", "care_provider", "number_shown", "max_attempts", "left"]
    list_display_links = ["unit", "name"]
    list_select_related = ["care_provider"]

    @admin.display(description=gettext_lazy("telefonnummer"), ordering="phone_number")
    def number_shown(self, queue: Queue) -> str:
        return show(queue.phone_number)

    @admin.display(description=gettext_lazy("kvar att göra"))
    def left(self, queue: Queue) -> str:
        return left_of(queue)

    def get_changelist_instance(self, request: HttpRequest) -> ChangeList:
        return with_checklists(super().get_changelist_instance(request), request)

    def formfield_for_dbfield(self, db_field: Field[Any, Any], request: HttpRequest, **kwargs: Any) -> Any:
        return super().formfield_for_dbfield(db_field, request, **kwargs, **RANGES.get(db_field.name, {}))

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        arranged = arrange(request.POST, request.POST["week"]) if "week" in request.POST else None
        if arranged:
            request.POST = arranged.data  # type: ignore[assignment]  # a copy that can be changed
        request.arranged = arranged  # type: ignore[attr-defined]  # for the forms
        context = {
            "checklist": checklist_of(request, object_id),
            "week_said": arranged.said if arranged else "",
            "holidays": coming_holidays(timezone.localdate()),
            **(extra_context or {}),
        }
        try:
            return super().changeform_view(request, object_id, form_url, context)
        except NumberNeeded as refusal:  # somebody else wrote {telefon} into a text while the form was being saved
            self.message_user(request, str(refusal), messages.ERROR)
            return redirect(request.path)

    def get_form(self, request: HttpRequest, obj: Queue | None = None, change: bool = False, **kwargs: Any) -> Any:
        form: Any = super().get_form(request, obj, change, **kwargs)
        form.is_arranging = arranged_on(request) is not None
        return form

    def save_model(self, request: HttpRequest, obj: Queue, form: ChangesForm[Queue], change: bool) -> None:
        if change:
            save_queue(obj, form.changes)
            return
        maker = person(request)
        administers_it = maker.is_superuser or whole_care_providers(request).filter(pk=obj.care_provider_id).exists()
        create_queue(obj, administrator=None if administers_it else maker)

    def response_add(self, request: HttpRequest, obj: Queue, post_url_continue: str | None = None) -> HttpResponse:
        """Leads to the new queue: its checklist says what is left to do."""
        super().response_add(request, obj, post_url_continue)
        return redirect("admin:teleq_queue_change", obj.pk)

    def save_related(self, request: HttpRequest, form: ChangesForm[Queue], formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        if not form.instance.telephone_hours.exists():
            self.message_user(request, NO_HOURS.format(queue=form.instance), messages.WARNING)


class CareProviderForm(ChangesForm[CareProvider]):
    class Meta:
        model = CareProvider
        fields = ["name", "sms_consent_ordered", "opens_other_queues"]

    def clean_sms_consent_ordered(self) -> bool:
        ordered: bool = self.cleaned_data["sms_consent_ordered"]
        if not ordered and self.instance.pk and consent_in_use(self.instance):
            raise forms.ValidationError(in_use_text(self.instance))
        return ordered


class CareProviderAdmin(ScopedAdmin[CareProvider]):
    operators_only = True
    form = CareProviderForm
    list_display = ["name", "ordered"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[CareProvider]:
        return own_care_providers(request).order_by("name")

    @admin.display(description=gettext_lazy("Samtycke för SMS"), ordering="sms_consent_ordered")
    def ordered(self, provider: CareProvider) -> str:
        return _("Beställt") if provider.sms_consent_ordered else _("Inte beställt")

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return super().changeform_view(request, *args, **kwargs)
        except InUse as refusal:  # a queue turned the function on while the form was being saved
            self.message_user(request, str(refusal), messages.ERROR)
            return redirect(request.path)

    def save_model(
        self, request: HttpRequest, obj: CareProvider, form: ChangesForm[CareProvider], change: bool
    ) -> None:
        save_care_provider(obj, form.changes)
