"""What a case says: details, telephone number, the answer on SMS, protection, notes."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cases import callbacks, case_page, drafts, looks, protected
from cases.forms import (
    ConsentForm,
    DetailsForm,
    EndMarkForm,
    MarkForm,
    NoteForm,
    NumberForm,
)
from cases.models import Case
from cases.views.case import case_view, to_case, works_in_case
from consent import register
from consent.models import Answer
from teleq.changes import ChangedMeanwhile
from teleq.phone_numbers import number_text
from teleq.typed import SignedInRequest

NUMBER_CHANGED = gettext_lazy("Numret har ändrats. Kontrollera svaret.")
ALREADY_NOTED = gettext_lazy("Den förra anteckningen är redan sparad. Tryck igen om du vill spara den här också.")
NOTHING_CHANGED = gettext_lazy("Inget är ändrat.")
MARK_CHANGED = gettext_lazy(
    "Ärendet eller markeringen har ändrats av någon annan. Ingenting sparades; nu visas det som gäller."
)
NOT_TO_END = gettext_lazy("Markeringen tas bort av en administratör för kön. Ingenting är ändrat.")
ANSWER_CHANGED = gettext_lazy("Svaret har ändrats av någon annan. Ingenting sparades; nu visas det som gäller.")


@works_in_case
def save_details(request: SignedInRequest, case: Case) -> HttpResponse:
    form = DetailsForm(request.POST, instance=case)
    if not form.is_valid():
        case.refresh_from_db()  # the form has put what was typed into it
        return case_view(request, case, 409 if form.in_conflict else 422, details_form=form)
    try:
        saved = callbacks.save_details(case, form.changes, by=request.user)
    except ChangedMeanwhile:
        return save_details(request, case.pk)  # now the form sees it too
    messages.success(request, _("Uppgifterna är sparade.") if saved else NOTHING_CHANGED, extra_tags="details")
    return to_case(request, case.pk, "details")


@works_in_case
def save_number(request: SignedInRequest, case: Case) -> HttpResponse:
    if "confirm" in request.POST:
        return _confirm_number(request, case)
    form = NumberForm(request.POST)
    if not form.is_valid():
        return case_view(request, case, 422, number_form=form)
    data = form.cleaned_data
    try:
        changed = callbacks.change_number(case, data["phone_number"], shown=data["shown_number"], by=request.user)
    except callbacks.NumberChanged:
        messages.error(request, NUMBER_CHANGED, extra_tags="number")
        return case_view(request, case, 409)
    messages.success(request, _("Numret är sparat.") if changed else _("Numret är oförändrat."), extra_tags="number")
    return to_case(request, case.pk, "number")


def _confirm_number(request: SignedInRequest, case: Case) -> HttpResponse:
    """ "Numret stämmer", of one that was wrong when it was called."""
    try:
        confirmed = callbacks.confirm_number(case, shown=request.POST.get("shown_number", ""), by=request.user)
    except callbacks.NumberChanged:
        messages.error(request, NUMBER_CHANGED, extra_tags="number")
        return case_view(request, case, 409)
    told = _("Numret är bekräftat.") if confirmed else _("Inget ändrades: numret är redan bekräftat.")
    messages.success(request, told, extra_tags="number")
    return to_case(request, case.pk, "number")


@works_in_case
def save_consent(request: SignedInRequest, case: Case) -> HttpResponse:
    form = ConsentForm(request.POST, persons=case_page.persons_on_number(case, request.user))
    if not form.is_valid():
        return case_view(request, case, 422, consent_form=form)
    data = form.cleaned_data
    if number_text(case.phone_number) != data["shown_number"]:
        messages.error(request, NUMBER_CHANGED, extra_tags="answer")
        return case_view(request, case, 409)
    try:
        stored = register.answer_in_case(
            case.queue.care_provider,
            case.phone_number,
            Answer(data["answer"]),
            by=request.user,
            case_id=case.pk,
            seen_event=data["seen_event"],
            queue_id=case.queue_id,
            person=form.chosen_person,
            renew="renew" in request.POST,
        )
    except register.ChangedMeanwhile:
        messages.error(request, ANSWER_CHANGED, extra_tags="answer")
        return case_view(request, case, 409)
    if stored.event_id == data["seen_event"]:
        messages.info(
            request,
            _("Inget ändrades: svaret är redan %(label)s.") % {"label": Answer(data["answer"]).label},
            extra_tags="answer",
        )
    else:
        messages.success(
            request,
            _("Svaret är bekräftat.") if "renew" in request.POST else _("Svaret är sparat."),
            extra_tags="answer",
        )
    return to_case(request, case.pk, "answer")


@works_in_case
def save_protection(request: SignedInRequest, case: Case) -> HttpResponse:
    """Skyddade personuppgifter: "Markera" and "Ta bort markeringen", each a form with its reason."""
    return _end_mark(request, case) if "end" in request.POST else _mark(request, case)


def _mark(request: SignedInRequest, case: Case) -> HttpResponse:
    form = MarkForm(request.POST)
    if not form.is_valid():
        return case_view(request, case, 422, mark_form=form)
    try:
        marked = protected.mark(case, form.cleaned_data["reason"], by=request.user, shown=form.shown_identifiers)
    except ChangedMeanwhile:
        return _mark_changed(request, case)
    if marked:
        messages.success(request, _("Patienten är markerad med skyddade personuppgifter."), extra_tags="protection")
    else:
        messages.info(request, _("Inget ändrades: patienten är redan markerad."), extra_tags="protection")
    return to_case(request, case.pk, "protection")


def _end_mark(request: SignedInRequest, case: Case) -> HttpResponse:
    form = EndMarkForm(request.POST)
    if not form.is_valid():
        return case_view(request, case, 422, end_mark_form=form)
    try:
        ended = protected.end(case, form.cleaned_data["reason"], by=request.user, shown=form.shown_ids)
    except ChangedMeanwhile:
        return _mark_changed(request, case)
    except protected.NotAllowed:
        messages.error(request, NOT_TO_END, extra_tags="protection")
        return case_view(request, case, 403)
    if ended:
        messages.success(request, _("Markeringen är borttagen."), extra_tags="protection")
    else:
        messages.info(request, _("Inget ändrades: markeringen är redan borttagen."), extra_tags="protection")
    return to_case(request, case.pk, "protection")


def _mark_changed(request: SignedInRequest, case: Case) -> HttpResponse:
    messages.error(request, MARK_CHANGED, extra_tags="protection")
    return case_view(request, looks.case_of(request.user, case.pk), 409)


@works_in_case
def add_note(request: SignedInRequest, case: Case) -> HttpResponse:
    form = NoteForm(request.POST)
    if not form.is_valid():
        return not_noted(request, case, 422, form)
    data = form.cleaned_data
    try:
        callbacks.add_note(case, data["text"], by=request.user, press=data["press"])
    except callbacks.AnotherText:
        messages.error(request, ALREADY_NOTED, extra_tags="note")
        return not_noted(request, case, 409, NoteForm(initial={"text": data["text"]}))
    drafts.discard(drafts.Place(request.user, case), [drafts.Field.NOTE])
    messages.success(request, _("Anteckningen är sparad."), extra_tags="note")
    return to_case(request, case.pk, "note")


def not_noted(request: SignedInRequest, case: Case, status: int, form: NoteForm, **bound: Any) -> HttpResponse:
    drafts.keep(drafts.Place(request.user, case), drafts.Field.NOTE, form.written)
    return case_view(request, case, status, note_form=form, **bound)
