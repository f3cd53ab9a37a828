"""Skicka SMS, and Lägg till svar."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse

from cases import callbacks, case_page, drafts
from cases.forms import (
    SmsForm,
)
from cases.models import Case
from cases.views.case import case_view, to_case, works_in_case
from cases.views.details import NUMBER_CHANGED
from sms.content.segments import normalize
from sms.states import State
from teleq.typed import SignedInRequest

NOT_SENT = f"{NUMBER_CHANGED} SMS:et är inte skickat."
ALREADY_SENT = "Det förra meddelandet är redan skickat. Tryck igen om du vill skicka det här också."


@works_in_case
def sms(request: SignedInRequest, case: Case) -> HttpResponse:
    """ "Lägg till svar" and "Skicka SMS": one form, two buttons."""
    form = SmsForm(request.POST, queue=case.queue)
    form.is_valid()
    if "add" in request.POST:
        return _add_standard_text(request, case, form)
    return _send_sms(request, case, form)


def _add_standard_text(request: SignedInRequest, case: Case, form: SmsForm) -> HttpResponse:
    if not form.require_standard_text_chosen():
        return case_view(request, case, 422, sms_form=form)
    chosen, text = form.cleaned_data["standard_text"], form.text_with_standard_text_added()
    drafts.keep(drafts.Place(request.user, case), drafts.Field.SMS, text)
    return case_view(request, case, sms_form=case_page.fresh_sms_form(case, text, chosen))


def _send_sms(request: SignedInRequest, case: Case, form: SmsForm) -> HttpResponse:
    if not form.require_sendable():
        drafts.keep(drafts.Place(request.user, case), drafts.Field.SMS, form.data.get("text", ""))
        return case_view(request, case, 422, sms_form=form)
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
        return case_view(request, case, 422, sms_form=form, asked_about_protected=True)
    if message.state == State.REFUSED:
        return _not_sent(request, case, data["text"], message.outcome, 422)
    if message.text != normalize(data["text"]):
        return _not_sent(request, case, data["text"], ALREADY_SENT, 409)
    drafts.discard(drafts.Place(request.user, case), [drafts.Field.SMS])
    messages.success(request, "SMS:et är på väg.", extra_tags="sms")
    return to_case(request, case, "sms")


def _not_sent(request: SignedInRequest, case: Case, text: str, reason: str, status: int) -> HttpResponse:
    """The reason, and the text in a form with a token of its own: pressing again is a new act."""
    drafts.keep(drafts.Place(request.user, case), drafts.Field.SMS, text)
    messages.error(request, reason, extra_tags="sms")
    return case_view(request, case, status, sms_form=case_page.fresh_sms_form(case, text))
