"""The simulator's pages, and where workers send to it."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.crypto import constant_time_compare
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_POST

from demo.models import SimulatedSms
from demo.tasks import report_simulated_answer, report_simulated_delivery
from sms.providers.simulator import credential


@csrf_exempt
@login_not_required
@require_POST
def simulator_send(request: HttpRequest) -> HttpResponse:
    if not constant_time_compare(request.headers.get("Authorization", ""), f"Bearer {credential()}"):
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
    return render(request, "demo/simulator.html", {"messages_sent": SimulatedSms.objects.all()[:100]})


@require_POST
def simulator_answer(request: HttpRequest, simulated_id: int) -> HttpResponse:
    """The patient presses "Svara". A worker tells teleQ of it, over HTTP as a provider does."""
    simulated = get_object_or_404(SimulatedSms, pk=simulated_id)
    text = "STOPP" if "stop" in request.POST else request.POST.get("text", "")
    if not simulated.can_be_replied_to or not text.strip():
        messages.error(request, _("Skriv ett svar."))
    else:
        report_simulated_answer.apply_async((simulated.pk, text), retry=False)
        messages.success(request, _("Svaret är skickat till teleQ."))
    return redirect("demo:simulator")
