"""The counter under the message field, and the addresses to which providers send delivery reports and replies."""

import logging

from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseForbidden
from django.shortcuts import render
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST

from access.limits import Guess, TooMany, judged
from access.models import SignIn
from sms import inbound, receipts
from sms.content import segments
from sms.providers import configured
from sms.providers.base import Provider
from teleq.client_address import client_network

logger = logging.getLogger(__name__)


@require_POST
def count(request: HttpRequest) -> HttpResponse:
    return render(request, "sms/count.html", {"segments": segments.count(request.POST.get("text", ""))})


def _provider(name: str) -> Provider:
    """The provider of this name. 404 if it isn't configured: without its secrets a request can't be authenticated."""
    if provider := configured(name):
        return provider
    raise Http404


def _guess(request: HttpRequest, provider: str, what: str) -> Guess:
    return Guess(SignIn.Method.WEBHOOK, client_network(request), why=f"{what}, {provider}.")


def _turned_away(provider: str, what: str) -> HttpResponse:
    """403, and an error in the log: if a password is wrong on one side, every STOPP is lost until somebody sees it."""
    logger.error("%s from %s was turned away: it does not show that it comes from there", what, provider)
    return HttpResponseForbidden()


def _not_looked_at(provider: str, what: str) -> HttpResponse:
    logger.error("%s from %s was not looked at: too many before it did not show where they come from", what, provider)
    return HttpResponse(status=429)


@csrf_exempt
@login_not_required
@require_http_methods(["GET", "POST"])
def receipt(request: HttpRequest, provider: str, message_id: int, token: str) -> HttpResponse:
    """A delivery report. The response is the same whether or not it was new."""
    sent_by = _provider(provider)
    what = "A delivery report"
    if not sent_by.is_authentic_report(request):  # asked first: there are many, and a signature is not guessed
        try:
            judged(_guess(request, provider, what), lambda: None)
        except TooMany:
            return _not_looked_at(provider, what)
        return _turned_away(provider, what)
    receipts.record(provider, message_id, token, sent_by.parse_report(request))
    return sent_by.acknowledgement()


@csrf_exempt
@login_not_required
@require_POST
def inbound_sms(request: HttpRequest, provider: str) -> HttpResponse:
    """A patient's reply. The response comes when it is stored: a provider that gets none delivers the reply again."""
    sent_by = _provider(provider)
    what = "An inbound SMS"
    try:
        if not judged(_guess(request, provider, what), lambda: sent_by.is_authentic_reply(request) or None):
            return _turned_away(provider, what)
    except TooMany:
        return _not_looked_at(provider, what)
    inbound.receive(provider, sent_by.parse_reply(request))
    return sent_by.acknowledgement()
