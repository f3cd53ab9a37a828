"""The counter under the message field, what providers tell, and the simulator's two ends."""

import logging
from collections.abc import Callable

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


def _refusal(
    request: HttpRequest, provider: str, what: str, shows: Callable[[HttpRequest], bool]
) -> HttpResponse | None:
    """The answer to whoever doesn't show that it is the provider, or has failed to too often; None for the provider.

    Loud, as a password that is wrong on one side only would else cost every STOPP in silence.
    """
    guess = Guess(SignIn.Method.WEBHOOK, client_network(request), why=f"{what}, {provider}.")
    try:
        if judged(guess, lambda: shows(request) or None):
            return None
    except TooMany:
        logger.error("%s from %s was not looked at: too many have not come from there", what, provider)
        return HttpResponse(status=429)
    logger.error("%s from %s was turned away: it does not show that it comes from there", what, provider)
    return HttpResponseForbidden()


@csrf_exempt
@login_not_required
@require_http_methods(["GET", "POST"])
def receipt(request: HttpRequest, provider: str, message_id: int, token: str) -> HttpResponse:
    """A provider's delivery report. The answer is the same whether or not it told something new."""
    sender = _provider(provider)
    if (refusal := _refusal(request, provider, "A delivery report", sender.is_genuine)) is not None:
        return refusal
    receipts.record(provider, message_id, token, sender.report(request))
    return sender.thanks()


@csrf_exempt
@login_not_required
@require_POST
def inbound_sms(request: HttpRequest, provider: str) -> HttpResponse:
    """What a patient has answered. Answered when it is taken in: a provider that hears nothing tells of it again."""
    sender = _provider(provider)
    if (refusal := _refusal(request, provider, "An inbound SMS", sender.may_tell)) is not None:
        return refusal
    inbound.receive(provider, sender.inbound(request))
    return sender.thanks()
