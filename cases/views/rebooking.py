"""Boka om: the queue's free times, another time, another queue."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET

from access.access_log import Act
from cases import callbacks, case_page, drafts, looks, places, rebooking
from cases.changing import NotPossible
from cases.forms import NoteForm, OtherQueueOfCaseForm, TimeForm
from cases.models import Case
from cases.views.case import (
    case_address,
    case_view,
    list_address,
    opened_from,
    rebooking_asked_for,
    to_case,
    works_in_case,
)
from teleq.changes import ChangedMeanwhile
from teleq.models import Queue
from teleq.swedish import date_and_clock
from teleq.typed import SignedInRequest
from teleq.whole_numbers import whole_number

PLACE = "rebook"
"""Where on the page it is said what was done."""
TIME_IS_THE_SAME = gettext_lazy("Tiden är oförändrad.")


@require_GET
def free_times(request: SignedInRequest, case_id: int) -> HttpResponse:
    """What is in "Boka om", asked for when it is opened and when other days are."""
    case = looks.case_of(request.user, case_id)
    looks.note_polled(request.user, case)
    context = {
        "case": case,
        "opened_from": opened_from(request),
        "live_parts": case_page.LIVE_PARTS,
        "rebook": {},
        **rebooking_asked_for(request, case),
    }
    return render(request, "cases/_rebooking.html", context)


@works_in_case
def rebook(request: SignedInRequest, case: Case) -> HttpResponse:
    """A free time's button, or "Spara tiden"."""
    form = TimeForm(request.POST, instance=case)
    if not form.is_valid():
        case.refresh_from_db(fields=["callback_at"])  # the form has put what was chosen into it
        return _not_rebooked(request, case, 409 if form.in_conflict else 422, time_form=form)
    try:
        done = rebooking.to_time(case, form.changes, by=request.user, as_free=form.chosen_free)
    except ChangedMeanwhile:
        return rebook(request, case.pk)  # now the form sees it too
    except (NotPossible, places.NotFree) as reason:
        messages.error(request, str(reason), extra_tags=PLACE)
        case.refresh_from_db(fields=["callback_at"])
        return _not_rebooked(request, case, 409)
    if done.moved:
        told = _("Ärendet är ombokat till %(time)s.") % {"time": date_and_clock(form.cleaned_data["callback_at"])}
        told += f" {done.odd}" if done.odd else ""
        messages.success(request, told, extra_tags=PLACE)
    else:
        messages.info(request, TIME_IS_THE_SAME, extra_tags=PLACE)
    return to_case(request, case.pk, PLACE)


@works_in_case
def move_to_queue(request: SignedInRequest, case: Case) -> HttpResponse:
    """ "Flytta ärendet": what is being written is posted with it, as by "Klart". Who is no member of the other queue
    can't open the case any more, and is asked first if something is written and not saved."""
    form, seen = OtherQueueOfCaseForm(request.POST, case=case), whole_number(request.POST.get("seen_event", ""))
    note, text = NoteForm(request.POST).written, request.POST.get("text", "")
    place = drafts.Place(request.user, case)
    for field, name, written in ((drafts.Field.NOTE, "note_text", note), (drafts.Field.SMS, "text", text)):
        if name in request.POST:
            drafts.keep(place, field, written)
    if not form.is_valid():
        return _not_rebooked(request, case, 422, queue_form=form)
    to: Queue = form.cleaned_data["queue"]
    stays = Queue.objects.for_user(request.user).filter(pk=to.pk).exists()
    unsent = text.strip() and not callbacks.has_sent(case, text, token=request.POST.get("token", ""))
    unsaved = [what for what, is_so in (("note", note.strip()), ("message", unsent)) if is_so]
    if unsaved and not stays and "anyway" not in request.POST:
        asked_about = "both" if len(unsaved) == 2 else unsaved[0]
        return _not_rebooked(request, case, 422, queue_form=form, asked_about=asked_about)
    try:
        cancelled = rebooking.to_queue(case, to, by=request.user, seen=seen or 0)
    except NotPossible as reason:
        messages.error(request, str(reason), extra_tags=PLACE)
        return _not_rebooked(request, case, 409, queue_form=form)
    looks.note(request.user, Act.CHANGE, Case.objects.select_related("queue").get(pk=case.pk))
    told = _("Ärendet är flyttat till %(queue)s.") % {"queue": to}
    if cancelled:
        told += " " + _("SMS som väntade är inställda.")
    if not stays:
        drafts.discard(place, place.fields)
        told += " " + _("Du är inte medlem i den kön och kan inte öppna ärendet längre.")
    messages.success(request, told, extra_tags=PLACE if stays else "")
    return _go_to(request, case_address(request, case.pk) if stays else list_address(request))


def _go_to(request: SignedInRequest, address: str) -> HttpResponse:
    """The whole page, also where htmx has asked: with the queue, everything on it is another."""
    if "HX-Request" in request.headers:
        return HttpResponse(headers={"HX-Redirect": address})
    return redirect(address)


def _not_rebooked(request: SignedInRequest, case: Case, status: int, **bound: Any) -> HttpResponse:
    """The page with "Boka om" open, and what was chosen in it."""
    return case_view(request, case, status, rebook=case_page.rebooking_of(case, timezone.localdate(), **bound))
