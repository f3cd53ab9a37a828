"""What machines ask: /healthz, /readyz, and with a token /status and /metrics. No session, no login, no redirection
(teleq/middleware/probes.py)."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db import Error
from django.http import HttpRequest, HttpResponse, HttpResponseNotFound, JsonResponse
from django.utils.crypto import constant_time_compare
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST

from administration.health import facts, parts
from administration.health.gauges import Gauges
from administration.health.status import as_json
from teleq import metrics

View = Callable[[HttpRequest], HttpResponse]


@login_not_required
@never_cache
@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """Whether the process answers. It asks nothing of anybody: for whoever would start it anew if it didn't."""
    return HttpResponse("ok\n", content_type="text/plain")


@login_not_required
@never_cache
@require_safe
def readyz(request: HttpRequest) -> HttpResponse:
    """Whether the product can do its work. 503 says which part can't, in a line each.

    `?exclude=redis` leaves a part out, as in Kubernetes: without Redis pages work and SMS leave a little later, which
    is no reason for a load balancer to take every web server away.
    """
    left_out = set(request.GET.getlist("exclude"))
    checked = [part for part in parts.check() if part.name not in left_out]
    told = "".join(f"{part.name}: {part.problem or 'ok'}\n" for part in checked)
    return HttpResponse(told, content_type="text/plain", status=503 if any(part.problem for part in checked) else 200)


def with_token(view: View) -> View:
    """404 where no token is configured, 401 without it."""

    @wraps(view)
    def inner(request: HttpRequest) -> HttpResponse:
        if not settings.STATUS_TOKEN:
            return HttpResponseNotFound(content_type="text/plain")
        scheme, _, shown = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not constant_time_compare(shown.strip(), settings.STATUS_TOKEN):
            return HttpResponse(status=401, content_type="text/plain", headers={"WWW-Authenticate": "Bearer"})
        return view(request)

    return inner


@login_not_required
@never_cache
@require_safe
@with_token
def status(request: HttpRequest) -> HttpResponse:
    """How the product is doing, as JSON. 503 where it can't be told, as the database is away."""
    checked = parts.check()
    try:
        told = as_json(facts.gather(), checked) if not _database_is_away(checked) else None
    except Error:
        told = None
    if told is None:
        return JsonResponse({"parts": {part.name: part.problem or "ok" for part in checked}}, status=503)
    return JsonResponse(told)


def _database_is_away(checked: list[parts.Part]) -> bool:
    return any(part.problem for part in checked if part.name != parts.BROKER)


@login_not_required
@never_cache
@require_safe
@with_token
def metrics_view(request: HttpRequest) -> HttpResponse:
    return HttpResponse(metrics.exposition(Gauges()), content_type=CONTENT_TYPE_LATEST)
