"""What the case view shows, gathered in a fixed number of queries."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import uuid4

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from cases import acts, drafts, earlier, history, holding, inbound, latest_sms, live, protected, rebooking, retries
from cases.forms import (
    SOMEBODY_ELSE,
    ConsentForm,
    DetailsForm,
    EndMarkForm,
    MarkForm,
    NoteForm,
    NumberForm,
    OtherQueueOfCaseForm,
    RetryForm,
    SmsForm,
    TimeForm,
)
from cases.models import Case, CaseEvent, CaseQuerySet, NoAnswer, Priority, ProtectionMark
from consent import register
from consent.models import Answer, ConsentText
from sms import brake
from sms.circuit_breaker import open_circuit
from sms.content import segments
from sms.judge import refusal
from teleq.clock import database_now
from teleq.models import Outcome, User
from teleq.phone_numbers import number_text
from teleq.prepared import Prepared
from teleq.swedish import identity_number

OTHERS_AT_MOST = 10
PLACES = ("acts", "number", "answer", "details", "protection", "note", "rebook", "sms", "replies")
"""The places on the page where what was just done is said (templates/cases/_said.html). A message of another place, or
of none, stands at the top."""

LIVE_PARTS = (
    "#banner,#case-head,#unread-sms,#number,#others,#facts,#consent,#details,#protection,#earlier"
    ",#sms-send,#sms-state,#history,#live"
)
"""The parts that come in by themselves, and with every save, unless they are in use (static/js/teleq.js)."""


def context(case: Case, user: User, **bound: Any) -> dict[str, Any]:
    """What the template of the case view needs.

    `bound` holds, by its name in the template, a form that has just been posted and is shown again with what was typed;
    all the others are made from what is stored.
    """
    version = live.version(case.pk, user)  # before anything is read: what comes meanwhile is asked for again
    at = database_now()
    current = register.current(*case.consent_key)
    answer = current.answer(at)
    number = number_text(case.phone_number)
    written = drafts.of(drafts.Place(user, case))
    texts = drafts.texts(written)
    sms_form = bound.get("sms_form") or fresh_sms_form(case, texts.get(drafts.Field.SMS, ""))
    has_others = earlier.has_others(case)
    others = _others_on_number(user=user.pk, case=case.pk, number=number) if has_others else []
    inbound_sms = inbound.of_case(case)
    marks = _marks(case)
    entries = history.of_case(case, inbound_sms, marks)
    latest_act = history.latest_act(entries)
    sent = [entry.message for entry in entries if entry.message]
    mine = case.assignee_id == user.pk
    free_or_mine = case.is_open and (mine or case.assignee_id is None)
    number_form = NumberForm(
        initial={"phone_number": case.phone_number, "shown_number": number}, is_open=bound.pop("edits_number", False)
    )
    return {
        "version": version,
        "places": PLACES,
        "live_parts": LIVE_PARTS,
        "case": case,
        "mine": mine,
        "seen_event": latest_act.pk if latest_act else 0,
        **_calls(case, at, free_or_mine=free_or_mine, dials=bound.pop("dials", False)),
        "undoes": _to_undo(entries, user, at),
        "goes_on": not case.is_open or _is_through(case, user, latest_act),
        **holding.told(case, user, latest_act, at),
        "overdue": case.is_open and case.callback_at < at,
        "number_form": number_form,
        "others": others[:OTHERS_AT_MOST],
        "more_others": len(others) > OTHERS_AT_MOST,
        "earlier": earlier.of(case, user) if has_others else earlier.NONE,
        "consent": current.consent if current.consent and current.consent.counts(at) else None,
        "answer": answer,
        "may_renew": register.may_be_renewed(current.consent, at),
        "shows_consent": case.shows_consent(answer),
        "consent_form": bound.get("consent_form") or _fresh_consent_form(case, user, current, answer),
        "consent_text": ConsentText.objects.current(case.queue.care_provider_id, case.queue_id),
        "refusal": refusal(case.queue.outgoing_sms_or_none, current.consent, number, at),
        "sending_stop": brake.in_force(),
        "open_circuit": open_circuit([case.queue_id]),
        "segments": segments.count(sms_form["text"].value() or ""),
        "details_form": DetailsForm(instance=case),
        "note_form": NoteForm(initial={"text": texts.get(drafts.Field.NOTE, "")}),
        "drafts": written,
        "unread_sms": [sms for sms in inbound_sms if sms.read_at is None and sms.queue_id == case.queue_id],
        "history": entries,
        "messages_under_way": history.are_under_way(entries, at),
        **_protection(case, user, marks),
        **bound,
        "sms_form": sms_form,
        "latest_sms": latest_sms.latest(case, sent, sms_form["text"].value() or ""),
    }


def _calls(case: Case, at: datetime, *, free_or_mine: bool, dials: bool) -> dict[str, Any]:
    """What the buttons about calls need: whether they are shown, when to try again, how the case stands after them."""
    under_way = holding.has_call_under_way(case, at)
    enough = retries.has_been_tried_enough(case)
    urgent = case.priority == Priority.URGENT
    proposed = retries.proposal(case, at) if free_or_mine else None
    return {
        "free_or_mine": free_or_mine,
        "urgent": urgent,
        "call_under_way": under_way,
        "call_told": holding.call_in_words(case, at),
        "dials": dials and under_way and free_or_mine,
        "no_answers": list(NoAnswer),
        "retry_form": RetryForm.proposing(proposed),
        "tried_enough": enough,
        "last_text": retries.last_text(case) if enough else None,
        "outcomes": [Outcome(each) for each in Outcome.values if each in case.queue.outcomes],
        "not_reached": Outcome.NOT_REACHED if Outcome.NOT_REACHED in case.queue.outcomes else None,
    }


def _is_through(case: Case, user: User, latest_act: CaseEvent | None) -> bool:
    """Whether the user has just called in vain or released the case: they are through, and go on to the next one."""
    kinds = (CaseEvent.Kind.NO_ANSWER, CaseEvent.Kind.RELEASED)
    is_theirs = latest_act is not None and latest_act.user_id == user.pk and latest_act.kind in kinds
    return is_theirs and case.assignee_id is None


def _to_undo(entries: list[history.Entry], user: User, at: datetime) -> str:
    """What the user can undo, in the words of its button; empty where there is nothing."""
    latest_first = sorted((entry.event for entry in entries if entry.event), key=lambda event: -event.pk)
    event = acts.to_undo(latest_first, user, at)
    return history.pressed(event) if event else ""


def rebooking_of(case: Case, first: date, **bound: Any) -> dict[str, Any]:
    """What is in "Boka om": the queue's times from this day on. `bound` as for `context`."""
    at = database_now()
    consent = register.current(*case.consent_key).consent
    why_no_sms = refusal(case.queue.outgoing_sms_or_none, consent, number_text(case.phone_number), at)
    queue_form = bound.get("queue_form") or OtherQueueOfCaseForm(case=case)
    return {
        "shown": rebooking.days_from(case, first, at),
        "time_form": TimeForm(instance=case),
        "sent": rebooking.what_is_sent(case, why_no_sms),
        **bound,
        "queue_form": queue_form if queue_form.has_others else None,
    }


def _marks(case: Case) -> list[ProtectionMark]:
    person, number, a_number = (number_text(getattr(case, name) or "") for name in Case.KNOWN_BY)
    return _marks_of(provider=case.queue.care_provider_id, person=person, number=number, a_number=a_number)


@Prepared
def _marks_of(provider: int, person: str, number: str, a_number: str) -> QuerySet[ProtectionMark]:
    """What is empty is nobody's mark."""
    marks = ProtectionMark.objects.filter(care_provider=provider, identifier__in=[person, number, a_number])
    return marks.select_related("marked_by", "ended_by").order_by("id")


def persons_to_choose(context: dict[str, Any]) -> list[str]:
    """The personnummer that the page shows for whoever answers to be chosen among."""
    person = context["consent_form"].fields.get("person") if context["shows_consent"] else None
    return [value for value, _ in person.choices if value not in ("", SOMEBODY_ELSE)] if person else []


def _protection(case: Case, user: User, marks: list[ProtectionMark]) -> dict[str, Any]:
    in_force = [mark for mark in marks if mark.ended_at is None]
    to_mark = protected.to_mark(case)
    marked = {mark.identifier for mark in in_force}
    return {
        "marks": [(mark, history.marked_in_words(mark.identifier)) for mark in in_force],
        "unmarked": [history.marked_in_words(each) for each in to_mark if each not in marked],
        "mark_form": MarkForm(initial={"shown": MarkForm.showing(to_mark)}),
        "end_mark_form": EndMarkForm(initial={"shown": EndMarkForm.showing(in_force)}),
        "may_end_marks": bool(in_force) and protected.may_end(case, user),
    }


def _fresh_consent_form(case: Case, user: User, current: register.Current, answer: Answer) -> ConsentForm:
    initial = {
        "answer": answer,
        "person": current.consent and current.consent.person,
        "shown_number": number_text(case.phone_number),
        "seen_event": current.event_id,
    }
    return ConsentForm(initial=initial, persons=persons_on_number(case, user))


def persons_on_number(case: Case, user: User) -> list[tuple[str, str]]:
    """Whom to choose among when somebody answers, by personnummer; none where the number is used with one only.

    All of the care provider's cases tell that it is, as the answer counts for them all. Only those of the user's own
    queues tell who; and of who has protected personal data, only their own case does.
    """
    provider, number = case.consent_key
    if len(_two_persons(provider=provider, number=number)) < 2:
        return []
    mine = _identified(provider, number).for_user(user)
    told = mine.unprotected() | mine.filter(personal_identity_number=case.personal_identity_number)
    named = dict(told.values_list("personal_identity_number", "name"))
    persons = [(person, f"{name or _('Namn saknas')}, {identity_number(person)}") for person, name in named.items()]
    return [*persons, (SOMEBODY_ELSE, _("Någon annan"))]


@Prepared
def _two_persons(provider: int, number: str) -> QuerySet[Case, Any]:
    return _identified(provider, number).values_list("personal_identity_number").distinct()[:2]


def _identified(provider: int, number: str) -> CaseQuerySet:
    on_number = Case.objects.filter(queue__care_provider=provider, phone_number=number)
    return on_number.exclude(personal_identity_number="").order_by("personal_identity_number")


@Prepared
def _others_on_number(user: int, case: int, number: str) -> QuerySet[Case]:
    """Other open cases of the number: a parent may call for two children. One more than are shown, if there are."""
    others = Case.objects.for_user(User(pk=user)).open().filter(phone_number=number).exclude(pk=case)
    return others.with_protection().select_related("queue").order_by("callback_at", "id")[: OTHERS_AT_MOST + 1]


def fresh_sms_form(case: Case, text: str = "", standard_text: object = None) -> SmsForm:
    initial = {
        "text": text,
        "standard_text": standard_text,
        "shown_number": number_text(case.phone_number),
        "token": uuid4(),
    }
    return SmsForm(initial=initial, queue=case.queue)
