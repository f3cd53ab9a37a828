"""The case view.

Every act is a plain form that is posted. The response is a redirect to the case, or the whole page where something was
wrong (422) or has changed meanwhile (409). htmx posts the same forms and picks its part of the response.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial, wraps
from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse, HttpResponseBadRequest
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from access.access_log import Act
from access.sessions import no_activity
from cases import callbacks, case_page, drafts, looks, protected
from cases.forms import (
    ConsentForm,
    DetailsForm,
    EndMarkForm,
    MarkForm,
    NoteForm,
    NumberForm,
    SmsForm,
)
from cases.models import Case, Status
from consent import register
from consent.models import Answer
from sms.content.segments import normalize
from sms.states import State
from teleq.changes import ChangedMeanwhile
from teleq.phone_numbers import number_text
from teleq.typed import SignedInRequest
from teleq.whole_numbers import whole_number

NUMBER_CHANGED = "Numret har ändrats. Kontrollera svaret."
NOT_SENT = f"{NUMBER_CHANGED} SMS:et är inte skickat."
ALREADY_SENT = "Det förra meddelandet är redan skickat. Tryck igen om du vill skicka det här också."
ALREADY_NOTED = "Den förra anteckningen är redan sparad. Tryck igen om du vill spara den här också."
NOTHING_CHANGED = "Inget är ändrat."
UNKNOWN_BUTTON = "Okänd knapp."
MARK_CHANGED = "Ärendet eller markeringen har ändrats av någon annan. Ingenting sparades; nu visas det som gäller."
NOT_TO_END = "Markeringen tas bort av en administratör för kön. Ingenting är ändrat."
ANSWER_CHANGED = "Svaret har ändrats av någon annan. Ingenting sparades; nu visas det som gäller."


View = Callable[[SignedInRequest, Case], HttpResponse]


def _works_in_case(view: View) -> Callable[[SignedInRequest, int], HttpResponse]:
    """Of a view that a form in the case posts to. What it does and that it was done are one transaction: both are
    stored, or neither."""

    @require_POST
    @wraps(view)
    def inner(request: SignedInRequest, case_id: int) -> HttpResponse:
        case = looks.case_of(request.user, case_id)
        with transaction.atomic():
            looks.note(request.user, Act.CHANGE, case)
            return view(request, case)

    return inner


def _page(
    request: SignedInRequest, case: Case, status: int = 200, *, noted_as: Act | None = None, **bound: Any
) -> HttpResponse:
    context = case_page.context(case, request.user, **bound)
    looks.note_page(request.user, noted_as, case, context["others"], case_page.persons_to_choose(context))
    return render(request, "cases/case.html", context, status=status)


@require_GET
def show_case(request: SignedInRequest, case_id: int) -> HttpResponse:
    return _page(request, looks.case_of(request.user, case_id), noted_as=Act.VIEW)


@no_activity
@require_GET
def poll_history(request: SignedInRequest, case_id: int) -> HttpResponse:
    """The history alone, which the open page asks for every few seconds by itself."""
    case = looks.case_of(request.user, case_id)
    looks.note_polled(request.user, case)
    return render(request, "cases/_history.html", case_page.history_of(case))


@_works_in_case
def save_details(request: SignedInRequest, case: Case) -> HttpResponse:
    form = DetailsForm(request.POST, instance=case)
    if not form.is_valid():
        case.refresh_from_db()  # the form has put what was typed into it
        return _page(request, case, 409 if form.in_conflict else 422, details_form=form)
    try:
        saved = callbacks.save_details(case, form.changes, by=request.user)
    except ChangedMeanwhile:
        return save_details(request, case.pk)  # now the form sees it too
    messages.success(request, "Uppgifterna är sparade." if saved else NOTHING_CHANGED)
    return redirect("cases:case", case.pk)


@_works_in_case
def save_number(request: SignedInRequest, case: Case) -> HttpResponse:
    form = NumberForm(request.POST)
    if not form.is_valid():
        return _page(request, case, 422, number_form=form)
    data = form.cleaned_data
    try:
        changed = callbacks.change_number(case, data["phone_number"], shown=data["shown_number"], by=request.user)
    except callbacks.NumberChanged:
        messages.error(request, NUMBER_CHANGED)
        return _page(request, case, 409)
    messages.success(request, "Numret är sparat." if changed else "Numret är oförändrat.")
    return redirect("cases:case", case.pk)


@_works_in_case
def save_consent(request: SignedInRequest, case: Case) -> HttpResponse:
    form = ConsentForm(request.POST, persons=case_page.persons_on_number(case, request.user))
    if not form.is_valid():
        return _page(request, case, 422, consent_form=form)
    data = form.cleaned_data
    if number_text(case.phone_number) != data["shown_number"]:
        messages.error(request, NUMBER_CHANGED)
        return _page(request, case, 409)
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
        messages.error(request, ANSWER_CHANGED)
        return _page(request, case, 409)
    if stored.event_id == data["seen_event"]:
        messages.info(request, f"Inget ändrades: svaret är redan {Answer(data['answer']).label}.")
    else:
        messages.success(request, "Svaret är bekräftat." if "renew" in request.POST else "Svaret är sparat.")
    return redirect("cases:case", case.pk)


@_works_in_case
def sms(request: SignedInRequest, case: Case) -> HttpResponse:
    """ "Lägg till svar" and "Skicka SMS": one form, two buttons."""
    form = SmsForm(request.POST, queue=case.queue)
    form.is_valid()
    if "add" in request.POST:
        return _add_standard_text(request, case, form)
    return _send_sms(request, case, form)


def _add_standard_text(request: SignedInRequest, case: Case, form: SmsForm) -> HttpResponse:
    if not form.require_standard_text_chosen():
        return _page(request, case, 422, sms_form=form)
    chosen, text = form.cleaned_data["standard_text"], form.text_with_standard_text_added()
    drafts.keep(drafts.Place(request.user, case), drafts.Field.SMS, text)
    return _page(request, case, sms_form=case_page.fresh_sms_form(case, text, chosen))


def _send_sms(request: SignedInRequest, case: Case, form: SmsForm) -> HttpResponse:
    if not form.require_sendable():
        drafts.keep(drafts.Place(request.user, case), drafts.Field.SMS, form.data.get("text", ""))
        return _page(request, case, 422, sms_form=form)
    data = form.cleaned_data
    try:
        message = callbacks.send_sms(
            case,
            data["text"],
            token=str(data["token"]),
            shown=data["shown_number"],
            by=request.user,
            anyway=request.POST.get("send") == "anyway",
        )
    except callbacks.NumberChanged:
        return _not_sent(request, case, data["text"], NOT_SENT, 409)
    except callbacks.Protected:  # the same press is asked about, and may then be carried out
        drafts.keep(drafts.Place(request.user, case), drafts.Field.SMS, data["text"])
        return _page(request, case, 422, sms_form=form, asked_about_protected=True)
    if message.state == State.REFUSED:
        return _not_sent(request, case, data["text"], message.outcome, 422)
    if message.text != normalize(data["text"]):
        return _not_sent(request, case, data["text"], ALREADY_SENT, 409)
    drafts.discard(drafts.Place(request.user, case), [drafts.Field.SMS])
    messages.success(request, "SMS:et är på väg.")
    return redirect("cases:case", case.pk)


def _not_sent(request: SignedInRequest, case: Case, text: str, reason: str, status: int) -> HttpResponse:
    """The reason, and the text in a form with a token of its own: pressing again is a new act."""
    drafts.keep(drafts.Place(request.user, case), drafts.Field.SMS, text)
    messages.error(request, reason)
    return _page(request, case, status, sms_form=case_page.fresh_sms_form(case, text))


@_works_in_case
def save_protection(request: SignedInRequest, case: Case) -> HttpResponse:
    """Skyddade personuppgifter: "Markera" and "Ta bort markeringen", each a form with its reason."""
    return _end_mark(request, case) if "end" in request.POST else _mark(request, case)


def _mark(request: SignedInRequest, case: Case) -> HttpResponse:
    form = MarkForm(request.POST)
    if not form.is_valid():
        return _page(request, case, 422, mark_form=form)
    try:
        marked = protected.mark(case, form.cleaned_data["reason"], by=request.user, shown=form.shown_identifiers)
    except ChangedMeanwhile:
        return _mark_changed(request, case)
    if marked:
        messages.success(request, "Patienten är markerad med skyddade personuppgifter.")
    else:
        messages.info(request, "Inget ändrades: patienten är redan markerad.")
    return redirect("cases:case", case.pk)


def _end_mark(request: SignedInRequest, case: Case) -> HttpResponse:
    form = EndMarkForm(request.POST)
    if not form.is_valid():
        return _page(request, case, 422, end_mark_form=form)
    try:
        ended = protected.end(case, form.cleaned_data["reason"], by=request.user, shown=form.shown_ids)
    except ChangedMeanwhile:
        return _mark_changed(request, case)
    except protected.NotAllowed:
        messages.error(request, NOT_TO_END)
        return _page(request, case, 403)
    if ended:
        messages.success(request, "Markeringen är borttagen.")
    else:
        messages.info(request, "Inget ändrades: markeringen är redan borttagen.")
    return redirect("cases:case", case.pk)


def _mark_changed(request: SignedInRequest, case: Case) -> HttpResponse:
    messages.error(request, MARK_CHANGED)
    return _page(request, looks.case_of(request.user, case.pk), 409)


@_works_in_case
def add_note(request: SignedInRequest, case: Case) -> HttpResponse:
    form = NoteForm(request.POST)
    if not form.is_valid():
        return _not_noted(request, case, 422, form)
    data = form.cleaned_data
    try:
        callbacks.add_note(case, data["text"], by=request.user, press=data["press"])
    except callbacks.AnotherText:
        messages.error(request, ALREADY_NOTED)
        return _not_noted(request, case, 409, NoteForm(initial={"text": data["text"]}))
    drafts.discard(drafts.Place(request.user, case), [drafts.Field.NOTE])
    messages.success(request, "Anteckningen är sparad.")
    return redirect("cases:case", case.pk)


def _not_noted(request: SignedInRequest, case: Case, status: int, form: NoteForm, **bound: Any) -> HttpResponse:
    drafts.keep(drafts.Place(request.user, case), drafts.Field.NOTE, form.written)
    return _page(request, case, status, note_form=form, **bound)


ACTS: dict[str, tuple[Callable[..., None], str]] = {
    "take": (callbacks.take, "Du har tagit ärendet."),
    "release": (callbacks.release, "Ärendet är släppt."),
    "reached": (partial(callbacks.record_attempt, reached=True), "Fick svar är registrerat. Du har ärendet."),
    "no_answer": (partial(callbacks.record_attempt, reached=False), "Inget svar är registrerat."),
    "cancel": (partial(callbacks.close, status=Status.CANCELLED), "Ärendet är avbokat."),
    "reopen": (callbacks.reopen, "Ärendet är öppnat igen."),
}
"""The buttons at the top of the case: what each does, and what is said when that is done."""


@_works_in_case
def act(request: SignedInRequest, case: Case) -> HttpResponse:
    """A button at the top of the case. It posts the latest act that it was shown with, which `callbacks` compares."""
    act = ACTS.get(request.POST.get("act", ""))
    seen = whole_number(request.POST.get("seen_event", ""))
    if act is None or seen is None:
        return HttpResponseBadRequest(UNKNOWN_BUTTON, content_type="text/plain; charset=utf-8")
    do, done = act
    try:
        do(case, by=request.user, seen=seen)
    except callbacks.NotPossible as reason:
        messages.error(request, str(reason))
    else:
        messages.success(request, done)
    return redirect("cases:case", case.pk)


@_works_in_case
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
        callbacks.finish(case, note=note, press=press, by=request.user, seen=seen)
    except callbacks.NotPossible as reason:
        messages.error(request, str(reason))
        is_noted = press is not None and case.notes.filter(press=press).exists()  # the same press, twice
        return _not_done(request, case, 409, NoteForm() if is_noted else form, text)
    except callbacks.AnotherText:
        messages.error(request, ALREADY_NOTED)
        return _not_done(request, case, 409, NoteForm(initial={"text": note}), text)
    place = drafts.Place(request.user, case)
    drafts.discard(place, place.fields)
    messages.success(request, "Ärendet är klart.")
    return redirect("cases:case", case.pk)


def _not_done(
    request: SignedInRequest, case: Case, status: int, note_form: NoteForm, text: str, **bound: Any
) -> HttpResponse:
    """Nothing of it; what was written stays where it is, and is kept."""
    drafts.keep(drafts.Place(request.user, case), drafts.Field.SMS, text)
    if not note_form.is_written:
        note_form = NoteForm()
    return _not_noted(request, case, status, note_form, sms_form=case_page.fresh_sms_form(case, text), **bound)
