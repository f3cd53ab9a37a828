"""Admin > Återuppringningar som kan ha gått förlorade, after a restore. Each page is a look, and on record.

It is linked from Admin's first page while there are any. The operator, who restores, sees how many they are and no
patient (docs/decisions/0016).
"""

from __future__ import annotations

from django.conf import settings
from django.contrib import admin
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop
from django.views.decorators.http import require_safe

from access import access_log
from administration import lost_callbacks
from administration.admin.scoped import patients_queues, person

TITLE = gettext_noop("Återuppringningar som kan ha gått förlorade")
PAGE_SIZE = 50


@require_safe
def lost_callbacks_view(request: HttpRequest) -> HttpResponse:
    patients_queues(request)
    user = person(request)
    page = Paginator(lost_callbacks.of(user), PAGE_SIZE).get_page(request.GET.get("page"))
    rows = lost_callbacks.rows(list(page), user)
    access_log.note_all(user, [row.look for row in rows])
    context = {"title": _(TITLE), "page": page, "rows": rows, "kept_days": settings.KEEP_SMS_TEXTS.days}
    return render(request, "admin/lost_callbacks.html", {**admin.site.each_context(request), **context})
