"""The buttons of a case: what `cases.acts` does, and what is said when that is done."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBadRequest

from cases import acts, callbacks, case_page, drafts
from cases.changing import NotPossible
from cases.forms import (
    NoteForm,
)
from cases.models import Case, Status
from cases.views.case import to_case, works_in_case
from cases.views.details import ALREADY_NOTED, not_noted
from teleq.typed import SignedInRequest
from teleq.whole_numbers import whole_number

UNKNOWN_BUTTON = "Okänd knapp."


ACTS: dict[str, tuple[Callable[..., None], str]] = {
    "take": (acts.take, "Du har tagit ärendet."),
    "release": (acts.release, "Ärendet är släppt."),
    "reached": (partial(acts.record_attempt, reached=True), "Fick svar är registrerat. Du har ärendet."),
    "no_answer": (partial(acts.record_attempt, reached=False), "Inget svar är registrerat."),
    "cancel": (partial(acts.close, status=Status.CANCELLED), "Ärendet är avbokat."),
    "reopen": (acts.reopen, "Ärendet är öppnat igen."),
}
"""The buttons at the top of the case: what each does, and what is said when that is done."""


@works_in_case
def act(request: SignedInRequest, case: Case) -> HttpResponse:
    """A button at the top of the case. It posts the latest act that it was shown with, which `callbacks` compares."""
    act = ACTS.get(request.POST.get("act", ""))
    seen = whole_number(request.POST.get("seen_event", ""))
    if act is None or seen is None:
        return HttpResponseBadRequest(UNKNOWN_BUTTON, content_type="text/plain; charset=utf-8")
    do, done = act
    try:
        do(case, by=request.user, seen=seen)
    except NotPossible as reason:
        messages.error(request, str(reason), extra_tags="acts")
    else:
        messages.success(request, done, extra_tags="acts")
    return to_case(request, case, "acts")


@works_in_case
def done(request: SignedInRequest, case: Case) -> HttpResponse:
    """ "Klart": the note that is written is saved with it. A message that is written and not sent is asked about first,
    until "Klart utan att skicka" is pressed."""
    seen = whole_number(request.POST.get("seen_event", ""))
    if seen is None:
        return HttpResponseBadRequest(UNKNOWN_BUTTON, content_type="text/plain; charset=utf-8")
    form, text = NoteForm(request.POST), request.POST.get("text", "")
    if form.is_written and not form.is_valid():
        return _not_done(request, case, 422, form, text)
    unsent = text.strip() and not callbacks.has_sent(case, text, token=request.POST.get("token", ""))
    if unsent and "unsent" not in request.POST:
        return _not_done(request, case, 422, form, text, asked_about_unsent=True)
    note, press = (form.cleaned_data["text"], form.cleaned_data["press"]) if form.is_written else ("", None)
    try:
        acts.finish(case, note=note, press=press, by=request.user, seen=seen)
    except NotPossible as reason:
        messages.error(request, str(reason), extra_tags="acts")
        is_noted = press is not None and case.notes.filter(press=press).exists()  # the same press, twice
        return _not_done(request, case, 409, NoteForm() if is_noted else form, text)
    except callbacks.AnotherText:
        messages.error(request, ALREADY_NOTED, extra_tags="acts")
        return _not_done(request, case, 409, NoteForm(initial={"text": note}), text)
    place = drafts.Place(request.user, case)
    drafts.discard(place, place.fields)
    messages.success(request, "Ärendet är klart.", extra_tags="acts")
    return to_case(request, case, "acts")


def _not_done(
    request: SignedInRequest, case: Case, status: int, note_form: NoteForm, text: str, **bound: Any
) -> HttpResponse:
    """Nothing of it; what was written stays where it is, and is kept."""
    drafts.keep(drafts.Place(request.user, case), drafts.Field.SMS, text)
    if not note_form.is_written:
        note_form = NoteForm()
    return not_noted(request, case, status, note_form, sms_form=case_page.fresh_sms_form(case, text), **bound)
