"""What the case view shows, gathered in a fixed number of queries."""

from __future__ import annotations

from typing import Any

from cases import history
from cases.forms import ConsentForm, DetailsForm, NoteForm, NumberForm, SmsForm
from cases.models import Case
from consent import register
from consent.models import Answer, ConsentText, number_text
from sms import segments
from sms.gateway import refusal
from teleq.models import User, database_now

OTHERS_AT_MOST = 10


def context(case: Case, user: User, **bound: Any) -> dict[str, Any]:
    """Forms come fresh unless one is given bound, with what was typed and what was wrong with it."""
    at = database_now()
    current = register.current(*case.consent_key)
    answer = current.answer(at)
    number = number_text(case.phone_number)
    sms_form = bound.get("sms_form") or fresh_sms_form(case)
    others = _others_on_number(case, user)
    return {
        "case": case,
        "mine": case.assignee_id == user.pk,
        "overdue": case.is_open and case.callback_at < at,
        "number_form": NumberForm(initial={"phone_number": case.phone_number, "shown_number": number}),
        "others": others[:OTHERS_AT_MOST],
        "more_others": len(others) > OTHERS_AT_MOST,
        "consent": current.consent if current.consent and current.consent.counts(at) else None,
        "answer": answer,
        "may_renew": answer is not Answer.UNSET,
        "shows_consent": case.shows_consent(answer),
        "consent_form": ConsentForm(initial={"answer": answer, "shown_number": number, "seen_event": current.event_id}),
        "consent_text": ConsentText.objects.current(case.queue.care_provider_id),
        "refusal": refusal(case.queue.sms_settings, current.consent, number, at),
        "segments": segments.count(sms_form["text"].value() or ""),
        "details_form": DetailsForm(instance=case),
        "note_form": NoteForm(),
        "notes": case.notes.select_related("author"),
        "history": history.of_case(case),
        "messages_under_way": history.has_messages_under_way(case, at),
        **bound,
        "sms_form": sms_form,
    }


def _others_on_number(case: Case, user: User) -> list[Case]:
    """Other open cases of the number: a parent may call for two children. One more than are shown, if there are."""
    others = Case.objects.for_user(user).open().filter(phone_number=case.phone_number).exclude(pk=case.pk)
    return list(others.select_related("queue").order_by("callback_at", "id")[: OTHERS_AT_MOST + 1])


def fresh_sms_form(case: Case, text: str = "", standard_text: object = None) -> SmsForm:
    initial = {
        "text": text,
        "standard_text": standard_text,
        "shown_number": number_text(case.phone_number),
        "token": SmsForm.new_token(),
    }
    return SmsForm(initial=initial, queue=case.queue)
