"""The field for a callback's time: to the minute, by the clock in Stockholm, on the nights it is changed too."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import MAXYEAR, MINYEAR, UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cases import free_times
from teleq.clock import database_now

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

MISSING_HOUR = gettext_lazy("Klockan ställs fram den natten: {clock} finns inte. Välj en annan tid.")
WHICH_HOUR = gettext_lazy("Klockan visar {clock} två gånger den natten. Välj vilken av dem du menar.")


def twice_shown(local: datetime) -> dict[str, str]:
    """The two hours that a time without a zone may mean, by their offset from UTC; none where it is one time only."""
    first, second = (_in_stockholm(local, fold) for fold in (0, 1))
    if first.utcoffset() == second.utcoffset() or not _exists(local):
        return {}
    return {_offset(first): _("Första gången (sommartid)"), _offset(second): _("Andra gången (vintertid)")}


def _offset(at: datetime) -> str:
    return at.isoformat()[-len("+01:00") :]


def _in_stockholm(local: datetime, fold: int) -> datetime:
    return local.replace(tzinfo=timezone.get_default_timezone(), fold=fold)


def _exists(local: datetime) -> bool:
    there_and_back = _in_stockholm(local, 0).astimezone(UTC).astimezone(timezone.get_default_timezone())
    return there_and_back.replace(tzinfo=None, fold=0) == local.replace(fold=0)


def _parsed(text: Any) -> datetime | None:
    try:
        at = parse_datetime(str(text).strip())
    except ValueError:
        return None
    # Between the calendar's ends: a change of zone can't lead out of it.
    return at if at and MINYEAR < at.year < MAXYEAR else None


class TimeInput(forms.DateTimeInput):
    """The browser's field for a time, and beside it a choice where the clock shows that time twice.

    What is chosen there is added to the time as its offset from UTC: "2027-10-31T02:15+01:00".
    """

    input_type = "datetime-local"
    template_name = "cases/time.html"
    supports_microseconds = True  # else Django cuts them off what was shown, which then is not what is stored

    def __init__(self) -> None:
        super().__init__(format="%Y-%m-%dT%H:%M")

    def value_from_datadict(self, data: Mapping[str, Any], files: Any, name: str) -> str | None:
        text, chosen = data.get(name), data.get(f"{name}_which")
        local = _parsed(text)
        if local and timezone.is_naive(local) and chosen in twice_shown(local):
            return f"{str(text).strip()}{chosen}"
        return text

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        at = value if isinstance(value, datetime) else _parsed(value)
        chosen = ""
        if isinstance(value, datetime):
            chosen = _offset(_in_stockholm(value, value.fold))
        elif at and timezone.is_aware(at):
            chosen, at = _offset(at), at.replace(tzinfo=None)
            value = f"{at:%Y-%m-%dT%H:%M}"
        context = super().get_context(name, value, attrs)
        choices = twice_shown(at) if at and timezone.is_naive(at) else {}
        context["widget"] |= {"choices": choices.items(), "chosen": chosen}
        context["described_by"] = context["widget"]["attrs"].get("aria-describedby")
        return context


class TimeField(forms.DateTimeField):
    """A time that a callback may be booked at.

    Its value is in UTC: in Stockholm's zone, the two times of an hour that comes twice would compare as equal.
    """

    def __init__(self, *, label: StrOrPromise, required: bool = True) -> None:
        messages = {"required": gettext_lazy("Välj en tid."), "invalid": gettext_lazy("Skriv en giltig tid.")}
        super().__init__(label=label, required=required, widget=TimeInput(), error_messages=messages)

    def to_python(self, value: Any) -> datetime | None:
        if value in self.empty_values:
            return None
        local = _parsed(value)
        if local is None:
            raise ValidationError(self.error_messages["invalid"], code="invalid")
        if timezone.is_naive(local):
            if not _exists(local):
                raise ValidationError(MISSING_HOUR.format(clock=local.strftime(_("%H.%M"))), code="missing_hour")
            if twice_shown(local):
                raise ValidationError(WHICH_HOUR.format(clock=local.strftime(_("%H.%M"))), code="which_hour")
            local = _in_stockholm(local, 0)
        return local.astimezone(UTC)

    def validate(self, value: datetime | None) -> None:
        super().validate(value)
        this_minute = database_now().replace(second=0, microsecond=0)
        if value and (problem := free_times.why_not(value, this_minute)):
            raise ValidationError(problem)

    def has_changed(self, initial: datetime | None, data: Any) -> bool:
        """Compared to the minute: a stored time may have seconds, which the browser's field doesn't show."""
        if initial is not None:
            initial -= timedelta(seconds=initial.second, microseconds=initial.microsecond)
        return super().has_changed(initial, data)
