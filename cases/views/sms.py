"""Skicka SMS, and Lägg till svar."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBadRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cases import callbacks, case_page, drafts, latest_sms
from cases.forms import SmsForm
from cases.models import Case
from cases.views.case import case_view, to_case, works_in_case
from sms import brake
from sms.content.segments import normalize
from sms.models import StandardText
from sms.states import State
from teleq.typed import SignedInRequest
from teleq.whole_numbers import whole_number

PLACE = "sms"
"""Where on the page it is said what was done."""
NOT_SENT = gettext_lazy("Numret har ändrats. SMS:et skickades inte. Kontrollera svaret.")
ALREADY_SENT = gettext_lazy("Det förra meddelandet är redan skickat. Tryck igen om du vill skicka det här också.")


@works_in_case
def sms(request: SignedInRequest, case: Case) -> HttpResponse:
    """ "Lägg till svar", "Skicka SMS" and "Lägg tillbaka texten": one form, three buttons."""
    form = SmsForm(request.POST, queue=case.queue)
    form.is_valid()
    if "add" in request.POST:
        return _add_standard_text(request, case, form)
    if "put_back" in request.POST:
        return _put_back(request, case, form)
    return _send_sms(request, case, form)


def _add_standard_text(request: SignedInRequest, case: Case, form: SmsForm) -> HttpResponse:
    if not form.require_standard_text_chosen():
        return case_view(request, case, 422, sms_form=form)
    chosen = form.cleaned_data["standard_text"]
    return case_view(request, case, sms_form=_with_added(request, case, form, chosen.text, chosen))


def _put_back(request: SignedInRequest, case: Case, form: SmsForm) -> HttpResponse:
    """The text of an SMS that may not have come through. It is sent anew by "Skicka SMS", which is another press."""
    if "text" in form.errors:
        return case_view(request, case, 422, sms_form=form)
    message_id = whole_number(request.POST["put_back"])
    text = latest_sms.to_put_back(case, message_id) if message_id else None
    if text is None:
        return HttpResponseBadRequest(_("Okänt SMS."), content_type="text/plain; charset=utf-8")
    return case_view(request, case, sms_form=_with_added(request, case, form, text).in_focus())


def _with_added(
    request: SignedInRequest, case: Case, form: SmsForm, added: str, chosen: StandardText | None = None
) -> SmsForm:
    text = form.text_with_added(added)
    drafts.keep(drafts.Place(request.user, case), drafts.Field.SMS, text)
    return case_page.fresh_sms_form(case, text, chosen)


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
        return _not_sent(request, case, data["text"], str(NOT_SENT), 409)
    except callbacks.Protected:  # the same press is asked about, and may then be carried out
        drafts.keep(drafts.Place(request.user, case), drafts.Field.SMS, data["text"])
        return case_view(request, case, 422, sms_form=form, asked_about_protected=True)
    if message.state == State.REFUSED:
        return _not_sent(request, case, data["text"], message.outcome, 422)
    if message.text != normalize(data["text"]):
        return _not_sent(request, case, data["text"], str(ALREADY_SENT), 409)
    drafts.discard(drafts.Place(request.user, case), [drafts.Field.SMS])
    said = _("SMS:et är sparat och väntar.") if brake.in_force() else _("SMS:et är på väg.")
    messages.success(request, said, extra_tags=PLACE)
    return to_case(request, case.pk, PLACE)


def _not_sent(request: SignedInRequest, case: Case, text: str, reason: str, status: int) -> HttpResponse:
    """The reason, and the text in a form with a token of its own: pressing again is a new act."""
    drafts.keep(drafts.Place(request.user, case), drafts.Field.SMS, text)
    messages.error(request, reason, extra_tags=PLACE)
    return case_view(request, case, status, sms_form=case_page.fresh_sms_form(case, text))
