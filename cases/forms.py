"""What nurses fill in. Bad input gets a Swedish message at its field."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import datetime
from typing import Any, cast

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import QuerySet
from django.forms import model_to_dict
from django.http import QueryDict
from django.utils import timezone
from django.utils.html import format_html_join
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, override
from phonenumber_field.phonenumber import PhoneNumber

from cases import finding, history, journal, needs
from cases.models import Case, Draft, Note, Priority, ProtectionMark
from cases.time_field import TimeField
from consent.models import Answer
from sms.content import rules, segments
from sms.models import StandardText
from teleq import personal_identity, phone_numbers
from teleq.changes import AS_SHOWN, ChangesForm
from teleq.models import Queue, User
from teleq.phone_numbers import phone_field
from teleq.prepared import Prepared
from teleq.typed import ModelForm

SOMEBODY_ELSE = "other"
PRESS = ("required", "invalid")
PRESS_AGAIN = gettext_lazy("Sidan var för gammal. Tryck igen.")


class FocusedOnError(forms.BoundField):
    """The first field in error is in focus when its form is shown again."""

    def build_widget_attrs(self, attrs: Any, widget: forms.Widget | None = None) -> Any:
        built = super().build_widget_attrs(attrs, widget)
        if self.form.errors and self.name == next(
            (name for name in self.form.fields if name in self.form.errors), None
        ):
            built["autofocus"] = True
        return built


class OwnIds(forms.BaseForm):
    """Several forms stand on one page: each names its fields' ids after itself."""

    bound_field_class = FocusedOnError

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.auto_id = f"{type(self).__name__}_%s"


WRITING = "writing"
"""The id of the form that a case's note and message are both in, by HTML's attribute `form`: "Klart" is about both."""


def _keep_as(draft: Draft.Field, field: forms.Field) -> None:
    """What the field holds is kept as a draft while it is written (static/js/drafts.js)."""
    field.widget.attrs["data-draft"] = draft.value


class PersonalIdentityNumberField(forms.CharField):
    def __init__(self) -> None:
        super().__init__(
            label=gettext_lazy("Personnummer"),
            required=False,
            max_length=40,
            widget=forms.TextInput(attrs={"autocomplete": "off"}),
        )

    def to_python(self, value: Any) -> str:
        text = super().to_python(value)
        if not text:
            return ""
        identity = personal_identity.read(text)
        if identity is None:
            raise ValidationError(personal_identity.INVALID_IDENTITY, code="invalid")
        return identity

    def prepare_value(self, value: str) -> str:
        return personal_identity.hyphenated(value) if value and personal_identity.kind_of(value) else value


class PressField(forms.UUIDField):
    """A random id for the press of the form's button: the same press does one thing however often it arrives."""

    def __init__(self, **attrs: str) -> None:
        messages = dict.fromkeys(PRESS, PRESS_AGAIN)
        super().__init__(widget=forms.HiddenInput(attrs), initial=uuid.uuid4, error_messages=messages)

    def bound_data(self, data: str, initial: uuid.UUID) -> str | uuid.UUID:
        """What is shown when the form comes back with errors: an id that can't be read is replaced by a new one."""
        try:
            press: uuid.UUID = self.clean(data)
        except ValidationError:
            return initial
        return press


class CaseForm(OwnIds, ChangesForm[Case]):
    """What a case says, as its page shows it. A field that a colleague has changed meanwhile says so, and by whom."""

    def changed_by(self, name: str) -> str:
        return history.who_changed(self.instance, name) or super().changed_by(name)

    def told(self, name: str, value: object) -> str:
        return history.value_in_words(name, value)


class LanguageInput(forms.TextInput):
    """A line of text, with the languages that interpreters are mostly needed for to choose among."""

    template_name = "cases/language.html"
    OPTIONS = format_html_join("", '<option value="{}">', ([language] for language in needs.LANGUAGES))
    """Made once, as there are dozens on each case's page."""

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        context = super().get_context(name, value, attrs)
        offered = f"{context['widget']['attrs'].get('id', name)}_languages"
        context["widget"]["attrs"]["list"] = offered
        return context | {"offered": offered, "options": self.OPTIONS}


class DetailsForm(CaseForm):
    a_number = phone_field(
        gettext_lazy("A-nummer"),
        required=False,
        empty_value=None,
        help_text=gettext_lazy("Lämna tomt om numret är dolt."),
    )
    personal_identity_number = PersonalIdentityNumberField()
    priority = forms.TypedChoiceField(
        label=gettext_lazy("Prioritet"),
        choices=Priority.choices,
        coerce=int,
        initial=Priority.NORMAL,
        required=False,
        empty_value=Priority.NORMAL,  # type: ignore[arg-type]  # the stubs know of texts only
        error_messages={"invalid_choice": gettext_lazy("Välj Brådskande eller Normal.")},
    )

    class Meta:
        model = Case
        fields = [
            *("name", "reason", "interpreter_language", "speak_with"),
            *("priority", "a_number", "personal_identity_number"),
        ]
        labels = {"interpreter_language": gettext_lazy("Behov av tolk"), "speak_with": gettext_lazy("Önskar tala med")}
        help_texts = {"interpreter_language": gettext_lazy("Språket, till exempel arabiska. Tomt: ingen tolk behövs.")}
        widgets = {"name": forms.TextInput(attrs={"autocomplete": "off"}), "interpreter_language": LanguageInput}


class NewCaseForm(DetailsForm):
    phone_number = phone_field(gettext_lazy("Telefonnummer"))
    callback_at = TimeField(label=gettext_lazy("Tid"))
    press = PressField()

    class Meta(DetailsForm.Meta):
        fields = ["queue", "phone_number", *DetailsForm.Meta.fields, "callback_at"]

    def __init__(self, *args: Any, user: User, **options: Any) -> None:
        super().__init__(*args, **options)
        for name in Draft.OF_NEW_CASE:
            _keep_as(name, self.fields[name])
        queues = self.fields["queue"]
        assert isinstance(queues, forms.ModelChoiceField)
        queues.queryset = Queue.objects.for_user(user)
        queues.error_messages = {"required": _("Välj en kö."), "invalid_choice": _("Välj en av dina köer.")}
        self.queues = list(queues.queryset)
        queues.choices = [("", _("Välj kö")), *((queue.pk, str(queue)) for queue in self.queues)]
        if len(self.queues) == 1:
            queues.initial = self.queues[0].pk

    def clean(self) -> None:
        super().clean()
        names = ("queue", "phone_number", "personal_identity_number", "callback_at")
        same = {name: self.cleaned_data.get(name) for name in names}
        if None not in same.values() and Case.objects.open().filter(**same).exists():
            raise ValidationError(_("Det finns redan ett öppet ärende för numret på den tiden."))

    def describes(self, case: Case) -> bool:
        """Whether the form says nothing else than the case does."""
        stored = model_to_dict(case, self.Meta.fields)
        return not any(self.fields[name].has_changed(stored[name], self[name].data) for name in stored)

    def pressed_anew(self) -> NewCaseForm:
        """The same form with what was typed, and the id of another press."""
        data = cast(QueryDict, self.data).copy()
        data[self["press"].html_name] = str(uuid.uuid4())
        self.data = data
        return self


class TimeForm(CaseForm):
    """Boka om, another time: one of those shown as free, each a button, or any, which is written."""

    callback_at = TimeField(label=gettext_lazy("Annan tid"))

    class Meta:
        model = Case
        fields = ["callback_at"]

    FREE = "free"
    """What the button of a free time posts the time as."""

    def __init__(self, data: QueryDict | None = None, **options: Any) -> None:
        self.chosen_free = data is not None and self.FREE in data
        if data is not None and self.chosen_free:
            data = data.copy()
            data["callback_at"] = cast(str, data[self.FREE])
        super().__init__(data, **options)


class OtherQueueOfCaseForm(OwnIds, forms.Form):
    """Boka om, another queue of the care provider. It stands in the form of what is being written, as "Klart" does."""

    queue = forms.ModelChoiceField(
        label=gettext_lazy("Flytta till en annan kö"),
        queryset=Queue.objects.none(),
        widget=forms.Select(attrs={"form": WRITING, **AS_SHOWN}),
        error_messages={
            "required": gettext_lazy("Välj en kö."),
            "invalid_choice": gettext_lazy("Välj en av vårdgivarens andra köer."),
        },
    )

    def __init__(self, *args: Any, case: Case, **options: Any) -> None:
        super().__init__(*args, **options)
        queue = self.fields["queue"]
        assert isinstance(queue, forms.ModelChoiceField)
        queue.queryset = Queue.objects.others_of_care_provider(case.queue)
        others = list(queue.queryset)
        queue.choices = [("", _("Välj kö")), *((other.pk, str(other)) for other in others)]
        self.has_others = bool(others)


class NumberForm(OwnIds, forms.Form):
    """Telefonnummer, which is read until "Ändra" is pressed (static/js/number.js; without scripts another page)."""

    phone_number = phone_field(gettext_lazy("Telefonnummer"))
    shown_number = forms.CharField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, is_open: bool = False, **options: Any) -> None:
        super().__init__(*args, **options)
        self.is_open = is_open or self.is_bound
        self.fields["phone_number"].widget.attrs["autofocus" if self.is_open else "readonly"] = True


class RetryForm(OwnIds, forms.Form):
    """ "Nästa försök", beside Inget svar: filled in with what is proposed. Empty: the case's time stays as it is.

    What was proposed and left alone may be too soon when it is pressed at last: then it is proposed anew.
    """

    next_at = TimeField(label=gettext_lazy("Nästa försök"), required=False)
    proposed = forms.CharField(widget=forms.HiddenInput, required=False)

    @classmethod
    def proposing(cls, at: datetime | None) -> RetryForm:
        return cls(initial={"next_at": at, "proposed": cls._written(at)})

    @classmethod
    def posted(cls, data: QueryDict, at: datetime | None) -> RetryForm:
        """What was posted, when this is the proposal."""
        if data.get("next_at", "") == data.get("proposed", ""):
            data = data.copy()
            data["next_at"] = timezone.localtime(at).isoformat() if at else ""
        return cls(data)

    @staticmethod
    def _written(at: datetime | None) -> str:
        """As the browser's field posts it."""
        return f"{timezone.localtime(at):%Y-%m-%dT%H:%M}" if at else ""


class ConsentForm(OwnIds, forms.Form):
    """The answer, with the number and the event that it was shown for; and whose it is, where several use it."""

    person = forms.ChoiceField(
        label=gettext_lazy("Vems svar är det?"),
        error_messages={
            "invalid_choice": gettext_lazy("Välj en av personerna."),
            "required": gettext_lazy("Välj vems svar det är."),
        },
    )

    answer = forms.ChoiceField(
        label=gettext_lazy("Samtycke till SMS"),
        choices=Answer.choices,
        error_messages={
            "invalid_choice": gettext_lazy("Välj Ja, Nej eller Ej valt."),
            "required": gettext_lazy("Välj Ja, Nej eller Ej valt."),
        },
    )
    shown_number = forms.CharField(widget=forms.HiddenInput)
    seen_event = forms.IntegerField(widget=forms.HiddenInput, required=False)

    def __init__(self, *args: Any, persons: list[tuple[str, str]], **options: Any) -> None:
        super().__init__(*args, **options)
        person = self.fields["person"]
        assert isinstance(person, forms.ChoiceField)
        if persons:
            person.choices = [("", _("Välj person")), *persons]
        else:
            del self.fields["person"]

    @property
    def chosen_person(self) -> str:
        """The personnummer of the one who answered; empty for "Någon annan" and where nobody had to be chosen."""
        chosen: str = self.cleaned_data.get("person", "")
        return "" if chosen == SOMEBODY_ELSE else chosen


@Prepared
def _standard_texts(queue: int) -> QuerySet[StandardText]:
    return StandardText.objects.filter(queue=queue)


class SmsForm(OwnIds, forms.Form):
    """The text to send. Without scripts a browser may put back a half-written text after Back, but nothing else
    (`AS_SHOWN`); with them the draft is what comes back."""

    text = forms.CharField(
        label=gettext_lazy("Skriv meddelande"),
        required=False,  # "Lägg till svar" begins with an empty one
        strip=False,
        widget=forms.Textarea(attrs={"rows": 4}),
    )
    standard_text = forms.ModelChoiceField(
        label=gettext_lazy("Standardtexter"),
        queryset=StandardText.objects.none(),
        required=False,
        empty_label=gettext_lazy("Välj standardtext"),
        widget=forms.Select(attrs=AS_SHOWN),
        error_messages={"invalid_choice": gettext_lazy("Standardtexten finns inte längre. Välj en annan.")},
    )
    shown_number = forms.CharField(widget=forms.HiddenInput(AS_SHOWN))
    token = forms.UUIDField(widget=forms.HiddenInput(AS_SHOWN))

    def __init__(self, *args: Any, queue: Queue, **options: Any) -> None:
        super().__init__(*args, **options)
        standard_texts = self.fields["standard_text"]
        assert isinstance(standard_texts, forms.ModelChoiceField)
        standard_texts.queryset = queue.standard_texts.all()
        texts = _standard_texts(queue=queue.pk)
        standard_texts.choices = [("", _("Välj standardtext")), *((text.pk, str(text)) for text in texts)]
        self.outgoing_sms = queue.outgoing_sms_or_none
        self.standard_texts_only = self.outgoing_sms is not None and not self.outgoing_sms.free_text
        if self.standard_texts_only:
            self.fields["text"].widget.attrs["readonly"] = True
            self.fields["text"].help_text = rules.STANDARD_TEXTS_ONLY
        _keep_as(Draft.Field.SMS, self.fields["text"])

    def text_with_added(self, text: str) -> str:
        """A text at the end of what is written, which is kept as it is; alone without free text."""
        written: str = self.cleaned_data["text"]
        if self.standard_texts_only:
            return text
        between = "" if not written or written[-1].isspace() else "\n"
        return written + between + text

    def in_focus(self) -> SmsForm:
        """The same form with the cursor in the message: what was pressed to put a text there is gone."""
        self.fields["text"].widget.attrs["autofocus"] = True
        return self

    def require_standard_text_chosen(self) -> bool:
        if not self.cleaned_data.get("standard_text") and "standard_text" not in self.errors:
            self.add_error("standard_text", _("Välj en standardtext."))
        return not self.errors

    def require_sendable(self) -> bool:
        if "text" in self.errors:
            return False
        if problem := rules.problem_of_manual(segments.normalize(self.cleaned_data["text"]), self.outgoing_sms):
            self.add_error("text", problem)
        return not self.errors


class NoteForm(OwnIds, ModelForm[Note]):
    press = PressField(form=WRITING)

    class Meta:
        model = Note
        fields = ["text"]
        labels = {"text": gettext_lazy("Ny anteckning")}
        widgets = {"text": forms.Textarea(attrs={"rows": 3, "form": WRITING})}
        error_messages = {"text": {"required": gettext_lazy("Skriv en anteckning.")}}

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        _keep_as(Draft.Field.NOTE, self.fields["text"])
        self.fields["text"].help_text = journal.not_kept_here()

    def add_prefix(self, field_name: str) -> str:
        """The message, in the same form, is "text" too."""
        return f"note_{field_name}"

    @property
    def written(self) -> str:
        return self["text"].value() or ""

    @property
    def is_written(self) -> bool:
        """Whether there is anything in it to save."""
        return bool(self.written.strip())


class MarkForm(OwnIds, forms.Form):
    """Skyddade personuppgifter, "Markera": why, and what the page said would be marked."""

    reason = forms.CharField(
        label=gettext_lazy("Anledning till markeringen"),
        max_length=ProtectionMark.LONGEST_REASON,
        error_messages={"required": gettext_lazy("Skriv en anledning.")},
        help_text=gettext_lazy("Till exempel: Patienten har sekretessmarkering i folkbokföringen."),
    )
    shown = forms.CharField(widget=forms.HiddenInput)

    @staticmethod
    def showing(identifiers: Iterable[str]) -> str:
        return " ".join(identifiers)

    @property
    def shown_identifiers(self) -> list[str]:
        return cast(str, self.cleaned_data["shown"]).split()


class EndMarkForm(OwnIds, forms.Form):
    """Skyddade personuppgifter, "Ta bort markeringen": why, and the marks that the page showed."""

    reason = forms.CharField(
        label=gettext_lazy("Anledning till att markeringen tas bort"),
        max_length=ProtectionMark.LONGEST_REASON,
        error_messages={"required": gettext_lazy("Skriv en anledning.")},
    )
    shown = forms.RegexField(r"^[0-9]{1,18}( [0-9]{1,18})*$", widget=forms.HiddenInput)

    @staticmethod
    def showing(marks: Iterable[ProtectionMark]) -> str:
        return " ".join(str(mark.pk) for mark in marks)

    @property
    def shown_ids(self) -> list[int]:
        return [int(each) for each in self.cleaned_data["shown"].split()]


class OtherQueueForm(OwnIds, forms.Form):
    """Why somebody opens a case of another queue."""

    class Why(models.TextChoices):
        WRONG_QUEUE = "wrong_queue", gettext_lazy("Patienten ringde fel kö")
        HELPING = "helping", gettext_lazy("Jag hjälper den andra kön")
        SAFETY = "safety", gettext_lazy("Patientens säkerhet kräver det")
        OTHER = "other", gettext_lazy("Annan anledning")

    why = forms.ChoiceField(
        label=gettext_lazy("Anledning"),
        choices=[("", gettext_lazy("Välj anledning")), *Why.choices],
        error_messages={
            "required": gettext_lazy("Välj en anledning."),
            "invalid_choice": gettext_lazy("Välj en anledning i listan."),
        },
    )
    told = forms.CharField(
        label=gettext_lazy("Beskriv varför"),
        max_length=200,
        error_messages={"required": gettext_lazy("Beskriv varför du behöver öppna ärendet.")},
    )

    @property
    def reason(self) -> str:
        """In words, of a form that is valid."""
        return f"{self.Why(self.cleaned_data['why']).label}: {self.cleaned_data['told']}"

    @property
    def logged_reason(self) -> str:
        """The same as it is logged: in Swedish, whoever writes."""
        with override(settings.LANGUAGE_CODE):
            return self.reason


class IdentifierForm(OwnIds, forms.Form):
    """A whole phone number or personnummer; which of them is seen from what it is."""

    query = forms.CharField(
        label=gettext_lazy("Sök telefonnummer eller personnummer"),
        max_length=40,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        error_messages={"required": gettext_lazy("Skriv ett telefonnummer eller personnummer.")},
    )

    number: PhoneNumber | None = None
    personal_identity_number: str | None = None

    @property
    def subject(self) -> str:
        """What a valid form asks for, as a sentence begins."""
        return _("Personnumret") if self.personal_identity_number else _("Numret")

    def clean_query(self) -> str:
        text: str = self.cleaned_data["query"]
        self.personal_identity_number, self.number = personal_identity.read(text), phone_numbers.read(text)
        if not (self.number or self.personal_identity_number):
            raise ValidationError(_("Skriv ett helt telefonnummer eller personnummer."))
        return text


class SearchForm(OwnIds, forms.Form):
    """The one box for finding a case: what is typed is read by `cases.finding`."""

    query = forms.CharField(
        label=gettext_lazy("Sök ärende"),
        help_text=gettext_lazy("Namn, telefonnummer eller personnummer. Det räcker med en del."),
        max_length=100,
        widget=forms.TextInput(attrs={"autocomplete": "off", "type": "search"}),
        error_messages={"required": gettext_lazy("Skriv ett namn, ett telefonnummer eller ett personnummer.")},
    )

    sought: finding.Sought
    """Of a valid form."""

    def clean_query(self) -> str:
        text: str = self.cleaned_data["query"]
        sought = finding.read(text)
        if sought is None:
            raise ValidationError(_("Skriv minst två bokstäver av namnet, eller tre siffror av numret."))
        self.sought = sought
        return text
