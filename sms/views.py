"""The counter under the message field, and the addresses to which providers send delivery reports and replies."""

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
    """The provider of this name. 404 if it isn't configured: without its secrets a request can't be authenticated."""
    provider = PROVIDERS.get(name)
    if provider is None or any(provider.configuration_errors()):
        raise Http404
    return provider()


def _refusal(
    request: HttpRequest, provider: str, what: str, shows: Callable[[HttpRequest], bool]
) -> HttpResponse | None:
    """The response to whoever doesn't show that it is the provider, or has failed to too often; None for the provider.

    An error in the log: if a password is wrong on one side, every STOPP is lost until somebody sees it.
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
    """A delivery report. The response is the same whether or not it was new."""
    sent_by = _provider(provider)
    if (refusal := _refusal(request, provider, "A delivery report", sent_by.is_authentic_report)) is not None:
        return refusal
    receipts.record(provider, message_id, token, sent_by.parse_report(request))
    return sent_by.acknowledgement()


@csrf_exempt
@login_not_required
@require_POST
def inbound_sms(request: HttpRequest, provider: str) -> HttpResponse:
    """A patient's reply. The response comes when it is stored: a provider that gets none delivers the reply again."""
    sent_by = _provider(provider)
    if (refusal := _refusal(request, provider, "An inbound SMS", sent_by.is_authentic_reply)) is not None:
        return refusal
    inbound.receive(provider, sent_by.parse_reply(request))
    return sent_by.acknowledgement()
