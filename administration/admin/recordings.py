"""Admin > Inspelningar: what the telephone menu says, sentence by sentence: the words to say, and a recording of them.

The care provider's administrator sees to it: a recording is heard in all of its queues, and one of the consent question
is a wording that answers refer to. The page of a sentence is the only one in teleQ that takes a file.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from csp.constants import SELF
from csp.decorators import csp_update
from django import forms
from django.contrib import admin, messages
from django.contrib.admin.models import ADDITION, LogEntry
from django.core.exceptions import PermissionDenied
from django.core.validators import MaxLengthValidator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop
from django.views.decorators.http import require_http_methods, require_safe

from administration.admin.scoped import person, whole_care_providers
from consent.models import ConsentText
from telephony import recordings, shipped
from telephony.models import Recording
from telephony.models.recording import LANGUAGE, is_language
from telephony.sentences import CONSENT_QUESTION, SENTENCES, WORDS
from teleq import byte_ranges
from teleq.changes import AS_SHOWN
from teleq.models import CareProvider
from teleq.uploads import takes_a_file
from teleq.whole_numbers import whole_number

TITLE = gettext_noop("Inspelningar")
SAVED = gettext_lazy("Inspelningen är sparad.")
TEST_VOICE_TAKEN_IN = gettext_lazy(
    "Provrösten säger nu {count} meningar och ord. Läs in dem med en egen röst innan patienter ringer."
)
NOTHING_MISSING = gettext_lazy("Det fanns ingenting att ta in: alla standardmeningar har en inspelning.")
RECORDED_MEANWHILE = gettext_lazy(
    "Någon annan har läst in meningen sedan sidan visades. Lyssna på det som gäller nu. Ingenting sparades."
)
View = TypeVar("View", bound=Callable[..., HttpResponse])


def plays_sound(view: View) -> View:
    """The pages with something to listen to are let play our own sounds, and no other page is."""
    return cast(View, csp_update({"media-src": [SELF]})(view))


class LanguageForm(forms.Form):
    """Leads to a care provider's list in a language: it is there once something is recorded in it."""

    care_provider = forms.ModelChoiceField(CareProvider.objects.none())
    language = forms.CharField(
        label=gettext_lazy("Språkets kod"),
        max_length=3,
        validators=[LANGUAGE],
        help_text=gettext_lazy("Till exempel ar för arabiska, fi för finska eller so för somaliska (ISO 639)."),
        error_messages={
            "required": gettext_lazy("Skriv språkets kod."),
            "max_length": gettext_lazy("Skriv språkets kod, till exempel sv, en, ar eller so."),
        },
    )


class RecordingForm(forms.Form):
    words = forms.CharField(
        label=gettext_lazy("Det som sägs i inspelningen"),
        max_length=1000,
        widget=forms.Textarea({"rows": 3, **AS_SHOWN}),
        error_messages={"required": gettext_lazy("Skriv det som sägs i inspelningen.")},
    )
    audio = forms.FileField(
        label=gettext_lazy("Ljudfil"),
        widget=forms.FileInput({"accept": ".wav,.mp3,audio/wav,audio/mpeg"}),
        error_messages={
            "required": gettext_lazy("Välj en ljudfil i WAV eller MP3."),
            "empty": gettext_lazy("Filen är tom."),
        },
    )

    def __init__(self, *args: Any, sentence: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if sentence == CONSENT_QUESTION:
            most = ConsentText._meta.get_field("text").max_length
            self.fields["words"].validators.append(MaxLengthValidator(most))

    def clean_audio(self) -> bytes:
        audio: bytes = self.cleaned_data["audio"].read()
        try:
            recordings.kind(audio)
        except recordings.NotSound as problem:
            raise forms.ValidationError(str(problem)) from None
        return audio

    @property
    def lost_its_file(self) -> bool:
        """Whether a file was chosen that was right, and has to be chosen again: a browser keeps none."""
        return bool(self.errors) and "audio" in self.cleaned_data


@dataclass(frozen=True)
class Row:
    """A sentence of a list."""

    sentence: str
    to_say: str
    recording: Recording | None

    @property
    def is_test_voice(self) -> bool:
        return self.recording is not None and shipped.is_of_it(self.recording)


def _providers(request: HttpRequest) -> Any:
    """Those whose recordings the user sees to. Raises PermissionDenied where there are none."""
    own = whole_care_providers(request)
    if not own.exists():
        raise PermissionDenied
    return own


def _place(request: HttpRequest, provider_id: int, language: str) -> CareProvider:
    """Raises Http404 for what is no language."""
    provider: CareProvider = get_object_or_404(_providers(request), pk=provider_id)
    if not is_language(language):
        raise Http404
    return provider


def _rows(provider: CareProvider, language: str) -> list[Row]:
    current = Recording.objects.current(provider.pk).filter(language=language).defer("audio")
    there = {each.sentence: each for each in current.select_related("recorded_by")}
    to_say = recordings.to_say(provider, language)
    return [Row(sentence, words, there.get(sentence)) for sentence, words in to_say.items()]


@require_safe
def recordings_view(request: HttpRequest) -> HttpResponse:
    """Each care provider's languages, and how many sentences of each are recorded."""
    providers = _providers(request)
    form = LanguageForm(request.GET or None)
    form.fields["care_provider"].queryset = providers  # type: ignore[attr-defined]  # of a ModelChoiceField
    if form.is_valid():
        chosen = form.cleaned_data
        return redirect("admin:recordings_language", chosen["care_provider"].pk, chosen["language"])
    asked = whole_number(request.GET.get("care_provider", "")) or 0
    context = {
        "title": _(TITLE),
        "shown": [
            {
                "provider": provider,
                "languages": _languages(provider),
                "form": form if form.is_bound and provider.pk == asked else LanguageForm(),
            }
            for provider in providers.order_by("name")
        ],
    }
    status = 422 if form.is_bound else 200
    return render(request, "admin/recordings.html", {**admin.site.each_context(request), **context}, status=status)


def _languages(provider: CareProvider) -> list[dict[str, Any]]:
    """Swedish and English, what its numbers speak, and what is recorded."""
    current = Recording.objects.current(provider.pk).values_list("language", "sentence")
    recorded = set(current)
    spoken = {each for languages in provider.patients_numbers.values_list("languages", flat=True) for each in languages}
    languages = [*dict.fromkeys([*shipped.LANGUAGES, *sorted(spoken | {language for language, _ in recorded})])]
    return [
        {
            "code": language,
            "name": recordings.language_name(language),
            "all": len(to_say),
            "recorded": sum((language, sentence) in recorded for sentence in to_say),
        }
        for language in languages
        for to_say in [recordings.to_say(provider, language)]
    ]


@plays_sound
@require_http_methods(["GET", "HEAD", "POST"])
def recordings_language_view(request: HttpRequest, provider_id: int, language: str) -> HttpResponse:
    """GET lists the sentences in a language; with `missing`, those that have no recording. POST takes in the test voice
    for these."""
    provider = _place(request, provider_id, language)
    if request.method == "POST":
        if language not in shipped.LANGUAGES:
            raise Http404
        taken_in = shipped.load(provider, language, person(request))
        told = TEST_VOICE_TAKEN_IN.format(count=len(taken_in)) if taken_in else NOTHING_MISSING
        messages.success(request, told)
        return redirect("admin:recordings_language", provider.pk, language)
    rows = _rows(provider, language)
    forms_of_sound = sorted({_form(row.recording) for row in rows if row.recording})
    name = recordings.language_name(language)
    missing = [row for row in rows if row.recording is None]
    shown = missing if "missing" in request.GET else rows
    context = {
        "title": _("Inspelningar på %(language)s") % {"language": name},
        "provider": provider,
        "language": language,
        "parts": [part for part in _parts(shown) if part[1]],
        "all": len(rows),
        "missing": len(missing),
        "only_missing": "missing" in request.GET,
        "test_voice": sum(row.is_test_voice for row in rows),
        "has_test_voice": language in shipped.LANGUAGES and any(not _is_own(row) for row in missing),
        "uneven": forms_of_sound if len(forms_of_sound) > 1 else [],
    }
    return render(request, "admin/recordings_language.html", {**admin.site.each_context(request), **context})


def _form(recording: Recording) -> str:
    return "MP3" if recording.form == Recording.MP3 else recording.form


def _is_own(row: Row) -> bool:
    return row.sentence not in SENTENCES and row.sentence not in WORDS


def _parts(rows: list[Row]) -> list[tuple[str, list[Row]]]:
    return [
        (_("Egna meddelanden"), [row for row in rows if _is_own(row)]),
        (_("Meningar"), [row for row in rows if row.sentence in SENTENCES]),
        (_("Ord som tider och nummer sätts ihop av"), [row for row in rows if row.sentence in WORDS]),
    ]


@plays_sound
@takes_a_file(recordings.LARGEST)
@require_http_methods(["GET", "HEAD", "POST"])
def recording_view(request: HttpRequest, provider_id: int, language: str, sentence: str) -> HttpResponse:
    """GET shows a sentence: the words to say and what is recorded. POST takes in a recording; with `next` the next one
    that is missing comes then."""
    provider = _place(request, provider_id, language)
    rows = _rows(provider, language)
    row = next((row for row in rows if row.sentence == sentence), None)
    if row is None:
        raise Http404
    form = RecordingForm(sentence=sentence, initial={"words": row.recording.words if row.recording else row.to_say})
    status = 200
    if request.method == "POST":
        form, status = RecordingForm(request.POST, request.FILES, sentence=sentence), 422
        if form.is_valid():
            if _record(request, provider, language, sentence, form):
                return redirect(_after(request, provider, language, sentence, rows))
            status = 409
            row = next(row for row in _rows(provider, language) if row.sentence == sentence)
    context = {
        "title": _("En mening på %(language)s") % {"language": recordings.language_name(language)},
        "provider": provider,
        "language": language,
        "language_name": recordings.language_name(language),
        "row": row,
        "form": form,
        "is_consent_question": sentence == CONSENT_QUESTION,
    }
    return render(request, "admin/recording.html", {**admin.site.each_context(request), **context}, status=status)


def _record(request: HttpRequest, provider: CareProvider, language: str, sentence: str, form: RecordingForm) -> bool:
    """Whether it was stored: not where somebody else has recorded the sentence since the page was shown."""
    by = person(request)
    seen = whole_number(request.POST.get("seen", "")) or 0
    words, audio = form.cleaned_data["words"], form.cleaned_data["audio"]
    try:
        recording = recordings.record(provider, language, sentence, words=words, audio=audio, by=by, seen=seen)
    except recordings.RecordedMeanwhile:
        messages.error(request, RECORDED_MEANWHILE)
        return False
    LogEntry.objects.log_actions(by.pk, [recording], ADDITION, change_message="", single_object=True)
    messages.success(request, SAVED)
    return True


def _after(request: HttpRequest, provider: CareProvider, language: str, sentence: str, rows: list[Row]) -> str:
    """The page of the next sentence that has no recording, counted from this one and round; else the list."""
    if "next" in request.POST:
        place = next(place for place, row in enumerate(rows) if row.sentence == sentence)
        for row in [*rows[place + 1 :], *rows[:place]]:
            if row.recording is None:
                return reverse("admin:recording", args=[provider.pk, language, row.sentence])
    return f"{reverse('admin:recordings_language', args=[provider.pk, language])}#{sentence}"


@require_safe
def recording_audio_view(request: HttpRequest, recording_id: int) -> HttpResponse:
    """What is recorded, to listen to."""
    own = Recording.objects.filter(care_provider__in=_providers(request))
    recording = get_object_or_404(own, pk=recording_id)
    return byte_ranges.respond(request, bytes(recording.audio), recording.content_type, version=recording.digest)
