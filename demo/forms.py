"""Which number the telephone in the browser calls, and from which."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from demo.data import PATIENTS
from demo.models import SimulatedCall
from demo.telephone import WITHHELD
from telephony.models import PatientsNumber
from teleq import phone_numbers
from teleq.phone_numbers import number_text, phone_field

UNKNOWN = "070-174 06 60"
"""A number that no patient of the demonstration has."""


class RingForm(forms.Form):
    to_number = forms.ChoiceField(label=gettext_lazy("Ring till"))
    from_number = forms.ChoiceField(label=gettext_lazy("Ring från"))
    typed = phone_field(gettext_lazy("Eller från ett annat nummer"), required=False)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["to_number"].choices = list(_numbers().items())  # type: ignore[attr-defined]
        self.fields["from_number"].choices = list(_callers().items())  # type: ignore[attr-defined]

    @classmethod
    def again(cls, call: SimulatedCall) -> RingForm:
        """With the numbers of an earlier call."""
        of_call = {"to_number": call.to_number}
        if call.from_number in _callers():
            return cls(initial={"from_number": call.from_number, **of_call})
        return cls(initial={"typed": phone_numbers.show(call.from_number), **of_call})

    def caller(self) -> str:
        """The number as the network tells it. A typed one counts before one that is chosen."""
        typed = self.cleaned_data["typed"]
        return number_text(typed) if typed else self.cleaned_data["from_number"]


def _numbers() -> dict[str, str]:
    """The numbers to the telephone menu, and where each leads."""
    there = PatientsNumber.objects.select_related("menu", "queue", "announcement")
    return {
        number_text(each.number): f"{phone_numbers.show(each.number)}, {each.menu or each.queue or each.announcement}"
        for each in there
    }


def _callers() -> dict[str, str]:
    """Whom one can be, by the number as the network tells it."""
    names: dict[str, list[str]] = {}
    for patient in PATIENTS:
        if patient.name and patient.name not in (known := names.setdefault(patient.number, [])):
            known.append(patient.name)
    return {
        _in_e164(UNKNOWN): _("Ny patient, %(number)s") % {"number": UNKNOWN},
        WITHHELD: _("Dolt nummer"),
        **{_in_e164(number): f"{', '.join(known)}, {number}" for number, known in names.items() if known},
    }


def _in_e164(written: str) -> str:
    return number_text(phone_numbers.read(written) or written)
