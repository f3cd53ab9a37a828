"""Marking a patient with protected personal data, as a page does."""

from __future__ import annotations

from cases import protected
from cases.models import Case
from teleq.models import User

PROTECTED = "Skyddade personuppgifter"
WHY = "Sekretessmarkering i folkbokföringen."


def mark(case: Case, by: User) -> bool:
    """Of what the case is known by as it is stored."""
    case.refresh_from_db()
    return protected.mark(case, WHY, by=by, shown=protected.to_mark(case))


def end(case: Case, by: User) -> bool:
    marks = case.protection_marks().in_force()
    return protected.end(case, "Markeringen är hävd.", by=by, shown=marks.values_list("pk", flat=True))


def is_protected(case: Case) -> bool:
    """As lists know it. `protected.is_protected` has to say the same."""
    case.refresh_from_db()
    listed = Case.objects.with_protection().get(pk=case.pk).protected
    assert listed == protected.is_protected(case)
    return listed
