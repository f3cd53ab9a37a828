"""The buttons of a case: what `cases.acts` does, and what is said when that is done."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBadRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cases import acts, callbacks, case_page, drafts, retries
from cases.changing import NotPossible
from cases.forms import NoteForm, RetryForm
from cases.models import Case, NoAnswer, Status
from cases.views.case import case_view, to_case, works_in_case
from cases.views.details import ALREADY_NOTED, not_noted
from sms.models import Kind
from teleq.clock import database_now
from teleq.models import Outcome
from teleq.swedish import clock
from teleq.typed import SignedInRequest
from teleq.whole_numbers import whole_number

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

UNKNOWN_BUTTON = gettext_lazy("Okänd knapp.")
PLACE = "acts"
"""Where on the page it is said what was done."""


Press = Callable[[SignedInRequest, Case, int], HttpResponse]
"""What a button does, given the latest act that it was shown with, and its response. Raises NotPossible."""


def _saying(told: StrOrPromise, do: Callable[..., object]) -> Press:
    def press(request: SignedInRequest, case: Case, seen: int) -> HttpResponse:
        do(case, by=request.user, seen=seen)
        messages.success(request, told, extra_tags=PLACE)
        return to_case(request, case.pk, PLACE)

    return press


def _call(request: SignedInRequest, case: Case, seen: int) -> HttpResponse:
    """Ring: the page that answers has the link that dials (static/js/dial.js; without scripts it has the focus)."""
    try:
        acts.call(case, shown=request.POST.get("shown_number", ""), by=request.user, seen=seen)
    except callbacks.NumberChanged:
        messages.error(request, NOT_CALLED, extra_tags=PLACE)
        return case_view(request, case, 409)
    return to_case(request, case.pk, dial="1")  # with a place in its address no link would have the focus


def _no_answer(how: NoAnswer | None = None) -> Press:
    def press(request: SignedInRequest, case: Case, seen: int) -> HttpResponse:
        form = RetryForm.posted(request.POST, retries.proposal(case, database_now()))
        if not form.is_valid():
            return case_view(request, case, 422, retry_form=form)
        next_at = form.cleaned_data["next_at"]
        filled_in = acts.record_attempt(case, reached=False, by=request.user, seen=seen, how=how, next_at=next_at)
        told = _("Inget svar är registrerat: %(how)s.") % {"how": how.label} if how else _("Inget svar är registrerat.")
        if next_at:
            told += " " + _("Nästa försök %(next_at)s.") % {"next_at": clock(next_at)}
        if filled_in:
            told += " " + _("Texten ”%(name)s” är ifylld under Skicka SMS.") % {"name": filled_in.name}
        messages.success(request, told, extra_tags=PLACE)
        return to_case(request, case.pk, PLACE)

    return press


def _undo(request: SignedInRequest, case: Case, seen: int) -> HttpResponse:
    left = acts.undo(case, by=request.user, seen=seen)
    messages.success(
        request, " ".join([_("Det är ångrat."), *(str(HAS_LEFT[kind]) for kind in left)]), extra_tags=PLACE
    )
    return to_case(request, case.pk, PLACE)


HAS_LEFT = {
    Kind.MANUAL: gettext_lazy("SMS:et är redan skickat."),
    Kind.CONFIRMATION: gettext_lazy("Bokningsbekräftelsen är redan skickad."),
    Kind.REMINDER: gettext_lazy("Påminnelsen är redan skickad."),
}
NOT_CALLED = gettext_lazy("Numret har ändrats. Ingen ringdes upp; nu visas det nya numret.")
ACTS: dict[str, Press] = {
    "take": _saying(gettext_lazy("Du har tagit ärendet."), acts.take),
    "release": _saying(gettext_lazy("Ärendet är släppt."), acts.release),
    "call": _call,
    "not_called": _saying(gettext_lazy("Ringde inte är registrerat. Försöket räknas inte."), acts.call_off),
    "reached": _saying(
        gettext_lazy("Fick svar är registrerat. Du har ärendet."), partial(acts.record_attempt, reached=True)
    ),
    "no_answer": _no_answer(),
    **{how.value: _no_answer(how) for how in NoAnswer},
    "cancel": _saying(gettext_lazy("Ärendet är avbokat."), partial(acts.close, status=Status.CANCELLED)),
    "reopen": _saying(gettext_lazy("Ärendet är öppnat igen."), acts.reopen),
    "undo": _undo,
}
"""The buttons at the top of the case."""


@works_in_case
def act(request: SignedInRequest, case: Case) -> HttpResponse:
    """A button at the top of the case. It posts the latest act that it was shown with, which `cases.acts` compares."""
    press = ACTS.get(request.POST.get("act", ""))
    seen = whole_number(request.POST.get("seen_event", ""))
    if press is None or seen is None:
        return HttpResponseBadRequest(UNKNOWN_BUTTON, content_type="text/plain; charset=utf-8")
    try:
        return press(request, case, seen)
    except NotPossible as reason:
        messages.error(request, str(reason), extra_tags=PLACE)
        return to_case(request, case.pk, PLACE)


@works_in_case
def done(request: SignedInRequest, case: Case) -> HttpResponse:
    """ "Klart" with an outcome: the note that is written is saved with it. A message that is written and not sent is
    asked about first, until "Klart utan att skicka" is pressed, which posts the outcome too."""
    outcome = request.POST.get("unsent") or request.POST.get("outcome", "")
    seen = whole_number(request.POST.get("seen_event", ""))
    if seen is None or outcome not in case.queue.outcomes:
        return HttpResponseBadRequest(UNKNOWN_BUTTON, content_type="text/plain; charset=utf-8")
    form, text = NoteForm(request.POST), request.POST.get("text", "")
    if form.is_written and not form.is_valid():
        return _not_done(request, case, 422, form, text)
    if "unsent" not in request.POST and callbacks.would_be_lost(case, text, token=request.POST.get("token", "")):
        return _not_done(request, case, 422, form, text, asked_about_unsent=outcome)
    note, press = (form.cleaned_data["text"], form.cleaned_data["press"]) if form.is_written else ("", None)
    try:
        acts.finish(case, outcome=Outcome(outcome), note=note, press=press, by=request.user, seen=seen)
    except NotPossible as reason:
        messages.error(request, str(reason), extra_tags="acts")
        is_noted = press is not None and case.notes.filter(press=press).exists()  # the same press, twice
        return _not_done(request, case, 409, NoteForm() if is_noted else form, text)
    except callbacks.AnotherText:
        messages.error(request, ALREADY_NOTED, extra_tags="acts")
        return _not_done(request, case, 409, NoteForm(initial={"text": note}), text)
    place = drafts.Place(request.user, case)
    drafts.discard(place, place.fields)
    messages.success(request, _("Ärendet är klart: %(label)s.") % {"label": Outcome(outcome).label}, extra_tags=PLACE)
    return to_case(request, case.pk, PLACE)


def _not_done(
    request: SignedInRequest, case: Case, status: int, note_form: NoteForm, text: str, **bound: Any
) -> HttpResponse:
    """Nothing of it; what was written stays where it is, and is kept."""
    drafts.keep(drafts.Place(request.user, case), drafts.Field.SMS, text)
    if not note_form.is_written:
        note_form = NoteForm()
    return not_noted(request, case, status, note_form, sms_form=case_page.fresh_sms_form(case, text), **bound)
