"""A queue's reserve list: its open callbacks as one page to print, for when teleQ can't be reached.

It is all that a unit has then, so it says more of a case than the work list does: its personnummer, its day, and what
was answered about SMS. Patients with protected personal data are marked and hidden as in every list. The page is one
file that needs nothing else. It is Swedish whatever anybody's screen speaks, as what is stored.

Who reads the file can't be seen by teleQ: there are lines on the page to write it on.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.template.loader import render_to_string
from django.utils.translation import override

from cases import looks, work_list
from teleq.models import Queue

LINES = 4
"""For whoever reads the list to write their names on."""


@dataclass(frozen=True)
class ReserveList:
    page: str
    """HTML."""
    cases: int


def reserve_list(queue: Queue, at: datetime) -> ReserveList:
    """The queue's list as it stands. It is on record in the access log by the time that it is returned. The queue with
    its `care_provider` and `outgoing_sms`."""
    with override(settings.LANGUAGE_CODE):
        rows = work_list.of_queue(queue, at)
        told = {"queue": queue, "at": at, "sections": work_list.in_sections(rows), "rows": rows, "lines": range(LINES)}
        page = render_to_string("cases/reserve_list.html", told)
    looks.note_reserve_list(queue, [row["case"] for row in rows], at)
    return ReserveList(page, len(rows))
