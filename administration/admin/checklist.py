"""A queue's checklist in Admin: whole on its page, and as "3 saker kvar" in lists of what is a queue's."""

from __future__ import annotations

from typing import Any

from django.contrib.admin.views.main import ChangeList
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _

from administration import checklist
from administration.admin.scoped import own_queues, person
from administration.checklist import Checklist
from teleq.whole_numbers import whole_number


def checklist_of(request: HttpRequest, queue_id: str | None) -> Checklist | None:
    """None of a queue that is not there yet, or not the user's."""
    queue = own_queues(request).filter(pk=whole_number(queue_id or "") or 0).first()
    return checklist.of_queues([queue.pk], person(request))[queue.pk] if queue else None


def with_checklists(changelist: ChangeList, request: HttpRequest) -> ChangeList:
    """The list with each row's checklist, for `left_of`. Its rows are queues, or have a queue's id."""
    rows: Any = list(changelist.result_list)
    found = checklist.of_queues([row.pk for row in rows], person(request))
    for row in rows:
        row.checklist = found[row.pk]
    changelist.result_list = rows
    return changelist


def left_of(row: Any) -> str:
    """What is left, as a link to the queue's page, where it is said what."""
    if not row.checklist.told:
        return _("Klart")
    address = reverse("admin:teleq_queue_change", args=[row.pk]) + "#checklist"
    return format_html('<a href="{}">{}</a>', address, row.checklist.told)
