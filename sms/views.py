"""The counter under the message field, what providers tell, and the simulator's two ends."""

import logging

from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseForbidden
from django.shortcuts import render
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST

from sms import inbound, receipts
from sms.content import segments
from sms.providers import PROVIDERS
from sms.providers.base import Provider

logger = logging.getLogger(__name__)


@require_POST
def count(request: HttpRequest) -> HttpResponse:
    return render(request, "sms/count.html", {"segments": segments.count(request.POST.get("text", ""))})


def _provider(name: str) -> Provider:
    """Known, and set up here: one that has no secrets could be anybody."""
    provider = PROVIDERS.get(name)
    if provider is None or any(provider.problems()):
        raise Http404
    return provider()


def _turned_away(provider: str, what: str) -> HttpResponse:
    """Loud, as a password that is wrong on one side only would else cost every STOPP in silence."""
    logger.error("%s from %s was turned away: it does not show that it comes from there", what, provider)
    return HttpResponseForbidden()


@csrf_exempt
@login_not_required
@require_http_methods(["GET", "POST"])
def receipt(request: HttpRequest, provider: str, message_id: int, token: str) -> HttpResponse:
    """A provider's delivery report. The answer is the same whether or not it told something new."""
    sender = _provider(provider)
    if not sender.is_genuine(request):
        return _turned_away(provider, "A delivery report")
    receipts.record(provider, message_id, token, sender.report(request))
    return sender.thanks()


@csrf_exempt
@login_not_required
@require_POST
def inbound_sms(request: HttpRequest, provider: str) -> HttpResponse:
    """What a patient has answered. Answered when it is taken in: a provider that hears nothing tells of it again."""
    sender = _provider(provider)
    if not sender.may_tell(request):
        return _turned_away(provider, "An inbound SMS")
    inbound.receive(provider, sender.inbound(request))
    return sender.thanks()
