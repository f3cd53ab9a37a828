"""The counter under the message field, what providers tell, and the simulator's two ends."""

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
from sms.providers import PROVIDERS
from sms.providers.base import Provider
from teleq.client_address import client_network

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


def _guess(request: HttpRequest, provider: str, what: str) -> Guess:
    return Guess(SignIn.Method.WEBHOOK, client_network(request), why=f"{what}, {provider}.")


def _turned_away(provider: str, what: str) -> HttpResponse:
    """Loud, as a password that is wrong on one side only would else cost every STOPP in silence."""
    logger.error("%s from %s was turned away: it does not show that it comes from there", what, provider)
    return HttpResponseForbidden()


def _not_looked_at(provider: str, what: str) -> HttpResponse:
    logger.error("%s from %s was not looked at: too many before it did not show where they come from", what, provider)
    return HttpResponse(status=429)


@csrf_exempt
@login_not_required
@require_http_methods(["GET", "POST"])
def receipt(request: HttpRequest, provider: str, message_id: int, token: str) -> HttpResponse:
    """A provider's delivery report. The answer is the same whether or not it told something new."""
    sender = _provider(provider)
    what = "A delivery report"
    if not sender.is_genuine(request):  # asked first: there are many, and a signature is not guessed
        try:
            judged(_guess(request, provider, what), lambda: None)
        except TooMany:
            return _not_looked_at(provider, what)
        return _turned_away(provider, what)
    receipts.record(provider, message_id, token, sender.report(request))
    return sender.thanks()


@csrf_exempt
@login_not_required
@require_POST
def inbound_sms(request: HttpRequest, provider: str) -> HttpResponse:
    """What a patient has answered. Answered when it is taken in: a provider that hears nothing tells of it again."""
    sender = _provider(provider)
    what = "An inbound SMS"
    try:
        if not judged(_guess(request, provider, what), lambda: sender.may_tell(request) or None):
            return _turned_away(provider, what)
    except TooMany:
        return _not_looked_at(provider, what)
    inbound.receive(provider, sender.inbound(request))
    return sender.thanks()
