"""The counter under the message field, what providers tell, and the simulator's two ends."""

import logging

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseForbidden
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.crypto import constant_time_compare
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from sms import inbound, receipts, simulator
from sms.content import segments
from sms.models import SimulatedSms
from sms.providers import PROVIDERS
from sms.providers.base import Provider
from sms.tasks import report_simulated_answer, report_simulated_delivery

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


@csrf_exempt
@login_not_required
@require_POST
def simulator_send(request: HttpRequest) -> HttpResponse:
    if not constant_time_compare(request.headers.get("Authorization", ""), f"Bearer {simulator.credential()}"):
        return HttpResponse(status=401)
    with transaction.atomic():
        simulated = SimulatedSms.objects.create(
            to_number=request.POST["to"],
            sender=request.POST["from"],
            text=request.POST["message"],
            callback_url=request.POST["whendelivered"],
        )
        transaction.on_commit(lambda: report_simulated_delivery.apply_async((simulated.pk,), retry=False), robust=True)
    return HttpResponse(f"sim-{simulated.pk}", status=201, content_type="text/plain")


@require_GET
def simulator_inbox(request: HttpRequest) -> HttpResponse:
    return render(request, "sms/simulator.html", {"messages_sent": SimulatedSms.objects.all()[:100]})


@require_POST
def simulator_answer(request: HttpRequest, simulated_id: int) -> HttpResponse:
    """The patient presses "Svara". A worker tells teleQ of it, over HTTP as a provider does."""
    simulated = get_object_or_404(SimulatedSms, pk=simulated_id)
    text = "STOPP" if "stop" in request.POST else request.POST.get("text", "")
    if not simulated.can_be_answered or not text.strip():
        messages.error(request, "Skriv ett svar.")
    else:
        report_simulated_answer.apply_async((simulated.pk, text), retry=False)
        messages.success(request, "Svaret är skickat till teleQ.")
    return redirect("sms:simulator")
