"""The one way from an address to a case or a patient's reply, and what the access log is told of it (promises 9, 12).

What isn't the user's is not found, and that they asked for it is noted at once: so none of the lookups may be called
within a transaction, which the 404 that follows would roll back.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from django.db.models import QuerySet
from django.http import Http404
from django.utils.translation import gettext_noop

from access import access_log
from access.access_log import Act, Key, Look, Who
from access.models import AccessEntry
from cases import inbound, live, protected
from cases.models import Case
from sms.models import InboundSms
from teleq.clock import start_of_day
from teleq.models import Queue, User
from teleq.prepared import Prepared

if TYPE_CHECKING:
    from cases.finding import Sought
    from cases.inbound import KnownSms
    from cases.work_list import ListedCase

A_REPLY = gettext_noop("SMS från patienten")
IN_THE_LIST = "Reservlista, antal ärenden: %s"

# Looking up ----------------------------------------------------------------------------------------------------------


def case_of(user: User, case_id: int) -> Case:
    """The case, if it is in one of the user's queues. Raises Http404."""
    case = next(iter(_case_of(user=user.pk, case=case_id)), None)
    if case is None:
        anothers = _whoever_asks(case_id)
        refused = [look_at(Act.REFUSED, anothers)] if anothers else access_log.refused_what_is_not(user, case_id)
        access_log.note_refused(user, refused)
        raise Http404
    return case


@Prepared
def _case_of(user: int, case: int) -> QuerySet[Case]:
    related = ("queue__care_provider", "queue__outgoing_sms", "assignee")
    return Case.objects.for_user(User(pk=user)).filter(pk=case).with_protection().select_related(*related)


def version_of(user: User, case_id: int, *, there: bool) -> str:
    """What an open page asks every few seconds: `cases.live.version`. Raises Http404 as `case_of` does."""
    version = live.version(case_id, user, there=there)
    if not version:
        case_of(user, case_id)
    return version


def callback_of(opened: QuerySet[Queue], care_provider_id: int, key: Key, case_id: int) -> Case:
    """The case, if it is in one of the queues that the telephone system's key opens. Raises Http404."""
    case = Case.objects.in_queues(opened).with_protection().select_related("queue").filter(pk=case_id).first()
    if case is None:
        anothers = _whoever_asks(case_id)
        is_not = Look(Act.REFUSED, care_provider_id, case_id=case_id)
        access_log.note_refused(key, [look_at(Act.REFUSED, anothers) if anothers else is_not])
        raise Http404
    return case


def reply_of(user: User, inbound_id: int) -> KnownSms:
    """The patient's reply, if it is in one of the user's queues. Raises Http404."""
    asked_for = InboundSms.objects.filter(pk=inbound_id)
    reply = inbound.for_the_log(asked_for.for_user(user)).first()
    if reply is None:
        anothers = inbound.for_the_log(asked_for).first()
        is_not = access_log.refused_what_is_not(user, why=A_REPLY)
        access_log.note_refused(user, [look_at_reply(Act.REFUSED, anothers, A_REPLY)] if anothers else is_not)
        raise Http404
    return reply


def _whoever_asks(case_id: int) -> Case | None:
    """For the log only: whom somebody was refused."""
    return Case.objects.with_protection().select_related("queue").filter(pk=case_id).first()


# Noting --------------------------------------------------------------------------------------------------------------


def look_at(act: Act, case: Case | ListedCase, *, unless_lately: bool = False) -> Look:
    return Look(
        act,
        case.queue.care_provider_id,
        case.queue_id,
        case.phone_number,
        case.personal_identity_number,
        case.pk,
        had_case=True,
        protected=_is_protected(case),
        unless_lately=unless_lately,
    )


def _is_protected(case: Case | ListedCase) -> bool:
    """As it was read, by `with_protection`; asked for where it was not."""
    if isinstance(case, Case) and "protected" not in case.__dict__:
        return protected.is_protected(case)
    return case.protected


def look_at_reply(act: Act, reply: KnownSms, why: str = "") -> Look:
    return Look(
        act,
        reply.queue.care_provider_id,
        reply.queue_id,
        reply.from_number,
        had_case=reply.had_case,
        protected=reply.protected,
        why=why,
    )


def note(who: Who, act: Act, *cases: Case) -> None:
    """In one statement."""
    access_log.note_all(who, [look_at(act, case) for case in cases])


def note_changes(user: User, cases: Iterable[Case]) -> None:
    """Of cases that were changed at once, in the transaction that changes them."""
    access_log.note_all(user, [look_at(Act.CHANGE, case) for case in cases])


def note_list(user: User, cases: Iterable[Case | ListedCase]) -> None:
    """Those that a page of the work list shows."""
    access_log.note_all(user, [look_at(Act.LISTED, case, unless_lately=True) for case in cases])


def note_reserve_list(queue: Queue, cases: Sequence[ListedCase], at: datetime) -> None:
    """That a queue's reserve list is written, with how many cases; and each patient in it, once a day. Two statements.

    docs/decisions/0044 says why not each time.
    """
    noted = AccessEntry.objects.filter(act=Act.RESERVE, queue=queue, case_id__in=[case.pk for case in cases])
    known = set(noted.filter(at__gte=start_of_day(at)).values_list("case_id", "phone_number", "person"))
    listed = Look(Act.RESERVE, queue.care_provider_id, queue.pk, why=IN_THE_LIST % len(cases))
    new = [case for case in cases if (case.pk, case.phone_number, case.personal_identity_number) not in known]
    access_log.note_all(None, [listed, *(look_at(Act.RESERVE, case) for case in new)])


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


def note_search(user: User, sought: Sought, found: Iterable[ListedCase]) -> None:
    """What was searched for, and whom it showed. A part of a number or a name is nobody's: it is noted as it was typed.

    Where the same search is shown again within the hour, as it is reloaded or come back to, it is not noted again.
    """
    told = "" if sought.is_whole else sought.text
    hits = [look_at(Act.HIT, case, unless_lately=True) for case in found]
    access_log.note_search(user, sought.number, sought.person, hits, told)


def note_listed_elsewhere(user: User, cases: Iterable[Case], why: str) -> None:
    """Of cases in other queues that the user was told there are, for the reason that they gave."""
    access_log.note_all(user, [replace(look_at(Act.HIT, case), why=why) for case in cases])


def note_opened_elsewhere(user: User, case: Case, why: str) -> None:
    """Of a case in another queue that the user reads, for the reason that they gave."""
    access_log.note_all(user, [replace(look_at(Act.OTHER_QUEUE, case), why=why)])


def note_reply(user: User, act: Act, reply: KnownSms) -> None:
    access_log.note_all(user, [look_at_reply(act, reply)])


def note_replies(user: User, replies: Iterable[KnownSms]) -> None:
    """Those that the list of replies shows."""
    access_log.note_all(user, [replace(look_at_reply(Act.INBOUND, reply), unless_lately=True) for reply in replies])
