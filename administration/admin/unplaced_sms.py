"""Admin > SMS som inte kunde placeras, for the operator: patients' SMS that belong to no queue.

Nobody else sees them, and one of them may be a STOPP. The list says only when each came; to open one is an act of its
own, which is written to the access log.
"""

from __future__ import annotations

from django.conf import settings
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_http_methods

from access import access_log
from access.models import AccessEntry
from administration.admin.scoped import person
from sms.models import UnplacedSms

TITLE = "SMS som inte kunde placeras"
SHOWN_AT_MOST = 100


@require_http_methods(["GET", "HEAD", "POST"])
def unplaced_sms_view(request: HttpRequest) -> HttpResponse:
    """GET lists them; POST with an SMS's id shows its number and text too, and notes who has read it."""
    if not person(request).is_superuser:
        raise PermissionDenied
    opened = None
    if request.method == "POST":
        asked = request.POST.get("sms", "")
        opened = get_object_or_404(UnplacedSms, pk=int(asked) if asked.isdecimal() and len(asked) < 19 else 0)
        access_log.note(person(request), AccessEntry.Act.UNPLACED, opened.from_number)
    context = {
        "title": TITLE,
        "opened": opened,
        "count": UnplacedSms.objects.count(),
        "listed": UnplacedSms.objects.only("received_at", "provider")[:SHOWN_AT_MOST],
        "kept_days": settings.KEEP_SMS_TEXTS.days,
    }
    return render(request, "admin/unplaced_sms.html", {**admin.site.each_context(request), **context})
