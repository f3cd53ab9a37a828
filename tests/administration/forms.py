"""Admin's forms, filled in and saved as a browser does, and what the pages say."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

from django.contrib.messages import get_messages
from django.forms import BaseForm, BoundField, CheckboxInput, Select
from django.test import Client


def shown(page: Any) -> dict[str, Any]:
    """What a browser would post if the form were saved as it is shown."""
    forms = [page.context["adminform"].form]
    for inline in page.context["inline_admin_formsets"]:
        forms += [inline.formset.management_form, *inline.formset.forms]
    return {name: value for form in forms for name, value in _values(form).items()}


def _values(form: BaseForm) -> dict[str, Any]:
    fields = [field for field in form if not field.field.disabled]
    ticked = [field for field in fields if isinstance(field.field.widget, CheckboxInput) and field.value()]
    others = [field for field in fields if not isinstance(field.field.widget, CheckboxInput)]
    as_shown = {field.html_initial_name: _shown(field) for field in fields if field.field.show_hidden_initial}
    return as_shown | {field.html_name: "on" for field in ticked} | {field.html_name: _typed(field) for field in others}


def _shown(field: BoundField) -> str:
    return unescape(re.search(r'value="([^"]*)"', field.as_hidden(only_initial=True) + 'value=""')[1])


def _typed(field: BoundField) -> Any:
    widget, value = field.field.widget, field.value()
    typed = value if isinstance(widget, Select) else widget.format_value(value)
    return "" if typed is None else typed


def save(client: Client, address: str, **changes: object) -> Any:
    """Open the page, change these fields, and save. A box that is to be empty is changed to None."""
    data = shown(client.get(address)) | changes
    return client.post(address, {name: value for name, value in data.items() if value is not None})


def post_by_hand(client: Client, address: str, data: dict[str, Any]) -> Any:
    """Open the page and post what is written by hand, with what the page says that it was shown with."""
    form = shown(client.get(address))
    return client.post(address, {name: value for name, value in form.items() if "initial-" in name} | data)


def errors(response: Any, name: str) -> list[str]:
    """What the page says at the field, and nothing but that was wrong."""
    form = response.context["adminform"].form
    assert list(form.errors) == [name]
    return form.errors[name]


def text_of(response: Any) -> str:
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", response.content.decode())))


def said(response: Any) -> list[str]:
    return [str(message) for message in get_messages(response.wsgi_request)]
