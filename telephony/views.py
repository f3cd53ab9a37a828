"""The addresses to which providers of telephone calls tell what happens in a call, and where they fetch what is said.

They have no personal data in them. What is personal comes in the provider's own form.
"""

from __future__ import annotations

import logging

from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseForbidden
from django.shortcuts import get_object_or_404
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe

from access.limits import Guess, TooMany, judged
from access.models import SignIn
from telephony import calls, voices
from telephony.conversation import Reply
from telephony.models import Call, Recording, SpokenFile
from telephony.providers import PROVIDERS
from telephony.providers.base import Said, VoiceProvider
from teleq import byte_ranges
from teleq.client_address import client_network
from teleq.middleware.access import KEPT_FOR_EVER

logger = logging.getLogger(__name__)


def _provider(name: str) -> VoiceProvider:
    """Raises Http404 if it isn't configured: without its secrets a request can't be authenticated."""
    provider = PROVIDERS.get(name)
    if provider is None or any(provider.configuration_errors()):
        raise Http404
    return provider()


@csrf_exempt
@login_not_required
@require_POST
def start(request: HttpRequest, provider: str, secret: str) -> HttpResponse:
    """A call comes."""
    by = _provider(provider)
    guess = Guess(SignIn.Method.WEBHOOK, client_network(request), why=f"A call, {provider}.")
    try:
        if not judged(guess, lambda: by.is_authentic_start(request, secret) or None):
            logger.error("A call from %s was turned away: it does not show that it comes from there", provider)
            return HttpResponseForbidden()
    except TooMany:
        return HttpResponse(status=429)
    incoming = by.parse_start(request)
    if by.has_ended(request):
        calls.hang_up_by_id(provider, incoming.call_id)
        return by.acknowledgement()
    return _respond(by, calls.begin(provider, incoming) if incoming.call_id else None)


@csrf_exempt
@login_not_required
@require_POST
def turn(request: HttpRequest, provider: str, token: str, turn: int, file: int) -> HttpResponse:
    """What came after what was said last: keys, a person who answered or didn't, or the next file to be played."""
    by = _provider(provider)
    if not by.is_authentic_step(request):
        return HttpResponseForbidden()
    if by.has_ended(request):
        calls.hang_up(token)
        return by.acknowledgement()
    if file and (said := calls.still_said(provider, token, turn)):
        return _respond(by, said, file)
    keys, answered = by.parse_keys(request), by.parse_answered(request)
    found = calls.go_on(provider, token, turn, keys=keys, answered=answered)
    if found is None:
        raise Http404
    return _respond(by, found)


@csrf_exempt
@login_not_required
@require_POST
def hangup(request: HttpRequest, provider: str, token: str) -> HttpResponse:
    """The caller has hung up."""
    by = _provider(provider)
    if not by.is_authentic_step(request):
        return HttpResponseForbidden()
    calls.hang_up(token)
    return by.acknowledgement()


def _respond(by: VoiceProvider, found: tuple[Call, Reply] | None, first: int = 0) -> HttpResponse:
    if found is None:
        return by.refuse()
    call, reply = found
    return by.respond(Said(call, reply, voices.files(call, reply)), first)


@login_not_required
@require_safe
def audio(request: HttpRequest, address: str) -> HttpResponse:
    """A file that is played. What is the same for everybody may be kept for ever, as its address is a digest of it."""
    file = get_object_or_404(SpokenFile, address=address)
    try:
        sound, content_type = voices.sound(file)
    except Recording.DoesNotExist:
        raise Http404 from None
    response = byte_ranges.respond(request, sound, content_type, version=file.address)
    if not file.call_id and response.status_code != 416:  # NoStoreMiddleware sees to the others
        response["Cache-Control"] = KEPT_FOR_EVER
    return response
