"""The one way from an address to a case or a patient's reply, and what the access log is told of it (promises 9, 12).

What isn't the user's is not found, and that they asked for it is noted at once: so none of the lookups may be called
within a transaction, which the 404 that follows would roll back.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from django.http import Http404
from phonenumber_field.phonenumber import PhoneNumber

from access import access_log
from access.access_log import Act, Key, Look, Who
from cases import inbound
from cases.models import Case
from sms.models import InboundSms
from teleq.models import CareProvider, User

A_REPLY = "SMS från patienten"

# Looking up ----------------------------------------------------------------------------------------------------------


def case_of(user: User, case_id: int) -> Case:
    """The case, if it is in one of the user's queues. Raises Http404."""
    related = ("queue__care_provider", "queue__outgoing_sms", "assignee")
    case = Case.objects.for_user(user).select_related(*related).filter(pk=case_id).first()
    if case is None:
        anothers = _whoever_asks(case_id)
        refused = [look_at(Act.REFUSED, anothers)] if anothers else access_log.refused_what_is_not(user, case_id)
        access_log.note_refused(user, refused)
        raise Http404
    return case


def callback_of(care_provider: CareProvider, key: Key, case_id: int) -> Case:
    """The case, if it is the care provider's: what a telephone system asks for. Raises Http404."""
    case = Case.objects.for_care_provider(care_provider).select_related("queue").filter(pk=case_id).first()
    if case is None:
        anothers = _whoever_asks(case_id)
        is_not = Look(Act.REFUSED, care_provider.pk, case_id=case_id)
        access_log.note_refused(key, [look_at(Act.REFUSED, anothers) if anothers else is_not])
        raise Http404
    return case


def reply_of(user: User, inbound_id: int) -> InboundSms:
    """The patient's reply, if it is in one of the user's queues. Raises Http404."""
    replies = inbound.with_had_case(InboundSms.objects.select_related("queue"))
    reply = replies.for_user(user).filter(pk=inbound_id).first()
    if reply is None:
        anothers = replies.filter(pk=inbound_id).first()
        is_not = access_log.refused_what_is_not(user, why=A_REPLY)
        access_log.note_refused(user, [look_at_reply(Act.REFUSED, anothers, A_REPLY)] if anothers else is_not)
        raise Http404
    return reply


def _whoever_asks(case_id: int) -> Case | None:
    """For the log only: whom somebody was refused."""
    return Case.objects.select_related("queue").filter(pk=case_id).first()


# Noting --------------------------------------------------------------------------------------------------------------


def look_at(act: Act, case: Case, *, unless_lately: bool = False) -> Look:
    return Look(
        act,
        case.queue.care_provider_id,
        case.queue_id,
        case.phone_number,
        case.personal_identity_number,
        case.pk,
        had_case=True,
        unless_lately=unless_lately,
    )


def look_at_reply(act: Act, reply: InboundSms, why: str = "") -> Look:
    """Of a reply that was read with `inbound.with_had_case`."""
    had_case: bool = reply.had_case  # type: ignore[attr-defined]
    return Look(act, reply.queue.care_provider_id, reply.queue_id, reply.from_number, had_case=had_case, why=why)


def note(who: Who, act: Act, case: Case) -> None:
    access_log.note_all(who, [look_at(act, case)])


def note_list(user: User, cases: Iterable[Case]) -> None:
    """Those that a page of the work list shows."""
    access_log.note_all(user, [look_at(Act.LISTED, case, unless_lately=True) for case in cases])


def note_polled(user: User, case: Case) -> None:
    """Of what the open page asks for by itself."""
    access_log.note_all(user, [look_at(Act.VIEW, case, unless_lately=True)])


def note_page(user: User, act: Act | None, case: Case, others: Iterable[Case], persons: Iterable[str]) -> None:
    """The case view, and whom it shows beside the patient: the number's other cases, and the persons to choose among.

    Without an act where the case itself is noted already, with what was done in it.
    """
    beside = [look_at(Act.RELATED, other, unless_lately=True) for other in others]
    seen = {case.personal_identity_number, *(look.person for look in beside)}
    on_number = Look(Act.RELATED, case.queue.care_provider_id, number=case.phone_number, had_case=True)
    beside += [replace(on_number, person=person, unless_lately=True) for person in persons if person not in seen]
    access_log.note_all(user, [*([look_at(act, case)] if act else ()), *beside])


def note_search(user: User, number: PhoneNumber | None, person: str | None, found: Iterable[Case]) -> None:
    access_log.note_search(user, number, person, [look_at(Act.HIT, case) for case in found])


def note_reply(user: User, act: Act, reply: InboundSms) -> None:
    access_log.note_all(user, [look_at_reply(act, reply)])


def note_replies(user: User, replies: Iterable[InboundSms]) -> None:
    """Those that the list of replies shows."""
    access_log.note_all(user, [replace(look_at_reply(Act.INBOUND, reply), unless_lately=True) for reply in replies])
