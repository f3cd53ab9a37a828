"""The work list, patients' replies without a case, and cases of other queues."""

from __future__ import annotations

from django.contrib import messages
from django.core.paginator import Paginator
from django.db import transaction
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from access.access_log import Act
from access.sessions import no_activity
from cases import inbound, looks, work_list
from cases import other_queues as others
from cases.forms import IdentifierForm, OtherQueueForm
from cases.views.case import to_case
from sms.inbound import mark_as_read
from teleq.swedish import clock
from teleq.typed import SignedInRequest
from teleq.whole_numbers import whole_number


@require_GET
def show_work_list(request: SignedInRequest) -> HttpResponse:
    context = work_list.context(request.user, work_list.Choice.of(request.GET))
    looks.note_list(request.user, (row["case"] for row in context["rows"]))
    return render(request, "cases/work_list.html", context)


@no_activity
@require_GET
def live_list(request: SignedInRequest) -> HttpResponse:
    """What has changed in the list, which the open page asks for by itself with the version that it shows; 204 where
    that is the version still. A 304 would be no use: browsers keep no page that it could stand for."""
    chosen = work_list.Choice.of(request.GET)
    if request.GET.get("version") == work_list.version(request.user, chosen):
        return HttpResponse(status=204)
    shown = work_list.work_list(request.user, chosen)
    looks.note_list(request.user, (row["case"] for row in shown.rows))
    return render(request, "cases/_live_list.html", work_list.told(shown))


@require_POST
def other_queues(request: SignedInRequest) -> HttpResponse:
    """ "Öppna ärende i annan kö": asks for the reason; then shows the case, to be read, or which there are.

    Posted throughout, as a search is. 404 where there is no such case that the user may open.
    """
    search = IdentifierForm(request.POST)
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
        looks.note_listed_elsewhere(request.user, listed, form.logged_reason)
        return render(
            request, "cases/other_queues.html", {**context, "listed": listed, "more": len(chosen) > len(listed)}
        )
    [case] = chosen
    looks.note_opened_elsewhere(request.user, case, form.logged_reason)
    return render(request, "cases/other_case.html", others.context(case, form.reason))


@require_GET
def show_inbound(request: SignedInRequest) -> HttpResponse:
    """Replies from patients who have no open case."""
    page = Paginator(inbound.listed(request.user), work_list.PAGE_SIZE).get_page(request.GET.get("page"))
    looks.note_replies(request.user, page)
    rows = inbound.rows(page, opened=whole_number(request.GET.get("open", "")))
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
        messages.success(request, _("SMS:et är markerat som läst."), extra_tags="replies")
    else:
        sms.refresh_from_db()  # it may have been read since it was looked up
        when = f" {clock(sms.read_at)}" if sms.read_at else ""
        told = _("Inget ändrades: SMS:et lästes av %(reader)s%(when)s.") % {
            "reader": sms.read_by or _("någon annan"),
            "when": when,
        }
        messages.info(request, told, extra_tags="replies")
    case_id = whole_number(request.POST.get("case", ""))
    return to_case(request, case_id, "replies") if case_id else redirect("cases:inbound")
