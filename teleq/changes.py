"""Saving only what was changed on a page (promise 11).

A page posts the values that it was shown with, beside those that its fields hold. So a field that nobody touched is
left as it is in the database, whoever has changed it since; and a field that was changed both on the page and by
somebody else stops the whole save.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar, cast

from django import forms
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Model
from django.http import QueryDict
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from phonenumber_field.phonenumber import PhoneNumber

from teleq.phone_numbers import number_text
from teleq.typed import ModelForm

Row = TypeVar("Row", bound=Model)

UNKNOWN = object()
"""Stands for what a field was shown with where the page doesn't say, or says something that can't be read. It equals
nothing: the field is in conflict, unless the database already holds the new value."""


@dataclass(frozen=True)
class Change:
    """What somebody has made of a field, and what the field showed when they did."""

    shown: Any
    to: Any


Changes = Mapping[str, Change]


class ChangedMeanwhile(Exception):
    """A field that was changed on the page is not what the page showed any more. Nothing was saved."""


def conflicts(row: Model, changes: Changes) -> list[str]:
    """The fields whose stored value is neither what the page showed nor what it wants to save."""
    return [
        name
        for name, change in changes.items()
        if not any(_same(getattr(row, name), value) for value in (change.shown, change.to))
    ]


def to_make(row: Model, changes: Changes) -> dict[str, tuple[Any, Any]]:
    """What the changes make different in the row, from what to what. The caller holds the row's lock.

    Raises ChangedMeanwhile.
    """
    if conflicts(row, changes):
        raise ChangedMeanwhile
    stands = {name: getattr(row, name) for name in changes}
    return {name: (stands[name], change.to) for name, change in changes.items() if not _same(stands[name], change.to)}


def put(row: Model, changes: Changes) -> list[str]:
    """Put the changes into the row, whose lock the caller holds, and return the fields to save.

    Raises ChangedMeanwhile.
    """
    made = to_make(row, changes)
    for name, (_from, to) in made.items():
        setattr(row, name, to)
    return list(made)


@transaction.atomic
def save(row: Model, changes: Changes) -> None:
    """Save the changes into the row as it stands in the database now. Raises ChangedMeanwhile, also if it is gone."""
    locked = type(row)._default_manager.select_for_update(of=("self",), no_key=True).filter(pk=row.pk).first()
    if locked is None:
        raise ChangedMeanwhile
    locked.save(update_fields=put(locked, changes))


def _same(one: Any, other: Any) -> bool:
    """Texts as forms carry them: with other line ends, and without blanks at the ends."""
    if isinstance(one, str) and isinstance(other, str):
        return one.replace("\r\n", "\n").strip() == other.replace("\r\n", "\n").strip()
    return bool(one == other)


# On the page ---------------------------------------------------------------------------------------------------------

AS_SHOWN = {"autocomplete": "off"}
"""Keeps browsers from putting back, over what the page says, what was there when one left it: docs/decisions/0011."""


class ShownInput(forms.HiddenInput):
    """What a field was shown with, so that it is read back as the same value: numbers in E.164, times whole,
    several choices with commas between."""

    def format_value(self, value: Any) -> str | None:
        if isinstance(value, PhoneNumber):
            return number_text(value)
        if isinstance(value, datetime):
            return (timezone.make_aware(value) if timezone.is_naive(value) else value).isoformat()
        if isinstance(value, list):
            return ",".join(value)
        text: str | None = super().format_value(value)
        return text


def _what_stands(data: Any, initial: Any) -> Any:
    """For a field's `bound_data`: shows what the database holds instead of what was posted."""
    return initial


class ChangesForm(ModelForm[Row]):
    """A form that changes a row by what was changed on the page. A new row is made as by any other form.

    A field that nobody touched is not validated. At a field that was changed elsewhere too, the message says both
    values and the field keeps what was typed: to save it again is a decision.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.in_conflict: list[str] = []
        self._shown = [] if self.instance._state.adding else list(self.fields)
        for name in self._shown:
            field = self.fields[name]
            field.show_hidden_initial = True
            field.hidden_widget = ShownInput

    @cached_property
    def changed_data(self) -> list[str]:
        """Also fields that were posted without what they were shown with: there is nothing to compare them with."""
        posted = [name for name in self._shown if not self.fields[name].disabled] if self.is_bound else []
        unsaid = {name for name in posted if self[name].html_initial_name not in self.data}
        return [*(name for name in super().changed_data if name not in unsaid), *sorted(unsaid)]

    @property
    def changes(self) -> Changes:
        """What was changed on the page, of a form that is valid."""
        return {
            name: Change(self._shown_value(name), self.cleaned_data[name])
            for name in self._shown
            if name in self.changed_data and name in self.cleaned_data
        }

    def changed_by(self, name: str) -> str:
        """Who has changed the field meanwhile."""
        return _("någon annan")

    def told(self, name: str, value: Any) -> str:
        """A field's value in words."""
        field = self.fields[name]
        if isinstance(field, forms.BooleanField):
            return _("markerad") if value else _("inte markerad")
        if isinstance(field, forms.ModelChoiceField):
            return str(value or _("inget val"))
        if isinstance(field, forms.ChoiceField):
            words = dict(cast("Iterable[tuple[Any, str]]", field.choices))
            return ", ".join(str(words.get(each, each)) for each in (value if isinstance(value, list) else [value]))
        return f"”{value}”" if value not in field.empty_values else _("tomt")

    def save(self, commit: bool = True) -> Row:
        """Raises ChangedMeanwhile."""
        if not (commit and self._shown):
            return super().save(commit)
        save(self.instance, self.changes)
        return self.instance

    def _clean_fields(self) -> None:
        super()._clean_fields()  # type: ignore[misc]  # the stubs leave out this hook of Django's
        for name in self._shown:
            if name not in self.changed_data:
                self.errors.pop(name, None)
                self.cleaned_data[name] = getattr(self.instance, name)
        self.in_conflict = conflicts(self.instance, self.changes)
        for name in self.in_conflict:
            stands, typed = getattr(self.instance, name), self.cleaned_data[name]
            words = _(
                "Ändrat av %(changed_by)s till %(stands)s. Du angav %(typed)s. Ingenting är sparat. Spara igen om det"
                " som du angav ska gälla."
            )
            told = {"stands": self.told(name, stands), "typed": self.told(name, typed)}
            self.add_error(name, words % {"changed_by": self.changed_by(name), **told})
        if self.in_conflict:
            self._show_what_stands()

    def _show_what_stands(self) -> None:
        changed, data = self.changed_data, cast(QueryDict, self.data).copy()
        for name in self._shown:
            shown, field = self[name], self.fields[name]
            data[shown.html_initial_name] = ShownInput().format_value(field.prepare_value(shown.initial)) or ""
            if name not in changed:
                field.bound_data = _what_stands  # type: ignore[method-assign]
        self.data = data

    def _shown_value(self, name: str) -> Any:
        posted = self[name].html_initial_name
        if posted not in self.data:
            return UNKNOWN
        field = self.fields[name]
        try:
            value = field.to_python(self.data[posted])
            return field.coerce(value) if isinstance(field, forms.TypedChoiceField) else value
        except (ValidationError, ValueError):
            return UNKNOWN
