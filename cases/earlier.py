"""The patient's earlier cases, as a case shows them: of the same personnummer, or else on the same telephone number."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import BooleanField, ExpressionWrapper, Q, QuerySet

from cases.models import CLOSED, Case
from sms.models import Message
from teleq.models import User
from teleq.phone_numbers import number_text
from teleq.prepared import Prepared

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
    return bool(_any_other(**_known_by(case)))


@Prepared
def _any_other(case: int, number: str, a_number: str, person: str) -> QuerySet[Case, Any]:
    return (
        Case.objects.filter(_of_patient(person) | _on_numbers(number, a_number)).exclude(pk=case).values_list("pk")[:1]
    )


def _known_by(case: Case) -> dict[str, int | str]:
    number = number_text(case.phone_number)
    a_number = number_text(case.a_number) if case.a_number else number
    return {"case": case.pk, "number": number, "a_number": a_number, "person": case.personal_identity_number}


def _of_patient(person: str) -> Q:
    """Nobody's where there is no personnummer."""
    return Q(personal_identity_number=person) & ~Q(personal_identity_number="")


def _on_numbers(*numbers: str) -> Q:
    return Q(phone_number__in=numbers) | Q(a_number__in=numbers)


def of(case: Case, user: User) -> Earlier:
    """In the user's queues, the patient's own before those on the number, each the latest first. In two queries.

    Without the number's other open cases, which the case shows by themselves ("Fler ärenden på samma nummer").
    """
    cases = _others(user=user.pk, **_known_by(case))
    shown, further = cases[:SHOWN_AT_MOST], cases[SHOWN_AT_MOST:]
    messages = _messages(shown)
    rows = [Row(each, _same_person(case, each), messages.get(each.pk, [])) for each in shown]
    return Earlier(rows, _search_for(case, further[0]) if further else "")


@Prepared
def _others(user: int, case: int, number: str, a_number: str, person: str) -> QuerySet[Case]:
    """One more than are shown, if there are."""
    of_patient = _of_patient(person)
    found = Case.objects.for_user(User(pk=user)).filter(of_patient | _on_numbers(number, a_number)).exclude(pk=case)
    found = found.exclude(~Q(status__in=CLOSED), phone_number=number)
    own_first = ExpressionWrapper(of_patient, output_field=BooleanField()).desc()
    ordered = found.order_by(own_first, "-callback_at", "-id").with_protection().select_related("queue", "assignee")
    return ordered[: SHOWN_AT_MOST + 1]


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
