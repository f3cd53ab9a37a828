"""Admin > SMS som inte kunde placeras: patients' SMS that belong to no queue. One of them may be a STOPP.

The operator sees when each came and hands those that are no care provider's to one, unread (docs/decisions/0016). The
care provider's administrators read them: the list says only when each came; to open one is an act of its own, which is
written to the access log.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop
from django.views.decorators.http import require_http_methods

from access import access_log
from access.access_log import Act
from administration.admin.scoped import person, whole_care_providers
from cases import protected
from sms.inbound import hand_over_unplaced
from sms.models import UnplacedSms
from teleq.models import CareProvider
from teleq.whole_numbers import whole_number

TITLE = gettext_noop("SMS som inte kunde placeras")
SHOWN_AT_MOST = 100
HANDED_OVER = gettext_lazy("SMS:et är lämnat till {provider}.")
NOT_HANDED_OVER = gettext_lazy("Välj en vårdgivare. SMS:et är inte lämnat.")
TAKEN = gettext_lazy("Ingenting gjordes: SMS:et är redan lämnat till en vårdgivare, eller borttaget.")


@require_http_methods(["GET", "HEAD", "POST"])
def unplaced_sms_view(request: HttpRequest) -> HttpResponse:
    """GET lists them. POST with an SMS's id shows its number and text too, and notes who has read it; from the operator
    it says which care provider it is handed to."""
    by_operator = person(request).is_superuser
    if not (by_operator or whole_care_providers(request).exists()):
        raise PermissionDenied
    listed = UnplacedSms.objects.all() if by_operator else _own(request)
    if request.method == "POST" and by_operator:
        _hand_over(request, _asked_for(request, listed))
        return redirect("admin:unplaced_sms")
    opened = _open(request) if request.method == "POST" else None
    context = {
        "title": _(TITLE),
        "opened": opened,
        "protected": opened and _is_protected(opened),
        "by_operator": by_operator,
        "providers": CareProvider.objects.order_by("name") if by_operator else [],
        "count": listed.count(),
        "listed": listed.select_related("care_provider").defer("sender", "from_number", "text")[:SHOWN_AT_MOST],
        "kept_days": settings.KEEP_SMS_TEXTS.days,
    }
    return render(request, "admin/unplaced_sms.html", {**admin.site.each_context(request), **context})


def _own(request: HttpRequest) -> QuerySet[UnplacedSms]:
    return UnplacedSms.objects.filter(care_provider__in=whole_care_providers(request))


def _asked_for(request: HttpRequest, among: QuerySet[UnplacedSms]) -> UnplacedSms:
    asked = request.POST.get("sms", "")
    return get_object_or_404(among, pk=whole_number(asked))


def _open(request: HttpRequest) -> UnplacedSms:
    try:
        opened = _asked_for(request, _own(request))
    except Http404:
        _note_refused(request)
        raise
    access_log.note_all(person(request), [_look_at(Act.UNPLACED, opened)])
    return opened


def _note_refused(request: HttpRequest) -> None:
    user, asked = person(request), whole_number(request.POST.get("sms", ""))
    if not asked:  # no id at all: nobody's SMS was asked for
        return
    anothers = UnplacedSms.objects.filter(pk=asked).first()
    is_not = access_log.refused_what_is_not(user, why=TITLE)
    access_log.note_refused(user, [_look_at(Act.REFUSED, anothers)] if anothers else is_not)


def _look_at(act: Act, sms: UnplacedSms) -> access_log.Look:
    return access_log.Look(
        act,
        sms.care_provider_id,
        number=sms.from_number,
        protected=_is_protected(sms),
        why=TITLE if act == Act.REFUSED else "",
    )


def _is_protected(sms: UnplacedSms) -> bool:
    return bool(sms.care_provider_id) and protected.is_marked(sms.care_provider_id or 0, sms.from_number)


def _hand_over(request: HttpRequest, sms: UnplacedSms) -> None:
    provider: Any = CareProvider.objects.filter(pk=whole_number(request.POST.get("care_provider", "")) or 0).first()
    if provider is None:
        messages.error(request, NOT_HANDED_OVER)
    elif hand_over_unplaced(sms.pk, provider):
        messages.success(request, HANDED_OVER.format(provider=provider))
    else:
        messages.error(request, TAKEN)
