"""The work list and the case view. Views parse, call and respond; the rules are in callbacks, register and gateway.

Every act is a plain form that is posted. The response is a redirect to the case, or the whole page where something was
wrong (422) or has changed meanwhile (409). htmx posts the same forms and picks its part of the response.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial, wraps
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.db import transaction
from django.http import Http404, HttpResponse, HttpResponseBadRequest
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from access.access_log import Act
from access.sessions import no_activity
from cases import callbacks, case_page, drafts, inbound, looks, protected, work_list
from cases import other_queues as others
from cases.forms import (
    ConsentForm,
    DetailsForm,
    EndMarkForm,
    MarkForm,
    NewCaseForm,
    NoteForm,
    NumberForm,
    OtherQueueForm,
    SearchForm,
    SmsForm,
)
from cases.models import Case, Draft, Status
from consent import register
from consent.models import Answer
from sms.content.segments import normalize
from sms.inbound import mark_as_read
from sms.states import State
from teleq.changes import ChangedMeanwhile
from teleq.phone_numbers import number_text
from teleq.swedish import clock
from teleq.typed import SignedInRequest

if TYPE_CHECKING:
    from cases.inbound import KnownSms

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


# Work list -----------------------------------------------------------------------------------------------------------


@require_GET
def show_work_list(request: SignedInRequest) -> HttpResponse:
    return _work_list(request, work_list.Choice.of(request.GET))


def _work_list(
    request: SignedInRequest, chosen: work_list.Choice, search_form: SearchForm | None = None, status: int = 200
) -> HttpResponse:
    context = work_list.context(request.user, chosen, search_form)
    looks.note_list(request.user, (row.case for row in context["rows"]))
    return render(request, "cases/work_list.html", context, status=status)


@require_POST
def search(request: SignedInRequest) -> HttpResponse:
    """Posted, so that neither number is in an address, a log or the browser's history."""
    form = SearchForm(request.POST)
    if not form.is_valid():
        return _work_list(request, work_list.Choice(), form, status=422)
    found = work_list.found(request.user, form)
    cases = [row.case for row in found["rows"]]
    looks.note_search(request.user, form.number, form.personal_identity_number, cases)
    elsewhere = () if cases else others.care_providers(request.user, form)
    return render(request, "cases/search.html", {**found, "care_providers": elsewhere, "subject": form.subject})


@require_POST
def other_queues(request: SignedInRequest) -> HttpResponse:
    """ "Öppna ärende i annan kö": asks for the reason; then shows the case, to be read, or which there are.

    Posted throughout, as a search is. 404 where there is no such case that the user may open.
    """
    search = SearchForm(request.POST)
    cases = list(others.found(request.user, search)[: others.LISTED_AT_MOST + 1]) if search.is_valid() else []
    if not cases:
        raise Http404
    form = OtherQueueForm(request.POST if {"ask", "case"} & set(request.POST) else None)
    context = {"form": form, "search_form": search, "subject": search.subject}
    if not form.is_valid():
        context["care_providers"] = others.care_providers(request.user, search)
        return render(request, "cases/other_queues.html", context, status=422 if form.is_bound else 200)
    asked_for = request.POST.get("case", "")
    chosen = [case for case in cases if str(case.pk) == asked_for] if asked_for else cases
    if not chosen:
        raise Http404
    if len(chosen) > 1:
        listed = chosen[: others.LISTED_AT_MOST]
        looks.note_listed_elsewhere(request.user, listed, form.reason)
        return render(
            request, "cases/other_queues.html", {**context, "listed": listed, "more": len(chosen) > len(listed)}
        )
    [case] = chosen
    looks.note_opened_elsewhere(request.user, case, form.reason)
    return render(request, "cases/other_case.html", others.context(case, form.reason))


@require_GET
def show_inbound(request: SignedInRequest) -> HttpResponse:
    """Replies from patients who have no open case."""
    page = Paginator(inbound.listed(request.user), work_list.PAGE_SIZE).get_page(request.GET.get("page"))
    looks.note_replies(request.user, page)
    rows = inbound.rows(page, opened=_number(request.GET.get("open", "")))
    for row in rows:
        if row.protected and row.opened:
            looks.note_reply(request.user, Act.OPENED_REPLY, row.sms)
    return render(request, "cases/inbound.html", {"page": page, "rows": rows})


@require_POST
def mark_read(request: SignedInRequest, inbound_id: int) -> HttpResponse:
    """From the list, or from the case that it is shown in."""
    sms = looks.reply_of(request.user, inbound_id)
    with transaction.atomic():
        looks.note_reply(request.user, Act.CHANGE, sms)
        marked = mark_as_read(sms, by=request.user)
    if marked:
        messages.success(request, "SMS:et är markerat som läst.")
    else:
        sms.refresh_from_db()  # it may have been read since it was looked up
        when = f" {clock(sms.read_at)}" if sms.read_at else ""
        messages.info(request, f"Inget ändrades: SMS:et lästes av {sms.read_by or 'någon annan'}{when}.")
    case_id = _number(request.POST.get("case", ""))
    return redirect("cases:case", case_id) if case_id else redirect("cases:inbound")


def _begun_from(request: SignedInRequest) -> KnownSms | None:
    """The reply that a new case is made for, if it is made for one."""
    inbound_id = _number(request.GET.get("inbound", ""))
    with suppress(Http404):
        return looks.reply_of(request.user, inbound_id) if inbound_id else None
    return None


def _from_inbound(request: SignedInRequest, sms: KnownSms | None) -> dict[str, object]:
    """What a new case begins with, when it is made for somebody who has replied to an SMS."""
    if sms is None:
        return {}
    looks.note_reply(request.user, Act.BEGIN, sms)
    return {"queue": sms.queue_id, "phone_number": sms.from_number}


def _number(text: str) -> int | None:
    return int(text) if text.isdecimal() and len(text) < 19 else None


@require_http_methods(["GET", "HEAD", "POST"])
def new_case(request: SignedInRequest) -> HttpResponse:
    sms = _begun_from(request)
    place = drafts.Place(request.user, inbound=sms)
    if request.method != "POST":
        form = NewCaseForm(user=request.user, initial=_from_inbound(request, sms))
        written = drafts.of(place) if form.queues else {}  # who is a member of no queue writes about nobody
        form.initial = {**form.initial, **drafts.texts(written)}
        return _new_case_page(request, form, place, written)
    form = NewCaseForm(request.POST, user=request.user, initial=_from_inbound(request, sms))
    valid = form.is_valid()
    case, made = callbacks.made_by(form.cleaned_data.get("press"), request.user), False
    if case is None and not valid:
        return _not_made(request, form, place, status=422)
    try:
        with transaction.atomic():
            if case is None:
                form.instance.press = form.cleaned_data["press"]
                case, made = callbacks.create_once(form.save(commit=False), by=request.user)
            looks.note(request.user, Act.CHANGE, case)
    except callbacks.NotPossible as reason:
        messages.error(request, str(reason))
        return _not_made(request, form.pressed_anew(), place, status=409)
    if made:
        messages.success(request, "Ärendet är skapat.")
    elif form.describes(case):
        messages.info(request, "Ärendet är redan skapat.")
    else:
        return _not_made(request, form.pressed_anew(), place, status=409, made_before=case)
    drafts.discard(place, place.fields)
    return redirect("cases:case", case.pk)


def _new_case_page(
    request: SignedInRequest,
    form: NewCaseForm,
    place: drafts.Place,
    written: Mapping[str, Draft],
    **shown: Any,
) -> HttpResponse:
    draft = max(written.values(), key=lambda each: each.saved_at, default=None)
    status = shown.pop("status", 200)
    context = {"form": form, "draft": draft, "inbound": place.inbound, **shown}
    return render(request, "cases/new_case.html", context, status=status)


def _not_made(request: SignedInRequest, form: NewCaseForm, place: drafts.Place, **shown: Any) -> HttpResponse:
    """What was typed stays, and is kept."""
    kept = {field.value: drafts.keep(place, field, form.data.get(field, "")) for field in place.fields}
    return _new_case_page(request, form, place, {field: draft for field, draft in kept.items() if draft}, **shown)


# Drafts --------------------------------------------------------------------------------------------------------------


@require_POST
def new_case_draft(request: SignedInRequest) -> HttpResponse:
    place = drafts.Place(request.user, inbound=_begun_from(request))
    query = f"?inbound={place.inbound.pk}" if place.inbound else ""
    return _draft(request, place, back=reverse("cases:new_case") + query)


@require_POST
def draft(request: SignedInRequest, case_id: int) -> HttpResponse:
    """Nothing of the patient's is shown, so it is no look: who writes has opened the case."""
    case = looks.case_of(request.user, case_id)
    return _draft(request, drafts.Place(request.user, case), back=reverse("cases:case", args=[case.pk]))


def _draft(request: SignedInRequest, place: drafts.Place, back: str) -> HttpResponse:
    """Keep what is being written, by the script; or "Ta bort utkastet", a button."""
    fields = {field.value: [field] for field in place.fields} | ({} if place.case else {"all": list(place.fields)})
    if discarded := fields.get(request.POST.get("discard", "")):
        drafts.discard(place, discarded)
        messages.success(request, "Utkastet är borttaget.")
        return redirect(back)
    if not (kept := fields.get(request.POST.get("field", ""))):
        return HttpResponseBadRequest("Okänt fält.", content_type="text/plain; charset=utf-8")
    draft = drafts.keep(place, kept[0], request.POST.get("text", ""))
    context = {"draft": draft, "field": kept[0].value, "case": place.case, "inbound": place.inbound}
    return render(request, "cases/_draft.html", context)


# Case ----------------------------------------------------------------------------------------------------------------


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
    seen = _number(request.POST.get("seen_event", ""))
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
    seen = _number(request.POST.get("seen_event", ""))
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
