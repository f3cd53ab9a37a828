"""Who has a case: "Ta nästa ärende", "Ta över ärendet", "Släpp alla mina ärenden"; and that a case's page was left."""

from __future__ import annotations

from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse, HttpResponseBadRequest
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from access.access_log import Act
from access.sessions import no_activity
from cases import acts, holding, looks, next_case, presence
from cases.changing import NotPossible
from cases.models import Case
from cases.views.acts import UNKNOWN_BUTTON
from cases.views.case import case_view, list_address, to_case, works_in_case
from teleq.models import Queue
from teleq.swedish import clock
from teleq.typed import SignedInRequest
from teleq.whole_numbers import whole_number

NONE_NOW = gettext_lazy("Inget ärende att ringa just nu.")
NONE_AT_ALL = gettext_lazy("Inget ärende väntar.")
NONE_FREE = gettext_lazy("De som väntar är öppna hos en kollega eller har ett samtal utan resultat.")
HAVE_NONE = gettext_lazy("Du har inga ärenden att släppa.")


@require_POST
def take_next(request: SignedInRequest) -> HttpResponse:
    """In the queue that is chosen, or in all of the user's. Back to the list, with the reason, where there is none."""
    own = list(Queue.objects.for_user(request.user))
    chosen = whole_number(request.POST.get("queue", ""))
    queues = [queue for queue in own if queue.pk == chosen] or own
    with transaction.atomic():
        case = next_case.take_next(request.user, queues, early="early" in request.POST)
        if case:
            looks.note(request.user, Act.CHANGE, case)
    if case:
        return to_case(request, case.pk)
    there_is = next_case.waiting(request.user, queues)
    if there_is.next_at:
        messages.info(
            request,
            f"{NONE_NOW} " + _("Nästa %(next_at)s.") % {"next_at": clock(there_is.next_at)},
            extra_tags="next early",
        )
    else:
        said = f"{NONE_NOW} {NONE_FREE}" if there_is.others_have_them_open else NONE_AT_ALL
        messages.info(request, said, extra_tags="next")
    return redirect(list_address(request))


@works_in_case
def take_over(request: SignedInRequest, case: Case) -> HttpResponse:
    """Asked about once, and only where the colleague works in the case at this moment."""
    seen = whole_number(request.POST.get("seen_event", ""))
    if seen is None:
        return HttpResponseBadRequest(UNKNOWN_BUTTON, content_type="text/plain; charset=utf-8")
    try:
        acts.take_over(case, by=request.user, seen=seen, sure="sure" in request.POST)
    except acts.Interrupts:
        return case_view(request, case, 422, asked_to_take_over=True)
    except NotPossible as reason:
        messages.error(request, str(reason))
    else:
        messages.success(request, _("Du har tagit över ärendet."))
    return to_case(request, case.pk)


@require_POST
def release_mine(request: SignedInRequest) -> HttpResponse:
    """ "Släpp alla mina ärenden"."""
    with transaction.atomic():
        released = holding.release_all(request.user, Queue.objects.for_user(request.user), by=request.user)
        looks.note_changes(request.user, released.cases)
    if released.cases:
        messages.success(request, holding.was_released(released))
    elif not released.with_call:
        messages.info(request, HAVE_NONE)
    if released.with_call:
        messages.warning(request, holding.not_released(released))
    return redirect(list_address(request))


@no_activity
@require_POST
def leave(request: SignedInRequest, case_id: int) -> HttpResponse:
    """The page of the case is closed or left, which it says by itself."""
    presence.leave(request.user, looks.case_of(request.user, case_id))
    return HttpResponse(status=204)
