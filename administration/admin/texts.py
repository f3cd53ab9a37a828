"""Admin > Standardtexter and Admin > Texter att läsa upp."""

from __future__ import annotations

from functools import partial
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from administration import texts
from administration.admin.scoped import ScopedAdmin, own_care_providers, own_queues, person, whole_care_providers
from administration.admin.sms_text import SmsTextarea, preview, tell
from consent.models import ConsentText
from sms.content import rules
from sms.content.segments import count, normalize
from sms.models import StandardText
from teleq.changes import ChangesForm
from teleq.models import OutgoingSms, Queue
from teleq.typed import ModelForm
from teleq.whole_numbers import whole_number


def settings_of(queues: Any, chosen: Any) -> OutgoingSms | None:
    """Of the queue that is chosen in this field, if any is."""
    pk = whole_number(str(chosen or ""))
    queue: Queue | None = queues.queryset.select_related("outgoing_sms").filter(pk=pk or 0).first()
    return queue.outgoing_sms_or_none if queue else None


class StandardTextForm(ChangesForm[StandardText]):
    class Meta:
        model = StandardText
        fields = ["queue", "name", "text", "after_last_attempt"]
        widgets: ClassVar = {"text": SmsTextarea}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        widget = self.fields["text"].widget
        widget.read = partial(texts.standard, outgoing_sms=settings_of(self.fields["queue"], self["queue"].value()))
        widget.address, widget.with_fields = reverse("admin:sms_standardtext_preview"), ["id_queue"]

    def clean_text(self) -> str:
        text = normalize(self.cleaned_data["text"])
        if problem := rules.problem_of(text):
            raise forms.ValidationError(problem)
        return text


class StandardTextAdmin(ScopedAdmin[StandardText]):
    queue_path = "queue"
    may_delete = True
    form = StandardTextForm
    list_display = ["name", "queue", "length"]
    list_select_related = ["queue"]

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(require_POST(self.preview_view))
        return [path("preview/", view, name="sms_standardtext_preview"), *super().get_urls()]

    def preview_view(self, request: HttpRequest) -> HttpResponse:
        """What the text being typed would become, in the queue that is chosen."""
        if not self.has_module_permission(request):
            raise PermissionDenied
        queue = own_queues(request).filter(pk=whole_number(request.POST.get("queue", "")) or 0)
        chosen = queue.select_related("outgoing_sms").first()
        outgoing_sms = chosen.outgoing_sms_or_none if chosen else None
        return preview(request, texts.standard(request.POST.get("text", ""), outgoing_sms))

    def save_model(
        self, request: HttpRequest, obj: StandardText, form: ChangesForm[StandardText], change: bool
    ) -> None:
        super().save_model(request, obj, form, change)
        tell(request, [texts.standard(form.cleaned_data["text"], form.cleaned_data["queue"].outgoing_sms_or_none)])

    @admin.display(description=gettext_lazy("längd"))
    def length(self, standard_text: StandardText) -> str:
        return str(count(standard_text.text))


class ConsentTextForm(ModelForm[ConsentText]):
    """A queue's text, or the care provider's for all queues that have none of their own."""

    class Meta:
        model = ConsentText
        fields = ["care_provider", "queue", "text"]

    def clean(self) -> None:
        super().clean()
        queue = self.cleaned_data.get("queue")
        if queue:
            self.instance.care_provider = self.cleaned_data["care_provider"] = queue.care_provider
        elif "care_provider" in self.fields and not self.cleaned_data.get("care_provider"):
            if not self.errors:
                self.add_error("care_provider", _("Välj vårdgivare, eller en kö som ska ha en egen text."))
        elif not self.errors and not self.cleaned_data.get("text"):
            self.add_error("text", _("Skriv texten."))


class ConsentTextAdmin(ScopedAdmin[ConsentText]):
    """A new wording is a new row: each answer says which words it was given to, so none is changed or deleted. The care
    provider's is written by the care provider's administrator, a queue's by the queue's."""

    may_change = False
    form = ConsentTextForm
    list_display = ["place", "shown_text", "created_at", "in_use"]
    list_display_links = ["shown_text"]
    list_select_related = ["care_provider", "queue"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[ConsentText]:
        later = ConsentText.objects.read_out().filter(care_provider=OuterRef("care_provider"), pk__gt=OuterRef("pk"))
        replaced = Exists(later.annotate(same=Coalesce("queue", 0)).filter(same=Coalesce(OuterRef("queue"), 0)))
        own = Q(queue=None, care_provider__in=own_care_providers(request)) | Q(queue__in=own_queues(request))
        texts = ConsentText.objects.read_out().filter(own).annotate(replaced=replaced)
        return texts.order_by("care_provider__name", F("queue").asc(nulls_first=True), "-pk")

    def get_fields(self, request: HttpRequest, obj: ConsentText | None = None) -> Any:
        if obj:  # without links to a care provider that only the operator may open
            return ["place", "shown_text", "created_at", "in_use"]
        whole = whole_care_providers(request).exists()
        return ["care_provider", "queue", "text"] if whole else ["queue", "text"]

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        field = super().formfield_for_foreignkey(db_field, request, **kwargs)
        if field and db_field.name == "care_provider":
            field.queryset, field.required = whole_care_providers(request), False
            field.help_text = _("För en text i alla köer som inte har en egen.")
        if field and db_field.name == "queue":
            field.queryset = Queue.objects.administered_by(person(request)).select_related("care_provider")
            field.required = not whole_care_providers(request).exists()
            field.help_text = _("För en text i en kö. Lämna texten tom för att läsa upp vårdgivarens igen.")
        return field

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Not the operator."""
        own = Queue.objects.administered_by(person(request)).exists() or whole_care_providers(request).exists()
        return own and super().has_add_permission(request)

    @admin.display(description=gettext_lazy("gäller"))
    def place(self, text: ConsentText) -> str:
        return str(text.queue or text.care_provider)

    @admin.display(description=gettext_lazy("att läsa upp"))
    def shown_text(self, text: ConsentText) -> str:
        return text.text or _("Vårdgivarens text")

    @admin.display(description=gettext_lazy("läses upp nu"))
    def in_use(self, text: Any) -> str:
        return _("Nej, ersatt") if text.replaced else _("Ja")
