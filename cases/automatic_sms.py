"""Automatic messages: a booking's confirmation (bokningsbekräftelse) and reminder (påminnelse om återuppringning).

Both go through the gateway like any message, and are judged when they are claimed. A message's key has the case's
booking number in it, so that there is one of each per booking, whoever asks and however often. A patient with
protected personal data gets neither, nor does a number that was wrong when it was called (`Case.wrong_number`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime

from django.db import transaction
from django.db.models import Exists, F, Max, OuterRef, Q
from django.db.models.functions import Now

from cases import protected
from cases.models import Case, CaseMessage, CaseQuerySet
from sms import gateway
from sms.content import placeholders
from sms.models import Kind, Message
from sms.states import State
from teleq.clock import MINUTE, database_now
from teleq.models import OutgoingSms

BATCH = 1000


def confirm(case: Case) -> None:
    """Confirm the case's booking, in the caller's transaction, if the queue does."""
    outgoing_sms = case.queue.outgoing_sms_or_none
    at = database_now()
    if outgoing_sms and outgoing_sms.confirmation_on and case.callback_at > at:
        _accept([case], Kind.CONFIRMATION, lambda case: (outgoing_sms.confirmation_text, at))


def has_stopped_confirmation(case: Case, *, since: datetime) -> bool:
    """Whether the case's latest confirmation has been cancelled since then, before it left: the patient has not been
    told."""
    confirmations = Message.objects.filter(case_message__case=case, kind=Kind.CONFIRMATION)
    latest = confirmations.order_by("-id").first()
    return latest is not None and latest.state == State.CANCELLED and latest.state_at >= since


def remind_all_due() -> int:
    """Turn every reminder that is due into a message. Returns how many cases were gone through.

    What is due is read from the cases themselves, so that it does no harm to run this twice, at the same time or late.
    A batch at a time, each its own transaction: cases that somebody is working on are left to the next minute.
    """
    gone_through, after = 0, Q()
    while cases := _remind(after):
        gone_through += len(cases)
        last = cases[-1]
        # `callback_at` stands in both halves: an index serves the first one, and can't serve the second.
        after = Q(callback_at__gte=last.callback_at) & (Q(callback_at__gt=last.callback_at) | Q(pk__gt=last.pk))
    return gone_through


@transaction.atomic
def _remind(after: Q) -> list[Case]:
    due = _due_for_reminder().filter(after).order_by("callback_at", "pk")
    due = due.only("queue", "phone_number", "callback_at", "booking", "wrong_number")
    due = due.prefetch_related("queue__outgoing_sms")
    cases = list(due.select_for_update(of=("self",), no_key=True, skip_locked=True)[:BATCH])
    _accept(cases, Kind.REMINDER, _reminder)
    return cases


def _due_for_reminder() -> CaseQuerySet:
    """Open cases whose callback is less than the queue's lead away, and that were booked before that."""
    lead = F("queue__outgoing_sms__reminder_minutes") * MINUTE
    longest = OutgoingSms.objects.filter(reminder_on=True).aggregate(longest=Max("reminder_minutes"))["longest"] or 0
    reminded = CaseMessage.objects.filter(case=OuterRef("pk"), booking=OuterRef("booking"), message__kind=Kind.REMINDER)
    return Case.objects.open().filter(
        ~Exists(reminded),
        queue__outgoing_sms__reminder_on=True,
        callback_at__range=(Now(), Now() + longest * MINUTE),  # with no other column in it, so that an index serves it
        callback_at__lte=Now() + lead,
        booked_at__lte=F("callback_at") - lead,
    )


def _reminder(case: Case) -> tuple[str, datetime]:
    outgoing_sms = case.queue.outgoing_sms
    return outgoing_sms.reminder_text, case.callback_at - outgoing_sms.reminder_minutes * MINUTE


def _accept(cases: Collection[Case], kind: Kind, text_and_time: Callable[[Case], tuple[str, datetime]]) -> None:
    allowed = [case for case in protected.unprotected(cases) if not case.wrong_number]
    by_key = {f"{kind}:{case.pk}:{case.booking}": case for case in allowed}
    drafts = []
    for key, case in by_key.items():
        text, due_at = text_and_time(case)
        drafts.append(
            gateway.Draft(
                key=key,
                kind=kind,
                queue_id=case.queue_id,
                to_number=case.phone_number,
                text=placeholders.fill(text, case.queue, case.callback_at),
                due_at=due_at,
                send_before=case.callback_at,
            )
        )
    CaseMessage.objects.tie(gateway.accept(drafts), by_key)
