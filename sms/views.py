"""The counter under the message field, and the addresses to which providers send delivery reports and replies."""

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
    """The provider of this name. 404 if it isn't configured: without its secrets a request can't be authenticated."""
    provider = PROVIDERS.get(name)
    if provider is None or any(provider.configuration_errors()):
        raise Http404
    return provider()


def _turned_away(provider: str, what: str) -> HttpResponse:
    """403, and an error in the log: if a password is wrong on one side, every STOPP is lost until somebody sees it."""
    logger.error("%s from %s was turned away: it does not show that it comes from there", what, provider)
    return HttpResponseForbidden()


@csrf_exempt
@login_not_required
@require_http_methods(["GET", "POST"])
def receipt(request: HttpRequest, provider: str, message_id: int, token: str) -> HttpResponse:
    """A delivery report. The response is the same whether or not it was new."""
    sent_by = _provider(provider)
    if not sent_by.is_authentic_report(request):
        return _turned_away(provider, "A delivery report")
    receipts.record(provider, message_id, token, sent_by.parse_report(request))
    return sent_by.acknowledgement()


@csrf_exempt
@login_not_required
@require_POST
def inbound_sms(request: HttpRequest, provider: str) -> HttpResponse:
    """A patient's reply. The response comes when it is stored: a provider that gets none delivers the reply again."""
    sent_by = _provider(provider)
    if not sent_by.is_authentic_reply(request):
        return _turned_away(provider, "An inbound SMS")
    inbound.receive(provider, sent_by.parse_reply(request))
    return sent_by.acknowledgement()
