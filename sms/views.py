"""The counter under the message field, delivery reports, and the simulator's two ends."""

from django.contrib.auth.decorators import login_not_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.crypto import constant_time_compare
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_POST

from sms import receipts, segments, simulator
from sms.models import SimulatedSms
from sms.tasks import report_simulated_delivery


@require_POST
def count(request: HttpRequest) -> HttpResponse:
    return render(request, "sms/count.html", {"segments": segments.count(request.POST.get("text", ""))})


@csrf_exempt
@login_not_required
@require_POST
def receipt(request: HttpRequest, provider: str, message_id: int, token: str) -> HttpResponse:
    """A provider's delivery report. Known by the token; the answer is the same whether or not it told something new."""
    try:
        receipts.record(provider, message_id, token, request.POST.get("status", ""), request.POST.get("id", ""))
    except receipts.NotOurs:
        return HttpResponse(status=404)
    return HttpResponse(status=204)


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
