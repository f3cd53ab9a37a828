"""What was changed in Admin, from what to what: written with each save, read on an object's history and the first page.

It is kept in Django's LogEntry, as its JSON with two lists more: a field's value in words before and after. Words are
stored as they stand in the code and translated when they are read, as Django does with the names of fields. No patient
is in any field that Admin changes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from datetime import date, time
from typing import Any, NamedTuple, cast

from django import forms
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db.models import Manager, Model, QuerySet
from django.db.models.signals import pre_save
from django.forms.models import InlineForeignKeyField
from django.utils.formats import date_format
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, override
from phonenumber_field.phonenumber import PhoneNumber

from teleq.clock import database_now
from teleq.models import User
from teleq.phone_numbers import show

ON, OFF, EMPTY = gettext_noop("på"), gettext_noop("av"), gettext_noop("tomt")
Entry = dict[str, Any]


# Written -------------------------------------------------------------------------------------------------------------


def value_in_words(field: forms.Field, value: Any) -> str:
    """A field's value, cleaned or initial, as the form shows it: a box is "på" or "av", a choice its label."""
    if isinstance(value, (QuerySet, Manager)):
        value = list(value.all())
    if isinstance(field, forms.BooleanField):
        return ON if value else OFF
    if value in field.empty_values:
        return EMPTY
    if isinstance(field, forms.ChoiceField | forms.ModelChoiceField):
        return ", ".join(_chosen(field, each) for each in (value if isinstance(value, list) else [value]))
    return _plain(value)


def _plain(value: Any) -> str:
    if isinstance(value, PhoneNumber):
        return show(value)
    if isinstance(value, time):
        return f"{value:%H.%M}"
    return str(value) if isinstance(value, date | int) else f"”{str(value).strip()}”"


def _chosen(field: forms.ChoiceField | forms.ModelChoiceField[Any], value: Any) -> str:
    if isinstance(field, forms.ModelChoiceField):
        assert field.queryset is not None
        row = value if isinstance(value, Model) else field.queryset.model._default_manager.filter(pk=value).first()
        return field.label_from_instance(row) if row else EMPTY
    labels = {str(key): str(label) for key, label in cast("Iterable[tuple[Any, Any]]", field.choices)}
    return labels.get(str(value), str(value))


def message(form: forms.BaseModelForm[Any], formsets: Iterable[Any], add: bool) -> list[Entry]:
    """What a page's form and the rows in it have changed. Called when they are saved."""
    changed = form.changed_data  # read in the user's language, in which it was typed
    with override(None):
        entries = [_addition(form)] if add else _changes(form, changed)
        return [*entries, *(entry for formset in formsets or [] for entry in _rows(formset))]


def _addition(form: Any) -> Entry:
    """What is told stands beside "added": Django reads what is in it, and takes it for a row in the page."""
    return {"added": {}, "name": str(form.instance._meta.verbose_name), **_values(form, form.fields, before=False)}


def deletion(form: forms.BaseModelForm[Any]) -> list[Entry]:
    """What goes with a row, of which this is the form."""
    with override(None):
        return [{"deleted": _row(form) | _values(form, form.fields, after=False)}]


def _rows(formset: Any) -> Iterator[Entry]:
    """Of the rows that were saved: what a page posts beside them, such as another's row, is none."""
    gone = {id(row) for row in formset.deleted_objects}
    changed = {id(row) for row, _fields in formset.changed_objects}
    new = {id(row) for row in formset.new_objects}
    for form in formset.forms:
        row = id(form.instance)
        if row in gone:
            yield {"deleted": _row(form) | _values(form, form.fields, after=False)}
        elif row in changed:
            yield from _changes(form, form.changed_data, _row(form))
        elif row in new:
            yield {"added": _row(form) | _values(form, form.fields, before=False)}


def _row(form: Any) -> Entry:
    row = form.instance
    return {"name": str(row._meta.verbose_name), "object": str(row)}


def _changes(form: Any, names: Iterable[str], row: Entry | None = None) -> list[Entry]:
    values = _values(form, names)
    return [{"changed": (row or {}) | values}] if values["fields"] else []


def _values(form: Any, names: Iterable[str], *, before: bool = True, after: bool = True) -> Entry:
    """Labels, and values in words. One that is the same before and after is left out: somebody else came first."""
    told = []
    for name in names:
        field = form.fields[name]
        if isinstance(field, InlineForeignKeyField) or name in ("DELETE", form.instance._meta.pk.name):
            continue
        was = value_in_words(field, form.get_initial_for_field(field, name)) if before else EMPTY
        now = value_in_words(field, form.cleaned_data.get(name)) if after else EMPTY
        if was != now:
            told.append((str(field.label or name), was, now))
    labels, were, are = zip(*told, strict=True) if told else ((), (), ())
    return {"fields": list(labels)} | ({"from": list(were)} if before else {}) | ({"to": list(are)} if after else {})


def note(by: User, row: Model, form: forms.BaseModelForm[Any]) -> None:
    """That somebody changed a row by a form beside Django's own pages. Called when it is saved."""
    if changed := message(form, [], add=False):
        LogEntry.objects.log_actions(by.pk, [row], CHANGE, change_message=changed, single_object=True)


def _by_postgresqls_clock(instance: LogEntry, **_: object) -> None:
    """Django takes the web host's. Of two administrators at two hosts the earlier change would read as the later, and
    none could be held against when an SMS was claimed, which PostgreSQL's clock tells."""
    if instance.pk is None:
        instance.action_time = database_now()


def connect() -> None:
    """Called once, when the apps are ready."""
    pre_save.connect(_by_postgresqls_clock, sender=LogEntry, dispatch_uid="administration.history")


# Read ----------------------------------------------------------------------------------------------------------------


def of(model: type[Model], pk: str) -> QuerySet[LogEntry]:
    """Of one row, latest first."""
    content_type = ContentType.objects.get_for_model(model, for_concrete_model=False)
    entries = LogEntry.objects.filter(content_type=content_type, object_id=pk)
    return entries.select_related("user").order_by("-action_time", "-pk")


class Latest(NamedTuple):
    entry: LogEntry
    address: str | None
    """Of what was changed, unless that is gone."""


def latest_by(user: User, many: int) -> list[Latest]:
    """What the user has changed, latest first. One query."""
    entries = LogEntry.objects.filter(user=user).select_related("content_type").order_by("-action_time", "-pk")[:many]
    gone = {(entry.content_type_id, entry.object_id) for entry in entries if entry.is_deletion()}
    return [
        Latest(entry, None if (entry.content_type_id, entry.object_id) in gone else entry.get_admin_url())
        for entry in entries
    ]


def in_words(entry: LogEntry) -> list[str]:
    """What was changed, a line for each field: "Aktivera samtycke till SMS: av → på"."""
    try:
        entries = json.loads(entry.change_message)
    except json.JSONDecodeError:  # written as it is to be read, such as when a key is changed for a new one
        entries = None
    if not isinstance(entries, list):
        return [entry.change_message] if entry.change_message else []
    return [line for each in entries for line in _lines(each)]


def _lines(entry: Entry) -> Iterator[str]:
    act = next(iter(entry))
    told = entry | entry[act]
    name = _(told["name"]) if told.get("name") else ""
    labels = [_label(label) for label in told.get("fields", ())]
    sides = [[_value(value) for value in told[side]] for side in ("from", "to") if side in told]
    if act == "changed":
        row = f"{capfirst(name)} {told['object']}: " if name else ""
        for label, *values in zip(labels, *sides, strict=True):
            yield f"{row}{label}: {' → '.join(values)}" if values else f"{row}{label}"
        return
    if not name:  # from before more was told
        yield _("Skapades")
        return
    values = [f"{label}: {value}" for label, value in zip(labels, *sides, strict=True)] if sides else []
    said = _("Lade till %(name)s. %(values)s") if act == "added" else _("Tog bort %(name)s. %(values)s")
    yield said % {"name": name, "values": "; ".join(values) or told.get("object", "")}


def _label(stored: str) -> str:
    """A label is stored with a capital, and is in the catalogue as the model has it."""
    translated = _(stored)
    return translated if translated != stored else str(capfirst(_(stored[:1].lower() + stored[1:])))


def _value(words: str) -> str:
    if re.fullmatch(r"\d{4}-\d\d-\d\d", words):
        return date_format(date.fromisoformat(words), "j F Y")
    return _(words) if words else ""
