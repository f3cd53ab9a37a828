"""The patient's earlier cases, as a case shows them: of the same personnummer, or else on the same telephone number."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import BooleanField, ExpressionWrapper, Q

from cases.models import CLOSED, Case
from sms.models import Message
from teleq.models import User
from teleq.phone_numbers import number_text

SHOWN_AT_MOST = 5


@dataclass(frozen=True)
class Row:
    case: Case
    same_person: bool
    """By personnummer. Else it is on the same number, which others may use."""
    messages: list[Message]
    """Its text messages, oldest first."""

    @property
    def hidden(self) -> bool:
        """It is of somebody else, who has protected personal data: neither name nor reason is shown."""
        return self.case.protected and not self.same_person

    @property
    def latest_message(self) -> Message | None:
        return self.messages[-1] if self.messages else None


@dataclass(frozen=True)
class Earlier:
    rows: list[Row]
    search_for: str
    """What finds those that are not shown; empty where all are."""


NONE = Earlier([], "")


def has_others(case: Case) -> bool:
    """Whether there is any other case of the patient or on their numbers, whosever it is: mostly there is none, and to
    ask this first costs a tenth of asking which. Nobody is told of it."""
    return Case.objects.filter(_of_patient(case) | _on_numbers(case)).exclude(pk=case.pk).exists()


def _of_patient(case: Case) -> Q:
    person = case.personal_identity_number
    return Q(personal_identity_number=person) if person else Q(pk__in=[])


def _on_numbers(case: Case) -> Q:
    numbers = [number for number in (case.phone_number, case.a_number) if number]
    return Q(phone_number__in=numbers) | Q(a_number__in=numbers)


def of(case: Case, user: User) -> Earlier:
    """In the user's queues, the patient's own before those on the number, each the latest first. In two queries.

    Without the number's other open cases, which the case shows by themselves ("Fler ärenden på samma nummer").
    """
    person, of_person = case.personal_identity_number, _of_patient(case)
    found = Case.objects.for_user(user).filter(of_person | _on_numbers(case)).exclude(pk=case.pk)
    found = found.exclude(~Q(status__in=CLOSED), phone_number=case.phone_number)
    own_first = [ExpressionWrapper(of_person, output_field=BooleanField()).desc()] if person else []
    ordered = found.order_by(*own_first, "-callback_at", "-id").with_protection().select_related("queue", "assignee")
    cases = list(ordered[: SHOWN_AT_MOST + 1])
    shown, further = cases[:SHOWN_AT_MOST], cases[SHOWN_AT_MOST:]
    messages = _messages(shown)
    rows = [Row(each, _same_person(case, each), messages.get(each.pk, [])) for each in shown]
    return Earlier(rows, _search_for(case, further[0]) if further else "")


def _same_person(case: Case, other: Case) -> bool:
    return other.personal_identity_number == case.personal_identity_number != ""


def _messages(cases: list[Case]) -> dict[int, list[Message]]:
    of_cases: dict[int, list[Message]] = {}
    sent = Message.objects.filter(case_message__case__in=cases).select_related("case_message").order_by("id")
    for message in sent if cases else ():
        of_cases.setdefault(message.case_message.case_id, []).append(message)
    return of_cases


def _search_for(case: Case, further: Case) -> str:
    return case.personal_identity_number if _same_person(case, further) else number_text(case.phone_number)
