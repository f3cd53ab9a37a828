"""Admin > Utgående SMS: a queue's box "Aktivera samtycke till SMS" (the manual, steps 1 to 3), sender and texts."""

from __future__ import annotations

from functools import partial
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.db.models import Field, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from access import access_log
from access.access_log import Act
from administration import texts
from administration.admin.checklist import checklist_of, left_of, with_checklists
from administration.admin.scoped import ScopedAdmin, patients_queues, person
from administration.admin.sms_text import SmsTextarea, preview, tell
from administration.dry_run import Stopped, with_consent_required, would_it_be_sent
from administration.outgoing_sms import (
    SENDER_OF_ANOTHER,
    NotOrdered,
    NumberNeeded,
    is_sender_of_another,
    not_ordered_text,
    read_sender,
    save_outgoing_sms,
)
from cases.models import Case
from sms.circuit_breaker import open_circuit
from sms.content import placeholders, rules, segments
from sms.content.advice import ANOTHER_WAY, CAN_NOT_BE_REPLIED_TO
from sms.models import Kind
from sms.routing import is_sent_by_one_of_several
from teleq.changes import ChangesForm
from teleq.models import INVALID_SENDER, CareProvider, OutgoingSms, Queue
from teleq.pasted import is_blank
from teleq.phone_numbers import phone_field
from teleq.whole_numbers import whole_number

WITH_CONSENT = gettext_lazy("Om du markerar rutan skickas SMS bara till den som har svarat Ja.")
WITHOUT_CONSENT = gettext_lazy("Svaren sparas, men SMS skickas utan att samtycke krävs. Nej gäller fortfarande.")
CAN_BE_REPLIED_TO = gettext_lazy(
    "Patienter som svarar STOPP får inga fler SMS. Andra svar visas i ärendet eller under Inkomna SMS."
)
SENT_BY_ONE = gettext_lazy(
    "SMS från ett nummer kan bara skickas av leverantören där numret finns. Svarar den inte, väntar köns SMS."
)
NO_TEXT = gettext_lazy("Skriv en text, eller avmarkera rutan ovanför.")
SWITCHES = {"confirmation_text": "confirmation_on", "reminder_text": "reminder_on"}
"""The texts, and what turns each on."""


def would_be_stopped_text(queue: Queue) -> str:
    """How many ticking the box would stop now."""
    waiting, coming = with_consent_required(queue).values()
    if not (waiting.unanswered + waiting.declined + coming.unanswered + coming.declined):
        return _("Inget SMS som väntar stoppas av det, och inget till kommande återuppringningar.")
    return _("Av SMS som väntar stoppas %(waiting)s. Av kommande återuppringningar får %(coming)s inga SMS.") % {
        "waiting": _how_many(waiting),
        "coming": _how_many(coming),
    }


def _how_many(stopped: Stopped) -> str:
    return _("%(number)s (%(unanswered)s utan svar, %(declined)s Nej)") % {
        "number": stopped.unanswered + stopped.declined,
        "unanswered": stopped.unanswered,
        "declined": stopped.declined,
    }


class CheckForm(forms.Form):
    """Which SMS the dry run is about."""

    phone_number = phone_field(gettext_lazy("Telefonnummer"))
    queue = forms.ModelChoiceField(
        label=gettext_lazy("Kö"),
        queryset=Queue.objects.none(),
        empty_label=gettext_lazy("Välj kö"),
        error_messages={
            "required": gettext_lazy("Välj en kö."),
            "invalid_choice": gettext_lazy("Välj en av dina köer."),
        },
    )
    kind = forms.ChoiceField(
        label=gettext_lazy("SMS"), choices=[(Kind.MANUAL, gettext_lazy("SMS från ett ärende")), *Kind.choices[1:]]
    )

    def __init__(self, *args: Any, queues: QuerySet[Queue], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        queue = self.fields["queue"]
        assert isinstance(queue, forms.ModelChoiceField)
        queue.queryset = queues.select_related("outgoing_sms")


class OutgoingSmsForm(ChangesForm[OutgoingSms]):
    tells_foresight: bool
    """Whether it says how many ticking the box would stop: not to the operator, who could find out by it what a number
    has answered whose call they have booked themselves. Set by the admin."""

    class Meta:
        model = OutgoingSms
        fields = [
            *("consent_required", "sender", "free_text", "confirmation_on", "confirmation_text"),
            *("reminder_on", "reminder_minutes", "reminder_text"),
        ]
        widgets = dict.fromkeys(SWITCHES, SmsTextarea)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in SWITCHES:
            self.fields[name].required = False  # see clean
            widget = self.fields[name].widget
            widget.read = partial(texts.automatic, outgoing_sms=self.instance)
            widget.address = reverse("admin:teleq_outgoingsms_preview", args=[self.instance.queue_id, name])
            widget.offered, widget.with_fields = placeholders.OFFERED, ["id_sender"]
        by_name = f"{CAN_NOT_BE_REPLIED_TO} {ANOTHER_WAY.format(number='{telefon}')}"
        answering = CAN_BE_REPLIED_TO if self.instance.can_be_replied_to else by_name
        self.fields["sender"].help_text += f" {answering}"
        if is_sent_by_one_of_several(self.instance.sender):
            self.fields["sender"].help_text += f" {SENT_BY_ONE}"
        box = self.fields["consent_required"]
        if self.instance.consent_required:
            box.help_text = _("Om du avmarkerar rutan: %(without_consent)s") % {"without_consent": WITHOUT_CONSENT}
        elif self._provider.sms_consent_ordered:
            box.help_text = (
                f"{WITH_CONSENT} {would_be_stopped_text(self.instance.queue)}" if self.tells_foresight else WITH_CONSENT
            )
        else:
            box.help_text = not_ordered_text(self._provider)
            # Disabled in the page only: of a disabled form field Django ignores a tick, and clean is to say why not.
            box.widget.attrs["disabled"] = True

    @property
    def _provider(self) -> CareProvider:
        return self.instance.queue.care_provider

    def clean_consent_required(self) -> bool:
        ticked: bool = self.cleaned_data["consent_required"]
        if ticked and not self._provider.sms_consent_ordered:
            raise forms.ValidationError(not_ordered_text(self._provider))
        return ticked

    def clean_sender(self) -> str:
        """A telephone number in E.164, or what the model takes for a name."""
        sender = read_sender(self.cleaned_data["sender"])
        if sender is None:
            raise forms.ValidationError(INVALID_SENDER)  # the model says this too, and then how long its column is
        if is_sender_of_another(sender, self._provider):
            raise forms.ValidationError(SENDER_OF_ANOTHER)
        return sender

    def clean(self) -> None:
        super().clean()
        data = self.cleaned_data
        for name, switch in SWITCHES.items():
            if name not in data:
                continue
            data[name] = segments.normalize(data[name])
            problems = rules.problems_of_automatic(data[name], self.instance.queue)
            if data.get(switch) and is_blank(data[name]):
                problems = [str(NO_TEXT)]
            for problem in problems:
                self.add_error(name, problem)


def _is_own(request: HttpRequest, outgoing_sms: OutgoingSms | None) -> bool:
    """Whether the user administers the queue, and may see what tells of its patients."""
    own = Queue.objects.administered_by(person(request))
    return outgoing_sms is not None and own.filter(pk=outgoing_sms.queue_id).exists()


class OutgoingSmsAdmin(ScopedAdmin[OutgoingSms]):
    """No add, no delete: a queue's settings are made with the queue."""

    queue_path = "queue"
    may_add = False
    form = OutgoingSmsForm
    fieldsets = [
        (gettext_lazy("Samtycke"), {"fields": ["consent_required"]}),
        (gettext_lazy("Avsändare"), {"fields": ["sender"]}),
        (gettext_lazy("SMS från ärenden"), {"fields": ["free_text"]}),
        (gettext_lazy("Bokningsbekräftelse"), {"fields": ["confirmation_on", "confirmation_text"]}),
        (
            gettext_lazy("Påminnelse om återuppringning"),
            {"fields": ["reminder_on", "reminder_minutes", "reminder_text"]},
        ),
    ]
    list_display = ["queue", "consent_required_shown", "sender", "care_provider", "left"]
    list_select_related = ["queue__care_provider"]

    @admin.display(description=gettext_lazy("vårdgivare"), ordering="queue__care_provider__name")
    def care_provider(self, outgoing_sms: OutgoingSms) -> CareProvider:
        return outgoing_sms.queue.care_provider

    @admin.display(description=gettext_lazy("samtycke till SMS"), ordering="consent_required")
    def consent_required_shown(self, outgoing_sms: OutgoingSms) -> str:
        return _("Aktiverat") if outgoing_sms.consent_required else _("Inte aktiverat")

    @admin.display(description=gettext_lazy("kvar att göra"))
    def left(self, outgoing_sms: OutgoingSms) -> str:
        return left_of(outgoing_sms)

    def get_changelist_instance(self, request: HttpRequest) -> ChangeList:
        return with_checklists(super().get_changelist_instance(request), request)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(require_POST(self.preview_view))
        return [
            path("<int:queue_id>/preview/<str:name>/", view, name="teleq_outgoingsms_preview"),
            path("check/", self.admin_site.admin_view(self.check_view), name="teleq_outgoingsms_check"),
            *super().get_urls(),
        ]

    def check_view(self, request: HttpRequest) -> HttpResponse:
        """ "Skulle det här SMS:et skickas?" Posted, so that the number is in no address and no log."""
        queues = patients_queues(request)
        form = CheckForm(request.POST or None, queues=queues, initial={"queue": request.GET.get("queue")})
        dry_run = None
        if form.is_valid():
            data = form.cleaned_data
            queue, number = data["queue"], data["phone_number"]
            had_case = Case.objects.filter(queue=queue, phone_number=number).exists()
            access_log.note(person(request), Act.CHECK, number, queue=queue, had_case=had_case)
            dry_run = would_it_be_sent(queue, number, Kind(data["kind"]))
        context = {"title": _("Skulle det här SMS:et skickas?"), "opts": self.opts, "form": form, "dry_run": dry_run}
        status = 422 if form.is_bound and not dry_run else 200
        return render(
            request,
            "admin/teleq/outgoingsms/check.html",
            {**self.admin_site.each_context(request), **context},
            status=status,
        )

    def preview_view(self, request: HttpRequest, queue_id: int, name: str) -> HttpResponse:
        """What the text being typed would become, from the sender that is typed."""
        outgoing_sms = self.get_object(request, str(queue_id))
        if name not in SWITCHES:
            raise Http404
        outgoing_sms.sender = read_sender(request.POST.get("sender", "")) or outgoing_sms.sender
        return preview(request, texts.automatic(request.POST.get(name, ""), outgoing_sms))

    def get_form(
        self, request: HttpRequest, obj: OutgoingSms | None = None, change: bool = False, **kwargs: Any
    ) -> Any:
        form: Any = super().get_form(request, obj, change, **kwargs)
        form.tells_foresight = _is_own(request, obj)
        return form

    def formfield_for_dbfield(self, db_field: Field[Any, Any], request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "sender":
            kwargs["max_length"] = 40  # as typed, before a number is made E.164
        return super().formfield_for_dbfield(db_field, request, **kwargs)

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
        context = {
            "title": _("Utgående SMS"),
            "open_circuit": open_circuit([whole_number(object_id or "") or 0]),
            "checklist": checklist_of(request, object_id),
        }
        try:
            return super().changeform_view(request, object_id, form_url, {**context, **(extra_context or {})})
        except (NotOrdered, NumberNeeded) as refusal:  # withdrawn, or taken away, while the form was being saved
            self.message_user(request, str(refusal), messages.ERROR)
            return redirect(request.path)

    def save_model(self, request: HttpRequest, obj: OutgoingSms, form: ChangesForm[OutgoingSms], change: bool) -> None:
        save_outgoing_sms(obj, form.changes)
        if "consent_required" in form.changed_data and not obj.consent_required:
            self.message_user(request, WITHOUT_CONSENT, messages.WARNING)
        changed = form.changed_data
        told = [name for name, switch in SWITCHES.items() if getattr(obj, switch) or {name, "sender"} & set(changed)]
        tell(request, [texts.automatic(getattr(obj, name), obj) for name in told])
