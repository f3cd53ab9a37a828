"""Admin > Utgående SMS, as the manual walks it: tick "Aktivera samtycke till SMS", save."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from teleq.admin.scoped import ScopedAdmin
from teleq.administration import NotOrdered, not_ordered_text, save_outgoing_sms
from teleq.models import CareProvider, OutgoingSms

WITHOUT_CONSENT = "Svaren sparas, men SMS skickas utan att samtycke krävs. Nej gäller fortfarande."


class OutgoingSmsForm(forms.ModelForm):
    class Meta:
        model = OutgoingSms
        fields = ["consent_required", "sender"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        box = self.fields["consent_required"]
        if self.instance.consent_required:
            box.help_text = f"Om du avmarkerar rutan: {WITHOUT_CONSENT}"
        elif not self._provider.sms_consent_ordered:
            box.help_text = not_ordered_text(self._provider)
            # Shut on the screen only: a disabled form field would drop a tick in silence, and clean is to say why.
            box.widget.attrs["disabled"] = True

    @property
    def _provider(self) -> CareProvider:
        return self.instance.queue.care_provider

    def clean_consent_required(self) -> bool:
        ticked = self.cleaned_data["consent_required"]
        if ticked and not self._provider.sms_consent_ordered:
            raise forms.ValidationError(not_ordered_text(self._provider))
        return ticked


class OutgoingSmsAdmin(ScopedAdmin):
    """No add, no delete: a queue's settings are made with the queue."""

    queue_path = "queue"
    may_add = False
    form = OutgoingSmsForm
    list_display = ["queue", "consent_required_shown", "sender", "care_provider"]
    list_select_related = ["queue__care_provider"]

    @admin.display(description="vårdgivare", ordering="queue__care_provider__name")
    def care_provider(self, settings: OutgoingSms) -> CareProvider:
        return settings.queue.care_provider

    @admin.display(description="samtycke till SMS", ordering="consent_required")
    def consent_required_shown(self, settings: OutgoingSms) -> str:
        return "Aktiverat" if settings.consent_required else "Inte aktiverat"

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """With one queue there is nothing to choose: the click opens its form."""
        own = list(self.get_queryset(request)[:2])
        if len(own) == 1:
            return redirect("admin:teleq_outgoingsms_change", own[0].pk)
        return super().changelist_view(request, extra_context)

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        try:
            return super().changeform_view(
                request, object_id, form_url, {"title": "Utgående SMS", **(extra_context or {})}
            )
        except NotOrdered as refusal:  # the order was withdrawn while the form was being saved
            self.message_user(request, str(refusal), messages.ERROR)
            return redirect(request.path)

    def save_model(self, request: HttpRequest, obj: OutgoingSms, form: forms.ModelForm, change: bool) -> None:
        save_outgoing_sms(obj)
        if "consent_required" in form.changed_data and not obj.consent_required:
            self.message_user(request, WITHOUT_CONSENT, messages.WARNING)
