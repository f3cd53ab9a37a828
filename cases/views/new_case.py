"""A new case, and what is being written there or in a case: its draft."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpResponse, HttpResponseBadRequest
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from access.access_log import Act
from cases import callbacks, drafts, looks
from cases.changing import NotPossible
from cases.forms import (
    NewCaseForm,
)
from cases.models import Draft
from cases.views.case import case_address, opened_from, to_case
from teleq.typed import SignedInRequest
from teleq.whole_numbers import whole_number

if TYPE_CHECKING:
    from cases.inbound import KnownSms


def _begun_from(request: SignedInRequest) -> KnownSms | None:
    """The reply that a new case is made for, if it is made for one."""
    inbound_id = whole_number(request.GET.get("inbound", ""))
    with suppress(Http404):
        return looks.reply_of(request.user, inbound_id) if inbound_id else None
    return None


def _from_inbound(request: SignedInRequest, sms: KnownSms | None) -> dict[str, object]:
    """What a new case begins with, when it is made for somebody who has replied to an SMS."""
    if sms is None:
        return {}
    looks.note_reply(request.user, Act.BEGIN, sms)
    return {"queue": sms.queue_id, "phone_number": sms.from_number}


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
    except NotPossible as reason:
        messages.error(request, str(reason))
        return _not_made(request, form.pressed_anew(), place, status=409)
    if made:
        messages.success(request, _("Ärendet är skapat."))
    elif form.describes(case):
        messages.info(request, _("Ärendet är redan skapat."))
    else:
        return _not_made(request, form.pressed_anew(), place, status=409, made_before=case)
    drafts.discard(place, place.fields)
    return to_case(request, case.pk)


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
    return _draft(
        request,
        drafts.Place(request.user, case),
        back=f"{case_address(request, case.pk)}#{request.POST.get('discard', '')}",
    )


def _draft(request: SignedInRequest, place: drafts.Place, back: str) -> HttpResponse:
    """Keep what is being written, by the script; or "Ta bort utkastet", a button."""
    fields = {field.value: [field] for field in place.fields} | ({} if place.case else {"all": list(place.fields)})
    if discarded := fields.get(request.POST.get("discard", "")):
        drafts.discard(place, discarded)
        messages.success(request, _("Utkastet är borttaget."), extra_tags=request.POST["discard"])
        return redirect(back)
    if not (kept := fields.get(request.POST.get("field", ""))):
        return HttpResponseBadRequest(_("Okänt fält."), content_type="text/plain; charset=utf-8")
    draft = drafts.keep(place, kept[0], request.POST.get("text", ""))
    context = {"draft": draft, "field": kept[0].value, "case": place.case, "inbound": place.inbound}
    return render(request, "cases/_draft.html", {**context, "opened_from": opened_from(request)})
