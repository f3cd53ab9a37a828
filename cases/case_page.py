"""What the case view shows, gathered in a fixed number of queries."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import uuid4

from cases import drafts, earlier, history, inbound, protected
from cases.forms import (
    SOMEBODY_ELSE,
    ConsentForm,
    DetailsForm,
    EndMarkForm,
    MarkForm,
    NoteForm,
    NumberForm,
    SmsForm,
)
from cases.models import Case, ProtectionMark
from consent import register
from consent.models import Answer, ConsentText
from sms.circuit_breaker import open_circuit
from sms.content import segments
from sms.judge import refusal
from sms.models import InboundSms
from teleq.clock import database_now
from teleq.models import User
from teleq.phone_numbers import number_text
from teleq.swedish import identity_number

OTHERS_AT_MOST = 10


def context(case: Case, user: User, **bound: Any) -> dict[str, Any]:
    """What the template of the case view needs.

    `bound` holds, by its name in the template, a form that has just been posted and is shown again with what was typed;
    all the others are made from what is stored.
    """
    at = database_now()
    latest_act = case.events.latest_act()
    current = register.current(*case.consent_key)
    answer = current.answer(at)
    number = number_text(case.phone_number)
    written = drafts.of(drafts.Place(user, case))
    texts = drafts.texts(written)
    sms_form = bound.get("sms_form") or fresh_sms_form(case, texts.get(drafts.Field.SMS, ""))
    others = _others_on_number(case, user)
    inbound_sms = inbound.of_case(case)
    marks = _marks(case)
    return {
        "case": case,
        "mine": case.assignee_id == user.pk,
        "seen_event": latest_act.pk if latest_act else 0,
        "held_since": case.taken_at if case.assignee_id != user.pk else None,
        "overdue": case.is_open and case.callback_at < at,
        "number_form": NumberForm(initial={"phone_number": case.phone_number, "shown_number": number}),
        "others": others[:OTHERS_AT_MOST],
        "more_others": len(others) > OTHERS_AT_MOST,
        "earlier": earlier.of(case, user),
        "consent": current.consent if current.consent and current.consent.counts(at) else None,
        "answer": answer,
        "may_renew": register.may_be_renewed(current.consent, at),
        "shows_consent": case.shows_consent(answer),
        "consent_form": bound.get("consent_form") or _fresh_consent_form(case, user, current, answer),
        "consent_text": ConsentText.objects.current(case.queue.care_provider_id, case.queue_id),
        "refusal": refusal(case.queue.outgoing_sms_or_none, current.consent, number, at),
        "open_circuit": open_circuit(),
        "segments": segments.count(sms_form["text"].value() or ""),
        "details_form": DetailsForm(instance=case),
        "note_form": NoteForm(initial={"text": texts.get(drafts.Field.NOTE, "")}),
        "drafts": written,
        "notes": case.notes.select_related("author"),
        "unread_sms": [sms for sms in inbound_sms if sms.read_at is None],
        **_history(case, inbound_sms, marks, at),
        **_protection(case, user, marks),
        **bound,
        "sms_form": sms_form,
    }


def history_of(case: Case) -> dict[str, Any]:
    """What the history alone needs, when the open page asks for it."""
    return {"case": case, **_history(case, inbound.of_case(case), _marks(case), database_now())}


def _marks(case: Case) -> list[ProtectionMark]:
    return list(ProtectionMark.objects.of(case).select_related("marked_by", "ended_by").order_by("id"))


def _history(case: Case, inbound_sms: list[InboundSms], marks: list[ProtectionMark], at: datetime) -> dict[str, Any]:
    return {
        "history": history.of_case(case, inbound_sms, marks),
        "messages_under_way": history.has_messages_under_way(case, at),
    }


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
    on_number = Case.objects.filter(queue__care_provider=case.queue.care_provider_id, phone_number=case.phone_number)
    identified = on_number.exclude(personal_identity_number="").order_by("personal_identity_number")
    if len(identified.values_list("personal_identity_number").distinct()[:2]) < 2:
        return []
    mine = identified.for_user(user)
    told = mine.unprotected() | mine.filter(personal_identity_number=case.personal_identity_number)
    named = dict(told.values_list("personal_identity_number", "name"))
    persons = [(person, f"{name or 'Namn saknas'}, {identity_number(person)}") for person, name in named.items()]
    return [*persons, (SOMEBODY_ELSE, "Någon annan")]


def _others_on_number(case: Case, user: User) -> list[Case]:
    """Other open cases of the number: a parent may call for two children. One more than are shown, if there are."""
    others = Case.objects.for_user(user).open().filter(phone_number=case.phone_number).exclude(pk=case.pk)
    return list(others.with_protection().select_related("queue").order_by("callback_at", "id")[: OTHERS_AT_MOST + 1])


def fresh_sms_form(case: Case, text: str = "", standard_text: object = None) -> SmsForm:
    initial = {
        "text": text,
        "standard_text": standard_text,
        "shown_number": number_text(case.phone_number),
        "token": uuid4(),
    }
    return SmsForm(initial=initial, queue=case.queue)
