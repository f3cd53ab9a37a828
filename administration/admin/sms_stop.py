"""Admin > Stoppa alla utskick: the emergency brake, for the operator. It shows counts only, and no patient."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.models import ADDITION, CHANGE, LogEntry
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods

from administration.admin.scoped import person
from administration.admin.users import why_field
from sms import brake, restored
from sms.models import SendingStop
from teleq.models import Queue
from teleq.whole_numbers import whole_number

TITLE = _("Stoppa alla utskick")
STOPPED = _("Alla SMS-utskick är stoppade.")
STOPPED_ALREADY = _("Ingenting gjordes: alla SMS-utskick är redan stoppade.")
RELEASED = _("Utskicken är släppta.")
ANOTHER_STANDS = _("Stoppet är släppt. Utskicken är fortfarande stoppade av det andra stoppet.")
NOT_IN_FORCE = _("Ingenting gjordes: stoppet är redan släppt.")
PAGE_SIZE = 20


class StopForm(forms.Form):
    why = why_field(_("Varför du stoppar utskicken"))


class ReleaseForm(forms.Form):
    why = why_field(_("Varför du släpper utskicken"))


class Count(NamedTuple):
    """Of a kind, or of a queue: how many messages wait, and how many of them are too late by now."""

    name: str
    messages: int
    too_late: int


@require_http_methods(["GET", "HEAD", "POST"])
def sms_stop_view(request: HttpRequest) -> HttpResponse:
    """GET says what is stopped, what waits and what has been. POST stops everything, or releases the stop whose id it
    has in `release`."""
    if not person(request).is_superuser:
        raise PermissionDenied
    asked = request.POST.get("release")
    stop_form = StopForm(request.POST if request.method == "POST" and asked is None else None)
    release_form = ReleaseForm(request.POST if asked is not None else None)
    if stop_form.is_valid():
        _stop(request, stop_form.cleaned_data["why"])
        return redirect("admin:sms_stop")
    if release_form.is_valid():
        _release(request, whole_number(asked or "") or 0, release_form.cleaned_data["why"])
        return redirect("admin:sms_stop")
    in_force = list(SendingStop.objects.in_force().select_related("stopped_by"))
    earlier = SendingStop.objects.exclude(released_at=None).select_related("stopped_by", "released_by")
    page = Paginator(earlier, PAGE_SIZE).get_page(request.GET.get("page"))
    names = {queue.pk: str(queue) for queue in Queue.objects.all()}
    context = {
        "title": TITLE,
        "stop_form": stop_form,
        # Each has ids of its own in the page. What was typed stands with the stop that it was typed for.
        "in_force": [
            (stop, release_form if asked == str(stop.pk) else ReleaseForm(auto_id=f"id_{stop.pk}_%s"))
            for stop in in_force
        ],
        "waiting": _waiting(names) if in_force else None,
        "sent_again": sum(restored.may_have_left(stop).count() for stop in in_force if stop.is_restored_copy),
        "page": page,
        "earlier": [(stop, _too_late(stop, names)) for stop in page],
    }
    status = 422 if stop_form.is_bound or release_form.is_bound else 200
    return render(request, "admin/sms_stop.html", {**admin.site.each_context(request), **context}, status=status)


def _stop(request: HttpRequest, why: str) -> None:
    stop, is_new = brake.stop(why, by=person(request))
    if is_new:
        _log(request, stop, ADDITION, why)
        messages.success(request, STOPPED)
    else:
        messages.warning(request, STOPPED_ALREADY)


def _release(request: HttpRequest, stop_id: int, why: str) -> None:
    try:
        stop = brake.release(stop_id, why, by=person(request))
    except brake.NotInForce:
        messages.warning(request, NOT_IN_FORCE)
        return
    _log(request, stop, CHANGE, why)
    messages.success(request, ANOTHER_STANDS if brake.in_force() else RELEASED)


def _log(request: HttpRequest, stop: SendingStop, act: int, why: str) -> None:
    """Among the operator's own latest changes. The record is the stop itself."""
    LogEntry.objects.log_actions(person(request).pk, [stop], act, change_message=why, single_object=True)


def _waiting(names: dict[int, str]) -> dict[str, list[Count]]:
    """By kind, all kinds; and by queue, those where any waits."""
    counted = brake.waiting()
    by_queue: dict[str, Counter[str]] = {}
    for each in counted:
        by_queue.setdefault(names[each.queue_id], Counter()).update(messages=each.messages, too_late=each.too_late)
    return {
        "by_kind": [Count(str(kind.label), *numbers) for kind, *numbers in brake.by_kind(counted)],
        "by_queue": [Count(name, count["messages"], count["too_late"]) for name, count in sorted(by_queue.items())],
    }


def _too_late(stop: SendingStop, names: dict[int, str]) -> list[tuple[str, int]]:
    """By queue, what had become too late when the stop was released."""
    return sorted((names[int(queue)], sum(kinds.values())) for queue, kinds in stop.too_late.items())
