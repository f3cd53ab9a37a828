"""Admin > Stoppade SMS: what Statistik counts, as a list with patient and reason. Each page is a look, and on record.

Its address says which: /admin/stopped-sms/?queue=<id>&reason=<refusal>&from=YYYY-MM-DD&to=YYYY-MM-DD. What is left out
is the first queue, every reason, and the last thirty days.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from django import forms
from django.contrib import admin
from django.core.paginator import Paginator
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from access import access_log
from administration import stopped_sms
from administration.admin.scoped import patients_queues, person
from teleq.models import Queue

PAGE_SIZE = 50
SHOWN_FIRST = timedelta(days=30)
LONGEST = timedelta(days=5 * 366)
YEARS = (
    MinValueValidator(date(2000, 1, 1), _("Skriv en dag.")),
    MaxValueValidator(date(2999, 12, 31), _("Skriv en dag.")),
)
"""No SMS is of another; and the day after the last that there is can't be told."""


class FilterForm(forms.Form):
    queue = forms.ModelChoiceField(
        label=_("Kö"),
        queryset=Queue.objects.none(),
        empty_label=None,
        error_messages={"required": _("Välj en kö."), "invalid_choice": _("Välj en av dina köer.")},
    )
    reason = forms.ChoiceField(
        label=_("Orsak"),
        required=False,
        choices=[("", _("Alla orsaker")), *stopped_sms.REASONS],
        error_messages={"invalid_choice": _("Välj en orsak.")},
    )

    def __init__(self, *args: Any, queues: QuerySet[Queue], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        queue = self.fields["queue"]
        assert isinstance(queue, forms.ModelChoiceField)
        queue.queryset = queues
        for name, label in (("from", _("Från")), ("to", _("Till"))):  # "from" can't be the name of an attribute
            self.fields[name] = forms.DateField(
                label=label,
                widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
                error_messages={"required": _("Välj en dag."), "invalid": _("Skriv en dag.")},
                validators=YEARS,
            )

    def clean(self) -> None:
        super().clean()
        first, last = self.cleaned_data.get("from"), self.cleaned_data.get("to")
        if first and last and not timedelta() <= last - first <= LONGEST:
            self.add_error("to", _("Välj en dag efter den första, högst fem år senare."))


@require_safe
def stopped_sms_view(request: HttpRequest) -> HttpResponse:
    queues, today = patients_queues(request), timezone.localdate()
    by_default = {"queue": queues.values_list("pk", flat=True).first(), "from": today - SHOWN_FIRST, "to": today}
    form = FilterForm({**by_default, **request.GET.dict()}, queues=queues)
    context: dict[str, Any] = {"title": _("Stoppade SMS"), "form": form}
    if form.is_valid():
        data = form.cleaned_data
        found = stopped_sms.stopped(data["queue"], data["reason"], data["from"], data["to"]).select_related("queue")
        page = Paginator(found.defer("text"), PAGE_SIZE).get_page(request.GET.get("page"))
        rows = stopped_sms.rows(list(page), queues, person(request))
        access_log.note_all(person(request), stopped_sms.seen(rows))
        context |= {"page": page, "rows": rows}
    status = 200 if form.is_valid() else 422
    return render(request, "admin/stopped_sms.html", {**admin.site.each_context(request), **context}, status=status)
